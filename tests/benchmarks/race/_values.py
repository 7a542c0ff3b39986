"""The checkers of values: ONNX's six backend node tests of GRU, and a hand-written test as projects
have it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from _peer import NAMES, Peer, cell_of, drawn

from gruverify.arithmetic import float32
from gruverify.backends import Backend, offers, resolve
from gruverify.cell import LAYOUTS, Stack, Variant
from gruverify.faults import Fault

# -- ONNX ------------------------------------------------------------------------------------------


@cache
def node_tests() -> list[Any]:
    """The six, as the package ships them; collecting them takes a while."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return list(collect_testcases("GRU"))


def _onnx(backend: Any, variant: Variant) -> Iterator[Callable[[], Any]]:
    return (partial(_node_test, backend, variant, case) for case in node_tests())


def _node_test(backend: Any, variant: Variant, case: Any) -> None:
    """The backend in the place of the operator, on the data of one node test, with its
    tolerances.
    """
    from onnx.helper import get_attribute_value

    node = case.model.graph.node[0]
    attributes = {a.name: get_attribute_value(a) for a in node.attribute}
    (given, expected), *_ = case.data_sets
    named = dict(zip(node.input, given, strict=True))
    layout = attributes.get("layout", 0)
    X = named["X"].swapaxes(0, 1).copy() if layout else named["X"]
    reset = Variant(
        "after" if attributes.get("linear_before_reset") else "before", bias="B" in named
    )
    cells = [
        LAYOUTS["onnx"].cell({k: named[k][d : d + 1] for k in ("W", "R", "B") if k in named}, reset)
        for d in range(len(named["W"]))
    ]
    directions = {"forward": [0], "reverse": [1], "bidirectional": [0, 1]}[
        attributes.get("direction", b"forward").decode()
    ]
    if len(cells) == 2 and offers(backend, "stack"):
        outputs, last = backend.stack(Stack((tuple(cells),)), X, None, None, False)
        Y = np.stack(np.split(outputs, 2, axis=2), axis=1)
    else:
        runs = [
            backend.sequence(cell, X[:: -1 if d else 1].copy(), None)
            for cell, d in zip(cells, directions, strict=True)
        ]
        Y = np.stack(
            [run[0][:: -1 if d else 1] for run, d in zip(runs, directions, strict=True)], axis=1
        )
        last = np.stack([run[1] for run in runs])
    found = {
        "Y": Y.transpose(2, 0, 1, 3) if layout else Y,
        "Y_h": last.swapaxes(0, 1) if layout else last,
    }
    for name, wanted in zip([o for o in node.output if o], expected, strict=True):
        np.testing.assert_allclose(found[name], wanted, rtol=case.rtol, atol=case.atol)


def _runs_onnx(fault: Fault, backend: Backend) -> bool:
    claimed = {Variant("before"), Variant("before", bias=False)} & set(backend.variants)
    return len(claimed) == 2 and offers(backend, "sequence") and float32 in backend.formats


# -- by hand ---------------------------------------------------------------------------------------

#: H, I, B, T.
SIZES = ((4, 3, 2, 1), (8, 5, 3, 7), (16, 8, 4, 12), (5, 5, 1, 3))


def _by_hand(backend: Any, variant: Variant) -> Iterator[Callable[[], Any]]:
    return (partial(_test, backend, variant, seed, sizes) for sizes in SIZES for seed in range(3))


def _test(backend: Any, variant: Variant, seed: int, sizes: tuple[int, int, int, int]) -> None:
    """Values, and the gradients of the sum of outputs where there are any, beside a reference in
    float32.
    """
    arrays = drawn(seed, variant, np.float32, *sizes)
    reference: Any = resolve("torch" if variant == Variant() else "torch-formulas")
    cell, inputs, state = cell_of(variant, arrays), *arrays[-2:]
    if offers(backend, "sequence"):
        _close(backend.sequence(cell, inputs, state), reference.sequence(cell, inputs, state))
    if offers(backend, "step"):
        _close([backend.step(cell, inputs[0], state)], [reference.step(cell, inputs[0], state)])
    if offers(backend, "sequence_vjp"):
        ones = np.ones((len(inputs), *state.shape), np.float32)
        found, wanted = (
            b.sequence_vjp(cell, inputs, state, ones, None) for b in (backend, reference)
        )
        names = (*NAMES[: len(arrays) - 2], "inputs", "state")
        _close([getattr(found, n) for n in names], [getattr(wanted, n) for n in names])


def _close(found: Any, wanted: Any) -> None:
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.from_numpy(np.array(a)), torch.from_numpy(np.array(b)))


VALUE_PEERS = (
    Peer(
        "ONNX node tests",
        "faults of values with reset before the product, with and without biases",
        _runs_onnx,
        _onnx,
    ),
    Peer(
        "a hand-written pytest",
        "faults with a step or a sequence in float32",
        lambda fault, backend: (
            float32 in backend.formats and any(offers(backend, m) for m in ("step", "sequence"))
        ),
        _by_hand,
    ),
)
