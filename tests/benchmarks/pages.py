"""How heavy pages are, and how long Chromium takes to load them.

python tests/benchmarks/pages.py reports/numpy/index.html reports/site

A file is a report, loaded from disk. A folder is the site of docs/, which `tox -e docs` builds: it
is served here, and some of its pages are loaded with all that they need.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

#: Pages of the site: the first, a long one, the longest, and one of figures and text.
_PAGES = ("", "tutorial/", "api/", "invariants/agreement/", "theory/")
_TIMES = 5
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_BYTES = """
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .reduce((sum, entry) => sum + entry.encodedBodySize, 0)
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def loaded(browser: Any, address: str) -> tuple[float, int]:
    """The best time until everything is loaded, in milliseconds, and the bytes that it took, each
    time with an empty cache.
    """
    times, size = list[float](), 0
    for _ in range(_TIMES):
        with browser.new_context() as fresh:
            page = fresh.new_page()
            page.goto(address, wait_until="load", timeout=300_000)  # a busy machine
            page.wait_for_function(f"{_LOADED} > 0")
            times.append(page.evaluate(_LOADED))
            size = page.evaluate(_BYTES)
    return min(times), size


def measure(browser: Any, path: Path) -> None:
    """Print a line for each page."""
    if path.is_file():
        data = path.read_bytes()
        time, _ = loaded(browser, path.resolve().as_uri())
        packed = len(gzip.compress(data))
        print(f"{path}: {len(data) / 1e6:.2f} MB, {packed / 1e6:.2f} MB packed, {time:.0f} ms")
        return
    with served(path) as root:
        for name in _PAGES:
            time, size = loaded(browser, root + name)
            print(f"{path}/{name}: {size / 1e6:.2f} MB with all that it needs, {time:.0f} ms")


def main() -> None:
    """Measure what the command line names."""
    with sync_playwright() as driver:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print(f"Chromium {browser.version}, the best of {_TIMES}")
        for path in map(Path, sys.argv[1:]):
            measure(browser, path)
        browser.close()


if __name__ == "__main__":
    main()
