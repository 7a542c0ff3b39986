"""`st.from_type(gruverify.Cell)` and its like, without an import of our strategies.

`import hypothesis` loads this module through the entry point of that name and calls `register`; so
it is tiny, and so is all that it imports of ours. A type is registered once its module has been
imported, whether before Hypothesis or after.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from gruverify._announce import listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

#: The modules whose types are not registered yet: by the name of each type, that of the strategy
#: which draws it.
_WAITING = {
    "gruverify.arithmetic": {"Format": "formats"},
    "gruverify.cell": {
        "Case": "cases",
        "Cell": "cells",
        "Stack": "stacks",
        "StackCase": "stack_cases",
        "Variant": "variants",
    },
    "gruverify_strategies": {
        "Batch": "sequences",
        "Control": "controls",
        "LaidOut": "layouts",
        "Regimes": "regimes",
        "Sizes": "sizes",
    },
}

#: How many examples each of Hypothesis' profiles of ours draws.
PROFILES = {
    "gruverify-quick": 25,
    "gruverify-default": 100,
    "gruverify-ci": 100,
    "gruverify-nightly": 2000,
}


def register() -> None:
    """Tell Hypothesis of our profiles, and of those of our types that exist by now.

    Each is told once, so that users may tell otherwise.
    """
    from hypothesis import strategies as st

    listen(register)
    _profiles()
    for home in list(_WAITING):
        module = sys.modules.get(home)
        # A module that is still being imported has only some of its names: its turn comes at its
        # end.
        if all(hasattr(module, name) for name in _WAITING[home]):
            for name, strategy in _WAITING.pop(home).items():
                st.register_type_strategy(getattr(module, name), _drawn_by(strategy))


@cache
def _profiles() -> None:
    """Register profiles for --hypothesis-profile. Those of Hypothesis stay as they are, and none of
    ours is loaded.
    """
    from hypothesis import settings

    for name, examples in PROFILES.items():
        # Not upon the profile that is active: where the variable CI is set that is one without a
        # database.
        parent = settings.get_profile("default")
        blob = name in ("gruverify-ci", "gruverify-nightly")
        settings.register_profile(
            name, parent, max_examples=examples, deadline=None, print_blob=blob
        )


def _drawn_by(strategy: str) -> Callable[[type[Any]], SearchStrategy[Any]]:
    def resolve(_: type[Any]) -> SearchStrategy[Any]:
        import gruverify_strategies

        drawn: SearchStrategy[Any] = getattr(gruverify_strategies, strategy)()
        return drawn

    return resolve
