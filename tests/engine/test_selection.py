"""Which invariants a run asks and which it expects to fall, from patterns and from files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Result, backend, float16, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import (
    BadSelection,
    Entry,
    Selection,
    files_for,
    matches,
    read_entries,
    selection,
)
from gruverify.invariants import INVARIANTS

pytestmark = pytest.mark.uncounted

NUMPY = NumpyBackend()


def ids(pattern: str) -> list[str]:
    """The invariants that a pattern means."""
    return [id for id in INVARIANTS if matches(pattern, id)]


# -- patterns --------------------------------------------------------------------------------------


def test_an_id_means_itself_though_others_begin_with_it() -> None:
    assert ids("agreement/step") == ["agreement/step"]
    assert "agreement/step-vjp" in INVARIANTS


@pytest.mark.parametrize("pattern", ["agreement", "agreement/", "agreement/*"])
def test_a_family_means_all_of_it(pattern: str) -> None:
    assert ids(pattern) == [
        id for id, invariant in INVARIANTS.items() if invariant.family == "agreement"
    ]


def test_a_beginning_means_all_that_begin_so() -> None:
    assert ids("agreement/gradient-weight") == [
        id for id in INVARIANTS if id.startswith("agreement/gradient-weight")
    ]
    assert len(ids("agreement/gradient-weight")) == 6


def test_a_glob_may_span_families() -> None:
    assert {"agreement/jacobian-state", "regimes/carry-jacobian"} <= set(ids("*jacobian*"))
    assert ids("agreement/outpu[st]*") == ["agreement/outputs"]


@pytest.mark.parametrize("pattern", ["agree", "", "agreement/stop", "Agreement"])
def test_other_words_mean_nothing(pattern: str) -> None:
    assert ids(pattern) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"only": ["agreement/stop"]},
            "no invariant matches 'agreement/stop': did you mean agreement/step",
        ),
        ({"skip": ["agrement"]}, "no invariant matches 'agrement': did you mean agreement"),
        ({"only": ["xyz"]}, "no invariant matches 'xyz': families: contract, agreement, regimes"),
        ({"skips_files": ["missing.txt"]}, "missing.txt cannot be read: No such file or directory"),
    ],
)
def test_what_means_nothing_is_an_error_that_names_what_is_near(given: Any, message: str) -> None:
    with pytest.raises(BadSelection, match="^" + re.escape(message)):
        selection(**given)


# -- files -----------------------------------------------------------------------------------------


def write(path: Path, *lines: str) -> Path:
    """A file of these lines."""
    path.write_text("\n".join(lines))
    return path


def test_a_file_has_an_entry_a_line_with_formats_and_a_reason(tmp_path: Path) -> None:
    file = write(
        tmp_path / "skips.txt",
        "# what we live with",
        "",
        "contract/same-bits   # atomics, see #12",
        "  agreement/gradient-* f16,bfloat16",
    )

    assert read_entries(file) == (
        Entry("contract/same-bits", (), "atomics, see #12", f"{file}:3"),
        Entry("agreement/gradient-*", ("float16", "bfloat16"), "", f"{file}:4"),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "agreement/stepp",
            ":2: no invariant matches 'agreement/stepp': did you mean agreement/step",
        ),
        ("agreement/step f33", ":2: format='f33' is unknown: choose from float16 (f16)"),
        (
            "agreement/step f32 f64",
            ":2: expected ID [FORMATS] [# reason], got 'agreement/step f32 f64'",
        ),
        ("agreement/step f32,", ":2: format='' is unknown"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    file = write(tmp_path / "skips.txt", "agreement/step", line)

    with pytest.raises(BadSelection, match="^" + re.escape(f"{file}{message}")):
        read_entries(file)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"agreement/step\n\xff")

    with pytest.raises(BadSelection, match="is not UTF-8 text: invalid start byte at byte 15"):
        read_entries(tmp_path / "x")


def test_several_files_and_patterns_add_up(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", "agreement/step"), write(tmp_path / "2", "agreement/outputs")

    found = selection(skip=["bounds"], skips_files=[one, two], xfails_files=[two, one])

    assert [entry.pattern for entry in found.skips] == [
        "bounds",
        "agreement/step",
        "agreement/outputs",
    ]
    assert [entry.pattern for entry in found.xfails] == ["agreement/outputs", "agreement/step"]


def test_a_folder_has_a_file_for_each_target(tmp_path: Path) -> None:
    mine, alone = tmp_path / "flax-nnx.txt", tmp_path / "alone"
    mine.write_text("bounds\n")

    assert files_for("flax:nnx", [tmp_path, alone]) == (mine, alone)
    assert files_for("flax", [tmp_path, alone]) == (alone,)
    assert files_for("flax", [""]) == (Path(),)


def test_what_is_skipped_is_not_expected_to_fall() -> None:
    chosen = Selection(
        skips=(Entry("contract", ("float16",)),), xfails=(Entry("contract/same-bits"),)
    )

    assert chosen.skips_it("contract/same-bits", "float16")
    assert chosen.xfails_it("contract/same-bits", "float16") is None
    assert chosen.xfails_it("contract/same-bits", "float32") == Entry("contract/same-bits")


# -- runs ------------------------------------------------------------------------------------------


def wrong(cell: Any, x: Any, h: Any) -> Any:
    """A step that is off."""
    return NUMPY.step(cell, x, h) * h.dtype.type(1.25)


def off_in_half(cell: Any, x: Any, h: Any) -> Any:
    """A step that is off in float16."""
    return wrong(cell, x, h) if h.dtype == np.float16 else NUMPY.step(cell, x, h)


def statuses(result: Result) -> dict[str, set[str]]:
    """The statuses of each invariant over formats and variants."""
    found: dict[str, set[str]] = {}
    for (id, _, _), tally in result.tallies.items():
        found.setdefault(id, set()).add(tally.status)
    return found


def run(step: Any, **options: Any) -> Result:
    """A short run of a step in two formats."""
    return gruverify.check(backend(step=step), formats=[float16, float32], max_cases=5, **options)


def test_only_what_is_asked_for_is_in_the_result() -> None:
    result = run(NUMPY.step, only=["agreement/step", "bounds/box"])

    assert statuses(result) == {"agreement/step": {"passed"}, "bounds/box": {"passed"}}
    assert result.verdict == "conforms"
    assert result.header["selection"]["only"] == ["agreement/step", "bounds/box"]


def test_what_is_skipped_is_said_to_be_and_is_not_asked(tmp_path: Path) -> None:
    file = write(tmp_path / "skips.txt", "bounds/box f16 # half is hopeless", "bounds/between")

    result = run(
        wrong, only=["agreement/step", "bounds"], skip=["agreement/step"], skips_files=[file]
    )

    assert result.tallies["agreement/step", "float32", "-"].reason == "--skip"
    assert result.tallies["bounds/box", "float16", "-"].reason == "half is hopeless"
    assert result.tallies["bounds/between", "float32", "-"].reason == f"{file}:2"
    assert statuses(result)["bounds/box"] == {"skipped", "falsified"}


def test_what_is_expected_to_fall_and_does_is_no_failure_and_has_no_witness(tmp_path: Path) -> None:
    file = write(tmp_path / "xfails.txt", "agreement", "bounds")

    result = run(wrong, only=["agreement", "bounds/b*"], xfails_files=[file])

    assert statuses(result)["agreement/step"] == {"xfailed"}
    assert (result.verdict, result.witnesses) == ("conforms", {})


@pytest.mark.parametrize(("strict", "verdict"), [(False, "conforms"), (True, "falsified")])
def test_what_is_expected_to_fall_and_passes_is_reported_and_fails_a_strict_run(
    tmp_path: Path, strict: bool, verdict: str
) -> None:
    file = write(tmp_path / "xfails.txt", "agreement/step")

    result = run(NUMPY.step, only=["agreement", "bounds/box"], xfails_files=[file], strict=strict)

    assert statuses(result)["agreement/step"] == {"xpassed"}
    assert result.unexpected == ("agreement/step",)
    assert result.verdict == verdict


def test_it_need_fall_in_one_of_the_formats_only(tmp_path: Path) -> None:
    everywhere, elsewhere = (
        write(tmp_path / "a", "agreement/step"),
        write(tmp_path / "b", "agreement/step f32"),
    )

    assert (
        run(off_in_half, only=["agreement/step"], xfails_files=[everywhere], strict=True).verdict
        == "conforms"
    )
    found = run(off_in_half, only=["agreement/step"], xfails_files=[elsewhere], strict=True)
    assert found.unexpected == ("agreement/step",)


def test_an_invariant_that_cannot_be_asked_is_no_unexpected_pass(tmp_path: Path) -> None:
    file = write(tmp_path / "xfails.txt", "agreement/outputs")

    result = run(NUMPY.step, xfails_files=[file], only=["agreement"], strict=True)

    assert statuses(result)["agreement/outputs"] == {"not applicable"}
    assert (result.unexpected, result.verdict) == ((), "conforms")
