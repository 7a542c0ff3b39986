"""A sequence of steps and back-propagation through it, as the sum over k that the theory writes
(2.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gruverify.arithmetic import USUAL, Array, Functions, carried
from gruverify.cell import Parameters, Variant
from gruverify.formulas._step import (
    Activations,
    GateCotangents,
    Kept,
    activations,
    back_to_state,
    gate_cotangents,
    into_inputs,
    into_parameters,
    next_state,
    whole,
)


@dataclass(frozen=True, slots=True)
class Run:
    """A sequence run forward: `steps[t]` holds the activations of step t, `states[t]` the state
    before it, T+1 in all.
    """

    variant: Variant
    parameters: Parameters
    steps: Sequence[Activations]
    states: Sequence[Array]


def sequence(
    v: Variant, p: Parameters, inputs: Sequence[Array], state: Array, f: Functions = USUAL
) -> Run:
    """T steps from `state` (B, H) over `inputs`, T arrays (B, I)."""
    steps: list[Activations] = []
    states = [state]
    for x in inputs:
        # The initial state was given: only what the implementation returned itself may have been
        # kept in another precision.
        steps.append(activations(v, p, x, carried(states[-1]) if steps else state, f))
        states.append(next_state(v, steps[-1]))
    return Run(v, p, steps, states)


@dataclass(frozen=True, slots=True)
class Contribution:
    """Term k of dL/dθ: the immediate derivatives ∂⁺h_k/∂θ met by the cotangent dL/dh_k (B, H);
    `state` is what becomes of that by this step, and `gates` what it becomes on its way.
    """

    k: int
    run: Run
    cotangent: Array
    gates: GateCotangents
    state: Array

    @property
    def step(self) -> Activations:
        """The activations of step k."""
        return self.run.steps[self.k - 1]

    @property
    def parameters(self) -> Parameters:
        """The term itself."""
        return into_parameters(self.run.variant, [self.step], [self.gates])

    @property
    def inputs(self) -> Array:
        """dL/dx_k, (B, I)."""
        return into_inputs(self.run.parameters, [self.gates])[0]


def contributions(
    run: Run, d_outputs: Sequence[Array] | None, d_last: Array | None
) -> Iterator[Contribution]:
    """The terms of the sum over k in (2.5), from k = T down to 1; `state` is the cotangent of
    h_{k-1} by this term's step.

    d_outputs: T cotangents (B, H) of the outputs, or None; d_last: (B, H), the cotangent of the
    last state, or None. With `d_last` alone, term k is dL_T/dh_T Π J ∂⁺h_k/∂θ: the sum that the
    project started from.
    """
    # (2.5), evaluated from the last step: Horner's scheme for the products of Jacobians.
    g = d_last
    for k in range(len(run.steps), 0, -1):
        # h_T is an output and the last state: it has both cotangents.
        if d_outputs is not None:
            if g is None:
                g = d_outputs[k - 1]
            else:
                g = d_outputs[k - 1] + g
        if g is None:
            raise ValueError(
                "d_outputs=None and d_last=None: a gradient needs at least one cotangent"
            )
        at = run.variant, run.parameters, run.steps[k - 1], g
        gates = gate_cotangents(*at)
        yield (term := Contribution(k, run, g, gates, back_to_state(*at, gates)))
        g = carried(term.state)


@dataclass(frozen=True, slots=True)
class Bptt:
    """Gradients of a sequence: parameters, inputs (T arrays (B, I)) and the initial state (B,
    H).
    """

    parameters: Parameters
    inputs: Sequence[Array]
    state: Array


def bptt(
    run: Run, d_outputs: Sequence[Array] | None, d_last: Array | None, kept: Kept = whole
) -> Bptt:
    """dL/dθ, dL/dx_k and dL/dh_0. Needs T ≥ 1. kept: as of `into_parameters`."""
    return total(list(contributions(run, d_outputs, d_last)), kept)


def total(terms: Sequence[Contribution], kept: Kept = whole) -> Bptt:
    """dL/dθ = Σ_k: the gradients that the contributions, from T down to 1, add up to; kept: as of
    `into_parameters`.
    """
    run, gates = terms[0].run, [term.gates for term in terms]
    parameters = into_parameters(run.variant, [term.step for term in terms], gates, kept=kept)
    # The terms come from T down to 1, the inputs in order of time.
    return Bptt(parameters, into_inputs(run.parameters, gates)[::-1], terms[-1].state)
