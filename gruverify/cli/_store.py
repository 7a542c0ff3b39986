"""check --store FILE, --resume: what outlives a run that is killed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gruverify.cli._complete import files
from gruverify.cli._files import writable
from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from gruverify.engine import Result
    from gruverify.store import Kept

Command = TypeVar("Command", bound=Callable[..., Any])

_STORE = click.option(
    "--store",
    metavar="FILE",
    shell_complete=files,
    help="Keep the run in this SQLite file while it goes on; `gruverify compare FILE` lists "
    "its runs.",
)
_RESUME = click.option(
    "--resume",
    is_flag=True,
    help="Go on with the run that --store FILE has of the same command, where it was killed.",
)
#: Parameters that name a file to write, and their options.
_WRITTEN = {"json_path": "--json", "update_xfails": "--update-xfails"}


def store_options(command: Command) -> Command:
    """Give a command both options; it gets the run to keep, or None, as `kept`."""

    @functools.wraps(command)
    def with_store(*, store: str | None, resume: bool, **options: Any) -> Any:
        for name, option in _WRITTEN.items():
            if (
                store
                and options.get(name)
                and Path(options[name]).resolve() == Path(store).resolve()
            ):
                raise Fail(f"--store {store}: is {option}, too; name another file")
        return command(**options, kept=_kept_run(store, resume=resume))

    return cast(Command, _STORE(_RESUME(with_store)))


def _kept_run(path: str | None, *, resume: bool) -> Kept | None:
    """The run to keep in a file, which is seen to be a store before anything is asked."""
    if path is None:
        if resume:
            raise Fail("--resume needs --store FILE: the file that the run was kept in")
        return None
    if path in ("", "-"):
        raise Fail(f"--store {path!r}: name a file")
    file = cast(Path, writable("--store", path))
    if file.exists() and not file.is_file():  # a device or a pipe might never answer
        raise Fail(f"--store {path}: is not a regular file")
    from gruverify.store import BadStore, File, Kept

    try:
        return Kept(File(file, writable=True), resume=resume)
    except BadStore as refused:
        raise Fail(f"--store {path}: {refused}") from None


def end(kept: Kept, result: Result) -> None:
    """Keep what a run comes to."""
    from gruverify.reporting import document, run_figures

    found = document(result)
    kept.end(found, run_figures(found))


def closing_line(kept: Kept, result: Result) -> str:
    """What to say at the end of a run that was kept, in a line.

    Raises:
        Fail: not all of it was.
    """
    if kept.trouble:
        raise Fail(
            f"--store {kept.path}: {kept.trouble}; the verdict stands, and what was kept by then"
        )
    if result.verdict == "interrupted":
        return (
            f"store: run {kept.number} in {kept.path} is not finished; the same command with "
            "--resume goes on with it"
        )
    return f"store: run {kept.number} in {kept.path}"
