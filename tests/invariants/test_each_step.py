"""Each step and each tangent from what was returned before it: as tight at the last step as at the
first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import (
    FORMATS,
    VARIANTS,
    Backend,
    Cell,
    Format,
    Variant,
    assert_holds,
    float16,
    float32,
)
from gruverify.arithmetic import Rounding
from gruverify.backends import NumpyBackend, resolve
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS, Residual, Trial
from gruverify.invariants.core._local import Local, lost, returned, unknown

from ._built import COMPLETE
from ._faulty import Faulty
from ._long import FORWARD, LATE, long_case, state_halved_late

pytestmark = pytest.mark.uncounted

in_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
on_every_backend = pytest.mark.parametrize("name", COMPLETE)


def backend_named(name: str) -> Backend:
    if name != "numpy":
        pytest.importorskip("torch")
    return resolve(name)


def asked(id: str, backend: Any, case: Any) -> list[Residual]:
    with np.errstate(all="ignore"):
        return list(INVARIANTS[id].check(Trial(case, backend)))


@in_every_format
@on_every_backend
@pytest.mark.parametrize("id", ["agreement/each-step", "agreement/each-tangent"])
def test_right_backend_passes_long_runs_in_every_variant(
    id: str, name: str, format: Format
) -> None:
    backend = backend_named(name)
    for variant in backend.variants:
        assert_holds(id, backend, long_case(format, variant, H=6, I=3, T=24))
    assert_holds(id, backend, long_case(format, H=64, T=16))


@pytest.mark.parametrize("faulty", FORWARD, ids=lambda f: f.__name__)
def test_catches_forward_faults(faulty: Callable[[], Backend]) -> None:
    with pytest.raises(AssertionError, match="each-step"):
        assert_holds("agreement/each-step", faulty(), long_case(float32, H=64, T=2 * LATE))


def test_catches_state_halved_late_in_a_run_that_is_long_enough() -> None:
    assert_holds("agreement/each-step", state_halved_late(), long_case(float32, T=LATE))
    worst, _ = asked("agreement/each-step", state_halved_late(), long_case(float32, T=LATE + 1))
    assert worst.margin > 1000
    assert worst.where.startswith(f"outputs[t={LATE},")


def test_bounds_do_not_grow_along_the_run() -> None:
    trial = Trial(long_case(float32, H=32, T=64), NumpyBackend())
    radius = Local(trial, trial.observed.sequence[0]).states.radius
    assert radius[-1].max() < 2 * radius[0].max()
    assert trial.exact.outputs_radius[-1].max() > 1000 * radius[-1].max()


def test_catches_last_state_that_is_not_the_last_output() -> None:
    one_before = Faulty(sequence=lambda found, *_: (found[0], found[0][-2]))
    _, last = asked("agreement/each-step", one_before, long_case(float32, T=4))
    assert last.margin > 1000


def test_catches_a_number_that_is_none_where_it_appears() -> None:
    def broken(found: Any, *_: Any) -> Any:
        outputs = found[0].copy()
        outputs[2, 1] = np.nan
        return outputs, found[1]

    worst, _ = asked("agreement/each-step", Faulty(sequence=broken), long_case(float32, T=6))
    assert worst.where.startswith("outputs[t=2, b=1,")
    assert worst.margin == np.inf
    assert worst.entries is not None
    assert worst.entries.margins[3, 1].max() == 0  # nothing is known of the step after it


def test_catches_tangent_too_large_late() -> None:
    def late(found: Any, *_: Any) -> Any:
        outputs = found[0].copy()
        outputs[LATE:] *= outputs.dtype.type(1.01)
        return outputs, outputs[-1]

    worst, _ = asked(
        "agreement/each-tangent", Faulty(sequence_jvp=late), long_case(float32, H=16, T=2 * LATE)
    )
    assert worst.margin > 50
    assert worst.entries is not None
    assert worst.entries.margins[:LATE].max() <= 1


# -- a state that is carried wider than the format -------------------------------------------------


class Wide(NumpyBackend):
    """Float16 answers of a loop whose state is float32 throughout."""

    carry = 1.0
    formats = (float16,)

    def sequence(self, cell: Cell, inputs: Any, state: Any) -> tuple[Any, Any]:
        packed = {name: array.astype(np.float32) for name, array in cell.packed().items()}
        start = None if state is None else state.astype(np.float32)
        outputs, last = NumpyBackend().sequence(
            replace(cell, **packed), inputs.astype(np.float32), start
        )
        return outputs.astype(np.float16), last.astype(np.float16)


def test_state_carried_wider_than_the_format_is_allowed_where_it_is_declared() -> None:
    assert_holds("agreement/each-step", Wide(), long_case(float16, H=16, T=32))


def test_returned_number_is_as_wide_as_is_declared() -> None:
    mode, h = Rounding(float16, carry=2.0), np.asarray([0.5, -2.0, 0.0], np.float16)
    assert not returned(Rounding(float16), h).radius.any()
    np.testing.assert_allclose(
        returned(mode, h).radius, 2 * mode.u * np.abs(h.astype(np.float64)) + mode.eta
    )


def test_nothing_is_known_of_a_number_that_is_none() -> None:
    rows = np.asarray([[1.0, 2.0], [np.nan, 1.0], [1.0, np.inf]])
    ball = returned(Rounding(float32), rows)
    assert np.isfinite(ball.mid).all()
    np.testing.assert_array_equal(lost(rows), [False, True, True])
    np.testing.assert_array_equal(
        np.isinf(unknown(ball, lost(rows)[:, None]).radius).any(1), [False, True, True]
    )


def test_invariants_speak_of_every_variant_and_every_case() -> None:
    for id in ("agreement/each-step", "agreement/each-tangent", "agreement/each-cotangent"):
        assert not INVARIANTS[id].asks_more
        assert all(INVARIANTS[id].applies(variant) for variant in VARIANTS)
        (judgement,) = judge(
            long_case(float32, Variant(), T=1, B=1), NumpyBackend(), [INVARIANTS[id]]
        )
        assert judgement.tally.passed
