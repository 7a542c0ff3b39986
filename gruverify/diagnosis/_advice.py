"""What to do about it: each piece of advice is there only where a number supports it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Format
from gruverify.diagnosis._diagnosis import Layer
from gruverify.diagnosis._formats import InFormat
from gruverify.diagnosis._words import length_in_words, units_named

#: Of that many of its entries a gradient may lose all before it is worth a word.
_WORTH_A_WORD = 0.01


def advice(layer: Layer, recorded: bool) -> list[str]:
    """In the order of what it is about: the formats, the gradient, the biases.

    recorded: whether the inputs, and so the length of the sequences, are those of its task.
    """
    found = list[str]()
    for each in layer.formats:
        found += _about_format(each, layer)
    found += _about_truncation(layer)
    if recorded:
        found += _about_biases(layer)
    return found


def _about_format(found: InFormat, layer: Layer) -> Iterator[str]:
    name = found.format.name
    if found.latches:
        units = [latch.unit for latch in found.latches]
        least = _latches_from(found.format)
        if layer.update == "keep":
            limit = f"below {least:.3g}, from where z"
        else:
            limit = f"above {-least:.3g}, up to where 1-z"
        yield (
            f"{name}: compute the update gate in a wider format, or keep its pre-activation "
            f"{limit} may round to 1: {units_named(units)} can neither take anything in nor be "
            "trained"
        )
    if found.zeros > _WORTH_A_WORD:
        yield (
            f"{name}: {found.zeros:.0%} of the entries of dL/dU_z are 0 there and not in float64 "
            f"(loss on the last state, {found.gradient_steps} steps): scale the loss"
        )


def _latches_from(fmt: Format) -> float:
    """The pre-activation from which a gate may round to 1."""
    # The earlier of the two: which one it is depends on how σ is computed (theory.md, 5).
    return min(fmt.sigmoid_saturates, fmt.sigmoid_rounds_to_one)


def _about_truncation(layer: Layer) -> Iterator[str]:
    if 0 < layer.terms.within <= layer.steps // 2:
        yield (
            f"back-propagation may be truncated to {layer.terms.within} steps: they have 99 % of "
            "the sizes of all terms of dL/dU_z"
        )


def _about_biases(layer: Layer) -> Iterator[str]:
    """Chrono initialisation, where nothing carries as long as the sequences are."""
    T, longest = layer.steps, float(np.max(layer.memory.carried))
    # Where the memory, or one unit, spans half of a sequence already, longer is no obvious gain.
    if T < 4 or layer.memory.length.steps >= T / 2 or longest >= T / 2:
        return
    # 1 - z = 1/T, so that (1 - 1/T)^T, nearly 1/e, is left after T steps.
    bias = math.log(T - 1)
    sign = 1 if layer.update == "keep" else -1
    known = [each.format for each in layer.formats if bias >= _latches_from(each.format)]
    lost = (
        f"; in {' and '.join(fmt.name for fmt in known)} such a gate rounds to 1" if known else ""
    )
    yield (
        f"if something matters that is {T} steps back: this remembers "
        f"{length_in_words(layer.memory.length)}, and no unit carries longer than {longest:.2g}. "
        f"An update gate's bias of {sign * bias:.2g} (chrono initialisation) keeps 1/e over {T} "
        f"steps{lost}"
    )
