"""The random generators that a program shares: who draws from them, or seeds them, changes what
others draw.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def random_states() -> dict[str, object]:
    """The state of each shared generator: Python's, NumPy's and, once it is loaded, PyTorch's."""
    numpy: Any = np.random.get_state()  # the shared generator is what is looked at
    states: dict[str, object] = {
        "random": random.getstate(),
        "numpy.random": (numpy[1].tobytes(), numpy[2:]),
    }
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


@contextmanager
def noticing_random_numbers(found: set[str]) -> Iterator[None]:
    """Add to `found` which of the shared generators are drawn from, or seeded, meanwhile; the
    others are left as they were.
    """
    own, numpy, torch = random.getstate(), np.random.get_state(), sys.modules.get("torch")
    tensors = None if torch is None else torch.get_rng_state()
    # Moved on first: who seeds a generator at every call leaves it as the call before left it.
    random.random()
    np.random.random_sample()
    if torch is not None:
        torch.rand((), device="cpu")
    before = random_states()
    try:
        yield
    finally:
        after = random_states()
        changed = {name for name, state in before.items() if after[name] != state}
        found |= changed
        if "random" not in changed:
            random.setstate(own)
        if "numpy.random" not in changed:
            np.random.set_state(numpy)
        if torch is not None and "torch" not in changed:
            torch.set_rng_state(tensors)
