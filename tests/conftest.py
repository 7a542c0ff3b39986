"""The suite's own Hypothesis profile: the same examples on every machine, no deadlines. Documents
are checked.
"""

from __future__ import annotations

import gc
import json
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import Phase, settings

#: A repository of its own, with a tox.ini of its own; and what needs other libraries, which `tox -e
#: world` installs.
collect_ignore = ["downstream"] if os.environ.get("GRUVERIFY_WORLD") else ["downstream", "world"]

settings.register_profile(
    "gruverify-suite",
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
)
settings.load_profile("gruverify-suite")

#: Where one failure is enough, and nobody looks at it: tests of mutants.
settings.register_profile(
    "gruverify-mutants",
    settings.get_profile("gruverify-suite"),
    max_examples=100,
    phases=[Phase.explicit, Phase.generate],
)

#: Tests of the plugin run pytest inside pytest.
pytest_plugins = ["pytester"]


#: How often each test that is thinned was collected, by its function.
_thinned = Counter[str]()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Make three in four parameters of a thinned test slow, the same ones in every run."""
    if item.get_closest_marker("thinned"):
        function = item.nodeid.split("[")[0]
        if _thinned[function] % 4:
            item.add_marker(pytest.mark.slow)
        _thinned[function] += 1


def pytest_collection_finish() -> None:
    """Spare the garbage collector torch, NumPy and ten thousand tests."""
    gc.freeze()


@pytest.fixture(autouse=True)
def what_is_written_keeps_to_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every document that a test writes as JSON against result.schema.json."""
    from gruverify.reporting import _json, parse_document

    write = _json.document

    def checked(*arguments: Any, **options: Any) -> dict[str, Any]:
        document = write(*arguments, **options)
        parse_document(json.dumps(document, allow_nan=False))
        return document

    monkeypatch.setattr(_json, "document", checked)


@pytest.fixture
def unexplained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for no likely cause of what fails: it takes longer than a short run, and few tests read
    it.
    """
    monkeypatch.setattr("gruverify.engine._check.explained", lambda result, target: result)
    monkeypatch.setattr("gruverify.engine._early_end.explanation", lambda result, backend: "")
