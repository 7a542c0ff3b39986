"""A narrow format in wide arrays: each operation rounds to the format, and matrix products add up
in float32, as serious kernels do.

NumPy's own float16 and bfloat16 have no fast matrix product. float32 holds every number of either,
and a sum, product or quotient of two of them that is rounded twice is what one rounding makes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._formats import Format, float32
from gruverify.arithmetic._functions import sigmoid, tanh


class _WideArray(np.ndarray[Any, np.dtype[Any]]):
    """float32 numbers that are all numbers of `format`."""

    format: Format

    def __array_finalize__(self, other: Any) -> None:
        self.format = getattr(other, "format", float32)

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **options: Any) -> Any:
        # Computed as float32 and rounded once: two roundings are one where the wider format has at
        # least 2p+2 bits, and 24 is 2·11+2.
        plain = [np.asarray(one) if isinstance(one, _WideArray) else one for one in given]
        found = getattr(ufunc, method)(*plain, **options)
        return _rounded(found, self.format) if found.dtype == float32.dtype else found

    def sigmoid(self) -> _WideArray:
        """The logistic function, rounded once."""
        return _rounded(sigmoid(np.asarray(self)), self.format)

    def tanh(self) -> _WideArray:
        """The hyperbolic tangent, rounded once."""
        return _rounded(tanh(np.asarray(self)), self.format)


def emulated(values: npt.ArrayLike, fmt: Format) -> npt.NDArray[Any]:
    """Numbers of a format for the formulas: `values` rounded to it.

    Those of float16 and bfloat16 are held in float32 arrays; every operation rounds to the format,
    a matrix product once for each entry. What overflows becomes infinite.
    """
    if fmt.precision >= float32.precision:
        return fmt.cast(values)
    return _rounded(np.asarray(values), fmt)


def _rounded(values: npt.NDArray[Any], fmt: Format) -> _WideArray:
    with np.errstate(over="ignore"):
        wide = np.asarray(values.astype(fmt.dtype).astype(np.float32)).view(_WideArray)
    wide.format = fmt
    return wide
