"""docs/strategies.md is what its script writes, and has every strategy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gruverify import strategies as gst

from . import catalogue

pytestmark = pytest.mark.uncounted

pytest.importorskip("torch")
pytest.importorskip("matplotlib")


@pytest.mark.slow
def test_the_page_and_its_picture_are_what_the_script_writes(tmp_path: Path) -> None:
    # In a process of its own, where no other test has changed how numbers are printed or drawn.
    program = (
        "import sys, catalogue, pathlib; catalogue.DOCS = pathlib.Path(sys.argv[1]); "
        "catalogue.write()"
    )
    folder = str(Path(catalogue.__file__).parent)
    search = f"import sys; sys.path[:0] = [{folder!r}, *{sys.path!r}]; "
    subprocess.run(
        [sys.executable, "-c", search + program, str(tmp_path)], check=True, capture_output=True
    )

    for name in ("strategies.md", "strategies.svg"):
        assert (tmp_path / name).read_bytes() == (catalogue.DOCS / name).read_bytes(), (
            f"run {catalogue.__file__}"
        )


def test_every_strategy_is_on_the_page() -> None:
    entries = [entry.name for entries in catalogue.ENTRIES.values() for entry in entries]
    strategies = [
        name for name, value in vars(gst).items() if hasattr(value, "__wrapped__") or name.islower()
    ]
    assert sorted(entries) == sorted(
        name
        for name in strategies
        if callable(getattr(gst, name)) and name[0] != "_" and name != "drawn_from"
    )
