"""From what a backend declares of its accuracy to the rounding model that its tolerances are
derived from.
"""

from __future__ import annotations

from functools import lru_cache

from gruverify._named import Keywords
from gruverify.arithmetic import Format, Rounding
from gruverify.backends._declarations import ACCURACY, Declarations, declarations_of


def rounding_of(backend: object, fmt: Format) -> Rounding:
    """The rounding model of `fmt` as the backend declares it.

    Raises:
        BadDeclaration: as `declarations_of`.
    """
    return rounding_in(fmt, declarations_of(backend, fmt))


def rounding_in(fmt: Format, declared: Declarations) -> Rounding:
    """The rounding model of `fmt` where that is declared, in any format or in none."""
    said = list[object]()
    for name in ACCURACY:
        each = declared.by_format.get(name, {})
        said.append(each.get(fmt.name, getattr(declared, name)))
    return _model(fmt, declared.clip, *said)


# One model for all cases of a run: what is derived of it (`remembered`) is found once.
@lru_cache(maxsize=256)
def _model(fmt: Format, clip: float | None, *said: object) -> Rounding:
    accuracy: Keywords = dict(zip(ACCURACY, said, strict=True))
    return Rounding(fmt, **accuracy, clip=clip)
