"""Faults of modules: weights that do not reach them, gradients that do not stay in them."""

from __future__ import annotations

from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, NumpyBackend, Reached
from gruverify.cell import Cell
from gruverify.faults._fault import fault


class _Modules(NumpyBackend):
    """Right in all it computes; what is wrong is how its modules are reached.

    old: whether a module answers as before it was given the weights; strays: what landed elsewhere.
    """

    def __init__(self, old: bool = False, strays: tuple[str, ...] = ()) -> None:
        self._old, self._strays = old, strays

    def reloaded(
        self, way: str, cell: Cell, inputs: NDArray, state: NDArray, cotangent: NDArray
    ) -> Reached:
        """A layer that is given weights, after it had their negatives."""
        # Of the same sizes and magnitudes, and another function.
        before = Cell(cell.variant, *(-array for array in cell.packed().values()))
        expected = self._named(cell, inputs, state)
        return Reached(
            self._named(before, inputs, state) if self._old else expected, expected, self._strays
        )

    def _named(self, cell: Cell, inputs: NDArray, state: NDArray) -> dict[str, NDArray]:
        outputs, last = self.sequence(cell, inputs, state)
        return {"outputs": outputs, "last": last}


@fault(
    "contract",
    "h_t = f(x_t, h_{t-1}; θ_0) where θ is shown",
    touches="FWD ALIAS",
    thread="pytorch/pytorch#33238",
)
def module_with_a_list_of_old_weights() -> Backend:
    """A module shows new weights, and answers with a list of those that it was made with."""
    return _Modules(old=True)


@fault("contract", "dL/dθ of a copy is added to the original's", touches="ALIAS")
def copy_with_the_gradients_of_its_original() -> Backend:
    """A copied module leaves its gradients in the parameters of the one that it was copied from."""
    return _Modules(strays=("a gradient landed in weight_ih.grad of the original",))
