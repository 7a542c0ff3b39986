"""Pages as text: what they hold, that they load and run nothing, and that names stay names."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from gruverify import Result
from gruverify.reporting import Document, document
from gruverify.reporting.page import comparison_page, result_page
from gruverify.reporting.page._figures import heat_base, heat_maps, margins_figure, witness_figure
from gruverify.reporting.page._render import render
from gruverify.reporting.page._result import _biases, holes
from gruverify.reporting.page._svg import inline_svg
from gruverify.reporting.targets import Outcome, outcome_of

from ._documents import HOSTILE, rich
from ._results import PASSED, falsified, large, result, unclaimed


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text outside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    return result_page(rich(HOSTILE))


@pytest.fixture(scope="module")
def elements(page: str) -> Elements:
    return Elements(page)


@pytest.mark.uncounted
def test_it_shows_every_part(elements: Elements) -> None:
    ids = {attributes.get("id") for _, attributes in elements.found}
    links = [attributes["href"] for attributes in elements.of("a")]

    assert {
        "invariants",
        "witnesses",
        "coverage",
        "margins",
        "gradients",
        "i-agreement-step",
        "w-agreement-step",
    } <= ids
    assert all(link and link.startswith("#") and link[1:] in ids for link in links)


def test_every_id_is_unique(elements: Elements) -> None:
    counts = Counter(attributes["id"] for _, attributes in elements.found if "id" in attributes)

    assert max(counts.values()) == 1


def test_it_loads_nothing_and_carries_no_style_or_handler(elements: Elements) -> None:
    for tag, attributes in elements.found:
        assert not {"src", "style", "srcset", "action"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert tag != "link" or attributes["href"] == "data:,"


def test_the_policy_names_this_style_and_this_script_alone(page: str, elements: Elements) -> None:
    [policy] = [
        a["content"]
        for a in elements.of("meta")
        if a.get("http-equiv") == "Content-Security-Policy"
    ]

    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", rules["style-src"])
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", rules["script-src"])
    assert [len(elements.of(tag)) for tag in ("script", "style")] == [1, 1]


def test_a_hostile_name_is_text(elements: Elements) -> None:
    assert f"{HOSTILE} is falsified" in " ".join(elements.text.split())
    assert [tag for tag, _ in elements.found].count("script") == 1


@pytest.mark.uncounted
def test_the_same_document_makes_the_same_page(page: str) -> None:
    assert result_page(rich(HOSTILE)) == page


def test_a_result_with_nothing_to_show_still_is_a_page() -> None:
    text = Elements(result_page(document(result({}, complete=False)))).text

    assert "was interrupted" in text
    assert "nothing was judged" in text
    assert "Witnesses" not in text


def test_a_page_says_of_which_variants_cases_were_drawn() -> None:
    found = [{"reset": "after", "update": "keep", "biases": "none"}]

    text = Elements(result_page({**document(result()), "variants": found})).text

    assert "reset after, keep (biases: none)" in " ".join(text.split())


def test_a_page_says_what_the_run_covers_and_why_it_is_no_pass() -> None:
    elements = Elements(result_page(document(unclaimed())))
    text = " ".join(elements.text.split())

    assert "numpy is inconclusive 1 nothing claimed, 1 passed; 4 judgements in 1.2 s." in text
    reasons, covers = (
        text.index("Nothing failed, but this is no pass:"),
        text.index("What it covers"),
    )
    assert reasons < text.index("float64: too little is claimed of its values") < covers
    assert covers < text.index("float32, float64: 2 of 2 cases of cells, H 1–3, I 2, B 1, T 1–4")
    assert elements.of("span")[0]["class"] == "verdict inconclusive"


def test_what_claims_nothing_is_a_dash_with_a_filter_of_its_own() -> None:
    elements = Elements(result_page(document(unclaimed())))
    text = " ".join(elements.text.split())

    [cell] = [cell for cell in elements.of("td") if cell.get("class") == "fate nothing-claimed"]
    assert cell["data-label"] == "float64"
    assert "– nothing claimed" in text
    assert "0.00" not in text
    assert "nothing claimed" in [
        box["value"] for box in elements.of("input") if box["type"] == "checkbox"
    ]
    assert "entries claimed100%12%" in text


def test_a_pass_that_claims_little_says_how_much() -> None:
    little = replace(PASSED, claimed=3)
    text = " ".join(
        Elements(
            result_page(document(result({("agreement/step", "float32"): little})))
        ).text.split()
    )

    assert "0.25 claims 38%" in text
    assert "claims 100%" not in " ".join(Elements(result_page(document(result()))).text.split())


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (result(), "numpy conforms"),
        (falsified(), "numpy is falsified"),
        (result(crashes=("killed",)), "numpy died"),
        (result({}), "numpy is inconclusive"),
        (result(complete=False), "numpy was interrupted"),
    ],
)
def test_each_verdict_has_words(shown: Result, words: str) -> None:
    assert words in " ".join(Elements(result_page(document(shown))).text.split())


def test_a_large_case_is_not_on_the_page() -> None:
    shown = large()
    [found] = shown.witnesses.values()

    page = result_page(document(shown))

    assert "result.json" in Elements(page).text
    assert str(found.case.inputs.tolist())[:500] not in page


def placed(home: str, found: Document) -> Outcome:
    """A result of several, in a folder of its own."""
    return outcome_of(found, result=f"{home}/result.json")


def test_side_by_side_a_format_that_claims_nothing_is_no_pass() -> None:
    elements = Elements(
        comparison_page([placed("1", document(unclaimed())), placed("2", document(result()))])
    )

    assert [cell["class"] for cell in elements.of("td") if "fate" in (cell.get("class") or "")] == [
        "fate nothing-claimed",
        "fate passed",
    ]


def test_a_comparison_has_a_column_for_each_target_and_leads_to_its_page() -> None:
    elements = Elements(
        comparison_page([placed("1-a", rich("a")), placed("2-b", document(result()))])
    )
    links = [attributes["href"] for attributes in elements.of("a")]

    assert "2 targets" in elements.text
    assert "1-a/index.html#i-agreement-step" in links
    assert "2-b/index.html#i-agreement-step" in links
    assert "2-b/index.html#i-contract-same-bits" not in links


def test_holes_are_what_could_be_reached_and_was_not() -> None:
    group = rich()["coverage"][0]["groups"][0]

    assert holes(group) == ["z=0 r=0 c=0"]


@pytest.mark.parametrize("most", [0, 1, 255, 256, 10_000, 10**9])
def test_the_colours_of_a_map_reach_as_far_as_they_must_and_no_further(most: int) -> None:
    base = heat_base(most)

    assert base**8 > most
    assert all(smaller**8 <= most for smaller in (2, 3, 4, 6, 10) if smaller < base)


def drawn(svg: str) -> list[str]:
    """The colours in a figure."""
    return re.findall(r'(?:fill|stroke)="([^"]+)"', svg)


@pytest.mark.uncounted
def test_a_figure_has_the_colours_of_the_page_only() -> None:
    figures = (
        *heat_maps("float32", rich()["coverage"][0]["groups"][0], 4, "k").values(),
        margins_figure("agreement", {"float32": {-3: 2, 0: 1}}, "k"),
        witness_figure(rich()["witnesses"][0]["residual"], "k"),
    )
    for svg in figures:
        assert {colour for colour in drawn(svg) if not colour.startswith("var(--")} <= {"none"}


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("shape", "lines"),
    [((1,), 1), ((2, 3), 6), ((5, 5), 16), ((1, 1, 1, 1), 1)],
    ids=["one", "few", "many", "deep"],
)
def test_a_witness_shows_each_entry_or_the_worst_of_many(
    shape: tuple[int, ...], lines: int
) -> None:
    margins: list[Any] = np.linspace(0, 3, int(np.prod(shape))).tolist()
    margins[-1] = "inf"
    residual = {
        "entries": {"letters": "abcd"[: len(shape)], "shape": list(shape), "margins": margins}
    }

    svg = witness_figure(residual, "k")

    assert f"Error / bound of {lines} " in svg
    assert (
        ", ".join(f"{letter}={n - 1}" for letter, n in zip("abcd", shape, strict=False)).replace(
            ", ", " "
        )
        in svg
    )


def test_a_witness_without_entries_has_no_figure() -> None:
    assert witness_figure({"where": "step raised"}, "k") == ""


def test_two_figures_share_no_id() -> None:
    from gruverify.reporting.explain import require_plotting

    figure = require_plotting().Figure()
    figure.subplots().plot([1, 2], "o")
    one, two = (
        set(re.findall(r' id="([^"]+)"', inline_svg(figure, key, "a figure")))
        for key in ("one", "two")
    )

    assert one
    assert not one & two


def test_catches_a_value_that_a_template_misses() -> None:
    jinja2 = pytest.importorskip("jinja2")

    with pytest.raises(jinja2.UndefinedError):
        render("result.html")


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ({"bias": True}, ""),
        ({"bias": False}, ", no bias"),
        ({"bias": True, "biases": "input"}, ", bias_ih alone"),
    ],
)
def test_a_witness_says_which_biases_there_are_in_older_files_too(
    variant: dict[str, Any], words: str
) -> None:
    assert _biases(variant) == words
