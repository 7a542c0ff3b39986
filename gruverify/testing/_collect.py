"""`--gru-target TARGET`: conformance tests that are in no file."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from gruverify.backends import TargetUnavailable, UnknownTarget
from gruverify.testing._conformance import conformance

_NAME = "conforms"


class _Target(pytest.Module):
    """A module of one test, made and not imported."""

    def _getobj(self) -> Any:
        module = ModuleType(self.nodeid)
        setattr(module, _NAME, conformance(self.nodeid))
        return module

    def istestfunction(self, obj: object, name: str) -> bool:
        """Whatever the user's tests are called, ours is this one."""
        return name == _NAME


def tests_of(target: str, session: pytest.Session) -> list[pytest.Item]:
    """The conformance tests of a target, which is the first part of their ids.

    Raises:
        pytest.UsageError: There is no such target, or it cannot be used.
    """
    module = _Target.from_parent(session, path=session.config.rootpath / "pytest", nodeid=target)
    items = list(session.genitems(module))
    # What a worker of pytest-xdist raises here is not shown: there each test fails with the reason.
    if not hasattr(session.config, "workerinput"):
        _require_backend(items)
    return items


def _require_backend(items: list[pytest.Item]) -> None:
    """Raise one error for a target that does not exist, where each test would raise the same."""
    for marker in (item.get_closest_marker("gruverify") for item in items):
        if marker is not None:
            try:
                _ = marker.args[0].backend
            except (UnknownTarget, TargetUnavailable) as wrong:
                raise pytest.UsageError(f"--gru-target: {wrong}") from None
