"""A command whose options have defaults in pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gruverify._config import BadConfiguration, Configuration, configuration
from gruverify.cli._options import Fail


class Configured(click.Command):
    """What is not given on the command line, or as an environment variable, is read from
    [tool.gruverify]. Where both say something and it differs, what is given wins, and a line on
    standard error says so.
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
            defaults = self._defaults(read)
        except BadConfiguration as wrong:
            raise Fail(str(wrong)) from None
        context = super().make_context(info_name, args, parent, default_map=defaults, **extra)
        for name, key in ((name, key) for key, name in _names(read).items()):
            self._tell_of_both(context, read, key, name, defaults[name])
        return context

    def _defaults(self, read: Configuration) -> dict[str, Any]:
        """The values by the name of their parameter, each seen to be one that its option takes."""
        params = {param.name: param for param in self.params}
        context, found = click.Context(self), {}
        for key, name in _names(read).items():
            value = read.values[key]
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
                raise read.wrong(key, wrong.message) from None
            found[name] = text
        return found

    def _tell_of_both(
        self, context: click.Context, read: Configuration, key: str, name: str, default: Any
    ) -> None:
        given = context.get_parameter_source(name) in (
            ParameterSource.COMMANDLINE,
            ParameterSource.ENVIRONMENT,
        )
        param = next(param for param in self.params if param.name == name)
        if given and context.params.get(name) != param.type_cast_value(context, default):
            click.echo(f"{key} = {read.values[key]!r} of {read.file} is overridden", err=True)


def _names(read: Configuration) -> dict[str, str]:
    """Each key of the file, and the name of its parameter."""
    return {key: key.replace("-", "_") for key in read.values}
