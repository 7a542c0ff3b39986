"""How much memory the cases of an implementation take, which is built for some sizes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

#: No case takes more than this, with the bounds that its answers are held to: 2 GiB.
MOST = 2**31
#: What is drawn of sizes that are free: small ones, and in the survey of sizes one of them large.
_SMALL, _LARGE = (
    {"H": 5, "I": 5, "B": 5, "T": 4, "L": 1, "D": 1},
    {"H": 256, "I": 256, "B": 256, "T": 300},
)
#: Each number of a case is held in 8 bytes as itself, and once more as its gradient.
_NUMBER = 16
#: Each entry of a Jacobian is held as it was returned, in its bound, and while both are compared.
_ENTRY = 80
#: How many entries the states of all steps may have: for each, gradients and their bounds take some
#: 2 KiB, and of runs that are asked for Hessian products 5; weights take the rest.
_STATES, _STATES_OF_SHORT = 2**19, 2**17
_SHORT = 17
#: What holding one step takes besides that: some hundred small arrays (168 kB at H = B = 5).
_STEP = 2**17


def room(built: Mapping[str, int]) -> int:
    """Bytes that the largest case takes of a target that is built for these sizes, by letter (see
    `Case.sizes`).

    T is the shortest length that it takes; of the sizes that are not named, those are counted that
    a run draws.
    """
    return _room(tuple(built.items()))


def has_room_for_jacobians(sizes: Mapping[str, int]) -> bool:
    """Whether those of one step, ∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I), with their bounds take no
    more than a case may.
    """
    return _ENTRY * sizes["B"] * sizes["H"] * (sizes["H"] + sizes["I"]) <= MOST


def has_room_for_steps(sizes: Mapping[str, int]) -> bool:
    """Whether what is known of a gate at every step, (T, B, H), takes no more than a case may."""
    most = _STATES_OF_SHORT if sizes["T"] <= _SHORT else _STATES
    return sizes["T"] * sizes["B"] * sizes["H"] <= most


@lru_cache(maxsize=64)  # declarations are read again for every case
def _room(items: tuple[tuple[str, int], ...]) -> int:
    built = dict(items)
    free = [letter for letter in _LARGE if letter not in built]
    # One size at a time is large, as the survey of sizes draws them.
    drawn = [_SMALL, *({**_SMALL, letter: _LARGE[letter]} for letter in free)]
    return max(
        _bytes({**sizes, **built, "T": max(sizes["T"], built.get("T", 1))}) for sizes in drawn
    )


def _bytes(sizes: Mapping[str, int]) -> int:
    """The bytes of the parameters, and of inputs, states and outputs."""
    H, I, B, T, L, D = (sizes[letter] for letter in "HIBTLD")
    parameters = D * 3 * H * (I + H + 2) + (L - 1) * D * 3 * H * (D * H + H + 2)
    return _NUMBER * (parameters + T * B * (I + L * D * H)) + T * _STEP
