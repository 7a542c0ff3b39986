"""What runs of pytest inside pytest import stays imported."""

import sys
from collections.abc import Iterator

import pytest

from ._runs import Imported


@pytest.fixture(autouse=True)
def imported_modules_stay() -> Iterator[None]:
    """Put the modules back that pytester forgot; as it is set up before pytester, it is torn down
    after it.
    """
    yield
    sys.modules.update(Imported.modules | sys.modules)
    Imported.modules.clear()
