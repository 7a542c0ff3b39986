"""The explanation on a terminal."""

import io
import re

import pytest
from rich.console import Console

from gruverify.arithmetic import float16, float64
from gruverify.reporting.explain._explanation import Explanation, explain
from gruverify.reporting.explain._setting import Setting
from gruverify.reporting.explain._text import print_explanation

pytestmark = pytest.mark.uncounted


def rendered(e: Explanation, width: int = 120, *, terminal: bool = False) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        highlight=False,
    )
    print_explanation(console, e)
    return file.getvalue()


@pytest.fixture(scope="module")
def plain() -> Explanation:
    return explain(Setting())


def test_says_what_is_looked_at(plain: Explanation) -> None:
    text = rendered(plain)
    assert (
        "H=4 I=3 T=8 · seed 0 · reset after, keep · carry (z=1, r=0.5), forget (z=0, r=0), Elman "
        "(z=0, r=1)" in text
    )
    assert "its distance from I (carry), 0 (forget), D(1-c²)W_hc (Elman)" in text


def test_every_number_of_the_tables_is_shown(plain: Explanation) -> None:
    text = rendered(plain)
    for report in plain.reports:
        for row in report.rows:
            m = row.exact
            shown = [
                m.gap,
                m.update,
                row.update_over_shut,
                row.earlier_share,
                m.candidate,
                m.candidate_bias,
                m.state,
            ]
            shown += [
                value for f in row.formats.values() for value in (f.gap, f.update, f.candidate)
            ]
            assert all(str(value) in text for value in shown)
        last = report.rows[-1]
        terms = [term for m in (last.exact, *last.formats.values()) for term in m.terms]
        assert all(str(value) in text for value in (*terms, *last.exact.influence))


def test_a_row_reads_as_its_columns_say() -> None:
    e = explain(Setting(biases=(16.0,), formats=(float16, float64)))
    (row,) = (report.rows[0] for report in e.reports if report.regime.name == "forget")
    first = next(line for line in rendered(e).splitlines() if line.startswith("forget"))
    f16, f64 = row.formats["f16"].gap, row.formats["f64"].gap
    assert first.split()[:2] == ["forget", "16"]
    assert first.split()[4] == str(row.exact.gap)
    assert first.split()[6:] == [str(f16), str(f64)]


def test_begins_with_the_answer_in_words(plain: Explanation) -> None:
    words, _, numbers = rendered(plain).partition("In words\n")[2].partition("In numbers\n")
    assert "exactly 0" in numbers
    assert re.findall(r"^(\d)\. ", words, re.MULTILINE) == ["1", "2", "3", "4"]
    assert "keeps its size at every length" in " ".join(words.split())


def test_ends_with_what_asks_it_of_trained_weights(plain: Explanation) -> None:
    assert rendered(plain).splitlines()[-1].endswith("gruverify diagnose FILE --inputs x.npy")


def test_colour_only_on_a_terminal(plain: Explanation) -> None:
    assert "\x1b" not in rendered(plain)
    assert re.search(r"\x1b\[1;35m +0\x1b", rendered(plain, terminal=True))


def test_numbers_are_not_broken_on_a_narrow_terminal(plain: Explanation) -> None:
    text = rendered(plain, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    last = plain.reports[0].rows[-1]
    assert all(str(m.gap) in text for m in (last.exact, *last.formats.values()))


@pytest.mark.parametrize(("steps", "left_out"), [(11, False), (12, True)])
def test_a_long_sum_is_shown_at_both_ends(steps: int, left_out: bool) -> None:
    e = explain(Setting(steps=steps, biases=(4.0,), formats=()))
    text = rendered(e).partition("4  The terms")[2]
    assert ("…" in text) is left_out
    assert str(e.reports[0].rows[-1].exact.terms[-1]) in text


def test_gates_that_no_bias_drives_have_none() -> None:
    text = rendered(explain(Setting(z=0.9, formats=())))
    assert "given (z=0.9, r=0.5)" in text
    assert re.search(r"^given +- +0\.9±", text, re.MULTILINE)
    assert "at a =" not in text
