"""Pages as people meet them: opened from disk in Chromium, with the network off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify.reporting import write_diagnosis, write_report
from gruverify.reporting.diagnosis import diagnosis_document

from ._documents import HOSTILE, rich

pytestmark = [pytest.mark.uncounted, pytest.mark.slow]

Opener = Callable[..., Any]
#: Patterns that each match one page.
HOSTILE_PAGE, NUMPY_PAGE = "1-*/index.html", "2-numpy/index.html"
PAGES = ["index.html", HOSTILE_PAGE, NUMPY_PAGE]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two results, one of them of a target with a hostile name."""
    folder = tmp_path_factory.mktemp("report") / "both"
    write_report([rich(HOSTILE), rich("numpy", crashes=("the process was killed",))], folder)
    return folder


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opener]:
    """Opens a page of the report; whatever the page complains of fails the test."""
    contexts, complaints = [], list[str]()

    def open_page(name: str | Path = NUMPY_PAGE, **options: Any) -> Any:
        contexts.append(browser.new_context(**{"offline": True, **options}))
        contexts[-1].set_default_timeout(120_000)  # a busy machine is not a failure
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:")) or complaints.append(request.url)
            ),
        )
        page.goto((name if isinstance(name, Path) else next(report.glob(name))).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize(
    ("name", "scheme"),
    # Both schemes where that is cheap: the pages share their colours.
    [(PAGES[0], "light"), (PAGES[0], "dark"), (PAGES[1], "light"), (PAGES[2], "dark")],
)
def test_it_is_accessible(name: str, scheme: str, opened: Opener) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(
        name, color_scheme=scheme, bypass_csp=True
    )  # axe itself is a script that the page would refuse

    found = axe.Axe().run(page)

    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", PAGES)
def test_it_fits_a_phone(name: str, opened: Opener) -> None:
    for width in (360, 390):
        page = opened(name, viewport={"width": width, "height": 740})

        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_diagnosis_is_accessible_and_fits_a_phone(opened: Opener, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    cell = gruverify.Cell(gruverify.Variant(bias=False), np.ones((9, 2)), np.ones((9, 3)))
    found = gruverify.diagnose(gruverify.Stack(((cell,),)), steps=6, members=1, formats="f16")
    write_diagnosis(diagnosis_document(found), tmp_path / "diagnosis")
    page = opened(
        tmp_path / "diagnosis" / "index.html",
        viewport={"width": 360, "height": 740},
        bypass_csp=True,
    )

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_all_sections_and_maps_are_in_sight_on_a_phone(opened: Opener) -> None:
    width = 390
    page = opened(viewport={"width": width, "height": 844})

    for what in ("nav a", ".maps svg"):
        boxes = [found.bounding_box() for found in page.locator(what).all()]
        assert len(boxes) > 2, what
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes), what


def rows(page: Any) -> list[str]:
    """The ids of the rows in sight."""
    found: list[str] = page.locator("tr[data-statuses]:visible .id").all_inner_texts()
    return found


def test_filters_work_alone_and_together(opened: Opener) -> None:
    page = opened()
    everything = [
        "contract/same-bits",
        "agreement/step",
        "regimes/carry-copies-state",
        "regimes/forget-value",
    ]
    assert sorted(rows(page)) == sorted(everything)
    assert page.locator("output").inner_text() == "4 of 5 invariants"

    page.get_by_label("not applicable").check()
    assert len(rows(page)) == 5
    page.get_by_label("Find").fill("step keep")
    assert rows(page) == ["agreement/step"]
    page.get_by_label("Find").fill("")
    page.get_by_label("passed").uncheck()
    page.get_by_label("nothing claimed").uncheck()
    assert "regimes/forget-value" not in rows(page)
    page.get_by_label("Find").fill("step keep")
    page.get_by_label("falsified").uncheck()
    assert rows(page) == []
    assert page.locator("tr.family:visible").count() == 0


def test_a_search_says_what_it_finds_and_why_it_finds_nothing(opened: Opener) -> None:
    page = opened()
    find, said = page.get_by_label("Find"), page.locator("output")

    find.fill("step, regimes/carry")
    assert rows(page) == ["agreement/step", "regimes/carry-copies-state"]
    find.fill("no such thing")
    assert said.inner_text() == "no invariant matches"
    find.fill("agreement/last")
    assert said.inner_text() == "1 match among the statuses that are not shown"

    page.get_by_role("button", name="Show all").click()
    assert said.inner_text() == "5 of 5 invariants"
    assert not page.get_by_role("button", name="Show all").is_visible()


def test_a_link_to_a_row_that_is_filtered_away_shows_it(opened: Opener) -> None:
    page = opened()
    page.get_by_label("Find").fill("no such thing")

    page.locator(".witness h3 a").first.click()

    assert "agreement/step" in rows(page)


def test_a_reproducer_is_copied_whole(opened: Opener) -> None:
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.locator("#w-agreement-step summary").first.click()

    page.locator("#w-agreement-step button").first.click()

    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.rstrip() == page.locator("#w-agreement-step pre").first.inner_text().rstrip()
    assert copied.startswith("import gruverify\n")


def test_where_copying_is_forbidden_the_text_is_selected(opened: Opener) -> None:
    page = opened()
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('forbidden')); }"
    )

    page.get_by_label("Copy the command that repeats this run").click()

    page.get_by_text("Selected").wait_for()
    assert page.evaluate("String(getSelection())").startswith("gruverify check numpy")


def test_a_hostile_name_runs_nothing(opened: Opener) -> None:
    page = opened(HOSTILE_PAGE)
    dialogs: list[Any] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))

    assert HOSTILE in page.locator("h1").inner_text()
    assert page.evaluate("document.scripts.length") == 1
    assert dialogs == []


def test_the_policy_holds(browser: Any, report: Path) -> None:
    """A script that gets into the page all the same is refused: asked of a page of its own, for it
    complains.
    """
    page = browser.new_page()
    page.goto((report / NUMPY_PAGE).as_uri())

    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: "
        "'window.ran = true'}))"
    )

    assert page.evaluate("window.ran") is None
    page.close()


def test_everything_is_reached_by_keyboard(opened: Opener) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.locator("#w-agreement-step summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#w-agreement-step pre").first.is_visible()


def test_without_scripts_everything_can_be_read(opened: Opener) -> None:
    page = opened(java_script_enabled=False)

    assert page.locator("tr[data-statuses]:visible").count() == 5
    assert page.locator(".filters:visible").count() == 0


def test_results_side_by_side_lead_to_each(opened: Opener) -> None:
    page = opened("index.html")
    page.get_by_role("link", name="numpy").first.click()

    assert "numpy died" in page.locator("h1").inner_text()
    page.get_by_role("link", name="all results").click()
    assert page.locator("h1").inner_text() == "2 targets"
