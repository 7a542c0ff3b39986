"""A failure in words: what should hold, where it does not, by how much, and on which case."""

from __future__ import annotations

import math

from gruverify.cell import AnyCase, Case
from gruverify.engine._derived import derived_cases
from gruverify.invariants import Invariant, Residual

#: So many derived cases of one comparison are shown.
_SHOWN = 3


def severity(residual: Residual) -> float:
    """How grave a failure is: how far off it is, relative to the range of the quantity; infinite
    without a number.

    At most 2, then: the range is taken to reach as far as both numbers do. A margin does not
    measure this: where nothing may be lost, losing the smallest number there is has an infinite
    one.
    """
    # With a NaN or an infinity on either side there is no distance: nothing is graver.
    off = residual.actual - residual.expected
    if not math.isfinite(off):
        return math.inf
    if off:
        return abs(off) / max(residual.scale, abs(residual.actual), abs(residual.expected))
    return 0.0


def describe(
    invariant: Invariant,
    residual: Residual,
    case: AnyCase,
    condition: str = "",
    *,
    few: bool = False,
) -> str:
    """A failure in words: what should hold, where it does not, by how much in units of roundoff,
    under which condition (see `condition`), and the case with its sizes; where another was made of
    it and run, that one too. few: whether the target declares shapes="few".
    """
    numbers = [
        f"  {name:8} {value}"
        for name, value in numbers_of(residual, case.format.unit_roundoff).items()
    ]
    if condition:
        under = [f"  fails    {condition}"]
    else:
        under = []
    place = [f"  {case.format.name}, {case.variant}, {sizes_of(case)}"]
    run = [f"  run as   {line}" for line in run_as(invariant, residual, case, few=few)]
    return "\n".join(
        [
            f"{invariant.id}: {invariant.statement}",
            f"  {residual.where}",
            *numbers,
            *under,
            *place,
            *run,
        ]
    )


def run_as(
    invariant: Invariant, residual: Residual, case: AnyCase, *, few: bool = False
) -> list[str]:
    """The cases that were made of the drawn one and really run, a line for each; none where that
    was the drawn one. few: as in `describe`.
    """
    derived = derived_cases(invariant, case, residual.where, few=few)
    lines = [
        f"{sizes_of(each.case)}, derived by {', '.join(each.changes)}" for each in derived[-_SHOWN:]
    ]
    if left := len(derived) - len(lines):
        lines.append(f"and {left} more")
    return lines


def sizes_of(case: AnyCase) -> str:
    """The sizes of a case; of a stack, the lengths of its members and how the call is arranged,
    too.
    """
    sizes = [f"{letter}={size}" for letter, size in case.sizes.items()]
    if isinstance(case, Case):
        return ", ".join(sizes)
    if case.lengths is None:
        lengths = []
    else:
        lengths = [f"lengths={case.lengths.tolist()}"]
    if case.batched:
        unbatched = []
    else:
        unbatched = ["no batch axis"]
    if case.batch_first:
        first = ["batch first"]
    else:
        first = []
    return ", ".join([*sizes, *lengths, *first, *unbatched])


def numbers_of(residual: Residual, u: float) -> dict[str, str]:
    """The residual's numbers by their names, errors in units of roundoff `u` too; none if a
    statement has none.
    """
    # A statement in words alone, such as a wrong shape: it has no numbers to show.
    if math.isnan(residual.actual) and math.isnan(residual.expected) and _wordy(residual):
        return {}
    shown = {"is": repr(residual.actual)}
    if math.isnan(residual.expected):
        # Mathematics expects no NaN: it is what the target itself answered, to this case or to one
        # made of it.
        return {**shown, "beside": "nan, the target's other answer, which it is compared with"}
    shown["must be" if residual.relation == "=" else "limit"] = repr(residual.expected)
    if math.isnan(residual.actual):
        if _wordy(residual):
            return shown
        return {**shown, "bound": _in_units(residual.bound, u)}
    if residual.relation == "=":
        margin = f"so the margin is {residual.margin:.4g}"
        return {
            **shown,
            "error": _in_units(residual.error, u),
            "bound": f"{_in_units(residual.bound, u)}, {margin}",
        }
    # The bound of an inequality is its limit plus what rounding may add: that part is shown.
    rounding = residual.bound - residual.expected
    return {
        **shown,
        "rounding": f"{_in_units(rounding, u)}, so the margin is {residual.margin:.4g}",
    }


def _wordy(residual: Residual) -> bool:
    """Whether it is a statement without a number that does not hold, and not the worst of some
    entries.
    """
    return residual.entries is None and residual.bound == 0 and not residual.where.endswith("]")


def _in_units(value: float, u: float) -> str:
    return f"{value:.3g} = {value / u:.3g} u"
