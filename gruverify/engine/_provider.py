"""What Hypothesis takes its choices from: the seed alone.

It would draw constants, too, that stand in the sources of whatever modules happen to be loaded from
outside site-packages, the user's among them; and it reads them all for that, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_FOUND = "_local_constants"


@contextmanager
def from_seed_alone() -> Iterator[None]:
    """What is drawn inside follows from its seed, whatever else is loaded."""
    # There is no setting for it. Another provider, which can be registered, is none: Hypothesis
    # keeps no account of what that has drawn, and would draw cases twice.
    try:
        from hypothesis.internal.conjecture.providers import HypothesisProvider
        from hypothesis.internal.constants_ast import Constants

        before = vars(HypothesisProvider)[_FOUND]
    except (ImportError, KeyError):  # a version that keeps them elsewhere, or looks for none
        yield
        return
    setattr(HypothesisProvider, _FOUND, Constants())
    try:
        yield
    finally:
        setattr(HypothesisProvider, _FOUND, before)
