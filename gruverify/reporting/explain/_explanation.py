"""The question the project started from, in numbers: where gradients go when the gates close
(theory.md 0, 3, 4).

dL_T/dU_z = Σ_k dL_T/dh_T (Π_{i=k+1..T} J_i) ∂⁺h_k/∂U_z: why does it not shrink to zero as T grows,
at z = r = 0?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Array, Format, sigmoid
from gruverify.cell import Case
from gruverify.formulas import Magnitudes, Run, carry_gap, elman_gap, forget_gap, magnitudes, total
from gruverify.reporting.explain._enclosure import Enclosure, largest, total_of, worst_of
from gruverify.reporting.explain._measure import (
    Measured,
    exact,
    measure,
    rounding_to,
    run_of,
    size,
    terms_at,
)
from gruverify.reporting.explain._setting import (
    LARGEST_BIAS,
    Regime,
    Setting,
    case_at,
    pre_activation,
)

Bound: TypeAlias = Callable[[Magnitudes], npt.NDArray[np.float64]]

#: What bounds ‖J - limit‖, (3.1) to (3.3), by the limit.
BOUNDS: Mapping[str, Bound] = {"I": carry_gap, "0": forget_gap, "D(1-c²)W_hc": elman_gap}

#: How finely the bias is looked for at which a format returns 0.
_GRID = 4


@dataclass(frozen=True)
class Row:
    """A regime at one bias `a`, in exact mathematics and, by the format's short name, in each
    format.

    away_z, away_r: how far a gate is at most from where it is driven, over the units and steps.
    shut: z, or 1-z if that is smaller, as the biases alone make it. bound: of ‖J - limit‖, the
    largest over the steps.
    """

    a: float
    away_z: Enclosure
    away_r: Enclosure
    shut: Enclosure
    bound: float
    exact: Measured
    formats: Mapping[str, Measured]

    @property
    def update_over_shut(self) -> Enclosure:
        """‖dL_T/dU_z‖ / z, or / (1-z)."""
        return self.exact.update / self.shut

    @property
    def earlier_share(self) -> Enclosure:
        """What the terms k < T are of all: Σ_{k<T} ‖term k‖ / Σ_k ‖term k‖."""
        last, *earlier = self.exact.terms
        # As a share of both, and not 1 - the last one's share, which would cancel where little is
        # lost.
        lost = total_of(earlier)
        return lost / total_of([lost, last])


@dataclass(frozen=True)
class RegimeReport:
    """A regime at each of its biases.

    lengths: ‖dL_t/dU_z‖ and ‖dL_t/dh_0‖ of the same loss after t steps, for some t up to T, at the
    last bias.
    vanishes: by format, the bias from which dL_T/dU_z is exactly 0; empty if no bias drives z.
    """

    regime: Regime
    rows: tuple[Row, ...]
    lengths: Mapping[int, tuple[Enclosure, Enclosure]]
    vanishes: Mapping[str, float]


@dataclass(frozen=True)
class Explanation:
    """What the setting asks for: a report of each regime."""

    setting: Setting
    reports: tuple[RegimeReport, ...]

    def _repr_html_(self) -> str:
        """For notebooks: how large both gradients are at each length, regime by regime."""
        rows = list[str]()
        for report in self.reports:
            gates = f"{report.regime.name} (z={report.regime.z:g}, r={report.regime.r:g})"
            for t, (update, state) in report.lengths.items():
                rows.append(
                    f"<tr><th>{escape(gates)}</th><td>{t}</td><td>{escape(str(update))}</td>"
                    f"<td>{escape(str(state))}</td></tr>"
                )
        names = "<tr><th>regime</th><th>t</th><th>‖dL_t/dU_z‖</th><th>‖dL_t/dh_0‖</th></tr>"
        caption = "<caption>Where gradients go when the gates close</caption>"
        return f"<table>{caption}{names}{''.join(rows)}</table>"


def explain(setting: Setting) -> Explanation:
    """The regimes of the setting, measured in exact mathematics and in each format."""
    return Explanation(
        setting, tuple(_report(setting, _with_limit(setting, regime)) for regime in setting.regimes)
    )


def _report(setting: Setting, regime: Regime) -> RegimeReport:
    rows = tuple(_row(setting, regime, a) for a in setting.ladder(regime))
    vanishes = {
        f.short: _vanishes(setting, regime, f) for f in setting.formats if regime.z in (0, 1)
    }
    return RegimeReport(regime, rows, _lengths(case_at(setting, regime, rows[-1].a)), vanishes)


def _with_limit(setting: Setting, regime: Regime) -> Regime:
    """For gates that somebody chose: the limit that they are nearest to, as the bounds have it."""
    if regime.limit:
        return regime
    # At the largest bias, where the gates are nearest to their goals.
    case = case_at(setting, regime, setting.biases[-1])
    run = run_of(case, exact)
    return replace(regime, limit=min(BOUNDS, key=lambda limit: _bound(case, run, limit)))


def _row(setting: Setting, regime: Regime, a: float) -> Row:
    case = case_at(setting, regime, a)
    run = run_of(case, exact)
    return Row(
        a,
        worst_of([size(step.z - regime.z) for step in run.steps]),
        worst_of([size(step.r - regime.r) for step in run.steps]),
        # σ(-|a|) and not 1 - σ(|a|): near 1 the subtraction would leave no digits.
        largest(sigmoid(exact([-abs(pre_activation(regime.z, a))]))),
        _bound(case, run, regime.limit),
        measure(case, run, exact, regime.limit),
        {f.short: _measured_in(f, case, regime) for f in setting.formats},
    )


def _measured_in(fmt: Format, case: Case, regime: Regime) -> Measured:
    lift = rounding_to(fmt)
    return measure(case, run_of(case, lift), lift, regime.limit)


def _bound(case: Case, run: Run, limit: str) -> float:
    return max(float(BOUNDS[limit](magnitudes(case.cell, step)).max()) for step in run.steps)


def _lengths(case: Case) -> dict[int, tuple[Enclosure, Enclosure]]:
    """At t = 1, 2, 4, … and T."""
    T, run = len(case.inputs), run_of(case, exact)
    powers = [2**i for i in range(T.bit_length()) if 2**i < T]
    gradients = {t: total(terms_at(case, run, exact, t)) for t in [*powers, T]}
    return {t: (size(g.parameters.W_xz), size(g.state)) for t, g in gradients.items()}


def _vanishes(setting: Setting, regime: Regime, fmt: Format) -> float:
    """The bias from which dL_T/dU_z is 0 in the format, found by halving: gates only close as it
    grows.
    """
    # At 0 the gradient is not 0; at the largest bias it is, in every format.
    some, none = 0, int(LARGEST_BIAS) * _GRID
    while none - some > 1:
        middle = (some + none) // 2
        if _is_zero(case_at(setting, regime, middle / _GRID), fmt):
            some, none = some, middle
        else:
            some, none = middle, none
    return none / _GRID


def _is_zero(case: Case, fmt: Format) -> bool:
    lift = rounding_to(fmt)
    terms = terms_at(case, run_of(case, lift), lift, len(case.inputs))
    gradient: Array = total(terms).parameters.W_xz
    return not np.asarray(gradient).any()
