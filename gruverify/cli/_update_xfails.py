"""check --update-xfails FILE."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gruverify.cli._files import writable, write_aside
from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from gruverify.engine import Result

_OPTION = "--update-xfails"


@dataclass(frozen=True)
class Xfails:
    """The file, its text before the run (empty if there was none), and whether the run is about all
    formats that the target claims.
    """

    file: Path
    text: str
    all_formats: bool

    def update(self, result: Result) -> str:
        """Write what fails now, and return what there is to say of that.

        Raises:
            Fail: it cannot be written.
        """
        from gruverify.engine import updated_xfails

        # What was not asked would look as if it held, and its lines would go.
        if result.verdict in ("interrupted", "died"):
            return f"{_OPTION}: {self.file} is left as it was, for the run {_ENDED[result.verdict]}"
        text, counts = updated_xfails(
            self.text, result, str(self.file), all_formats=self.all_formats
        )
        write_aside(_OPTION, self.file, text)
        return "\n".join([f"{_OPTION}: {self.file} {counts}", *_doubts(result)])


_ENDED = {"interrupted": "was interrupted", "died": "died"}


def _doubts(result: Result) -> list[str]:
    """Why a run that expects all this is no pass either, in a line."""
    if result.doubts:
        return [f"a run with it will be inconclusive all the same: {result.doubts[0]}"]
    return []


def xfails_to_update(path: str, *, all_formats: bool, cut_short: bool) -> Xfails:
    """The file of the option, read before the run.

    all_formats: as `Xfails` has it; cut_short: whether the run ends before it has seen all that
    fails.

    Raises:
        Fail: it cannot be read or written, a line of it is wrong, or the run would not see all that
        fails.
    """
    from gruverify.engine import BadSelection, read_entries, text_of

    if path in ("", "-"):
        raise Fail(f"{_OPTION} {path!r}: name a file")
    if cut_short:
        raise Fail(f"{_OPTION} needs all that fails: leave out -x and --max-failures")
    file = writable(_OPTION, path)
    assert file is not None
    if not file.is_file():
        return Xfails(file, "", all_formats)
    try:
        # Read here for its mistakes alone: after a run of hours they would be told too late.
        read_entries(file)
        return Xfails(file, text_of(file), all_formats)
    except BadSelection as wrong:
        raise Fail(f"{_OPTION}: {wrong}") from None
