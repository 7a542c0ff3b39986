"""The question's answer in a few sentences. Every claim in them is read off the measured numbers,
its wording too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gruverify.reporting.explain._enclosure import Enclosure
from gruverify.reporting.explain._explanation import Explanation, RegimeReport


def answer(e: Explanation) -> list[str]:
    """Why dL_T/dU_z does not shrink to zero with T, how it depends on z, what stays O(1), and the
    other two regimes.
    """
    by_name = {report.regime.name: report for report in e.reports}
    # The question's case, z = r = 0, or the gates that were asked for instead.
    main = by_name.get("forget", e.reports[0])
    sentences = [_length(main), f"dL_T/dU_z {_order(main)}.{_zeros(main)}", _open(main)]
    if "carry" in by_name:
        sentences.append(f"{_carry(by_name['carry'])} {_elman(by_name['Elman'])}")
    return sentences


def shut_name(report: RegimeReport) -> str:
    """What dL/dU_z is proportional to when the update gate is extreme: z, or 1-z."""
    if report.regime.z <= 0.5:
        return "z"
    return "1-z"


def _length(report: RegimeReport) -> str:
    updates = [update for update, _ in report.lengths.values()]
    states = [state for _, state in report.lengths.values()]
    share = report.rows[-1].earlier_share
    return (
        f"{_case(report)}: the product of Jacobians multiplies the terms k < T only, which make up "
        f"{share} of the sum; "
        f"the term k = T has the empty product. So dL_t/dU_z {_by_length(updates)}{_list(updates)} "
        f"at t = {_list(report.lengths)}, while dL_t/dh_0 is {_list(states)}."
    )


def _by_length(updates: Sequence[Enclosure]) -> str:
    if len(updates) == 1:
        return "is "
    if _steady(updates):
        return "keeps its size at every length: "
    # Only where the enclosures prove it: overlapping ones say nothing of a trend.
    if updates[-1].high < updates[0].low:
        return "shrinks with the length: "
    return "varies with the length: "


def _order(report: RegimeReport) -> str:
    shut, ratios = shut_name(report), [row.update_over_shut for row in report.rows]
    if _steady(ratios):
        verb = f"is itself O({shut}): divided by {shut} it is"
    else:
        verb = f"divided by {shut} is"
    return f"{verb} {_list(ratios)}{_biases(report)}"


def _zeros(report: RegimeReport) -> str:
    zeros = ", ".join(f"{name} from a = {a:g}" for name, a in report.vanishes.items())
    return (
        zeros
        and f" It is exactly 0 where {shut_name(report)} is 0, or too small for the format: "
        f"{zeros}."
    )


def _open(report: RegimeReport) -> str:
    weights = [row.exact.candidate for row in report.rows]
    biases = [row.exact.candidate_bias for row in report.rows]
    if _steady(weights) and _steady(biases):
        known = " stays O(1)"
    else:
        known = ""
    return (
        f"The candidate's input path{known}: dL_T/dW_xc is {_list(weights)}, dL_T/db_xc is "
        f"{_list(biases)}"
        f"{_biases(report)}."
    )


def _carry(report: RegimeReport) -> str:
    last = report.rows[-1].exact
    return (
        f"{_case(report)}: J is within {last.gap} of I and ‖dh_T/dh_1‖ is {last.influence[-1]}, "
        f"but dL_T/dU_z {_order(report)}."
    )


def _elman(report: RegimeReport) -> str:
    last = report.rows[-1]
    gap, influence = last.exact.gap, last.exact.influence[-1]
    if influence.high < 1:
        way = "the past fades"
    else:
        way = "the past does not fade"
    return (
        f"{_case(report)}: J is within {gap} of D(1-c²)W_hc and {way}, ‖dh_T/dh_1‖ is {influence}; "
        f"the terms k < T make up {last.earlier_share} of the sum."
    )


def _case(report: RegimeReport) -> str:
    name = report.regime.name
    if report.regime.approached:
        driven = f", a = {report.rows[-1].a:g}"
    else:
        driven = ""
    return f"{name[0].upper()}{name[1:]}{driven}"


def _steady(values: Sequence[Enclosure]) -> bool:
    """Of one order of magnitude: two or more that are known, and bounds of others that do not
    contradict it.
    """
    known = [value for value in values if value.low > 0]
    if len(known) < 2:
        return False
    # One order of magnitude: within it "O(1)" is no overstatement over the biases shown.
    enough = max(value.high for value in known) / 10
    return all(value.low >= enough if value.low > 0 else value.high >= enough for value in values)


def _biases(report: RegimeReport) -> str:
    if report.regime.approached:
        return f" at a = {_list(f'{row.a:g}' for row in report.rows)}"
    return ""


def _list(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
