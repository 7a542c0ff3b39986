"""A browser, with the network off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

#: Where Debian, Ubuntu and others put it; GRUVERIFY_CHROMIUM names another one.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or the reason for skipping."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = os.environ.get("GRUVERIFY_CHROMIUM") or next(
        filter(None, map(shutil.which, _NAMES)), None
    )
    if chromium is None:
        pytest.skip(
            "no Chromium here: apt-get install chromium, or name one with GRUVERIFY_CHROMIUM"
        )
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield browser
        browser.close()
