"""The result on a terminal."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import VARIANTS, Result, Stack, StackCase, Variant, Witness
from gruverify.coverage import GATES, SIZES, Coverage
from gruverify.engine import Drawn, Identity, Tally, encode_variant, save_witness
from gruverify.invariants import INVARIANTS, Residual
from gruverify.reporting import console_for, print_header, print_identity, print_result
from gruverify.reporting._console import WIDTH
from gruverify.reporting._table import margin

from ._results import (
    DRAWN,
    HEADER,
    NOT_ASKED,
    NOTHING,
    PASSED,
    falsified,
    large,
    printed,
    result,
    unclaimed,
    witness,
)


def report(
    shown: Result,
    saved: dict[tuple[str, str], Path] | None = None,
    *,
    verbose: bool = False,
    **options: Any,
) -> list[str]:
    """The lines that are printed of a result."""
    return printed(
        lambda console: print_result(console, shown, saved or {}, verbose=verbose), **options
    ).splitlines()


def row(lines: list[str], id: str) -> list[str]:
    """The cells of an invariant's row."""
    return next(line.split()[1:] for line in lines if line.strip().startswith(f"{id} "))


# -- header ----------------------------------------------------------------------------------------


def test_the_header_says_what_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")

    lines = printed(lambda console: print_header(console, HEADER, 2)).splitlines()

    assert lines == [
        "gruverify check numpy",
        "seed 3 · profile default · 2 cases per format · float32, float64 · processes 2 · "
        "threads 3",
        "python 3.11.0 · numpy 2.0",
        "",
    ]


def test_the_header_says_of_which_variants_cases_are_drawn() -> None:
    given = [
        encode_variant(variant)
        for variant in (*VARIANTS[::4], Variant(update="replace", biases="input"))
    ]

    lines = printed(
        lambda console: print_header(console, {**HEADER, "variants": given}, 2)
    ).splitlines()

    assert (
        lines[2]
        == "variants: reset after, keep (biases: both, none) · reset after, replace (biases: input)"
    )


def test_every_process_has_a_thread_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def header(jobs: int) -> str:
        return printed(lambda console: print_header(console, HEADER, jobs))

    assert "processes 2 · threads 1\n" in header(2)
    assert "processes 1 · threads 1\n" in header(1)


# -- table -----------------------------------------------------------------------------------------


def test_the_table_shows_the_worst_margin_by_format_and_the_cases() -> None:
    lines = report(
        result(
            {
                ("agreement/step", "float32"): Tally(passed=2, largest=0.456),
                ("agreement/step", "float64"): PASSED,
            }
        ),
        verbose=True,
    )

    assert row(lines, "invariant") == ["float32", "float64", "checks"]
    assert row(lines, "agreement/step") == ["0.46", "0.25", "4"]


def test_a_family_is_a_row_of_its_worst_margins_and_what_failed_is_named() -> None:
    tallies = {
        ("agreement/step", "float32"): Tally(passed=2, largest=0.456),
        ("agreement/step", "float64"): Tally(falsified=1, passed=1, largest=1234.0),
        ("agreement/last", "float32"): PASSED,
        ("agreement/last", "float64"): Tally(blocked=1, reason="shape"),
        ("bounds/box", "float32"): Tally(error=2, reason="raised"),
        ("bounds/between", "float32"): PASSED,
        ("regimes/carry", "float32"): NOTHING,
        ("symmetry/odd", "float32"): NOT_ASKED,
    }

    lines = report(result(tallies))

    assert row(lines, "family") == ["float32", "float64", "invariants", "checks"]
    assert row(lines, "agreement") == ["0.46", "1e3", "2", "7"]
    assert row(lines, "bounds") == ["error", "2", "4"]
    assert row(lines, "regimes") == ["–", "1", "2"]
    assert not any(line.startswith(" symmetry ") for line in lines)
    assert row(lines, "agreement/step") == ["0.46", "1e3", "4"]
    assert row(lines, "bounds/box") == ["error", "2"]
    assert not any(line.startswith(" agreement/last ") for line in lines)


def test_a_long_list_of_what_failed_is_cut_short_and_verbose_lists_all() -> None:
    ids = list(INVARIANTS)[:12]
    shown = result({(id, "float32"): Tally(falsified=1, largest=2.0) for id in ids})

    lines = report(shown)

    assert " and 2 more: -v lists them" in lines
    assert sum(line.strip().startswith(tuple(ids)) for line in lines) == 10
    assert sum(line.strip().startswith(tuple(ids)) for line in report(shown, verbose=True)) == 12


def test_what_was_not_judged_says_so_in_place_of_a_margin() -> None:
    tallies = {
        ("agreement/step", "float32"): Tally(blocked=1, reason="shape"),
        ("agreement/step", "float64"): Tally(error=1, reason="raised"),
        ("agreement/last", "float32"): PASSED,
        ("agreement/outputs", "float32"): PASSED,
        ("agreement/outputs", "float64"): NOT_ASKED,
    }

    lines = report(result(tallies), verbose=True)

    assert row(lines, "agreement/step") == ["blocked", "error", "2"]
    assert row(lines, "agreement/last") == ["0.25", "2"]
    assert row(lines, "agreement/outputs") == ["0.25", "n/a", "2"]


def test_what_could_not_be_asked_at_all_is_counted_with_the_reason() -> None:
    ids = ("agreement/last", "agreement/outputs")
    tallies = {("agreement/step", "float32"): PASSED, **{(id, "float32"): NOT_ASKED for id in ids}}

    lines = report(result(tallies))

    assert "not applicable: 2 invariants (methods that the target does not implement)" in lines
    assert "not applicable: 2 invariants (the backend has no sequence)" in report(
        result(tallies), verbose=True
    )
    assert not any(line.strip().startswith(f"{id} ") for line in lines for id in ids)


def test_what_was_skipped_is_counted_with_the_reason_and_what_was_expected_is_said() -> None:
    tallies = {
        ("agreement/step", "float32"): Tally(falsified=2, mark="xfail", compared=4, claimed=4),
        ("agreement/step", "float64"): Tally(passed=2, mark="xfail", compared=4, claimed=4),
        ("agreement/last", "float32"): Tally(mark="skip", reason="see #12"),
        ("agreement/outputs", "float32"): Tally(passed=2, mark="xfail"),
    }

    lines = report(result(tallies), verbose=True)

    assert row(lines, "agreement/step") == ["xfailed", "xpassed", "4"]
    assert "skipped: agreement/last (see #12)" in lines
    assert [line for line in lines if "expected" in line] == [
        "xpassed agreement/outputs was expected to fail and did not"
    ]
    assert lines[-2] == "conforms (2 xpassed, 1 xfailed, 1 skipped; 1.2 s)"


def test_root_causes_are_named_before_the_witnesses_the_worst_first() -> None:
    blocked = {
        "agreement/step": Tally(blocked=1, reason="step raised", cause="contract/shape-step"),
        "bounds/box": Tally(blocked=1, reason="step raised", cause="contract/shape-step"),
        "agreement/last": Tally(blocked=1, reason="last is list", cause="contract/shape-sequence"),
    }
    tallies = {(id, "float32"): tally for id, tally in blocked.items()}
    lines = report(result(tallies, witnesses={("agreement/step", "float32"): witness()}))

    first = lines.index("root cause contract/shape-step: step raised")
    assert lines[first + 1 : first + 5] == [
        "  blocked by it: 2 invariants",
        "",
        "root cause contract/shape-sequence: last is list",
        "  blocked by it: agreement/last",
    ]
    assert any(line.startswith("agreement/step: ") for line in lines[first + 5 :])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (0.987, "0.99"),
        (1.0, "1.00"),
        (math.nextafter(1, 2), "1.00+"),
        (1.0049, "1.00+"),
        (1.01, "1.01"),
        (99.4, "99.40"),
        (12345.0, "1e4"),
        (3e20, "3e20"),
        (math.inf, "∞"),
    ],
)
def test_a_margin_is_short_and_never_shows_a_failure_as_1(value: float, text: str) -> None:
    assert margin(value) == text


# -- witnesses and verdict -------------------------------------------------------------------------


def test_a_falsified_result_shows_the_failure_the_file_and_a_snippet() -> None:
    lines = report(falsified(), {("agreement/step", "float32"): Path("w/one.json")})

    text = "\n".join(lines)
    assert (
        f"agreement/step: {INVARIANTS['agreement/step'].statement}\n  h[b=0, i=0]\n  is       1.0\n"
        in text
    )
    assert "  replay: gruverify replay w/one.json" in lines
    assert witness().snippet in text
    assert lines[-2:] == ["falsified (1 falsified; 1.2 s)", "next: gruverify replay w/one.json"]


def test_only_a_cause_in_the_cell_is_followed_by_the_command_that_shows_why() -> None:
    cell = witness()
    one = cell.case.inputs[0]
    stack = StackCase(Stack(((cell.case.cell,),)), *(one[None],) * 4)
    evidence = "  evidence: gruverify identify numpy"

    def lines(of: Witness) -> list[str]:
        found = falsified(witnesses={(of.invariant, "float32"): of})
        return report(replace(found, explanation="the state is lost"))

    assert evidence in lines(cell)
    assert evidence not in lines(replace(witness("stack/outputs"), case=stack))


def test_only_the_smallest_witness_of_an_invariant_is_shown() -> None:
    longer = witness(T=3)
    both = falsified(
        witnesses={("agreement/step", "float32"): longer, ("agreement/step", "float64"): witness()}
    )

    text = "\n".join(report(both))

    assert text.count("agreement/step: ") == 1
    assert "T=1" in text
    assert "T=3" not in text


def test_the_gravest_failure_is_shown_first_whatever_its_margin() -> None:
    small = Residual("h[b=0, i=0]", 1e-44, 0.0, 1e-44, 0.0, math.inf, scale=2.0)
    grave = witness("bounds/box")
    lost = replace(witness("contract/finite-values"), residual=small)
    both = falsified(witnesses={(w.invariant, "float32"): w for w in (lost, grave)})

    text = "\n".join(report(both))

    assert text.index("bounds/box: ") < text.index("contract/finite-values: ")
    assert text.count("gruverify.assert_holds('bounds/box'") == 1


def test_failures_as_grave_are_shown_in_the_catalogues_order_and_the_first_as_a_snippet() -> None:
    ids = ("bounds/box", "agreement/step")
    both = falsified(witnesses={(id, "float32"): witness(id) for id in ids})

    text = "\n".join(report(both))

    assert text.index("agreement/step: ") < text.index("bounds/box: ")
    assert (
        text.count("gruverify.assert_holds(")
        == text.count("gruverify.assert_holds('agreement/step'")
        == 1
    )


REASONS = "docs/verdict.md has the way out of each reason"


@pytest.mark.parametrize(
    ("shown", "verdict", "then"),
    [
        pytest.param(
            result(),
            "conforms (2 passed; 1.2 s)",
            "gruverify check numpy --profile deep --seed 4",
            id="conforms",
        ),
        pytest.param(
            result(complete=False),
            "interrupted (2 passed; 1.2 s)",
            "gruverify check numpy --seed 3",
            id="interrupted",
        ),
        pytest.param(
            result(complete=False, header={**result().header, "profile": "deep"}),
            "interrupted (2 passed; 1.2 s)",
            "gruverify check numpy --profile deep --seed 3",
            id="interrupted in another profile",
        ),
        pytest.param(
            result(crashes=("killed; again: gruverify check it",)),
            "died (2 passed; 1.2 s)",
            "gruverify check it",
            id="died",
        ),
        pytest.param(result({}), "inconclusive (nothing was judged; 1.2 s)", REASONS, id="nothing"),
        pytest.param(
            unclaimed(),
            "inconclusive (1 passed, 1 nothing claimed; 1.2 s)",
            REASONS,
            id="unclaimed",
        ),
    ],
)
def test_the_verdict_stands_last_with_what_to_do_next(
    shown: Result, verdict: str, then: str
) -> None:
    assert report(shown)[-2:] == [verdict, f"next: {then}"]


def test_what_claims_nothing_is_a_dash_and_never_a_margin() -> None:
    lines = report(unclaimed(), verbose=True)

    assert row(lines, "agreement/step") == ["0.25", "–", "4"]
    assert "0.00" not in "\n".join(lines)


def test_a_target_that_refuses_much_and_formats_of_other_sizes_take_a_line_each() -> None:
    others = [id for id in INVARIANTS if id != "agreement/step"][:3]
    refused = {(id, "float32"): Tally(reason=f"step refuses {id}") for id in others}
    drawn = {
        (fmt, "cells"): Drawn(2, 2, {"H": (1, most), "I": (1, 2)})
        for fmt, most in (("float32", 2), ("float64", 3))
    }

    lines = report(result({("agreement/step", "float32"): PASSED, **refused}, drawn=drawn))

    assert "not applicable: 3 invariants, for 3 reasons: -v lists them" in lines
    assert "float32, float64: 2 of 2 cases of cells (-v has their sizes)" in lines


def test_a_verdict_says_what_it_covers_and_what_keeps_it_from_a_pass() -> None:
    lines = report(unclaimed())

    assert "float32, float64: 2 of 2 cases of cells, H 1–3, I 2, B 1, T 1–4" in lines
    assert "values claimed: float32 100% of the entries, float64 12% of the entries" in lines
    assert "weakest claims: agreement/step in float64 (12%)" in lines
    [doubt] = [line for line in lines if line.startswith("inconclusive float64")]
    assert doubt.startswith(
        "inconclusive float64: too little is claimed of its values: something in 0% of the cases"
    )
    assert not any(line.startswith("inconclusive ") for line in report(result())[:-2])


def test_what_it_covers_fits_the_console_and_keeps_words_whole() -> None:
    missing = [f"method-{i}" for i in range(40)]
    shown = result(header={**HEADER, "declarations": dict.fromkeys(missing, "of-some-length")})

    lines = report(shown)

    declared = next(i for i, line in enumerate(lines) if line.startswith("declared: "))
    wrapped = [
        lines[declared],
        *takewhile(lambda line: line.startswith("  "), lines[declared + 1 :]),
    ]
    assert len(wrapped) > 5
    assert all(len(line) <= 120 for line in wrapped)
    assert " ".join(" ".join(wrapped).split()).count("='of-some-length'") == 40


def test_doubts_that_formats_share_are_told_once() -> None:
    lines = report(result({("agreement/step", fmt): NOTHING for fmt in HEADER["formats"]}))

    assert [line.partition(":")[0] for line in lines if line.startswith("inconclusive f")] == [
        "inconclusive float32, float64"
    ]


def test_cases_that_time_did_not_allow_are_a_doubt() -> None:
    late = {key: replace(drawn, planned=100) for key, drawn in DRAWN.items()}

    assert "inconclusive float32, float64: 2 of 100 cases of cells judged: time was up" in report(
        result(drawn=late)
    )


def test_a_case_too_large_to_print_is_loaded_from_its_file_instead(tmp_path: Path) -> None:
    shown, file = large(), tmp_path / "one.json"
    [(key, found)] = shown.witnesses.items()
    save_witness(found, file)

    text = "\n".join(report(shown, {key: file}))

    assert found.snippet not in text
    assert len(text) < 4000
    code = text.partition("to paste into Python:\n\n")[2].partition("\n\n\n")[0]
    with pytest.raises(AssertionError, match="agreement/step"):
        exec(code.replace("witness.target", "lambda cell, x, h: h + 1"), {})
    assert "--witnesses DIR saves it as a file" in "\n".join(report(shown))


def test_a_death_is_told() -> None:
    assert "died killed; again: gruverify check it" in report(
        result(crashes=("killed; again: gruverify check it",))
    )


# -- text and colour -------------------------------------------------------------------------------

MARKUP = "[red]my[/]:x[0]"


def test_markup_in_names_stays_text() -> None:
    header = {**HEADER, "target": MARKUP, "versions": {"[bold]": "[/]"}}
    raised = Tally(error=1, reason=f"step raised {MARKUP}")
    shown = result(
        {
            ("agreement/step", "float32"): raised,
            ("agreement/last", "float32"): Tally(reason=MARKUP),
        },
        header=header,
        crashes=(MARKUP,),
        witnesses={("agreement/step", "float32"): witness(target=MARKUP)},
    )

    text = "\n".join(report(shown, {("agreement/step", "float32"): Path(f"{MARKUP}.json")}))
    head = printed(partial(print_header, header=header, jobs=1))

    assert f"gruverify check '{MARKUP}'\n" in head
    assert "[bold] [/]" in head
    for words in (
        f"agreement/last ({MARKUP})",
        f"died {MARKUP}",
        f"replay '{MARKUP}.json'",
        f"'agreement/step', '{MARKUP}'",
    ):
        assert words in text


def test_colour_is_for_terminals_alone() -> None:
    assert "\x1b" not in "\n".join(report(falsified()))
    assert "\x1b[1;31mfalsified\x1b[0m" in "\n".join(report(falsified(), terminal=True))


def test_long_lines_are_not_broken_where_they_are_to_be_copied() -> None:
    path = Path("very/" * 20 + "long.json")

    lines = report(falsified(), {("agreement/step", "float32"): path}, width=40)

    assert f"next: gruverify replay {path}" in lines
    assert witness().snippet.splitlines()[-1] in lines


def test_output_that_is_no_terminal_is_wide_enough_for_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = console_for()
    console.print("x" * WIDTH)
    console_for(stderr=True).print("for people")

    output = capsys.readouterr()
    assert console.width == WIDTH
    assert output.out == "x" * WIDTH + "\n"
    assert output.err == "for people\n"


def test_a_terminal_says_its_width_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "77", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)

    assert console_for().width == 77


# -- coverage --------------------------------------------------------------------------------------


def test_the_gates_that_were_visited_are_counted_and_some_that_were_not_are_named() -> None:
    every = np.ones(GATES.shape, np.int64)
    some = every.copy()
    some[0, :2] = 0

    lines = report(
        result(
            coverage={"float32": Coverage({"z×r×c": some}), "float64": Coverage({"z×r×c": every})}
        )
    )

    assert "gates visited (levels of z × r × c): float32 96.9 %, float64 100.0 %" in lines
    assert (
        "  float32: not visited: z=0 r=0 c=-1, z=0 r=0 c=-high, z=0 r=0 c=-mid and 9 more" in lines
    )
    assert not any("float64: not visited: z" in line for line in lines)


def test_holes_that_differ_from_format_to_format_take_one_line_unless_verbose() -> None:
    coverage = dict[str, Coverage]()
    for place, fmt in enumerate(("float32", "float64")):
        hits = np.ones(GATES.shape, np.int64)
        hits[place, 0] = 0
        coverage[fmt] = Coverage({"z×r×c": hits})

    def holes(*, verbose: bool) -> list[str]:
        lines = report(result(coverage=coverage), verbose=verbose)
        return [line for line in lines if "not visited: z" in line]

    (shown,) = holes(verbose=False)
    assert shown.startswith("  float32: ")
    assert shown.endswith(" (others: -v)")
    assert [line.split(":")[0] for line in holes(verbose=True)] == ["  float32", "  float64"]


def test_the_sizes_that_were_compared_are_counted_and_some_that_were_not_are_named() -> None:
    hits = {group.name: np.ones(group.shape, np.int64) for group in SIZES}
    hits["T"][1, -2:] = 0

    lines = report(result(coverage={"float32": Coverage(hits)}))

    assert "sizes visited (levels of H, I, B, T, and coincidences): float32 99.3 %" in lines
    assert "  float32: not visited: gradients: T 256–299, 300 and more" in lines


def test_a_command_with_spaces_can_be_pasted() -> None:
    path = Path("my runs/one.json")
    lines = report(falsified(), {("agreement/step", "float32"): path})
    unknown = Identity("exec:python 'my gru.py'", (), 0, 0, ())

    said = printed(lambda console: print_identity(console, unknown))

    assert "  replay: gruverify replay 'my runs/one.json'" in lines
    assert lines[-1] == "next: gruverify replay 'my runs/one.json'"
    [again] = [line for line in said.splitlines() if line.startswith("next: ")]
    assert shlex.split(again)[-1] == unknown.target
