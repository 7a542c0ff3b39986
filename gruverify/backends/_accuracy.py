"""From what a backend declares of its accuracy to the rounding model that its tolerances are
derived from.
"""

from __future__ import annotations

from gruverify.arithmetic import Format, Rounding
from gruverify.backends._declarations import ACCURACY, declarations_of


def rounding_of(backend: object, fmt: Format) -> Rounding:
    """The rounding model of `fmt` as the backend declares it.

    Raises:
        BadDeclaration: as `declarations_of`.
    """
    declared = declarations_of(backend, fmt)
    return Rounding(fmt, **{name: getattr(declared, name) for name in ACCURACY})
