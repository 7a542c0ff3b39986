"""The tracked sample is what the code of today makes of its result."""

from __future__ import annotations

from pathlib import Path

import pytest

from gruverify.reporting import load_document, write_report

pytestmark = pytest.mark.uncounted

SAMPLE = Path(__file__).parents[2] / "reports" / "sample"


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("again") / "sample"
    write_report([load_document(SAMPLE / "result.json")], folder)
    return folder


@pytest.mark.parametrize("name", ["index.html", "junit.xml", "summary.md", "result.json"])
def test_the_sample_is_up_to_date(name: str, again: Path) -> None:
    assert (SAMPLE / name).read_bytes() == (again / name).read_bytes(), "run: tox -e report"


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 2_000_000
