"""A command about targets whose options have defaults in pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gruverify._config import BadConfiguration, Configuration, Table, configuration
from gruverify.cli._options import Fail


class Configured(click.Command):
    """What is not given on the command line, or as an environment variable, is read from
    [tool.gruverify], and where one target is named that has a table, from there first. Where both
    say something and it differs, what is given wins, and a line on standard error says so.
    """

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of a call, with the file's values as defaults."""
        if {"-h", "--help"} & set(args):
            return super().make_context(info_name, args, parent, **extra)
        try:
            read = configuration(Path.cwd())
            _require_targets(read)
            named = self._targets(args) or read.default_targets
            tables = read.options(named[0] if len(set(named)) == 1 else None)
            defaults = self._defaults(tables)
        except BadConfiguration as wrong:
            raise Fail(str(wrong)) from None
        if named:
            defaults["targets"] = named
        context = super().make_context(info_name, args, parent, default_map=defaults, **extra)
        for key, table in tables.items():
            self._tell_of_both(context, table, key, defaults[_name(key)])
        return context

    def _targets(self, args: list[str]) -> tuple[str, ...]:
        """The targets on the command line."""
        parser = self.make_parser(click.Context(self))
        try:
            given, _, _ = parser.parse_args(list(args))
        except click.UsageError:  # which is told where the arguments are read
            return ()
        # Where there are none, versions of click put different things.
        found = given.get("targets")
        return found if isinstance(found, tuple) else ()

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
                text = str(value)
            try:
                params[name].type_cast_value(context, text)
            except click.ClickException as wrong:
                raise table.wrong(key, wrong.message) from None
            found[name] = text
        return found

    def _tell_of_both(self, context: click.Context, table: Table, key: str, default: Any) -> None:
        name = _name(key)
        given = context.get_parameter_source(name) in (
            ParameterSource.COMMANDLINE,
            ParameterSource.ENVIRONMENT,
        )
        param = next(param for param in self.params if param.name == name)
        if given and context.params.get(name) != param.type_cast_value(context, default):
            place = "" if isinstance(table, Configuration) else f" [{table.name}]"
            click.echo(
                f"{key} = {table.values[key]!r} of {table.file}{place} is overridden", err=True
            )


def _require_targets(read: Configuration) -> None:
    """Raise BadConfiguration if the table of a target makes no sense."""
    if read.targets:
        from gruverify.backends import require_named

        require_named(read)


def _name(key: str) -> str:
    """The name of the parameter of a key."""
    return key.replace("-", "_")
