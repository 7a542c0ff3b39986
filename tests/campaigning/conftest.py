"""Targets, and what their units found: worked on once for all tests."""

import pytest

from gruverify.campaigning import Subject, Unit
from gruverify.store import KeptUnit
from tests.campaigning._serial import WRONG, Serial, subjects


@pytest.fixture(scope="session")
def both() -> dict[str, Subject]:
    """A right GRU and a wrong one."""
    return subjects("numpy", WRONG)


@pytest.fixture(scope="session")
def known() -> dict[Unit, KeptUnit]:
    """What units found, as tests come to them."""
    return {}


@pytest.fixture
def workers(known: dict[Unit, KeptUnit]) -> Serial:
    """Workers that know what was found before."""
    return Serial(known)
