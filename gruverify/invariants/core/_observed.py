"""What a backend returned for a case: each method called once, and each answer checked."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, Declarations
from gruverify.cell import Case, Gradients, Variant, masks_of, restarts_of, unit_masks_of
from gruverify.invariants.core._calls import ARGUMENTS, AXES, PAIRS, Calls, pair_of
from gruverify.invariants.core._obstacle import Malformed, RuledOut, asking
from gruverify.invariants.core._tangent import tangent_of


class Observed(Calls):
    """What the backend returned for a case, each method called once and each answer checked for
    kind, shape, dtype.
    """

    case: Case

    def __init__(self, case: Case, backend: Backend, declared: Declarations | None = None) -> None:
        super().__init__(case, case.cell, backend, declared)

    def arguments(self, method: str, **changes: object) -> Keywords:
        """What the method is given for the case after the cell, by name and in its order; changes:
        what is given in place of the case's own.
        """
        c = self.case
        # A step has the first of the inputs, the initial state and the cotangent of the last state.
        renamed = {"x": c.inputs[0], "h": c.state, "cotangent": c.d_last}
        given: Keywords = {}
        for name in ARGUMENTS[method]:
            if name in changes:
                given[name] = changes[name]
            elif name in renamed:
                given[name] = renamed[name]
            elif name == "tangent":
                given[name] = self.tangent
            elif name == "restart" and "keep" in ARGUMENTS[method]:
                given[name] = restarts_of(c)
            elif name in ("keep", "restart"):
                given[name] = masks_of(c)
            elif name == "keep_units":
                given[name] = unit_masks_of(c)
            else:
                given[name] = getattr(c, name)
        return given

    def letters(self, argument: str) -> str:
        """The axes of such an argument."""
        return AXES[argument]

    def checked(self, method: str, returned: object, **other: int) -> Any:
        """What the method returned, if its kind, shapes and dtype are right; other: sizes that the
        case has not.
        """
        with asking(method):
            if method == "step":
                return self._array("step", returned, "BH", **other)
            if method in PAIRS:
                pair = pair_of(method, returned)
                parts = zip(PAIRS[method], pair, strict=True)
                return tuple(
                    self._array(name, part, letters, **other) for (name, letters), part in parts
                )
            return self._gradients(
                method, returned, "BI" if method == "step_vjp" else "TBI", **other
            )

    def _checked_with(self, method: str, returned: object, changes: Keywords) -> Any:
        other: dict[str, int] = {}
        for name, change in changes.items():
            if isinstance(change, np.ndarray):
                other |= zip(self.letters(name), change.shape, strict=True)
        return self.checked(method, returned, **other)

    @cached_property
    def tangent(self) -> Gradients:
        """The direction in which the case is differentiated; the state rests where the backend
        declares it does.
        """
        return tangent_of(self.case, moves_state=self.declared.state_gradient)

    # The answers to the case itself, with their types: each is found once, by `ask`.

    @property
    def step(self) -> NDArray:
        """(B, H)."""
        found: NDArray = self.ask("step")
        return found

    @property
    def step_jacobian(self) -> tuple[NDArray, NDArray]:
        """(B, H, H) and (B, H, I)."""
        found: tuple[NDArray, NDArray] = self.ask("step_jacobian")
        return found

    @property
    def step_vjp(self) -> Gradients:
        """Gradients of the first step at d_last; `inputs` is (B, I)."""
        found: Gradients = self.ask("step_vjp")
        return found

    @property
    def sequence(self) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        found: tuple[NDArray, NDArray] = self.ask("sequence")
        return found

    @property
    def sequence_vjp(self) -> Gradients:
        """Gradients of the sequence at both cotangents."""
        found: Gradients = self.ask("sequence_vjp")
        return found

    @property
    def sequence_vjp_of_last(self) -> Gradients:
        """Gradients of the sequence at the cotangent of the last state alone."""
        found: Gradients = self.ask("sequence_vjp", d_outputs=None)
        return found

    @property
    def sequence_vjp_of_outputs(self) -> Gradients:
        """Gradients of the sequence at the cotangents of the outputs alone."""
        found: Gradients = self.ask("sequence_vjp", d_last=None)
        return found

    @property
    def sequence_jvp(self) -> tuple[NDArray, NDArray]:
        """The derivatives of outputs (T, B, H) and last state (B, H) along the case's tangent."""
        found: tuple[NDArray, NDArray] = self.ask("sequence_jvp")
        return found

    @property
    def sequence_hvp(self) -> Gradients:
        """The derivative of the gradients at both cotangents along the case's tangent."""
        found: Gradients = self.ask("sequence_hvp")
        return found

    @property
    def sequence_hvp_reverse(self) -> Gradients:
        """The derivative of the gradients along the case's tangent in the backend's second way."""
        found: Gradients = self.ask("sequence_hvp_reverse")
        return found

    def chained_vjp(self, states: NDArray) -> Gradients:
        """step_vjp from the last step back to the first, each at the cotangent the one after it
        returned, summed.

        states: (T, B, H), the state before each step, as the backend's own sequence returned them.
        """
        c = self.case
        cotangent, inputs, sums = c.d_last, list[NDArray](), dict[str, NDArray]()
        for k in reversed(range(len(c.inputs))):
            # Added in float64 and rounded once: the one rounding of a stored sum, which the ball
            # has, too.
            cotangent = (cotangent.astype(np.float64) + c.d_outputs[k]).astype(c.format.dtype)
            term = self.fresh_answer("step_vjp", x=c.inputs[k], h=states[k], cotangent=cotangent)
            if term.state is None:
                raise RuledOut("step_vjp", "state_gradient=False")
            cotangent = term.state
            inputs.append(term.inputs)
            _add_to(sums, term)
        biases = sums.get("bias_ih"), sums.get("bias_hh")
        return Gradients(
            sums["weight_ih"], sums["weight_hh"], *biases, np.stack(inputs[::-1]), cotangent
        )

    def _gradients(self, method: str, value: object, inputs: str, **other: int) -> Gradients:
        if not isinstance(value, Gradients):
            raise Malformed(
                f"{method} returned {type(value).__name__}, expected gruverify.Gradients"
            )
        letters = {
            "weight_ih": "3I",
            "weight_hh": "3H",
            "bias_ih": "3",
            "bias_hh": "3",
            "inputs": inputs,
            "state": "BH",
        }
        variant = self.case.cell.variant
        found: dict[str, NDArray | None] = {}
        for name, spelled in letters.items():
            found[name] = None
            if name == "state" and not self.declared.state_gradient:
                continue
            if any(variant.mask(name)):
                found[name] = self._array(
                    f"gradient of {name}", self._some(value, name), spelled, **other
                )
        return Gradients(**_without_others(variant, found))  # type: ignore[arg-type]  # None where there is none

    def _some(self, gradients: Gradients, name: str) -> Any:
        """That gradient; whoever has none of the state, and has not said so, is told how to."""
        array = getattr(gradients, name)
        if name == "state" and array is None:
            raise Malformed("gradient of state is None: declare state_gradient=False?")
        return array


def _without_others(
    variant: Variant, found: dict[str, NDArray | None]
) -> dict[str, NDArray | None]:
    """Gradients as they are read: 0 for the biases that the variant lacks, whatever was returned
    for those.
    """
    for name in ("bias_ih", "bias_hh"):
        there, array = variant.mask(name), found[name]
        if variant.bias and array is None:
            weights = found["weight_hh"]
            assert weights is not None
            found[name] = np.zeros(len(weights), weights.dtype)
        elif array is not None and not all(there):
            found[name] = np.where(np.repeat(there, len(array) // 3), array, array.dtype.type(0))
    return found


def _add_to(sums: dict[str, NDArray], term: Gradients) -> None:
    """Add the parameter gradients of a step to those of the steps after it, in float64."""
    for name, array in term.items():
        if name not in ("inputs", "state"):
            # In float64, so that adding up the answers adds no rounding of ours that would be seen.
            wide = array.astype(np.float64)
            sums[name] = sums[name] + wide if name in sums else wide
