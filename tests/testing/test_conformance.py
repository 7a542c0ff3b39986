"""One line in a test file: a Hypothesis test for each family of invariants and format."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gruverify
from gruverify import FORMATS, float32
from gruverify.invariants import FAMILIES, INVARIANTS
from gruverify.reporting import load_document
from gruverify.testing import conformance

from ._runs import DECLINING, FAULTY, apart, ids, inside, one_test, outcomes

FEW = ("--gru-formats", "f32", "--gru-profile", "quick")


def test_there_is_a_test_for_each_family_and_format(pytester: pytest.Pytester) -> None:
    run = inside(pytester, "--collect-only", "-q", test_mine=one_test("numpy"))

    parts = [f"{family}-{fmt.name}" for family, fmt in product(FAMILIES, FORMATS)]
    assert ids(run) == [f"test_mine.py::test_my_gru[{part}]" for part in parts]


def with_few_cases(target: str, **options: Any) -> str:
    """The test file, with settings of its own."""
    test = one_test(target, **options).rstrip(")\n")
    return f"from hypothesis import settings\n{test}, settings=settings(max_examples=7))\n"


@pytest.mark.uncounted
def test_a_right_gru_passes(pytester: pytest.Pytester) -> None:
    run = inside(pytester, *FEW, "-k", "bounds or contract", test_mine=with_few_cases("numpy"))

    assert outcomes(run) == {"passed": 2, "deselected": len(FAMILIES) - 2}
    run.stdout.re_match_lines([r"numpy: gates visited \(levels of z × r × c\): float32 \d+\.\d %"])


@pytest.mark.uncounted
def test_a_failure_is_the_statement_the_numbers_and_a_snippet_and_nothing_else(
    pytester: pytest.Pytester,
) -> None:
    run = inside(pytester, *FEW, "-k", "bounds", my_gru=FAULTY, test_mine=one_test("my_gru:step"))

    assert outcomes(run)["failed"] == 1
    shown = run.stdout.str().partition("FAILURES")[2].partition("\n= gruverify")[0]
    assert f"bounds/between: {INVARIANTS['bounds/between'].statement}" in shown
    assert "the margin is" in shown
    assert " u" in shown
    assert "float32, reset after, keep, H=1, I=1, B=1, T=1" in shown
    assert "gruverify/" not in shown
    assert "Traceback" not in shown
    snippet = shown[shown.index("import gruverify\n") : shown.index("case)\n") + 6]
    with pytest.raises(AssertionError, match="bounds/between"):
        exec(snippet, {})


@pytest.mark.uncounted
def test_the_smallest_case_is_shown_and_github_marks_the_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    run = inside(
        pytester, *FEW, "-k", "agreement", my_gru=FAULTY, test_mine=one_test("my_gru:step")
    )

    assert run.stdout.str().count("gruverify.assert_holds(") == 1
    assert "H=1, I=1, B=1, T=1" in run.stdout.str()
    line = FAULTY.splitlines().index("def step(cell, x, h):") + 1
    run.stdout.fnmatch_lines([f"::error file=my_gru.py,line={line},title=gruverify%3A falsified*"])


#: A right GRU, with operands of matrix products rounded to 8 bits.
COARSE = FAULTY.replace("r * (h @ U_n.T) + c_n", "r * (h @ U_n.T + c_n)")
COARSE = COARSE.replace("x @ W", "b(x) @ b(W").replace("h @ U", "b(h) @ b(U").replace(".T", ").T")
COARSE += """

def b(a):
    significand, exponent = np.frexp(a.astype(np.float64))
    return np.ldexp(np.rint(significand * 256), exponent - 8).astype(a.dtype)
"""


@pytest.mark.slow
@pytest.mark.uncounted
def test_what_is_less_accurate_than_declared_is_said_to_be(pytester: pytest.Pytester) -> None:
    options = (*FEW, "-k", "agreement")
    run = inside(pytester, *options, coarse=COARSE, test_mine=one_test("coarse:step"))
    run.stdout.re_match_lines(
        [r"coarse:step: less accurate than declared: .* bfloat16: declare products='bf16'.*"]
    )

    wrong = inside(pytester, *options, my_gru=FAULTY, test_mine=one_test("my_gru:step"))
    assert "less accurate" not in wrong.stdout.str()


def test_what_a_target_lacks_is_skipped_and_says_why(pytester: pytest.Pytester) -> None:
    run = inside(
        pytester, *FEW, "-rs", "-k", "stack", my_gru=FAULTY, test_mine=one_test("my_gru:step")
    )

    assert outcomes(run)["skipped"] == 1
    run.stdout.fnmatch_lines(["SKIPPED*test_mine.py:3*the backend has no stack*"])


def test_what_a_target_declines_is_skipped_and_says_why(pytester: pytest.Pytester) -> None:
    test = one_test("mine:Declining", only=["agreement/jacobian-state"])

    run = inside(pytester, *FEW, "-rs", mine=DECLINING, test_mine=test)

    assert outcomes(run) == {"skipped": 1}
    run.stdout.fnmatch_lines(["*no Jacobian yet*"])


def test_a_format_that_is_not_claimed_is_skipped(pytester: pytest.Pytester) -> None:
    claims = "\n\nclass Single(Declining):\n    formats = (gruverify.float32,)\n"
    run = inside(
        pytester,
        *("--gru-formats", "f16", "-rs", "--gru-only", "bounds"),
        mine=f"import gruverify\n{DECLINING}{claims}",
        test_mine=one_test("mine:Single"),
    )

    assert outcomes(run) == {"skipped": 1}
    run.stdout.fnmatch_lines(["*mine:Single does not claim float16*"])


def test_a_target_that_cannot_be_used_fails_with_one_line(pytester: pytest.Pytester) -> None:
    run = inside(pytester, *FEW, "-k", "bounds", test_mine=one_test("torchh"))

    assert outcomes(run)["errors"] == 1
    run.stdout.fnmatch_lines(["target 'torchh' is unknown: did you mean torch?*"])
    assert "Traceback" not in run.stdout.str()
    assert "During handling" not in run.stdout.str()


@pytest.mark.slow
@pytest.mark.uncounted
def test_a_target_may_be_an_object_which_the_snippet_names(pytester: pytest.Pytester) -> None:
    test = (
        "import gruverify, my_gru\n\ntest_my_gru = gruverify.testing.conformance(my_gru.step, "
        "only=['bounds'])\n"
    )

    run = inside(pytester, *FEW, my_gru=FAULTY, test_mine=test)

    assert outcomes(run) == {"failed": 1}
    run.stdout.fnmatch_lines(["gruverify.assert_holds('bounds/between', 'my_gru:step', case)"])


def test_only_and_skip_choose_the_invariants(pytester: pytest.Pytester) -> None:
    test = "from gruverify import *\n" + one_test(
        "numpy", only=["bounds", "contract"], skip=["contract"], formats=[float32]
    )

    run = inside(pytester, "-rs", "--gru-profile", "quick", test_mine=test)

    assert outcomes(run) == {"passed": 1, "skipped": 1}


@pytest.mark.uncounted
def test_what_is_expected_to_fall_is_a_test_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("known.txt").write_text("bounds/between  # issue 12\nbounds/box\n")
    test = one_test("my_gru:step", only=["bounds"], xfails_files=["known.txt"])

    run = inside(pytester, *FEW, "-rxX", my_gru=FAULTY, test_mine=test)

    assert outcomes(run) == {
        "xfailed": 1,
        "xpassed": 1,
        "skipped": 1,
    }  # what else there is needs a pullback
    run.stdout.fnmatch_lines(
        ["XFAIL*bounds/between-float32* - issue 12", "XPASS*bounds/box-float32* - known.txt:2"]
    )


def test_settings_of_the_call_are_kept(pytester: pytest.Pytester) -> None:
    test = with_few_cases("numpy", only=["bounds"])

    run = inside(pytester, "--gru-formats", "f32", "--hypothesis-show-statistics", test_mine=test)

    run.stdout.fnmatch_lines(
        ["*7 passing*", "*Events:*", "*z=*", "*Stopped because settings.max_examples=7"]
    )


def test_it_needs_no_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # The run around this one has the plugin, and is not the one that the test inside tells what it
    # found.
    monkeypatch.setattr("gruverify._pytest.RUNS", [])
    test, without = one_test("numpy", only=["bounds"]), ("-p", "no:gruverify", "-W", "ignore")

    run = inside(pytester, "-k", "float32", plugin=without, test_mine=test)

    assert outcomes(run)["passed"] == 1


def test_a_wrong_pattern_is_a_mistake_of_the_call() -> None:
    with pytest.raises(
        gruverify.engine.BadSelection, match="no invariant matches 'boundz': did you mean bounds"
    ):
        conformance("numpy", only=["boundz"])


def test_it_is_a_test_of_hypothesis() -> None:
    @settings(max_examples=1)
    @given(st.none())
    def plain(_: Any) -> None:
        """Nothing."""

    assert (
        vars(conformance("numpy")).keys()
        >= {"hypothesis", "is_hypothesis_test"}
        <= vars(plain).keys()
    )


@pytest.mark.uncounted
def test_formats_and_patterns_may_be_given_by_name(pytester: pytest.Pytester) -> None:
    test = one_test("numpy", formats=["f32"], only="bounds")

    run = inside(pytester, "--gru-profile", "quick", "-v", test_mine=test)

    assert outcomes(run) == {"passed": 1}
    run.stdout.fnmatch_lines(["*test_my_gru[[]bounds-float32[]] PASSED*"])


def test_a_format_that_there_is_not_is_an_error_and_not_a_test_less(
    pytester: pytest.Pytester,
) -> None:
    run = inside(pytester, test_mine=one_test("numpy", formats=["f31"]))

    assert outcomes(run)["errors"] == 1
    run.stdout.fnmatch_lines(["*format='f31' is unknown: choose from float16 (f16), *"])


def test_a_target_on_the_command_line_that_there_is_not_is_one_error(
    pytester: pytest.Pytester,
) -> None:
    run = inside(pytester, "--gru-target", "torchh")

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(
        ["ERROR: --gru-target: target 'torchh' is unknown: did you mean torch?*"]
    )


# -- no pass on nothing ----------------------------------------------------------------------------

PARTIAL = """
from gruverify.backends import NumpyBackend


class Partial:
    name = "partial"
    variants, formats = NumpyBackend().variants, NumpyBackend().formats

    def step(self, cell, x, h):
        if {refused}:
            raise NotImplementedError("not this one")
        return NumpyBackend().step(cell, x, h)


class Vague(Partial):
    kappa = 1e9
"""
NONE, MANY, ALL = (
    PARTIAL.format(refused=condition) for condition in ("False", "x.shape[0] != 1", "True")
)
CORE = ("--gru-formats", "f32", "--gru-profile", "quick", "-k", "agreement or contract")


@pytest.mark.uncounted
def test_a_test_of_what_was_mostly_refused_is_inconclusive_with_the_reasons(
    pytester: pytest.Pytester,
) -> None:
    run = inside(pytester, *CORE, mine=MANY, test_mine=one_test("mine:Partial"))

    assert outcomes(run)["failed"] == 2
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    shown = run.stdout.str()
    assert "inconclusive: mine:Partial, agreement in float32: nothing failed, but" in shown
    assert re.search(
        r"step answered \d+ of \d+ cases \(step is not implemented: not this one\)", shown
    )
    assert "too little is claimed of its values: something in" in shown
    assert "Traceback" not in shown


@pytest.mark.uncounted
def test_where_all_is_refused_tests_are_skipped_and_the_run_is_not_green(
    pytester: pytest.Pytester,
) -> None:
    run = inside(pytester, *CORE, "-rs", mine=ALL, test_mine=one_test("mine:Partial"))

    assert "failed" not in outcomes(run)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    why = "step is not implemented: not this one"
    run.stdout.fnmatch_lines(
        [f"inconclusive: mine:Partial: float32: no case was answered ({why})", f"SKIPPED*{why}"]
    )


def test_bounds_that_claim_nothing_are_no_pass(pytester: pytest.Pytester) -> None:
    run = inside(pytester, *CORE, mine=NONE, test_mine=one_test("mine:Vague"))

    assert outcomes(run)["failed"] == 1
    assert "too little is claimed of its values" in run.stdout.str()


@pytest.mark.uncounted
def test_the_right_one_of_them_passes_and_its_run_is_green(pytester: pytest.Pytester) -> None:
    run = inside(pytester, *CORE, mine=NONE, test_mine=with_few_cases("mine:Partial"))

    assert outcomes(run)["passed"] == 2
    assert run.ret == pytest.ExitCode.OK
    assert "inconclusive" not in run.stdout.str()


@pytest.mark.uncounted
def test_a_selection_without_the_core_is_not_green_but_what_pytest_leaves_out_is(
    pytester: pytest.Pytester,
) -> None:
    test = one_test("mine:Partial")

    chosen = inside(pytester, *FEW, "--gru-only", "bounds", mine=NONE, test_mine=test)
    by_pytest = inside(pytester, *FEW, "-k", "bounds", mine=NONE, test_mine=test)

    assert (outcomes(chosen)["passed"], chosen.ret) == (1, pytest.ExitCode.TESTS_FAILED)
    chosen.stdout.fnmatch_lines(
        ["inconclusive: mine:Partial: float32: the selection leaves out what shows its values*"]
    )
    assert (outcomes(by_pytest)["passed"], by_pytest.ret) == (1, pytest.ExitCode.OK)
    by_pytest.stdout.fnmatch_lines(
        ["mine:Partial: float32: some tests of its values and gradients were not run*"]
    )


def test_only_formats_that_it_does_not_claim_show_nothing(pytester: pytest.Pytester) -> None:
    claims = "\n\nclass Single(Partial):\n    formats = (gruverify.float64,)\n"

    run = inside(
        pytester, *CORE, mine=f"import gruverify\n{NONE}{claims}", test_mine=one_test("mine:Single")
    )

    assert (outcomes(run)["skipped"], run.ret) == (2, pytest.ExitCode.TESTS_FAILED)
    run.stdout.fnmatch_lines(["inconclusive: mine:Single: it claims none of the requested formats"])


@pytest.mark.uncounted
def test_of_formats_that_it_does_not_claim_nothing_is_said_to_be_left_out(
    pytester: pytest.Pytester,
) -> None:
    few = ("--gru-formats", "f32,f64", "--gru-profile", "quick", "-k", "bounds")
    claims = "\n\nclass Single(Partial):\n    formats = (gruverify.float64,)\n"
    mine = f"import gruverify\n{NONE}{claims}"

    run = inside(pytester, *few, mine=mine, test_mine=one_test("mine:Single"))

    run.stdout.fnmatch_lines(["mine:Single: float64: some tests of its values and gradients*"])


@pytest.mark.uncounted
@pytest.mark.slow
def test_workers_come_to_the_same_verdict(pytester: pytest.Pytester) -> None:
    few = ("--gru-formats", "f32,f64", "--gru-profile", "quick", "--gru-only", "agreement")

    run = apart(pytester, *few, "-n", "2", mine=ALL, test_mine=one_test("mine:Partial"))

    assert (outcomes(run), run.ret) == ({"skipped": 2}, pytest.ExitCode.TESTS_FAILED)
    run.stdout.fnmatch_lines(
        ["inconclusive: mine:Partial: float32, float64: no case was answered*"]
    )


def test_a_wrong_declaration_fails_with_one_line(pytester: pytest.Pytester) -> None:
    wrong = NONE.replace("1e9", "'much'")

    run = inside(pytester, *CORE, mine=wrong, test_mine=one_test("mine:Vague"))

    assert "Traceback" not in run.stdout.str()
    run.stdout.fnmatch_lines(["*kappa*"])


@pytest.mark.slow
@pytest.mark.uncounted
def test_the_report_of_a_run_says_what_it_covers(pytester: pytest.Pytester) -> None:
    inside(pytester, *CORE, "--gru-report", "out", mine=NONE, test_mine=one_test("mine:Partial"))

    found = load_document(pytester.path / "out" / "result.json")
    assert (found["verdict"], found["methods"], found["doubts"]) == ("conforms", ["step"], [])
    [drawn] = found["drawn"]
    assert drawn["judged"] == drawn["planned"] > 25
    assert set(drawn["sizes"]) == set("HIBT")
