"""A case put to a backend: what the backend returned, and what the mathematics allows. Each is
found out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Ball, Rounding, carried
from gruverify.backends import Backend, Declarations, rounding_of
from gruverify.cell import Case, Gradients, Parameters, Variant
from gruverify.formulas import (
    Activations,
    Bptt,
    Contribution,
    GateCotangents,
    Pullback,
    Run,
    activations,
    contributions,
    directional_run,
    gate_cotangents,
    hvp,
    jacobian,
    jvp,
    next_state,
    pullback,
    sequence,
    total,
)
from gruverify.invariants.core._calls import ARGUMENTS, AXES, PAIRS, Calls, NDArray, pair_of
from gruverify.invariants.core._obstacle import Malformed, RuledOut, answer, asking
from gruverify.invariants.core._tangent import tangent_of


class Exact:
    """What the mathematics allows for a case: every quantity as balls in the format under test,
    each computed once.
    """

    def __init__(
        self, case: Case, mode: Rounding, forward: Exact | None = None, moves_state: bool = True
    ) -> None:
        """`forward` is the exact side of a case that differs in its cotangents alone: its run is
        this one's too.

        moves_state: whether the initial state moves along the case's tangent.
        """
        self._moves_state = moves_state
        self.case = case
        self.mode = mode
        self._forward = forward
        self._variant = case.cell.variant

    @cached_property
    def parameters(self) -> Parameters:
        """The twelve blocks."""
        return self.case.cell.parameters(self._ball)

    @cached_property
    def inputs(self) -> list[Ball]:
        """T arrays (B, I)."""
        return [self._ball(x) for x in self.case.inputs]

    @cached_property
    def state(self) -> Ball:
        """The initial state, (B, H)."""
        return self._ball(self.case.state)

    @cached_property
    def d_last(self) -> Ball:
        """The cotangent of the last state, (B, H)."""
        return self._ball(self.case.d_last)

    def _ball(self, values: NDArray) -> Ball:
        return Ball.exact(self.mode, values)

    @cached_property
    def step(self) -> Activations:
        """The activations of the first step."""
        if self._forward:
            return self._forward.step
        return activations(self._variant, self.parameters, self.inputs[0], self.state)

    @cached_property
    def next_state(self) -> Ball:
        """The state after the first step, (B, H)."""
        if self._forward:
            return self._forward.next_state
        after: Ball = next_state(self._variant, self.step)
        return after

    @cached_property
    def jacobian(self) -> tuple[Ball, Ball]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I) of the first step."""
        return jacobian(self._variant, self.parameters, self.step)

    @cached_property
    def pullback(self) -> Pullback:
        """The first step's pullback at d_last."""
        return pullback(self._variant, self.parameters, self.step, self.d_last)

    @cached_property
    def run(self) -> Run:
        """The whole sequence: what follows the first step goes on from the state after it."""
        if self._forward:
            return self._forward.run
        v, p, after = self._variant, self.parameters, self.next_state
        rest = sequence(v, p, self.inputs[1:], carried(after))
        return Run(v, p, [self.step, *rest.steps], [self.state, after, *rest.states[1:]])

    @cached_property
    def outputs(self) -> npt.NDArray[np.float64]:
        """The midpoints of the state after every step, (T, B, H)."""
        return np.stack([state.mid for state in self.run.states[1:]])

    @cached_property
    def outputs_radius(self) -> npt.NDArray[np.float64]:
        """The radius of the state after every step, (T, B, H)."""
        return np.stack([state.radius for state in self.run.states[1:]])

    @cached_property
    def terms(self) -> list[Contribution]:
        """The terms of the sum over k, from T down to 1, at both cotangents."""
        return list(contributions(self.run, self._d_outputs, self.d_last))

    def gates(self, term: Contribution) -> GateCotangents:
        """The cotangents of the pre-activations that such a term is made of."""
        return gate_cotangents(
            self._variant, self.parameters, self.run.steps[term.k - 1], term.cotangent
        )

    @cached_property
    def gradients(self) -> Bptt:
        """Gradients of the sequence at both cotangents."""
        return total(self.terms)

    @cached_property
    def terms_of_last(self) -> list[Contribution]:
        """The terms of the sum over k, from T down to 1, at the cotangent of the last state
        alone.
        """
        return list(contributions(self.run, None, self.d_last))

    @cached_property
    def gradients_of_last(self) -> Bptt:
        """Gradients of the sequence at the cotangent of the last state alone."""
        return total(self.terms_of_last)

    @cached_property
    def gradients_of_outputs(self) -> Bptt:
        """Gradients of the sequence at the cotangents of the outputs alone."""
        return total(list(contributions(self.run, self._d_outputs, None)))

    @property
    def _d_outputs(self) -> list[Ball]:
        return [self._ball(d) for d in self.case.d_outputs]

    # -- along the case's tangent ------------------------------------------------------------------

    @cached_property
    def _directional(self) -> Run:
        return self._directional_along(tangent_of(self.case, moves_state=self._moves_state))

    def _directional_along(self, tangent: Gradients) -> Run:
        packed = {name: self._ball(array) for name, array in self.case.cell.packed().items()}
        return directional_run(
            self._variant, packed, self.inputs, self.state, tangent, self._movement
        )

    def _movement(self, values: NDArray) -> Ball | None:
        """A part of a tangent; None where nothing moves, for which nothing need be found."""
        return self._ball(values) if values.any() else None

    @cached_property
    def jvp(self) -> list[Ball]:
        """The derivatives of h_1 ... h_T along the tangent, (B, H) each."""
        return jvp(self._directional)

    @cached_property
    def hvp(self) -> Bptt:
        """The derivative of the gradients at both cotangents along the tangent."""
        return self._hvp(self._directional)

    def jvp_along(self, tangent: Gradients) -> list[Ball]:
        """The derivatives of h_1 ... h_T along any tangent, found anew."""
        return jvp(self._directional_along(tangent))

    def hvp_along(self, tangent: Gradients) -> Bptt:
        """The same along any tangent, found anew."""
        return self._hvp(self._directional_along(tangent))

    def _hvp(self, run: Run) -> Bptt:
        return hvp(run, self._d_outputs, self.d_last)


class Observed(Calls):
    """What the backend returned for a case, each method called once and each answer checked for
    kind, shape, dtype.
    """

    def __init__(self, case: Case, backend: Backend, declared: Declarations | None = None) -> None:
        super().__init__(case, case.cell, backend, declared)
        self.case = case

    def arguments(self, method: str) -> dict[str, Any]:
        """What the method is given for the case after the cell, by name and in its order."""
        c = self.case
        renamed = {"x": c.inputs[0], "h": c.state, "cotangent": c.d_last}
        return {
            name: renamed[name]
            if name in renamed
            else self.tangent
            if name == "tangent"
            else getattr(c, name)
            for name in ARGUMENTS[method]
        }

    def letters(self, argument: str) -> str:
        """The axes of such an argument."""
        return AXES[argument]

    def checked(self, method: str, returned: Any, **other: int) -> Any:
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

    @cached_property
    def tangent(self) -> Gradients:
        """The direction in which the case is differentiated; the state rests where the backend
        declares it does.
        """
        return tangent_of(self.case, moves_state=self.declared.state_gradient)

    @answer
    def step(self) -> NDArray:
        """(B, H)."""
        found: NDArray = self.anew("step")
        return found

    def step_at(self, x: NDArray, h: NDArray) -> NDArray:
        """The step from other arguments x (B, I) and h (B, H), called anew: (B, H)."""
        found: NDArray = self.checked("step", self._call("step", x=x, h=h), B=len(x))
        return found

    @answer
    def step_jacobian(self) -> tuple[NDArray, NDArray]:
        """(B, H, H) and (B, H, I)."""
        return pair_of("step_jacobian", self.anew("step_jacobian"))

    @answer
    def step_vjp(self) -> Gradients:
        """Gradients of the first step at d_last; `inputs` is (B, I)."""
        found: Gradients = self.anew("step_vjp")
        return found

    @answer
    def sequence(self) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        return pair_of("sequence", self.anew("sequence"))

    def sequence_at(self, inputs: NDArray, state: NDArray | None) -> tuple[NDArray, NDArray]:
        """The sequence from other arguments, called anew: outputs and last state. The state may be
        None.
        """
        T, B, _ = inputs.shape
        returned = self._call("sequence", inputs=inputs, state=state)
        return pair_of("sequence", self.checked("sequence", returned, T=T, B=B))

    @answer
    def sequence_vjp(self) -> Gradients:
        """Gradients of the sequence at both cotangents."""
        return self.fresh_sequence_vjp(self.case.d_outputs)

    @answer
    def sequence_vjp_of_last(self) -> Gradients:
        """Gradients of the sequence at the cotangent of the last state alone."""
        return self.fresh_sequence_vjp(None)

    @answer
    def sequence_jvp(self) -> tuple[NDArray, NDArray]:
        """The derivatives of outputs (T, B, H) and last state (B, H) along the case's tangent."""
        return self.sequence_jvp_along(self.tangent)

    def sequence_jvp_along(self, tangent: Gradients) -> tuple[NDArray, NDArray]:
        """The same along any tangent, called anew."""
        c = self.case
        returned = self._call("sequence_jvp", inputs=c.inputs, state=c.state, tangent=tangent)
        return pair_of("sequence_jvp", self.checked("sequence_jvp", returned))

    @answer
    def sequence_hvp(self) -> Gradients:
        """The derivative of the gradients at both cotangents along the case's tangent."""
        return self.sequence_hvp_along(self.tangent)

    @answer
    def sequence_hvp_reverse(self) -> Gradients:
        """The same in the backend's second way."""
        return self.sequence_hvp_along(self.tangent, "sequence_hvp_reverse")

    def sequence_hvp_along(self, tangent: Gradients, method: str = "sequence_hvp") -> Gradients:
        """The same along any tangent, called anew."""
        c = self.case
        given = {"inputs": c.inputs, "state": c.state, "d_outputs": c.d_outputs, "d_last": c.d_last}
        return self._gradients(method, self._call(method, **given, tangent=tangent), "TBI")

    @answer
    def sequence_vjp_of_outputs(self) -> Gradients:
        """Gradients of the sequence at the cotangents of the outputs alone."""
        return self._sequence_vjp(self.case.d_outputs, None)

    def fresh_sequence_vjp(self, d_outputs: NDArray | None) -> Gradients:
        """Gradients of the sequence, called anew."""
        return self._sequence_vjp(d_outputs, self.case.d_last)

    def _sequence_vjp(self, d_outputs: NDArray | None, d_last: NDArray | None) -> Gradients:
        return self.sequence_vjp_of_steps(slice(None), self.case.state, d_outputs, d_last)

    def sequence_vjp_of_steps(
        self, steps: slice, state: NDArray, d_outputs: NDArray | None, d_last: NDArray | None
    ) -> Gradients:
        """Gradients of some of the steps, from any state (B, H) and at any cotangents, called
        anew.
        """
        inputs = self.case.inputs[steps]
        found = self._call(
            "sequence_vjp", inputs=inputs, state=state, d_outputs=d_outputs, d_last=d_last
        )
        return self._gradients("sequence_vjp", found, "TBI", T=len(inputs))

    def chained_vjp(self, states: NDArray) -> Gradients:
        """step_vjp from the last step back to the first, each at the cotangent the one after it
        returned, summed.

        states: (T, B, H), the state before each step, as the backend's own sequence returned them.
        """
        c = self.case
        cotangent, terms = c.d_last, []
        for k in reversed(range(len(c.inputs))):
            cotangent = (cotangent.astype(np.float64) + c.d_outputs[k]).astype(c.format.dtype)
            found = self._call("step_vjp", x=c.inputs[k], h=states[k], cotangent=cotangent)
            terms.append(self._gradients("step_vjp", found, "BI"))
            if terms[-1].state is None:
                raise RuledOut("step_vjp", "state_gradient=False")
            cotangent = terms[-1].state
        return _summed(terms)

    def _gradients(self, method: str, value: Any, inputs: str, **other: int) -> Gradients:
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


#: From a case to one that stands in a known relation to it, or that meets a condition by
#: construction.
Change: TypeAlias = Callable[[Case], Case]


class Trial:
    """A case, a backend, and both sides of every comparison between them."""

    def __init__(
        self,
        case: Case,
        backend: Backend,
        forward: Exact | None = None,
        mode: Rounding | None = None,
        declared: Declarations | None = None,
    ) -> None:
        """`forward` is as in Exact; `mode` is the backend's rounding in the case's format, and
        `declared` what it declares, if they are known already.
        """
        self.case = case
        self.backend = backend
        self.observed = Observed(case, backend, declared)
        known = rounding_of(backend, case.format) if mode is None else mode
        self.exact = Exact(case, known, forward, self.declared.state_gradient)
        self._changed: dict[Change, Trial] = {}
        self._twin: Trial | None = None
        #: What invariants found of the case and others need again.
        self.shared: dict[Any, Any] = {}

    @property
    def declared(self) -> Declarations:
        """What the backend declares itself to be."""
        return self.observed.declared

    def on(self, change: Change) -> Trial:
        """The trial of the changed case, put to the same backend; invariants that make the same
        change share it.

        A condition that an invariant needs is brought about so, from whatever case was drawn: none
        is ever rejected.
        """
        if change not in self._changed:
            twin = None if self._twin is None else self._twin.on(change)
            case = change(self.case) if twin is None else twin.case
            self._changed[change] = self if case is self.case else self._other(case, twin)
        return self._changed[change]

    def derived(self) -> Iterator[tuple[Change, Trial]]:
        """The changes that were made to the case so far, and the trials of the cases they made."""
        yield from self._changed.items()

    def forget_changes(self) -> None:
        """Let go of the trials of changed cases. Where weights are large, each takes much
        memory.
        """
        if self._twin is not None:
            self._twin.forget_changes()
        self._changed.clear()

    def _other(self, case: Case, twin: Trial | None) -> Trial:
        mode = self.exact.mode if case.format is self.case.format else None
        if twin is not None:
            return twin.beside(self.backend)
        return Trial(case, self.backend, self._forward_of(case), mode, self.declared)

    @property
    def declared_slack(self) -> NDArray:
        """What the next state (B, H) may miss where σ and tanh have values that the format holds.

        Nothing, unless the backend declares that it is less accurate than every library, or that
        what is below the smallest normal number may be 0.
        """
        mode, radius = self.exact.mode, self.exact.next_state.radius
        if not mode.holds_exact_values:
            return radius
        return (
            np.zeros(radius.shape)
            if mode.subnormals
            else np.minimum(radius, mode.format.min_normal)
        )

    def _forward_of(self, case: Case) -> Exact | None:
        """The exact side that has the case's run already: ours, if the case differs in its
        cotangents alone.
        """
        pairs = (
            (case.cell, self.case.cell),
            (case.inputs, self.case.inputs),
            (case.state, self.case.state),
        )
        return self.exact if all(one is other for one, other in pairs) else None

    def beside(self, backend: Backend) -> Trial:
        """The same case put to another backend; what the mathematics allows is found out once, if
        both declare the same accuracy.
        """
        if rounding_of(backend, self.case.format) != self.exact.mode:
            return Trial(self.case, backend)
        other = Trial(self.case, backend, mode=self.exact.mode)
        other.exact, other._twin = self.exact, self
        return other


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


def _summed(terms: list[Gradients]) -> Gradients:
    """Parameter gradients summed over the steps (in float64); inputs stacked in time; the first
    step's state.
    """
    sums = {
        name: np.sum(
            [array.astype(np.float64) for term in terms for n, array in term.items() if n == name],
            axis=0,
        )
        for name, _ in terms[0].items()
        if name not in ("inputs", "state")
    }
    inputs = np.stack([term.inputs for term in reversed(terms)])
    return Gradients(
        sums["weight_ih"],
        sums["weight_hh"],
        sums.get("bias_ih"),
        sums.get("bias_hh"),
        inputs,
        terms[-1].state,
    )
