"""A command about targets whose options have defaults in pyproject.toml."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gruverify._config import BadConfiguration, Configuration, Table, configuration
from gruverify.cli._options import Fail

#: Where a context keeps the arguments that it was made from.
_ARGUMENTS = "gruverify.arguments"
#: Where it keeps what an error about the targets begins with, if a file names them.
TARGETS_FROM = "gruverify.targets_from"
#: Parameters that are one choice, when a run ends, and what they are where they are not given:
#: whoever gives one of them has chosen.
_ONE_CHOICE = {"first_only": False, "max_failures": None, "keep_going": False}
#: What wins over what comes before it.
_WEAKEST_FIRST = (
    *(ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP),
    *(ParameterSource.ENVIRONMENT, ParameterSource.COMMANDLINE),
)


class Configured(click.Command):
    """What is not given on the command line, or as an environment variable, is read from
    [tool.gruverify], and where one target is named that has a table, from there first. Where both
    say something and it differs, what is given wins, and a line on standard error says so. The
    object of the parent's context, if there is one, names keys that are not read.
    """

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of a call, with the file's values as defaults."""
        given = list(args)  # reading them consumes the list
        # Help must be there even where the file is broken.
        if {"-h", "--help"} & set(args):
            return super().make_context(info_name, args, parent, **extra)
        try:
            read = configuration(Path.cwd())
            _require_targets(read)
            # The table of a target counts where it is the only one: of several, each member reads
            # its own.
            named = self._targets(args, parent) or read.default_targets
            tables = read.options(named[0] if len(set(named)) == 1 else None)
            for key in parent.obj if parent is not None and parent.obj else ():
                tables.pop(key, None)
            _require_names(tables)
            defaults = self._defaults(tables)
        except BadConfiguration as wrong:
            raise Fail(str(wrong)) from None
        if named:
            defaults["targets"] = named
        context = super().make_context(info_name, args, parent, default_map=defaults, **extra)
        context.meta[_ARGUMENTS] = tuple(given)
        if context.get_parameter_source("targets") is ParameterSource.DEFAULT_MAP:
            context.meta[TARGETS_FROM] = f"{read.file}: [{read.name}] target: "
        for key, table in tables.items():
            self._tell_of_both(context, table, key, defaults[_name(key)])
        self._leave_one_choice(context, tables)
        return context

    def _targets(self, args: list[str], parent: click.Context | None) -> tuple[str, ...]:
        """The targets on the command line."""
        # The command keeps the help option of its first parser, whose names its parent knows.
        parser = self.make_parser(click.Context(self, parent=parent))
        try:
            given, _, _ = parser.parse_args(list(args))
        except click.UsageError:  # which is told where the arguments are read
            return ()
        # Where there are none, versions of click put different things.
        found = given.get("targets")
        if isinstance(found, tuple):
            return found
        return ()

    def _defaults(self, tables: dict[str, Table]) -> dict[str, Any]:
        """The values by the name of their parameter, each seen to be one that its option takes."""
        params = {param.name: param for param in self.params}
        context, found = click.Context(self), {}
        for key, table in tables.items():
            value, name = table.values[key], _name(key)
            text: object
            if key == "formats":
                text = ",".join(value)
            elif isinstance(value, bool | list):
                text = value
            else:
                # As if it were typed: options read texts, and say what is wrong with one.
                text = str(value)
            try:
                # Seen here, where the file and the key can be named, and not when the command reads
                # it.
                params[name].type_cast_value(context, text)
            except click.ClickException as wrong:
                raise table.wrong(key, wrong.message) from None
            found[name] = text
        return found

    def _tell_of_both(self, context: click.Context, table: Table, key: str, default: Any) -> None:
        name = _name(key)
        param = self._param(name)
        winner = self._given_as(context, name)
        # Read alike: 1 and "1" are the same, and worth no line.
        if winner and context.params.get(name) != param.type_cast_value(context, default):
            click.echo(table.overridden(key, winner), err=True)

    def _given_as(self, context: click.Context, name: str) -> str | None:
        """The option or the variable that gave a parameter its value; None: neither did."""
        param = self._param(name)
        given = {
            ParameterSource.COMMANDLINE: param.opts[0],
            ParameterSource.ENVIRONMENT: f"{context.auto_envvar_prefix}_{name.upper()}",
        }
        return given.get(context.get_parameter_source(name) or ParameterSource.DEFAULT)

    def _param(self, name: str) -> click.Parameter:
        return next(param for param in self.params if param.name == name)

    def _leave_one_choice(self, context: click.Context, tables: dict[str, Table]) -> None:
        """Of parameters that are one choice, leave those that were given where it counts most."""

        def strength(name: str) -> int:
            source = context.get_parameter_source(name) or ParameterSource.DEFAULT
            return _WEAKEST_FIRST.index(source) if source in _WEAKEST_FIRST else 0

        chosen = sorted(
            (name for name in _ONE_CHOICE if context.params.get(name)), key=strength, reverse=True
        )
        for name in chosen[1:]:
            winner = self._given_as(context, chosen[0])
            if winner is None or strength(name) == strength(chosen[0]):
                continue
            key = name.replace("_", "-")
            # Of a variable nothing is said: it is told nowhere that the command line won over one.
            if key in tables and not self._given_as(context, name):
                click.echo(tables[key].overridden(key, winner), err=True)
            context.params[name] = _ONE_CHOICE[name]


def _require_names(tables: dict[str, Table]) -> None:
    """Raise BadConfiguration for a format or an invariant that there is not."""
    if tables:
        from gruverify.engine import require_known_names

        require_known_names(tables)


def _require_targets(read: Configuration) -> None:
    """Raise BadConfiguration if the table of a target makes no sense."""
    if read.targets:
        from gruverify.backends import require_named

        require_named(read)


def is_one_of_several() -> bool:
    """Whether the command that is running is the check of one of several targets."""
    parent = click.get_current_context().parent
    return parent is not None and bool(parent.obj)


def _name(key: str) -> str:
    """The name of the parameter of a key."""
    return key.replace("-", "_")


def options_but(names: Collection[str]) -> list[str]:
    """The options of the command that is running, as they were given on its command line, without
    some parameters and without arguments.
    """
    context = click.get_current_context()
    command = context.command
    parser = command.make_parser(click.Context(command, parent=context.parent))
    given, _, order = parser.parse_args(list(context.meta[_ARGUMENTS]))
    found = list[str]()
    # Each as often as it was given is in its value already.
    for param in dict.fromkeys(order):
        if param.name in names or not isinstance(param, click.Option):
            continue
        option, value = param.opts[0], given[str(param.name)]
        if param.is_flag:
            # Of a pair, --batch-first/--time-first, False was given by the second name.
            if value is False and param.secondary_opts:
                option = param.secondary_opts[0]
            found.append(option)
        else:
            each = value if param.multiple else [value]
            found += [f"{option}={text}" for text in each]
    return found


def environment_without(names: Collection[str]) -> dict[str, str]:
    """The environment, without the variables of some parameters of the command that is running."""
    prefix = click.get_current_context().auto_envvar_prefix
    left_out = {f"{prefix}_{name.upper()}" for name in names}
    return {name: value for name, value in os.environ.items() if name not in left_out}
