"""A stack of which members skip steps is, for each, the stack of the steps that are left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import VARIANTS, Cell, Stack, Variant
from gruverify.arithmetic import NDArray
from gruverify.cell import PATTERNS, pattern
from gruverify.formulas import masked_stack, masked_stack_bptt, stack, stack_bptt

H, I, T = 2, 3, 5


def drawn(variant: Variant, directions: int) -> tuple[Stack, dict[str, NDArray]]:
    """A stack of two layers, and inputs, states and cotangents of as many members as masks."""
    random, B = np.random.default_rng(3), len(PATTERNS)

    def cell(inputs: int) -> Cell:
        packed = {
            name: random.uniform(-1, 1, (3 * H, n))
            for name, n in (("weight_ih", inputs), ("weight_hh", H))
        }
        if variant.bias:
            packed |= {name: random.uniform(-1, 1, 3 * H) for name in ("bias_ih", "bias_hh")}
        return Cell(variant, **packed)

    rows = [tuple(cell(n) for _ in range(directions)) for n in (I, directions * H)]
    states, outputs = (2 * directions, B, H), (T, B, directions * H)
    shapes = {"x": (T, B, I), "h": states, "d_outputs": outputs, "d_last": states}
    arrays = {name: random.uniform(-1, 1, shape) for name, shape in shapes.items()}
    return Stack(tuple(rows)), arrays


def flat(found: Any) -> list[NDArray]:
    """The gradients of the parameters, one after the other."""
    blocks = list[NDArray]()
    for row in found.parameters:
        for p in row:
            blocks += [np.asarray(block) for block in vars_of(p)]
    return blocks


def vars_of(p: Any) -> list[Any]:
    return [getattr(p, name) for name in p.__dataclass_fields__]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("variant", [VARIANTS[0], VARIANTS[-1]], ids=str)
def test_each_member_is_a_stack_over_the_steps_that_it_takes(
    variant: Variant, directions: int
) -> None:
    s, given = drawn(variant, directions)
    rows = s.each(lambda cell: cell.parameters())
    keep = np.stack([pattern(name, T) for name in PATTERNS], axis=1)
    # What is returned at skipped steps hands its cotangent on, too: left out here.
    d_outputs = np.where(keep[..., None], 0, given["d_outputs"])

    run = masked_stack(variant, rows, list(given["x"]), list(given["h"]), keep)
    back = masked_stack_bptt(run, list(d_outputs), list(given["d_last"]))

    total = [np.zeros_like(block) for block in flat(back)]
    for b in range(keep.shape[1]):
        taken, one = np.flatnonzero(~keep[:, b]), slice(b, b + 1)
        if not len(taken):
            assert np.array_equal(np.stack(run.last)[:, b], given["h"][:, b])
            assert np.array_equal(np.stack(back.states)[:, b], given["d_last"][:, b])
            continue
        xs, hs = list(given["x"][taken, one]), list(given["h"][:, one])
        alone = stack(variant, rows, xs, hs)
        grads = stack_bptt(alone, list(d_outputs[taken, one]), list(given["d_last"][:, one]))
        assert np.allclose(np.stack(run.outputs)[taken, one], alone.outputs, 0, 1e-15)
        assert np.allclose(np.stack(run.last)[:, one], alone.last, 0, 1e-15)
        assert np.allclose(np.stack(back.inputs)[taken, one], grads.inputs, 0, 1e-14)
        assert np.allclose(np.stack(back.states)[:, one], grads.states, 0, 1e-14)
        total = [block + more for block, more in zip(total, flat(grads), strict=True)]
    assert not np.where(keep[..., None], np.stack(back.inputs), 0).any()
    for block, expected in zip(flat(back), total, strict=True):
        assert np.allclose(block, expected, 0, 1e-14)
