"""σ and tanh at all numbers: which numbers they are, that all are asked, once, and that the worst
is named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Case, Format, Variant, backend, bfloat16, float16, float32, float64
from gruverify.arithmetic import Rounding, sigmoid
from gruverify.backends import NumpyBackend
from gruverify.engine import Judgement, judge
from gruverify.faults._stepping import stepping
from gruverify.invariants import INVARIANTS, Trial
from gruverify.invariants.core._points import every_number
from gruverify.invariants.numerics._sweeps import (
    _SHOWN,
    _SHOWN_FROM_ZERO,
    _allowed,
    _Frame,
)

from ._counting import Counting
from ._drawn import drawn

pytestmark = pytest.mark.uncounted

in_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)


def judged(found: Any, case: Case, name: str) -> Judgement:
    return next(iter(judge(case, found, [INVARIANTS[f"numerics/every-{name}"]])))


@pytest.mark.parametrize(
    ("format", "bits"), [(float16, 10), (bfloat16, 7)], ids=["float16", "bfloat16"]
)
def test_all_numbers_of_sixteen_bits_are_asked(format: Format, bits: int) -> None:
    numbers = every_number(format).astype(np.float64)
    reach = format.max / 4
    binades = int(np.floor(np.log2(reach))) - format.min_exponent + 1
    # The last binade ends before its last number: at a quarter of the largest, which is not the
    # next power of two.
    assert len(numbers) == 2 * (binades + 1) * 2**bits - 1
    assert len(set(numbers.tolist())) == len(numbers)


@pytest.mark.parametrize("format", [float32, float64], ids=lambda f: f.name)
def test_no_gap_of_a_wide_format_is_wide(format: Format) -> None:
    numbers = every_number(format).astype(np.float64)
    reach = -format.sigmoid_underflows
    assert len(numbers) > 16_000
    assert np.diff(numbers[np.abs(numbers) < reach]).max() < reach / 3000
    sizes = np.log2(numbers[numbers > 0])
    assert np.diff(sizes).max() < 3
    assert sizes.min() == format.min_exponent - format.precision + 1


@in_every_format
@pytest.mark.parametrize("gate", _SHOWN)
def test_every_number_is_shown(format: Format, gate: str) -> None:
    for variant in (Variant(), Variant(bias=False), Variant(update="replace", bias=False)):
        shown = [
            sweep.at
            for show in (*_SHOWN[gate], *_SHOWN_FROM_ZERO[gate])
            for sweep in show(_Frame(format, variant, 3, 2))
        ]
        assert set(every_number(format).astype(np.float64).tolist()) <= set(
            np.concatenate(shown, axis=None).tolist()
        )


@in_every_format
@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize("show", [show for gate in "rzc" for show in _SHOWN[gate]])
def test_a_cell_without_biases_is_allowed_what_one_with_zeros_is(
    format: Format, reset: Any, show: Any
) -> None:
    frame = _Frame(format, Variant(reset, bias=False), 3, 2, every=5)

    for sweep, right in _allowed(show, frame, Rounding(format)):
        own = Trial(sweep.case, NumpyBackend(), mode=Rounding(format)).exact
        for mine, shared in (
            (own.next_state, right.exact.next_state),
            (own.gradients_of_last.inputs[0], right.exact.gradients_of_last.inputs[0]),
        ):
            np.testing.assert_array_equal(mine.mid, shared.mid)
            np.testing.assert_array_equal(mine.radius, shared.radius)


def test_sweeps_with_biases_of_their_own_share_nothing() -> None:
    # Without a recurrent bias of the candidate, all of 2^k r comes through the weights.
    frame = _Frame(float32, Variant(bias=False), 3, 2)
    shared = {
        show.__name__
        for gate in "rzc"
        for show in _SHOWN[gate]
        for sweep, right in _allowed(show, frame, Rounding(float32))
        if right.exact.case is not sweep.case
    }

    assert shared == {
        "_update_from_one",
        "_update_of_scaled",
        "_reset",
        "_reset_of_scaled",
        "_candidate",
        "_candidate_of_scaled",
        "_candidate_of_large_states",
    }


def test_who_has_seen_enough_need_not_wait_for_the_rest() -> None:
    # Of a cell of 1,024 units each piece of a sweep takes a second.
    counting, [case] = Counting(), drawn(float32, [Variant()], 1)
    check = INVARIANTS["numerics/every-update-gate"].check

    _ = next(residual for residual in check(Trial(case, counting)) if residual.claims)
    assert counting.calls["step"] == 1
    shown = len(list(check(Trial(case, counting))))
    assert counting.calls["step"] == shown  # one without a call, and the first one again
    assert len(list(check(Trial(case, counting)))) == shown
    assert counting.calls["step"] == shown


@pytest.mark.parametrize("at", [-30.25, -3.5, 2.0**-20])
def test_the_worst_number_is_named(at: float) -> None:
    def wrong(a: Any) -> Any:
        return np.where(a == a.dtype.type(at), 0 * a + 1, sigmoid(a))

    found = judged(
        stepping(σ_z=wrong, formats=[bfloat16]), drawn(bfloat16, [Variant()], 1)[0], "update-gate"
    )
    assert found.failed
    assert found.residual.where == f"h by z at {at!r}"


def test_a_backend_is_asked_once_of_each_format_and_variant() -> None:
    calls = []

    def step(cell: Any, x: Any, h: Any) -> Any:
        calls.append(len(x))
        return NumpyBackend().step(cell, x, h)

    counted = backend(step=step, formats=[float32, float64], variants=[Variant()], kappa=5.0)
    first, second = drawn(float32, [Variant()], 2)
    margins = [judged(counted, case, "candidate").residual.margin for case in (first, second)]
    shown = len(calls)
    assert shown == len(_SHOWN["c"])
    assert margins[0] == margins[1]
    judged(counted, drawn(float64, [Variant()], 1)[0], "candidate")
    assert len(calls) == 2 * shown


def test_who_cannot_be_remembered_is_asked_every_time() -> None:
    class Fleeting:
        __slots__ = ("calls",)
        name, variants, formats = "fleeting", (Variant(),), (float64,)

        def __init__(self) -> None:
            self.calls = 0

        def step(self, cell: Any, x: Any, h: Any) -> Any:
            self.calls += 1
            return NumpyBackend().step(cell, x, h)

    fleeting = Fleeting()
    assert not any(
        judged(fleeting, case, "candidate").failed for case in drawn(float64, [Variant()], 2)
    )
    assert fleeting.calls == 2 * len(_SHOWN["c"])


@in_every_format
def test_almost_all_of_it_is_claimed(format: Format) -> None:
    case = drawn(format, [Variant()], 1)[0]
    for name in ("update-gate", "reset-gate", "candidate"):
        tally = judged(NumpyBackend(), case, name).tally
        assert tally.claimed > 0.99 * tally.compared


def test_a_backend_of_one_size_is_asked_at_that_size() -> None:
    sizes = set()

    def step(cell: Any, x: Any, h: Any) -> Any:
        sizes.add((cell.hidden_size, cell.input_size))
        return NumpyBackend().step(cell, x, h)

    sized = backend(
        step=step,
        formats=[float64],
        variants=[Variant()],
        hidden_size=3,
        input_size=1,
        initial_state=False,
    )
    trial = Trial(drawn(float64, [Variant()], 1)[0], sized)
    for name in ("update-gate", "reset-gate", "candidate"):
        residuals = list(INVARIANTS[f"numerics/every-{name}"].check(trial))
        assert any(residual.claims for residual in residuals) == (name != "reset-gate")
    assert sizes == {(3, 1)}


def test_who_takes_few_members_refuses() -> None:
    def step(cell: Any, x: Any, h: Any) -> Any:
        if len(x) > 1024:
            raise MemoryError(f"{len(x)} members")
        return NumpyBackend().step(cell, x, h)

    found = judged(
        backend(step=step, variants=[Variant()]), drawn(bfloat16, [Variant()], 1)[0], "candidate"
    )
    assert found.tally.declined
    assert "refuses B=8096: MemoryError" in found.residual.where
