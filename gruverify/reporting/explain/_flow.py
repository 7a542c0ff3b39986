"""Where gradients go, as numbers to plot: the terms of dL_T/dU_z and what reaches h_T from h_k,
against k.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from gruverify._named import JsonObject
from gruverify.arithmetic import format_named
from gruverify.reporting.explain._enclosure import Enclosure
from gruverify.reporting.explain._measure import Lift, exact, measure, rounding_to, run_of
from gruverify.reporting.explain._setting import Regime, Setting, case_at

#: Long enough for a product of Jacobians to show; a bias at which no format has rounded a gate to 0
#: or 1 yet.
STEPS, BIAS = 20, 6.0
#: Half open gates: neither of the question's three cases.
_MIXED = Regime("mixed", 0.5, 0.5, "I")


@cache
def gradient_flow(formats: tuple[str, ...]) -> JsonObject:
    """The question's three regimes and a mixed one, in exact mathematics and in each format (by
    name), as JSON values.

    A series goes from k = 1 to T; None stands for a number whose enclosure does not exclude 0.
    """
    setting = Setting(steps=STEPS, biases=(BIAS,), formats=tuple(map(format_named, formats)))
    return {
        "sizes": {"H": setting.hidden, "I": setting.inputs, "T": setting.steps},
        "seed": setting.seed,
        "bias": BIAS,
        "regimes": [_regime(setting, regime) for regime in (*setting.regimes, _MIXED)],
    }


def _regime(setting: Setting, regime: Regime) -> JsonObject:
    lifts: dict[str, Lift] = {
        "exact": exact,
        **{fmt.name: rounding_to(fmt) for fmt in setting.formats},
    }
    case = case_at(setting, regime, BIAS)
    found = {
        name: measure(case, run_of(case, lift), lift, regime.limit) for name, lift in lifts.items()
    }
    return {
        "name": regime.name,
        "z": regime.z,
        "r": regime.r,
        "influence": {name: _series(measured.influence) for name, measured in found.items()},
        "terms": {name: _series(measured.terms) for name, measured in found.items()},
    }


def _series(values: Sequence[Enclosure]) -> list[float | None]:
    return [_midpoint(value) for value in reversed(values)]


def _midpoint(value: Enclosure) -> float | None:
    """As many digits as a plot shows."""
    if value.low > 0 or value.is_zero:
        return float(f"{value.mid:.5g}")
    return None
