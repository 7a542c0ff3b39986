"""What the mathematics allows for a case: every quantity as balls, each found once it is used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import (
    USUAL,
    Ball,
    Functions,
    NDArray,
    Rounding,
    carried,
    joined_rows,
    plain,
)
from gruverify.cell import Case, Gradients, Parameters
from gruverify.formulas import (
    Activations,
    Bptt,
    Contribution,
    GateCotangents,
    MaskedRun,
    Pullback,
    Run,
    ZoneoutRun,
    activations,
    bptt,
    contributions,
    directional_run,
    gate_cotangents,
    hvp,
    jacobian_of_input,
    jacobian_of_state,
    jvp,
    masked_bptt,
    masked_sequence,
    members_of,
    next_state,
    pullback,
    sequence,
    total,
    zoneout_bptt,
    zoneout_sequence,
)
from gruverify.invariants.core._tangent import tangent_of

#: How many entries of a Jacobian are found in one go, in 16 MiB.
_ENTRIES = 2**21


class Exact:
    """What the mathematics allows for a case: every quantity as balls in the format under test,
    each computed once.
    """

    def __init__(
        self,
        case: Case,
        mode: Rounding,
        like: Exact | None = None,
        moves_state: bool = True,
        functions: Functions = USUAL,
    ) -> None:
        """like: the exact side of another case; what both have in common is found once, the
        parameters of one cell, and the run of cases that differ in their cotangents alone.

        moves_state: whether the initial state moves along the case's tangent; functions: the
        activation functions that the cell has.
        """
        self._moves_state = moves_state
        self.functions = functions
        self.case = case
        self.mode = mode
        self._of_cell = self._forward = None
        # By identity: `replace` keeps what it does not change, and comparing arrays would take
        # longer.
        if like is not None and like.case.cell is case.cell and like.mode == mode:
            self._of_cell = like
            if like.case.inputs is case.inputs and like.case.state is case.state:
                self._forward = like
        self._variant = case.cell.variant
        self._masked: dict[tuple[bytes, bytes], MaskedRun] = {}

    def anew(self) -> Exact:
        """The same of which nothing is found yet."""
        return Exact(self.case, self.mode, self._of_cell, self._moves_state, self.functions)

    @cached_property
    def parameters(self) -> Parameters:
        """The twelve blocks."""
        if self._of_cell:
            return self._of_cell.parameters
        return self.case.cell.parameters(self.lifted)

    @cached_property
    def inputs(self) -> list[Ball]:
        """T arrays (B, I)."""
        return [self.lifted(x) for x in self.case.inputs]

    @cached_property
    def state(self) -> Ball:
        """The initial state, (B, H)."""
        return self.lifted(self.case.state)

    @cached_property
    def d_last(self) -> Ball:
        """The cotangent of the last state, (B, H)."""
        return self.lifted(self.case.d_last)

    def lifted(self, values: NDArray) -> Ball:
        """Numbers of the case, exactly."""
        return Ball.exact(self.mode, values)

    @cached_property
    def step(self) -> Activations:
        """The activations of the first step."""
        if self._forward:
            return self._forward.step
        first = self.inputs[0], self.state
        return activations(self._variant, self.parameters, *first, self.functions)

    @cached_property
    def next_state(self) -> Ball:
        """The state after the first step, (B, H)."""
        if self._forward:
            return self._forward.next_state
        after: Ball = next_state(self._variant, self.step)
        return after

    @cached_property
    def jacobian_of_state(self) -> Ball:
        """∂h/∂h' of the first step, (B, H, H)."""
        return self._member_by_member(jacobian_of_state)

    @cached_property
    def jacobian_of_input(self) -> Ball:
        """∂h/∂x of the first step, (B, H, I)."""
        return self._member_by_member(jacobian_of_input)

    def _member_by_member(self, jacobian: Callable[..., Ball]) -> Ball:
        """A Jacobian of the first step, of so many members at a time as are small: what it is made
        of takes many times its memory.
        """
        v, p, a = self._variant, self.parameters, self.step
        B, H, I = *self.case.state.shape, self.case.inputs.shape[-1]
        some = max(_ENTRIES // (H * max(H, I)), 1)
        if some >= B:
            return plain(jacobian(v, p, a))
        parts = [members_of(a, slice(k, k + some)) for k in range(0, B, some)]
        return joined_rows([jacobian(v, p, part) for part in parts])

    @cached_property
    def pullback(self) -> Pullback:
        """The first step's pullback at d_last."""
        back = pullback(self._variant, self.parameters, self.step, self.d_last)
        return Pullback(back.parameters.map(plain), back.x, back.h)

    @cached_property
    def run(self) -> Run:
        """The whole sequence: what follows the first step goes on from the state after it."""
        if self._forward:
            return self._forward.run
        # The first step is shared with whoever asks for a step alone: it is not evaluated twice.
        v, p, after = self._variant, self.parameters, self.next_state
        rest = sequence(v, p, self.inputs[1:], carried(after), self.functions)
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
        return total(self.terms, plain)

    @cached_property
    def terms_of_last(self) -> list[Contribution]:
        """The terms of the sum over k, from T down to 1, at the cotangent of the last state
        alone.
        """
        return list(contributions(self.run, None, self.d_last))

    @cached_property
    def gradients_of_last(self) -> Bptt:
        """Gradients of the sequence at the cotangent of the last state alone."""
        return total(self.terms_of_last, plain)

    @cached_property
    def gradients_of_outputs(self) -> Bptt:
        """Gradients of the sequence at the cotangents of the outputs alone."""
        return bptt(self.run, self._d_outputs, None, plain)

    @property
    def _d_outputs(self) -> list[Ball]:
        return [self.lifted(d) for d in self.case.d_outputs]

    # -- with steps that members skip, or start from zeros; keep and restart are (T, B) ------------

    def masked_run(self, keep: NDArray, restart: NDArray) -> MaskedRun:
        """The whole run with such steps."""
        key = keep.tobytes(), restart.tobytes()
        if key not in self._masked:
            self._masked[key] = masked_sequence(
                self._variant,
                self.parameters,
                self.inputs,
                self.state,
                keep,
                restart,
                self.functions,
            )
        return self._masked[key]

    def masked_gradients(
        self, keep: NDArray, restart: NDArray, seen: NDArray | None = None
    ) -> Bptt:
        """Its gradients at both cotangents; seen: the steps (T, B) whose outputs hand theirs on,
        all unless given.
        """
        d_outputs = self.case.d_outputs
        if seen is not None:
            d_outputs = np.where(seen[..., None], d_outputs, np.zeros_like(d_outputs))
        run = self.masked_run(keep, restart)
        return _compared(masked_bptt(run, [self.lifted(d) for d in d_outputs], self.d_last))

    # -- with units that keep their state; keep_units is (T, B, H), a mask or shares ---------------

    def zoneout_run(self, keep_units: NDArray) -> ZoneoutRun:
        """The whole run with such units."""
        p, f = self.parameters, self.functions
        if keep_units.dtype == bool:
            return zoneout_sequence(self._variant, p, self.inputs, self.state, keep_units, f)
        shares = [self.lifted(share) for share in keep_units]
        return zoneout_sequence(self._variant, p, self.inputs, self.state, shares, f)

    def zoneout_gradients(self, keep_units: NDArray) -> Bptt:
        """Its gradients at both cotangents."""
        back = zoneout_bptt(self.zoneout_run(keep_units), self._d_outputs, self.d_last)
        return _compared(back)

    # -- along the case's tangent ------------------------------------------------------------------

    @cached_property
    def _directional(self) -> Run:
        return self._directional_along(tangent_of(self.case, moves_state=self._moves_state))

    def _directional_along(self, tangent: Gradients) -> Run:
        p, start = self.parameters, self.state
        return directional_run(self._variant, p, self.inputs, start, tangent, self._movement)

    def _movement(self, values: NDArray) -> Ball | None:
        """A part of a tangent; None where nothing moves, for which nothing need be found."""
        # A constant's tangent is None to `Dual`: no ball of zeros need be carried through the
        # formulas.
        return self.lifted(values) if values.any() else None

    @cached_property
    def jvp(self) -> list[Ball]:
        """The derivatives of h_1 ... h_T along the tangent, (B, H) each."""
        return jvp(self._directional)

    @cached_property
    def hvp(self) -> Bptt:
        """The derivative of the gradients at both cotangents along the tangent."""
        return self._hvp(self._directional)

    def jvp_along(self, tangent: Gradients) -> list[Ball]:
        """The derivatives of h_1 ... h_T along any tangent, found for each call."""
        return jvp(self._directional_along(tangent))

    def hvp_along(self, tangent: Gradients) -> Bptt:
        """The derivative of the gradients at both cotangents along any tangent, found for each
        call.
        """
        return self._hvp(self._directional_along(tangent))

    def _hvp(self, run: Run) -> Bptt:
        return hvp(run, self._d_outputs, self.d_last, plain)


def _compared(back: Bptt) -> Bptt:
    """Gradients that are compared, and not gone on with: of their parameters what the sums are made
    of is let go of.
    """
    return Bptt(back.parameters.map(plain), back.inputs, back.state)
