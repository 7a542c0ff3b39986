"""One line says which declaration explains all that failed, if one does: less accurate is not the
same as wrong.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import gruverify
from gruverify import Variant, bfloat16, float16, float32, float64
from gruverify.backends import BadDeclaration, Declarations, declarations_of, redeclared, resolve
from gruverify.engine import Explaining, Reading, Reduction, Result, identify, judge
from gruverify.engine._hypotheses import Hypothesis, hypotheses
from gruverify.engine._measured import Measured, measured
from gruverify.engine._small_cases import drawn_for
from gruverify.faults import EQUIVALENTS, FAULTS
from gruverify.invariants import INVARIANTS
from gruverify.reporting import document, junit, markdown, print_result
from gruverify.reporting.page import result_page
from tests.engine._lesser import (
    LESSER,
    NUMPY,
    Backward,
    Kernel,
    Lesser,
    added_in_the_format,
    flushed,
    off_by,
    same,
    sigmoid,
)

FORWARD = ("agreement/step", "agreement/each-step", "agreement/outputs", "agreement/last")


@pytest.fixture(autouse=True)
def nothing_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep cases as they are drawn: only what is said of them matters here."""
    monkeypatch.setattr(Reduction, "run", lambda reduction: reduction.best)


def checked(target: Any, only: Any = FORWARD, count: int = 20, **options: Any) -> Result:
    """The result of so many cases."""
    return gruverify.check(target, max_cases=count, only=only, **options)


def test_a_complement_of_its_own_is_another_form_of_the_blend() -> None:
    own = EQUIVALENTS["complement-by-sigmoid"].build()
    only = ("numerics/every-update-gate", "agreement/step")

    result = checked(redeclared(own, {"blend": "A+B"}), only, count=12, formats=[float32])

    (line,) = result.less_accurate
    assert line.endswith("is explained by 1-z as σ(-a_z): declare blend='A+B+D'")
    assert checked(own, only, count=12, formats=[float32]).verdict == "conforms"


@pytest.mark.uncounted
def test_weights_that_are_rounded_first_are_told() -> None:
    def rounded(a: Any) -> Any:
        return a.astype(np.float32).astype(a.dtype)

    def step(cell: Any, x: Any, h: Any) -> Any:
        weights = {name: rounded(a) for name, a in cell.packed().items()}
        return Kernel().step(SimpleNamespace(packed=lambda: weights), x, h)  # type: ignore[arg-type]

    target: Any = {"step": step, "variants": [Variant()], "formats": [float64]}
    only = ("agreement/step", "numerics/every-candidate")

    (line,) = checked(gruverify.backend(**target), only).less_accurate

    assert ": declare computes='float32'" in line
    assert "is explained by arguments rounded to float32" in line
    declared = gruverify.backend(**target, computes="float32")
    assert not checked(declared, only).lesser


@pytest.mark.uncounted
def test_a_tanh_that_is_clipped_ends_short_of_1() -> None:
    def clipped(a: Any) -> Any:
        # tanh(9) is the last number below 1.
        return np.tanh(np.clip(a, a.dtype.type(-9), a.dtype.type(9)))

    only = ("numerics/exact-values", "numerics/nan", "agreement/step")
    kernel = Kernel(tanh=clipped)

    (line,) = checked(kernel.target(float32), only, count=4).less_accurate

    words = "a tanh that ends 1 u short of 1, as where it is clipped: declare kappa_tanh=9.0"
    assert line.endswith(words)
    declared = kernel.target(float32, kappa_tanh=9)
    assert checked(declared, only, count=4).verdict == "conforms"


def sigmoid_by_tanh(a: Any) -> Any:
    half = a.dtype.type(0.5)
    return half * np.tanh(half * a) + half


@pytest.mark.uncounted
def test_a_sigmoid_by_tanh_is_accurate_to_units_of_1() -> None:
    only = ("numerics/every-reset-gate", "agreement/step")
    kernel = Kernel(sigma=sigmoid_by_tanh)

    (line,) = checked(kernel.target(float32), only, count=2).less_accurate

    assert "a σ that is accurate to units of 1, not of its value" in line
    assert line.partition(": declare ")[2].startswith("sigmoid='absolute'")
    declared = kernel.target(float32, sigmoid="absolute")
    assert checked(declared, only, count=2).verdict == "conforms"


@pytest.mark.uncounted
def test_gradients_alone_show_no_state_that_is_narrower_between_steps() -> None:
    """A slope that is wrong by 1 % is no rounding of states, which are all right."""
    target = Backward(lambda a: (a * 1.01).astype(a.dtype)).target(
        float32, sequence=NUMPY.sequence, carry=0.0
    )
    case = drawn_for(target, float32, [Variant()], 0, 1)[0]
    explaining = Explaining(target, float32)
    explaining.meet(
        case, [j for j in judge(case, target, [INVARIANTS["agreement/step-vjp"]]) if j.failed]
    )
    narrow = Hypothesis("a state in bfloat16", (("carry", "bfloat16"),), in_values=True)
    vars(explaining).update(_current=narrow, _left=iter(()), _held=narrow, hopeless=False)

    assert explaining.found() is None


@pytest.mark.uncounted
@pytest.mark.parametrize(("keeps", "place"), [(False, 0), (True, -1)])
def test_who_was_seen_to_keep_subnormal_numbers_is_not_first_said_to_flush(
    keeps: bool, place: int
) -> None:
    found = hypotheses(Declarations(), float16, Measured(keeps_subnormals=keeps))
    alone = [one.words for one in found if " and " not in one.words]

    assert alone[place] == "subnormal numbers flushed to 0"
    assert measured(resolve(NUMPY), float16).keeps_subnormals
    assert not measured(Backward(flushed, flushed).target(float32), float32).keeps_subnormals


each = pytest.mark.parametrize("lesser", LESSER.values(), ids=LESSER)


@pytest.mark.thinned
@pytest.mark.uncounted
@each
def test_the_verdict_names_the_declaration(lesser: Lesser) -> None:
    result = checked(lesser.kernel.target(*lesser.formats))

    assert result.verdict == "falsified"
    (line,) = result.less_accurate
    assert line.startswith("everything that failed, in ")
    assert lesser.told in line
    for name in lesser.declared:
        assert f"{name}=" in line.partition(": declare ")[2]


@pytest.mark.thinned
@pytest.mark.uncounted
@each
def test_declared_it_conforms(lesser: Lesser) -> None:
    result = checked(lesser.kernel.target(*lesser.formats, **lesser.declared))

    assert not [
        key for key, tally in result.tallies.items() if tally.status in ("falsified", "error")
    ]
    assert not result.lesser


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("lesser", [*LESSER.values()][::3], ids=[*LESSER][::3])
def test_with_the_reset_gate_on_the_wrong_side_it_is_wrong_declared_or_not(lesser: Lesser) -> None:
    wrong = lesser.kernel.wrong()

    for declared in ({}, lesser.declared):
        result = checked(wrong.target(*lesser.formats, **declared), count=4)
        assert (result.verdict, result.less_accurate) == ("falsified", ())
        assert list(result.lesser.values()) == [None]


@pytest.mark.uncounted
def test_what_is_named_is_what_is_measured() -> None:
    """As few units as were seen, rounded up to whole ones."""
    (line,) = checked(LESSER["σ off by 55 u"].kernel.target(float32)).less_accurate

    assert 55 <= float(re.findall(r"declare kappa_sigma=([\d.]+)", line)[0]) <= 64


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("TF32 products", 11),
        ("bf16 products", 8),
        ("float32 products in float64", 24),
        ("tanh off by 17 u", 24),
    ],
)
def test_the_bits_that_products_keep_are_measured(name: str, bits: int) -> None:
    lesser = LESSER[name]
    found = measured(resolve(lesser.kernel.target(*lesser.formats)), lesser.formats[0])
    assert found.operand_bits == bits


@pytest.mark.parametrize("error", [NotImplementedError, ValueError])
def test_who_starts_from_zeros_alone_shows_them_too(error: type[Exception]) -> None:
    def from_zeros(cell: Any, inputs: Any, state: Any) -> Any:
        if state is not None and np.any(state):
            raise error("starts from zeros")
        return NUMPY.sequence(cell, inputs, state)

    assert measured(gruverify.backend(sequence=from_zeros), float32).operand_bits == 24


@pytest.mark.uncounted
def test_what_is_seen_once_in_many_cases_is_no_matter_of_products() -> None:
    """An initial state of 1/2 is read as another number: few cases have it, and TF32 products,
    which would explain so little, would show everywhere.
    """

    def halved(cell: Any, x: Any, h: Any) -> Any:
        return NUMPY.step(cell, x, np.where(h == 0.5, h * (1 + 2**-12), h).astype(h.dtype))

    backend = gruverify.backend(step=halved, formats=[float32])
    shown = measured(backend, float32)
    found, unmeasured = [], []
    for case in drawn_for(NUMPY, float32, [Variant()], 0, 8):
        case = replace(case, state=np.full_like(case.state, 0.5))
        failing = [j for j in judge(case, backend, [INVARIANTS["agreement/step"]]) if j.failed]
        assert failing
        for bits, explained in ((0, unmeasured), (24, found)):
            explaining = Explaining(backend, float32)
            vars(explaining)["_measured"] = replace(shown, operand_bits=bits)
            explaining.meet(case, failing)
            explained.append(explaining.found())

    assert any(unmeasured)
    assert not any(found)


HALF = Kernel(product=added_in_the_format)


@pytest.mark.uncounted
@pytest.mark.slow
def test_sums_in_half_where_the_declaration_still_claims() -> None:
    sizes = {"hidden_size": 64, "input_size": 64}
    (line,) = checked(HALF.target(float16, bfloat16, **sizes), count=4).less_accurate

    assert "is explained by sums in float16 and bfloat16: declare accumulates=" in line
    own = {"accumulates": {"float16": "float16", "bfloat16": "bfloat16"}}
    assert not checked(HALF.target(float16, bfloat16, **sizes, **own), count=4).lesser
    assert not checked(HALF.wrong().target(float16, bfloat16, **sizes), count=4).less_accurate


def test_sums_in_half_where_nothing_is_claimed_any_more() -> None:
    """Long sums that lose small terms show it themselves; and that says nothing of what else may be
    wrong.
    """
    line = " ".join(
        checked(HALF.target(bfloat16, hidden_size=192, input_size=256), count=2).less_accurate
    )

    assert "sums in bfloat16: declare accumulates='bfloat16'; " in line
    assert line.endswith("claim nothing: it may be wrong besides")


GRADIENTS = ("agreement/step-vjp", *FORWARD)


@pytest.mark.uncounted
@pytest.mark.slow
def test_flushed_subnormals_of_states_and_gradients() -> None:
    target = Backward(flushed, flushed)
    result = checked(target.target(float32), GRADIENTS, 150)

    assert "subnormal numbers flushed to 0: declare subnormals=False" in " ".join(
        result.less_accurate
    )
    assert not checked(target.target(float32, subnormals=False), GRADIENTS, 150).lesser


def test_sums_over_the_batch_in_half() -> None:
    """Of 6,000 equal numbers: NumPy's halves are stuck at 2,048 times the first."""
    ones = np.ones((1, 6000, 2), np.float16)
    weights = {name: np.full((6, 2), 0.25, np.float16) for name in ("weight_ih", "weight_hh")}
    biases = {name: np.full(6, 0.25, np.float16) for name in ("bias_ih", "bias_hh")}
    case = gruverify.Case(
        gruverify.Cell(gruverify.Variant(), **weights, **biases), ones, ones[0] / 2, ones, ones[0]
    )
    found = list[Any]()
    for target in (
        Backward(same).target(float16, sums_in_format=False),
        Backward(same).target(float16),
    ):
        explaining = Explaining(target, float16)
        judgements = judge(case, target, [INVARIANTS["agreement/step-vjp"]])
        explaining.meet(case, [judgement for judgement in judgements if judgement.failed])
        found.append(explaining.found())
    told, declared = found

    assert (told.words, told.declares) == (
        "sums over the batch in float16",
        {"sums_in_format": True},
    )
    assert declared is None


def test_two_ways_at_once_where_neither_alone_explains_it() -> None:
    kernel = Kernel(sigma=off_by(sigmoid, 12), kept=lambda a: a.astype(np.float16).astype(a.dtype))
    (line,) = checked(kernel.target(float32)).less_accurate

    assert "a σ wrong by up to " in line
    assert " and a state in float16 between steps" in line


@pytest.mark.slow
@pytest.mark.uncounted
@pytest.mark.parametrize(
    "change", [flushed, lambda a: a.astype(np.float32).astype(a.dtype)], ids=["flushed", "narrow"]
)
def test_catches_a_dropped_path_that_is_less_accurate_besides(change: Any) -> None:
    """W_hr or W_hz left out on the way back is no rounding."""
    for id in ("gradient-through-the-reset-gate-dropped", "update-path-to-the-state-left-out"):
        target = Backward(change, change, FAULTS[id].build([gruverify.Variant()])).target(float64)
        result = checked(target, GRADIENTS, 30)

        assert (result.verdict, result.less_accurate) == ("falsified", ())


WRONG = {
    "hard sigmoid": Kernel(sigma=lambda a: np.clip(a / 6 + 0.5, 0, 1).astype(a.dtype)),
    "clamped": Kernel(sigma=lambda a: sigmoid(np.clip(a, -6, 6))),
    "soft sign": Kernel(tanh=lambda a: (a / (1 + np.abs(a))).astype(a.dtype)),
    "tanh too large": Kernel(tanh=lambda a: (1.01 * np.tanh(a)).astype(a.dtype)),
    "state decays": Kernel(given=lambda a: (a * (1 - 2.0**-16)).astype(a.dtype)),
    "steps decay": Kernel(kept=lambda a: (a * 0.98).astype(a.dtype)),
}


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("kernel", WRONG.values(), ids=WRONG)
def test_catches_what_no_rounding_explains(kernel: Kernel) -> None:
    result = checked(kernel.target(float32), count=20)

    assert (result.verdict, result.less_accurate) == ("falsified", ())


@pytest.mark.uncounted
def test_an_error_is_explained_by_nothing() -> None:
    def raises(cell: Any, x: Any, h: Any) -> Any:
        if len(x) == 3:
            raise RuntimeError("three")
        return LESSER["TF32 products"].kernel.step(cell, x, h)

    assert not checked(gruverify.backend(step=raises, formats=[float32])).less_accurate


def test_what_conforms_is_told_nothing() -> None:
    result = checked(NUMPY, formats="f32", count=10)

    assert (result.lesser, result.less_accurate) == ({}, ())


def test_parts_of_a_run_agree_or_nothing_is_said() -> None:
    one = checked(LESSER["TF32 products"].kernel.target(float32))
    other = checked(LESSER["bf16 products"].kernel.target(float32))

    assert one.merged(one).less_accurate
    assert not one.merged(other).less_accurate


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"computes": "half"}, "computes='half': format='half' is unknown"),
        ({"computes": 32}, "computes=32 must be a Format or the name of one"),
        ({"carry": "wide"}, "carry='wide': format='wide' is unknown"),
        ({"carry": -1}, "carry=-1 must not be negative"),
        ({"products": "fp8"}, "products='fp8' must be one of 'format', 'float32', 'bf16', 'tf32'"),
        ({"blend": "E"}, "blend='E' must be some of A, B, C, D"),
        ({"accumulates": {"f8": "float32"}}, "accumulates='f8': format='f8' is unknown"),
    ],
)
def test_a_declaration_out_of_range_is_one_line(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        Kernel().target(float32, **declared)

    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_wider_format_to_compute_in_changes_nothing() -> None:
    wide = declarations_of(Kernel().target(float32, computes="float64"), float32)

    assert wide.computes == float64
    assert (
        gruverify.backends.rounding_of(Kernel().target(float32, computes="float64"), float32).u
        == 2**-24 + 2**-53
    )


@pytest.mark.slow
@pytest.mark.uncounted
@pytest.mark.parametrize(
    "name", ["float32 arithmetic in float64", "TF32 products", "σ off by 55 u"]
)
def test_identify_says_what_it_is_and_by_what_it_is_less_accurate(name: str) -> None:
    lesser = LESSER[name]
    found = identify(lesser.kernel.target(*lesser.formats))

    assert (found.status, found.as_declared) == ("identified", False)
    for part in found.parts:
        assert part.holds[0].reading == Reading()
        assert part.lesser is not None
        assert lesser.told in part.lesser.words
        assert set(part.lesser.declares) == set(lesser.declared)
    assert identify(lesser.kernel.target(*lesser.formats, **lesser.declared)).as_declared


@pytest.mark.uncounted
@pytest.mark.slow
def test_identify_says_of_a_wrong_one_both() -> None:
    found = identify(LESSER["TF32 products"].kernel.wrong().target(float32))

    assert {part.holds[0].reading for part in found.parts} == {Reading(other_reset=True)}
    assert {part.lesser.words for part in found.parts if part.lesser} == {"matrix products in TF32"}


@pytest.mark.uncounted
@pytest.mark.slow
def test_identify_finds_nothing_in_what_is_no_gru() -> None:
    found = identify(WRONG["tanh too large"].target(float32))

    assert (found.status, [part.lesser for part in found.parts]) == ("none", [None, None])


def test_reports_say_it() -> None:
    result = checked(LESSER["TF32 products"].kernel.target(float32), name="mine")
    console = Console(file=io.StringIO(), width=200)
    print_result(console, result, {})
    written = console.file
    assert isinstance(written, io.StringIO)
    found = document(result)
    (line,) = result.less_accurate

    *_, verdict, said, following = written.getvalue().strip().splitlines()
    assert verdict.startswith("falsified: less accurate than declared (")
    assert said == line
    assert following.startswith("next: ")
    assert found["less_accurate"] == [line]
    assert "products='tf32'" in line
    text = markdown([found])
    assert "falsified: less accurate than declared" in text
    assert "matrix products in TF32" in text
    assert "matrix products in TF32" in junit([found])
    assert "<strong>Less accurate than declared:</strong> everything that failed" in result_page(
        found
    )
