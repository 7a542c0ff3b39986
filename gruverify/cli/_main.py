"""The group of commands."""

from __future__ import annotations

import difflib
import errno
import importlib
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import click

from gruverify import __version__
from gruverify.cli._console import met_by_printing
from gruverify.cli._interrupt import interruptible
from gruverify.cli._options import Fail, Interrupted

#: The commands by what a person wants. Each is in a module of its name, imported when it is wanted.
_SECTIONS = {
    "Verify": ("check", "identify", "judge", "replay"),
    "Understand": ("explain", "diagnose", "reach", "certify", "accuracy", "list", "faults"),
    "Exchange": ("convert", "export-cases", "report"),
    "Scale": ("campaign", "compare"),
}
_COMMANDS = tuple(chain.from_iterable(_SECTIONS.values()))


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        # One module per command, imported when it is asked for: `--help` is there at once.
        command: click.Command = importlib.import_module(
            f"gruverify.cli._{cmd_name.replace('-', '_')}"
        ).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section, with what each is for."""
        for section, names in _SECTIONS.items():
            commands = ((name, self.get_command(ctx, name)) for name in names)
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (name, command.get_short_help_str(90))
                        for name, command in commands
                        if command
                    ]
                )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; an error says what is near an unknown one."""
        # click would say the same in three lines, and not what is near.
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            if near:
                hint = f"did you mean {near[0]}?"
            else:
                hint = f"there are {', '.join(_COMMANDS)}"
            raise Fail(f"there is no command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command; without any arguments the help is shown."""
        # Without a command click shows the help and exits with 2: for us that is no usage error.
        if not args:
            return super().parse_args(ctx, args)
        with _one_line(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        _spell_what_cannot_be_encoded()
        with _one_line(ctx):
            return super().invoke(ctx)


def _spell_what_cannot_be_encoded() -> None:
    """What the console has no character for is printed as its number: it is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _one_line(ctx: click.Context) -> Iterator[None]:
    """What is wrong with arguments fits on one line, and so does that the command was
    interrupted.
    """
    try:
        with interruptible():
            yield
    except KeyboardInterrupt:
        _leave_no_process()
        raise Interrupted from None
    except click.UsageError as wrong:
        help = f"{wrong.ctx.command_path if wrong.ctx else ctx.command_path} --help"
        raise Fail(f"{wrong.format_message().rstrip('.')} ({help} says more)") from None
    except OSError as refused:
        # What is only printed, such as help, has no verdict that would stand without it.
        if met_by_printing(refused):
            raise click.exceptions.Exit(0) from None
        # Here for all options: even asking whether there is a file of such a name raises.
        if refused.errno != errno.ENAMETOOLONG:
            raise
        raise Fail(f"{refused.filename}: {refused.strerror}") from None


def _leave_no_process() -> None:
    """End what the command had begun on a target, if it had come so far: Python would wait for
    it.
    """
    backends = sys.modules.get("gruverify.backends")
    if backends is not None:
        backends.kill_all()


#: Options are read from the environment, too: GRUVERIFY_CHECK_SEED is --seed of check.
_SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 110,
    "auto_envvar_prefix": "GRUVERIFY",
}


@click.group(cls=_LazyGroup, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="gruverify")
def main() -> None:
    """Tell whether a GRU is right, and show the smallest case in which it is not.

    \b
    gruverify check torch                verify PyTorch's GRU in four floating-point formats
    gruverify check mypkg.kernels:MyGRU  verify your own: a step, an nn.Module, a backend
    gruverify judge model.pt --inputs x.npy --outputs y.npy
                                         your weights, your data: rounding or a bug?
    gruverify diagnose model.pt --inputs x.npy
                                         how many steps does it remember, and by what?
    gruverify reach model.pt --inputs x.npy --radius 0.01
                                         where may its states be? proved, rounding included
    """  # noqa: D301  # click reads the backspaces
