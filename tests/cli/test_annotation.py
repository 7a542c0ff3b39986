"""GitHub marks the line of the target that failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gruverify.reporting._annotation import _place_of

from ._invoke import check

AGREEMENT = ("--only", "agreement", "--no-shrink")


@pytest.mark.uncounted
def test_a_failing_run_names_file_and_line_of_the_target(
    planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    [said] = [
        line
        for line in check(f"{planted}:inverted", *AGREEMENT).stderr.splitlines()
        if "::error" in line
    ]

    line = next(
        n
        for n, text in enumerate(Path(f"{planted}.py").read_text().splitlines(), 1)
        if "def inverted" in text
    )
    title = f"title=gruverify%3A falsified%3A {planted}%3Ainverted"
    assert said.startswith(
        f"::error file={planted}.py,line={line},{title}::z multiplies the candidate (float32, every"
    )
    assert "::error" not in check("numpy", *AGREEMENT).output


@pytest.mark.uncounted
def test_elsewhere_nothing_is_marked(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    assert "::error" not in check(f"{planted}:inverted", *AGREEMENT).output


def test_a_place_is_found_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("raise RuntimeError\n\nstep = None\n")
    (tmp_path / "pkg" / "broken.py").write_text("def (\n")

    assert _place_of("pkg:step") == ("file=pkg/__init__.py", "line=3")
    assert _place_of("pkg:other") == ("file=pkg/__init__.py",)
    assert _place_of("pkg.broken:step") == ("file=pkg/broken.py",)
    assert _place_of("elsewhere:step") == _place_of("numpy") == ()
