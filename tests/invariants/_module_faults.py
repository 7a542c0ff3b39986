"""Backends with modules that weights do not reach, or only in part; PyTorch's own kind is in tests/backends."""

from __future__ import annotations

from gruverify import Backend, Cell
from gruverify.arithmetic import FORMATS
from gruverify.backends import WAYS, NumpyBackend, Reached
from gruverify.backends._protocol import NDArray
from gruverify.cell import VARIANTS

from ._faulty import fault

EVERY = tuple(f"contract/weights-{way}" for way in WAYS)


class _Numpy:
    """A step that is right, with modules that are not."""

    name, variants, formats = "modules", VARIANTS, FORMATS

    def __init__(self, old: bool, strays: tuple[str, ...]) -> None:
        self._old, self._strays = old, strays
        self.step = NumpyBackend().step

    def reloaded(self, way: str, cell: Cell, inputs: NDArray, state: NDArray, cotangent: NDArray) -> Reached:
        """The old weights are those of the step before: the state itself is what comes of them."""
        expected = {"last": self.step(cell, inputs[0], state)}
        return Reached({"last": state} if self._old else expected, expected, self._strays)


@fault(*EVERY)
def modules_that_answer_with_old_weights() -> Backend:
    return _Numpy(old=True, strays=())


@fault(*EVERY)
def modules_whose_gradients_land_elsewhere() -> Backend:
    return _Numpy(old=False, strays=("a gradient landed in weight_ih.grad of the original",))
