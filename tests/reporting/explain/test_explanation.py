"""The numbers of the explanation are what theory.md measures and bounds, in exact mathematics and
in each format.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest

from gruverify.arithmetic import FORMATS, Format, float16, float32
from gruverify.backends import NumpyBackend
from gruverify.cell import VARIANTS, Case, Cell, Gradients
from gruverify.formulas import Contribution, _step, contributions, jacobian
from gruverify.reporting.explain import _measure
from gruverify.reporting.explain._answer import answer
from gruverify.reporting.explain._enclosure import Enclosure, total_of
from gruverify.reporting.explain._explanation import Explanation, RegimeReport, explain
from gruverify.reporting.explain._setting import Setting, case_at

pytestmark = pytest.mark.uncounted

WITH_BIAS = [variant for variant in VARIANTS if variant.bias]


@pytest.fixture(scope="module", params=WITH_BIAS, ids=str)
def explanation(request: pytest.FixtureRequest) -> Explanation:
    return explain(Setting(variant=request.param))


@pytest.fixture(scope="module")
def plain() -> Explanation:
    return explain(Setting())


def named(e: Explanation, name: str) -> RegimeReport:
    return next(report for report in e.reports if report.regime.name == name)


def test_jacobian_is_within_its_bound_of_the_limit(explanation: Explanation) -> None:
    for report in explanation.reports:
        for row in report.rows:
            assert row.exact.gap.low > 0
            assert row.exact.gap.high <= row.bound


def test_jacobian_reaches_its_limit_as_the_bias_grows(explanation: Explanation) -> None:
    for report in explanation.reports:
        assert all(
            later.exact.gap.high * 10 < earlier.exact.gap.low
            for earlier, later in pairwise(report.rows)
        )


def test_update_gradient_is_proportional_to_the_gate_that_shuts(explanation: Explanation) -> None:
    for report in explanation.reports:
        assert converges([row.update_over_shut for row in report.rows])


def test_share_of_earlier_terms_falls_with_the_gate_in_forget_only(
    explanation: Explanation,
) -> None:
    shares = {r.regime.name: [row.earlier_share for row in r.rows] for r in explanation.reports}
    assert all(later.high * 10 < earlier.low for earlier, later in pairwise(shares["forget"]))
    assert converges(shares["carry"])
    assert converges(shares["Elman"])


def test_candidate_input_path_stays(explanation: Explanation) -> None:
    for name in ("forget", "Elman"):
        rows = named(explanation, name).rows
        assert converges([row.exact.candidate for row in rows])
        assert converges([row.exact.candidate_bias for row in rows])


def test_recurrent_bias_stays_in_forget_only_if_reset_is_before_the_product(
    explanation: Explanation,
) -> None:
    gradients = [row.exact.recurrent_bias for row in named(explanation, "forget").rows]
    if explanation.setting.variant.reset == "before":
        assert converges(gradients)
    else:
        assert all(later.high * 10 < earlier.low for earlier, later in pairwise(gradients))


def test_state_gradient_vanishes_like_a_power_of_the_bound_in_forget(
    explanation: Explanation,
) -> None:
    s = explanation.setting
    for row in named(explanation, "forget").rows:
        assert row.exact.state.high <= s.hidden * row.bound**s.steps


def test_state_is_carried_within_the_growth_of_the_bound(explanation: Explanation) -> None:
    for row in named(explanation, "carry").rows:
        allowed = np.expm1((explanation.setting.steps - 1) * np.log1p(row.bound))
        reach = row.exact.influence[-1]
        assert 1 - allowed <= reach.high
        assert reach.low <= 1 + allowed


def test_update_gradient_does_not_shrink_with_length_in_forget(plain: Explanation) -> None:
    lengths = named(plain, "forget").lengths
    assert list(lengths) == [1, 2, 4, 8]
    shut = named(plain, "forget").rows[-1].shut
    assert all((update / shut).low > 0.1 for update, _ in lengths.values())
    assert all(later.high < earlier.low for (_, earlier), (_, later) in pairwise(lengths.values()))


def test_terms_add_up_to_at_least_the_gradient(explanation: Explanation) -> None:
    for report in explanation.reports:
        for row in report.rows:
            assert len(row.exact.terms) == explanation.setting.steps
            assert row.exact.update.low <= total_of(row.exact.terms).high


def test_enclosures_hold_what_float64_gives(explanation: Explanation) -> None:
    for report in explanation.reports:
        for row in report.rows:
            exact, found = row.exact, row.formats["f64"]
            pairs = [
                (exact.gap, found.gap),
                (exact.update, found.update),
                (exact.candidate, found.candidate),
            ]
            pairs += zip(exact.terms, found.terms, strict=True)
            pairs += zip(exact.influence, found.influence, strict=True)
            assert all(e.low <= f.high and f.low <= e.high for e, f in pairs)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_formats_show_the_numpy_backend_bit_for_bit(fmt: Format, explanation: Explanation) -> None:
    s = explanation.setting
    for report in explanation.reports:
        for row in report.rows:
            found = in_format(case_at(s, report.regime, row.a), fmt)
            H = s.hidden
            assert holds(row.formats[fmt.short].update, found.weight_ih[H : 2 * H])
            assert holds(row.formats[fmt.short].candidate, found.weight_ih[2 * H :])
            assert holds(row.formats[fmt.short].state, found.state)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_gradient_is_exactly_zero_from_the_bias_that_is_named(
    fmt: Format, explanation: Explanation
) -> None:
    s = explanation.setting
    for report in explanation.reports:
        a = report.vanishes[fmt.short]
        there, before = (
            in_format(case_at(s, report.regime, at), fmt).weight_ih[s.hidden : 2 * s.hidden]
            for at in (a, a - 0.25)
        )
        assert not there.any()
        assert before.any()


def test_a_shut_gate_has_terms_that_are_exactly_zero_in_a_format(plain: Explanation) -> None:
    last = named(plain, "forget").rows[-1]
    assert [term.is_zero for term in last.formats["f16"].terms] == [False] + [True] * 7
    assert not any(term.is_zero for term in last.formats["f64"].terms)


@pytest.mark.parametrize(
    ("z", "r", "limit"),
    [(0.999, 0.5, "I"), (0.001, 0.001, "0"), (0.001, 0.999, "D(1-c²)W_hc")],
)
def test_given_gates_are_compared_with_the_nearest_limit(z: float, r: float, limit: str) -> None:
    (report,) = explain(Setting(z=z, r=r, formats=(float32,))).reports
    assert report.regime.limit == limit
    assert len(report.rows) == 1
    assert report.rows[0].exact.gap.high <= report.rows[0].bound
    assert report.vanishes == {}


def test_one_unit_and_one_step_are_enough() -> None:
    (carry, forget, elman) = explain(
        Setting(hidden=1, inputs=1, steps=1, formats=(float16,))
    ).reports
    for report in (carry, forget, elman):
        assert report.rows[-1].earlier_share.is_zero
        assert list(report.lengths) == [1]


# -- the answer is read off the numbers ------------------------------------------------------------


def test_answer_says_what_the_numbers_say(plain: Explanation) -> None:
    why, order, stays, others = answer(plain)
    forget = named(plain, "forget")
    assert f"which make up {forget.rows[-1].earlier_share} of the sum" in why
    assert "keeps its size at every length: " in why
    assert "is itself O(z): divided by z it is " in order
    assert all(f"{name} from a = {a:g}" in order for name, a in forget.vanishes.items())
    assert stays.startswith("The candidate's input path stays O(1): ")
    assert "is itself O(1-z)" in others
    assert "the past fades" in others


def test_answer_claims_no_order_from_one_bias() -> None:
    why, order, stays, others = answer(explain(Setting(steps=1, biases=(8.0,), formats=())))
    assert "So dL_t/dU_z is " in why
    assert order.startswith("dL_T/dU_z divided by z is ")
    assert stays.startswith("The candidate's input path: ")
    assert "the past does not fade" in others


def test_answer_claims_nothing_of_what_the_enclosures_cannot_tell() -> None:
    _, _, _, others = answer(explain(Setting(biases=(50.0, 60.0), formats=())))
    assert "O(1-z)" not in others


def test_answer_of_a_gate_left_half_open_grows_with_length() -> None:
    (why, order, _) = answer(explain(Setting(z=0.99, steps=40, formats=())))
    assert why.startswith("Given: ")
    assert "varies with the length: " in why
    assert "divided by 1-z is " in order


def test_catches_update_gradient_that_lacks_its_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_step, "update_slope", lambda v, a: a.h - a.c)
    assert "is itself O(z)" not in answer(explain(Setting(formats=())))[1]


def test_catches_candidate_gradient_that_has_a_gate_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_step, "candidate_slope", lambda a: a.z * a.take * (1 - a.c * a.c))
    assert "stays O(1)" not in answer(explain(Setting(formats=())))[2]


def test_catches_jacobian_that_is_not_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        _measure, "jacobian", lambda *arguments: tuple(2 * J for J in jacobian(*arguments))
    )
    assert all(
        row.exact.gap.low > row.bound for row in named(explain(Setting(formats=())), "carry").rows
    )


def test_catches_last_term_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def losing(*arguments: Any) -> Iterator[Contribution]:
        last, *earlier = contributions(*arguments)
        yield replace(last, gates=replace(last.gates, z=last.gates.z * 0.0))
        yield from earlier

    monkeypatch.setattr(_measure, "contributions", losing)
    why = answer(explain(Setting(formats=())))[0]
    assert "which make up 1 of the sum" in why
    assert "keeps its size at every length" not in why


# -- helpers ---------------------------------------------------------------------------------------


def converges(values: Sequence[Enclosure]) -> bool:
    """To a limit that is not 0, each step less than a tenth of the one before or lost in the
    radius.
    """
    steps = [abs(later.mid - earlier.mid) for earlier, later in pairwise(values)]
    radius = max(value.high - value.low for value in values)
    return values[-1].low > 10 * steps[-1] and all(b < a / 10 + radius for a, b in pairwise(steps))


def in_format(case: Case, fmt: Format) -> Gradients:
    """What the numpy backend returns for the case, cast to a format."""
    cell = Cell(
        case.cell.variant, **{name: fmt.cast(array) for name, array in case.cell.packed().items()}
    )
    backend = NumpyBackend()
    return backend.sequence_vjp(
        cell, fmt.cast(case.inputs), fmt.cast(case.state), None, fmt.cast(case.d_last)
    )


def holds(value: Enclosure, gradient: npt.NDArray[Any]) -> bool:
    """Whether a value is the largest entry's magnitude."""
    return value.low <= np.abs(gradient.astype(np.float64)).max() <= value.high


def test_a_notebook_shows_both_gradients_at_each_length_of_each_regime(plain: Explanation) -> None:
    table = ElementTree.fromstring(plain._repr_html_())

    rows = [[str(cell.text) for cell in row] for row in table.findall("tr")]
    update, state = named(plain, "forget").lengths[8]
    assert rows[0] == ["regime", "t", "‖dL_t/dU_z‖", "‖dL_t/dh_0‖"]
    assert ["forget (z=0, r=0)", "8", str(update), str(state)] in rows
    assert len(rows) == 1 + sum(len(report.lengths) for report in plain.reports)
