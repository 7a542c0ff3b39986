"""The explanation as a picture."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest

from gruverify.arithmetic import float16, float64
from gruverify.reporting.explain._explanation import Explanation, explain
from gruverify.reporting.explain._plot import SUFFIXES, PlotUnavailable, plot_explanation
from gruverify.reporting.explain._setting import Setting

pytestmark = pytest.mark.uncounted

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture(scope="module")
def plain() -> Explanation:
    return explain(Setting(biases=(16.0,)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that would be written."""
    from matplotlib.figure import Figure

    figures: list[Any] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    return figures


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_writes_the_kind_of_file_that_the_suffix_says(
    suffix: str, plain: Explanation, tmp_path: Path
) -> None:
    file = tmp_path / f"gradients{suffix}"
    plot_explanation(plain, file)
    assert file.read_bytes().startswith(MAGIC[suffix])


def test_a_panel_shows_the_terms_of_each_arithmetic(plain: Explanation, drawn: list[Any]) -> None:
    plot_explanation(plain, Path("unused.png"))
    for quantity, row_of_axes in zip(
        ("terms", "influence"), (drawn[0].axes[:3], drawn[0].axes[3:]), strict=True
    ):
        for ax, report in zip(row_of_axes, plain.reports, strict=True):
            lines = {line.get_label(): line for line in ax.get_lines()}
            for name, measured in {"exact": report.rows[0].exact, **report.rows[0].formats}.items():
                expected = [math.log10(v.mid) for v in getattr(measured, quantity) if not v.is_zero]
                assert [y for y in lines[name].get_ydata() if not math.isnan(y)] == expected


def test_exact_zeros_lie_in_a_strip_of_their_own(drawn: list[Any]) -> None:
    e = explain(Setting(biases=(16.0,), formats=(float16, float64)))
    plot_explanation(e, Path("unused.png"))
    carry, forget = drawn[0].axes[0], drawn[0].axes[1]
    assert [text.get_text() for text in carry.texts] == ["exactly 0"]
    zeros = forget.get_lines()[-1]
    assert list(zeros.get_xdata()) == [7, 6, 5, 4, 3, 2, 1]
    assert max(zeros.get_ydata()) < min(
        y for line in forget.get_lines()[:-1] for y in line.get_ydata() if not math.isnan(y)
    )
    assert not drawn[0].axes[3].texts


@pytest.mark.thinned
@pytest.mark.parametrize(
    "setting",
    [
        Setting(steps=1),
        Setting(steps=100, hidden=2, inputs=1, biases=(16.0,), formats=(float16, float64)),
        Setting(z=0.9),
        Setting(biases=(900.0,)),
        Setting(formats=()),
    ],
    ids=["one step", "long", "given", "shut", "exact only"],
)
def test_every_point_is_in_sight(setting: Setting, drawn: list[Any]) -> None:
    plot_explanation(explain(setting), Path("unused.png"))
    for ax in drawn[0].axes:
        low, high = ax.get_ylim()
        assert all(
            low < y < high for line in ax.get_lines() for y in line.get_ydata() if not math.isnan(y)
        )
        assert ax.get_yticks().size > 1


def test_says_how_to_get_matplotlib(
    plain: Explanation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        PlotUnavailable, match=r"^plots need matplotlib: pip install 'gruverify\[report\]'$"
    ):
        plot_explanation(plain, tmp_path / "gradients.png")
