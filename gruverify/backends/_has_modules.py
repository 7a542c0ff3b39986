"""A capability besides the methods of the contract: weights that reach a module by every way its
framework has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gruverify.arithmetic import NDArray
from gruverify.cell import Cell

#: The ways by which weights reach a module of PyTorch, with what is done. Each is followed by a
#: run.
WAYS: dict[str, str] = {
    "data": "p.data = w",
    "copy": "p.copy_(w) without gradients",
    "load-state-dict": "load_state_dict",
    "load-state-dict-assign": "load_state_dict(assign=True)",
    "setattr": "another nn.Parameter under the name",
    "functional-call": "torch.func.functional_call",
    "optimizer-step": "a step of an optimizer",
    "deepcopy": "copy.deepcopy, and a step of the copy",
    "parametrization": "a parametrization, registered and then given weights",
    "pruning": "a pruning mask",
    "as-given": "the parametrizations, masks and ties that it came with",
    "script": "torch.jit.script",
    "script-after-functional-call": "torch.jit.script after torch.func.functional_call",
}


@dataclass(frozen=True)
class Reached:
    """What a module answers and shows whose weights came by some way, and what they must be bit by
    bit.

    found, expected: arrays under the same names: weights as the module shows them, outputs,
    gradients of its own parameters; expected of a module that was freshly made with the weights
    that are shown. strays: in words, what landed elsewhere: gradients that its own parameters did
    not get, a change of another module.
    """

    found: Mapping[str, NDArray]
    expected: Mapping[str, NDArray]
    strays: tuple[str, ...] = ()


#: The methods of `HasModules`.
MODULE_METHODS = ("reloaded",)
#: `HasModules.reloaded` as a function.
Reload: TypeAlias = Callable[[str, Cell, NDArray, NDArray, NDArray], Reached]


class HasModules(Protocol):
    """A backend whose weights live in modules of its framework."""

    def reloaded(
        self, way: str, cell: Cell, inputs: NDArray, state: NDArray, cotangent: NDArray
    ) -> Reached:
        """The module reached by one of the `WAYS` with the cell's weights, and run.

        inputs (T, B, I), state (B, H), cotangent (B, H) of the last state.

        Raises:
            NotImplementedError: the module has no such way; the message says why.
        """
        ...
