"""No invariant passes on noise that its bounds allow: it fails, or says that nothing is claimed."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from gruverify import FORMATS, Gradients, StackGradients
from gruverify import strategies as gst
from gruverify.backends import EVERY_METHOD, NumpyBackend
from gruverify.cell import AnyCase
from gruverify.engine import Tally, judge
from gruverify.invariants import INVARIANTS

pytestmark = pytest.mark.uncounted

#: What noise of the right shape, in fresh memory, does keep: duties that have nothing to do with
#: numbers, that numbers are finite, and that they are not 0 and not the same where they must not
#: be.
KEPT = (
    "contract/shape-",
    "contract/no-mutation",
    "contract/own-memory",
    "contract/no-members",
    "contract/no-steps",
    "contract/finite-",
    "contract/stack-finite-",
    "contract/stack-no-mutation",
    "contract/no-random-numbers",
    "contract/stack-no-random-numbers",
    "contract/settings-",
    "gradient/liveness",
    "sequence/liveness",
    "sequence/step-liveness",
    "sequence/zeros-are-inputs",
)
#: Statements about one sign, or that two answers are near each other, which half of all noise meets
#: where there is one number: of so many cases one must fail, if any claims something.
SIGNS = {
    "regimes/update-moves-towards-the-state": 60,
    "bounds/gradient-sign": 200,
    "dynamics/saddle-node": 15,
    "gradient/truncation-error": 15,
}


class Noise(NumpyBackend):
    """Numbers of the right shapes and sizes and of no meaning, behind a declared accuracy that
    excuses them.
    """

    name = "noise"
    kappa = 1e9

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def _like(self, array: Any) -> Any:
        if array is None:
            return None
        size = 1 + np.abs(array[np.isfinite(array)].astype(np.float64)).max(initial=0.0)
        sign = self._random.choice([-1, 1], array.shape)
        with np.errstate(over="ignore"):
            return (sign * self._random.uniform(4 * size, 8 * size, array.shape)).astype(
                array.dtype
            )

    def _noise(self, answer: Any) -> Any:
        if isinstance(answer, tuple):
            return tuple(map(self._like, answer))
        if isinstance(answer, Gradients):
            return Gradients(*(self._like(getattr(answer, name)) for name in vars(answer)))
        if isinstance(answer, StackGradients):
            parameters = {name: self._like(array) for name, array in answer.parameters.items()}
            return StackGradients(parameters, self._like(answer.inputs), self._like(answer.states))
        return self._like(answer)


def _noisy(method: str) -> Any:
    def call(self: Noise, *arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return self._noise(getattr(NumpyBackend, method)(self, *arguments))

    return call


for _method in EVERY_METHOD:
    if hasattr(NumpyBackend, _method):
        setattr(Noise, _method, _noisy(_method))


#: The formats take turns.
ASKED = [
    (id, fmt)
    for fmt, id in zip(cycle(FORMATS), INVARIANTS, strict=False)
    if not id.startswith(KEPT)
]


@pytest.mark.thinned
@pytest.mark.parametrize(("id", "format"), ASKED)
def test_noise_that_the_bounds_allow_is_no_pass(id: str, format: Any) -> None:
    invariant, noise, tallies = INVARIANTS[id], Noise(), list[Tally]()
    drawn = gst.stack_cases if invariant.of_stacks else gst.cases

    @seed(1)
    @settings(
        max_examples=SIGNS.get(id, 5),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(drawn(formats=(format,), max_H=4, max_I=3, max_B=3, max_T=3))
    def judge_noise(case: AnyCase) -> None:
        if id in SIGNS and any(tally.falsified for tally in tallies):
            return
        tallies.extend(judgement.tally for judgement in judge(case, noise, [invariant]))

    judge_noise()
    told = [sum(tallies, Tally())] if id in SIGNS else tallies
    assert "passed" not in [tally.status for tally in told]
