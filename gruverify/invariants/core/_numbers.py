"""How many numbers a case has, and whether what is found of it is worth its memory."""

from __future__ import annotations

from gruverify.cell import AnyCase

#: Of cases with more numbers, what is found of a changed case is not kept for the next invariant:
#: there may be fifty such cases, and each takes twenty times the memory of its numbers.
_SHARED = 2**17


def numbers_of(case: AnyCase) -> int:
    """Those of weights and of all steps."""
    return sum(array.size for array in case.arrays().values())


def is_large(case: AnyCase) -> bool:
    """Whether a changed case is let go of as soon as it has been looked at."""
    return numbers_of(case) > _SHARED
