"""The type of arrays whose format is only known once there are some."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt

#: A NumPy array of numbers in any of the formats.
NDArray: TypeAlias = npt.NDArray[Any]
