"""The site of docs/ as people meet it: in Chromium, on a phone and at a desk, light and dark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.uncounted

ROOT = Path(__file__).parents[2]
#: One of each kind, and those with the widest tables and the most fields.
PAGES = (
    "",
    "tutorial/",
    "how-to/c-kernel/",
    "backends/",
    "api/",
    "cli/",
    "invariants/",
    "invariants/agreement/",
    "strategies/",
    "result-schema/",
)
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"}
DESK = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site: the one that GRUVERIFY_SITE names, or one that is built here."""
    if built := os.environ.get("GRUVERIFY_SITE"):
        return Path(built)
    pytest.importorskip("mkdocs", reason="the site needs MkDocs: tox -e docs builds it")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    command += ["--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_is_accessible_and_complains_of_nothing(
    name: str, screen: dict[str, Any], address: str, browser: Any
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    complaints = list[str]()
    context = browser.new_context(**screen)
    context.set_default_timeout(120_000)  # a busy machine is not a failure
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((address, "data:", "blob:")) or complaints.append(request.url)
        ),
    )

    page.goto(address + name)
    page.wait_for_function("document.querySelector('.md-search[aria-label]')")
    found = axe.Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    assert complaints == []
    context.close()


@pytest.mark.parametrize(
    "place",
    [
        "invariants/agreement/#agreement-step",
        "cli/#judge",
        "result-schema/#witness",
        "api/#gruverify.Cell.weight_hh",
        "api/#gruverify.Case.d_outputs",
        "api/#gruverify.Stack.cells",
        "api/#gruverify.Gradients.bias_hh",
        "api/#gruverify.strategies.LaidOut.layout",
        "how-to/jax/",
    ],
)
def test_search_leads_to_it(place: str, site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))

    assert place in {entry["location"] for entry in index["docs"]}


def test_what_pages_link_to_outside_docs_is_published(site: Path) -> None:
    for name in ("reports/sample/index.html", "gruverify/reporting/result.schema.json"):
        assert (site / name).read_bytes() == (ROOT / name).read_bytes()
