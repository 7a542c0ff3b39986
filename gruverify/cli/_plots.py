"""--plot FILE: refused before a long run, drawn whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from gruverify._files import write_bytes
from gruverify.cli._files import writable
from gruverify.cli._options import EXIT_UNAVAILABLE, Fail


def picture(path: str | None) -> Path | None:
    """The file of the option, if it was given. Fails early where there can be no plot."""
    if path is None:
        return None
    from gruverify.reporting.explain import SUFFIXES, PlotUnavailable, require_plotting

    if Path(path).suffix.lower() not in SUFFIXES:
        raise Fail(f"--plot {path}: the name must end in {', '.join(SUFFIXES)}")
    file = writable("--plot", path)
    try:
        require_plotting()
    except PlotUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    return file


def plotted(file: Path, draw: Callable[[Path], None]) -> None:
    """Have a picture drawn, and written to the file.

    Raises:
        Fail: there is nothing to draw, or the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="gruverify-") as folder:
            # Under the same name, whose suffix says what is drawn.
            drawn = Path(folder) / file.name
            draw(drawn)
            write_bytes(file, drawn.read_bytes())
    except (OSError, ValueError) as refused:
        raise Fail(f"--plot {file}: {getattr(refused, 'strerror', None) or refused}") from None
