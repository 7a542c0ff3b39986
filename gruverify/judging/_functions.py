"""Which activation functions a GRU may have in place of those that are said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from gruverify.arithmetic import (
    USUAL,
    Activation,
    Functions,
    activation_in,
    in_words,
    with_parameters_exchanged,
)

#: Of each direction.
Each: TypeAlias = tuple[Functions, ...]

#: What is found in place of σ, and in place of tanh.
_GATES = ("sigmoid", "hard_sigmoid(0.2, 0.5)", "hard_sigmoid(1/6, 0.5)")
_CANDIDATES = ("tanh", "relu", "hard_tanh", "hard_sigmoid(0.2, 0.5)", "hard_sigmoid(1/6, 0.5)")


def mistaken(said: Each) -> Iterator[tuple[str, Each]]:
    """What may be taken for the functions that are said, each with its words, the slip of a line
    first.
    """
    found = {said}
    for words, functions in _slips(said):
        if functions not in found:
            found.add(functions)
            yield words, functions


def _slips(said: Each) -> Iterator[tuple[str, Each]]:
    usual = (USUAL,) * len(said)
    yield "its activations are ignored: it has sigmoid and tanh", usual
    exchanged = tuple(Functions(f.candidate, f.gate) for f in said)
    yield "the functions of gates and candidate are exchanged", exchanged
    yield "both directions have the functions of the first", (said[0],) * len(said)
    yield "the functions of the two directions are exchanged", said[::-1]
    turned = tuple(_each_turned(f) for f in said)
    yield f"alpha and beta are exchanged: it reads as {in_words(turned)}", turned
    for gate in (None, *map(activation_in, _GATES)):
        for candidate in (None, *map(activation_in, _CANDIDATES)):
            other = tuple(_with_functions(f, gate, candidate) for f in said)
            yield _reads_as(said, other), other


def _each_turned(f: Functions) -> Functions:
    return Functions(with_parameters_exchanged(f.gate), with_parameters_exchanged(f.candidate))


def _with_functions(
    f: Functions, gate: Activation | None, candidate: Activation | None
) -> Functions:
    return replace(f, gate=gate or f.gate, candidate=candidate or f.candidate)


def _reads_as(said: Sequence[Functions], other: Sequence[Functions]) -> str:
    """What differs, in words."""
    parts = list[str]()
    if said[0].gate != other[0].gate:
        parts.append(f"the gates read as {other[0].gate}")
    if said[0].candidate != other[0].candidate:
        parts.append(f"the candidate reads as {other[0].candidate}")
    return ", and ".join(parts)
