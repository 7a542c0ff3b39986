"""The random generators that a program shares: who draws from them changes what others draw."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np


def random_states() -> dict[str, bytes]:
    """The state of each shared generator: Python's, NumPy's and, once it is loaded, PyTorch's."""
    numpy: Any = np.random.get_state()  # the shared generator is what is looked at
    states = {
        "random": repr(random.getstate()).encode(),
        "numpy.random": numpy[1].tobytes() + repr(numpy[2:]).encode(),
    }
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states
