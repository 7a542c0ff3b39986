"""Backward passes that lack a term, or have another in its place: (2.4) and (2.5) with one thing
changed, the step itself being right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias

from gruverify.arithmetic import Array, carried
from gruverify.cell import BLOCKS, Parameters, Variant
from gruverify.formulas import (
    Activations,
    Bptt,
    GateCotangents,
    Run,
    candidate_slope,
    gate_cotangents,
    into_inputs,
    into_parameters,
    reset_cotangent,
    reset_slope,
    through_gates,
    update_slope,
)

#: The cotangents of a step's pre-activations, from the cotangent (B, H) of its state.
Gates: TypeAlias = Callable[[Variant, Parameters, Activations, Array], GateCotangents]
#: Those of them that go on somewhere, from all.
Kept: TypeAlias = Callable[[GateCotangents], GateCotangents]
#: From how many steps come after it, and an array of a step, to the array in its place.
AtStep: TypeAlias = Callable[[int, Array], Array]


def _same(value: Any) -> Any:
    return value


def _everywhere(v: Variant) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Backward:
    """The lines of a backward pass, as they should be unless given.

    weights: the parameters that cotangents are multiplied with; gates: what reaches the
    pre-activations; direct: the factor of the carry path; to_state, to_inputs, to_weights: what of
    the gates' cotangents reaches h', x and the parameters; summed: what becomes of the parameters'
    gradients, from those and the right ones.
    Over time: of_outputs, of_last: the cotangents that are given; met: the one that a step is
    given; handed: what it hands to the step before it; inputs, state: dL/dx and dL/dh_0; terms:
    from which step to which, the last first, terms add up to dL/dθ; mean: by what they are divided,
    of T and B.
    there_in: whether it is another backward pass in a variant.
    """

    weights: Callable[[Parameters], Parameters] = _same
    gates: Gates = gate_cotangents
    direct: Callable[[Activations], Array] = lambda a: a.keep
    to_state: Kept = _same
    to_inputs: Kept = _same
    to_weights: Kept = _same
    summed: Callable[[Parameters, Parameters], Parameters] = lambda θ, right: θ
    of_outputs: Callable[[Array], Array] = _same
    of_last: Callable[[Array], Array] = _same
    met: AtStep = lambda later, g: g
    handed: AtStep = lambda later, g: g
    inputs: AtStep = lambda later, g: g
    state: Callable[[Array], Array] = _same
    terms: tuple[int | None, int | None] = (None, None)
    mean: Callable[[int, int], int] = lambda T, B: 1
    there_in: Callable[[Variant], bool] = _everywhere

    def of_step(self) -> Backward:
        """The same for one step, whose pullback knows nothing of a sequence."""
        return replace(self, of_last=_same, state=_same)

    def gradients(self, run: Run, d_outputs: Sequence[Array] | None, d_last: Array) -> Bptt:
        """The gradients of a run at the cotangents (B, H) of its T outputs, or None, and of its
        last state.
        """
        v, p, steps = run.variant, self.weights(run.parameters), run.steps[::-1]
        state, g, gates = d_last, self.of_last(d_last), list[GateCotangents]()
        for later, a in enumerate(steps):
            if d_outputs is not None:
                g = self.of_outputs(d_outputs[-1 - later]) + g
            g = self.met(later, g)
            α = self.gates(v, p, a, g)
            state = through_gates(v, p, self.to_state(α), g * self.direct(a))
            gates.append(α)
            g = self.handed(later, carried(state))
        inputs = enumerate(into_inputs(p, [self.to_inputs(α) for α in gates]))
        return Bptt(
            self._parameters(run, steps, gates),
            [self.inputs(later, x) for later, x in inputs][::-1],
            self.state(state),
        )

    def _parameters(
        self, run: Run, steps: Sequence[Activations], gates: Sequence[GateCotangents]
    ) -> Parameters:
        some = slice(*self.terms)
        steps, gates = steps[some], gates[some]
        right = into_parameters(run.variant, steps, gates)
        changed = into_parameters(run.variant, steps, [self.to_weights(α) for α in gates])
        found = self.summed(changed, right)
        divisor = self.mean(len(run.steps), run.steps[0].h.shape[0])
        if divisor == 1:
            return found
        return found.map(lambda block: block * (1 / divisor))


# -- what stops ------------------------------------------------------------------------------------


def _nothing(array: Any) -> Any:
    return 0 * array


def _without(*names: str) -> Kept:
    """The cotangents without those of some of r, z, c and q."""
    return lambda α: replace(α, **{name: 0 * getattr(α, name) for name in names})


def _stopped(*names: str) -> Gates:
    """Nothing reaches some of the pre-activations, as where the gate is detached."""
    stop = _without(*names)
    return lambda v, p, a, g: stop(gate_cotangents(v, p, a, g))


def _zero(*names: str) -> Backward:
    """Some blocks have no gradient."""
    return Backward(
        summed=lambda θ, right: replace(θ, **{name: 0 * getattr(θ, name) for name in names}),
        there_in=lambda v: v.has(names[0]),
    )


def _resets_after(v: Variant) -> bool:
    return v.reset == "after"


_DETACHED = {
    "∂h/∂h' lacks {keep}: the carry path": Backward(direct=lambda a: 0 * a.keep),
    "∂h/∂h' lacks the path through the update gate, W_hz": Backward(to_state=_without("z")),
    "∂h/∂h' lacks the path through the reset gate, W_hr": Backward(to_state=_without("r")),
    "∂h/∂h' lacks the path through the candidate, W_hc": Backward(to_state=_without("q")),
    "∂h/∂h' lacks the paths through both gates, W_hr and W_hz": Backward(
        to_state=_without("r", "z")
    ),
    "∂h/∂h' is {keep} alone: it lacks the paths through the gates and the candidate": Backward(
        to_state=_without("r", "z", "q")
    ),
    "∂h/∂h' is 0: the state is detached at each step": Backward(
        to_state=_without("r", "z", "q"), direct=lambda a: 0 * a.keep
    ),
    "∂h/∂x lacks the path through the update gate, W_xz": Backward(to_inputs=_without("z")),
    "∂h/∂x lacks the path through the reset gate, W_xr": Backward(to_inputs=_without("r")),
    "∂h/∂x lacks the path through the candidate, W_xc": Backward(to_inputs=_without("c")),
    "∂h/∂x is 0: the input is detached": Backward(to_inputs=_without("r", "z", "c")),
    "∂h/∂a_z is 0: the update gate is detached": Backward(gates=_stopped("z")),
    "∂h/∂a_r is 0: the reset gate is detached": Backward(gates=_stopped("r")),
    "∂h/∂a_r and ∂h/∂a_z are 0: both gates are detached": Backward(gates=_stopped("r", "z")),
    "∂h/∂a_c is 0: the candidate is detached": Backward(gates=_stopped("r", "c", "q")),
    "∂h/∂(r h') is 0: what the reset gate multiplies is detached": Backward(
        gates=_stopped("r", "q"), there_in=lambda v: not _resets_after(v)
    ),
    "∂h/∂(r (W_hc h' + b_hc)) is 0: what the reset gate multiplies is detached": Backward(
        gates=_stopped("r", "q"), there_in=_resets_after
    ),
}

# -- slopes ----------------------------------------------------------------------------------------


def _with_slopes(
    update: Callable[[Variant, Activations], Array] = update_slope,
    candidate: Callable[[Activations], Array] = candidate_slope,
    reset: Callable[[Activations], Array] = reset_slope,
) -> Gates:
    """Other derivatives of what a pre-activation goes into."""

    def gates(v: Variant, p: Parameters, a: Activations, g: Array) -> GateCotangents:
        α_c = g * candidate(a)
        of_reset = reset_cotangent(v, p, α_c)
        return GateCotangents(of_reset * reset(a), g * update(v, a), α_c, of_reset * a.r)

    return gates


def _of_state(v: Variant, a: Activations) -> Array:
    """The summand of ∂h/∂a_z that has h'."""
    if v.update == "keep":
        return a.h * a.z * (1 - a.z)
    return -(a.h * a.z * (1 - a.z))


def _of_candidate(v: Variant, a: Activations) -> Array:
    """The summand of ∂h/∂a_z that has c."""
    if v.update == "keep":
        return -(a.c * a.z * (1 - a.z))
    return a.c * a.z * (1 - a.z)


def _weighed(v: Variant, a: Activations) -> Array:
    """What z weighs against each other: h' - c, or c - h'."""
    if v.update == "keep":
        return a.h - a.c
    return a.c - a.h


_SLOPES = {
    "∂h/∂a_z lacks the summand with the candidate": _with_slopes(_of_state),
    "∂h/∂a_z lacks the summand with h'": _with_slopes(_of_candidate),
    "∂h/∂a_z has the wrong sign": _with_slopes(lambda v, a: -update_slope(v, a)),
    "∂h/∂a_z lacks 1-z: the slope of σ is z (1-z)": _with_slopes(lambda v, a: _weighed(v, a) * a.z),
    "∂h/∂a_z lacks z (1-z): the slope of σ": _with_slopes(_weighed),
    "∂h/∂a_c lacks 1-c²: the slope of tanh": _with_slopes(candidate=lambda a: a.take),
    "∂h/∂a_c has 1-c for 1-c², the slope of tanh": _with_slopes(
        candidate=lambda a: a.take * (1 - a.c)
    ),
    "∂h/∂a_c has c (1-c), the slope of σ, for 1-c²": _with_slopes(
        candidate=lambda a: a.take * a.c * (1 - a.c)
    ),
    "∂h/∂a_c has 1-a_c² for 1-c²: the slope of tanh, of what went into it": _with_slopes(
        candidate=lambda a: a.take * (1 - a.a_c * a.a_c)
    ),
    "∂h/∂a_c lacks {take}": _with_slopes(candidate=lambda a: 1 - a.c * a.c),
    "∂h/∂a_c has {keep} for {take}": _with_slopes(candidate=lambda a: a.keep * (1 - a.c * a.c)),
    "∂h/∂a_r lacks 1-r: the slope of σ is r (1-r)": _with_slopes(reset=lambda a: a.q * a.r),
    "∂h/∂a_r lacks r (1-r): the slope of σ": _with_slopes(reset=lambda a: a.q),
}

_TERMS = {
    **{words: Backward(gates=gates) for words, gates in _SLOPES.items()},
    "∂h/∂a_r has h' for W_hc h' + b_hc": Backward(
        gates=_with_slopes(reset=lambda a: a.h * a.r * (1 - a.r)), there_in=_resets_after
    ),
    "∂h/∂h' has {take} for {keep}: the carry path": Backward(direct=lambda a: a.take),
    "weight_hh is transposed on the way back": Backward(
        weights=lambda p: replace(p, W_hr=p.W_hr.T, W_hz=p.W_hz.T, W_hc=p.W_hc.T)
    ),
}

# -- parameters ------------------------------------------------------------------------------------


def _taken_from(*names: str) -> Callable[[Parameters, Parameters], Parameters]:
    """Some blocks as they were changed, the others right."""
    return lambda θ, right: replace(right, **{name: getattr(θ, name) for name in names})


def _unreset(α: GateCotangents) -> GateCotangents:
    return replace(α, q=α.c)


def _exchanged(θ: Parameters, right: Parameters) -> Parameters:
    """The gradients of r and of z, each in the place of the other."""
    blocks = {"r": "z", "z": "r"}
    names = [name for name in BLOCKS if name[3] in blocks]
    return replace(θ, **{name: getattr(θ, name[:3] + blocks[name[3]]) for name in names})


def _biases_twice(θ: Parameters, right: Parameters) -> Parameters:
    names = [name for name in BLOCKS if name.startswith("b")]
    return replace(θ, **{name: 2 * getattr(θ, name) for name in names})


_PACKED = {"weight_ih": "W_x", "weight_hh": "W_h", "bias_ih": "b_x", "bias_hh": "b_h"}


def _of_parameters() -> Iterator[tuple[str, Backward]]:
    for name in BLOCKS:
        yield f"dL/d{name} is 0", _zero(name)
    for name, kind in _PACKED.items():
        yield f"dL/d{name} is 0", _zero(*(block for block in BLOCKS if block[:3] == kind))
    yield "every dL/dθ is 0", _zero(*BLOCKS)
    yield (
        "dL/dW_hc lacks the factor r",
        Backward(to_weights=_unreset, summed=_taken_from("W_hc"), there_in=_resets_after),
    )
    yield (
        "dL/db_hc lacks the factor r",
        Backward(
            to_weights=_unreset,
            summed=_taken_from("b_hc"),
            there_in=lambda v: _resets_after(v) and v.has("b_hc"),
        ),
    )
    yield "dL/dθ of r and z are exchanged", Backward(summed=_exchanged)
    yield (
        "the gradients of the biases are twice what they should be",
        Backward(summed=_biases_twice, there_in=lambda v: v.bias),
    )


# -- sequences -------------------------------------------------------------------------------------


def _detached_before(steps: int) -> Backward:
    """Nothing is handed to what comes before the last that many steps."""

    def handed(later: int, g: Array) -> Array:
        if later == steps - 1:
            return 0 * g
        return g

    return Backward(handed=handed)


def _last_alone(later: int, g: Array) -> Array:
    if later:
        return 0 * g
    return g


_OF_SEQUENCES = {
    "dL/dh_t is not handed on from step to step: the state is detached between them": Backward(
        handed=lambda later, g: 0 * g
    ),
    "dL/dh_0 is 0: the initial state is detached": Backward(state=_nothing),
    "only the last step is differentiated": Backward(met=_last_alone),
    "dL/dh_t stops before the last step: the state is detached there": _detached_before(1),
    "dL/dh_t stops before the last two steps: the state is detached there": _detached_before(2),
    "dL/dθ is that of the last step alone": Backward(terms=(0, 1)),
    "dL/dθ is that of the first step alone": Backward(terms=(-1, None)),
    "dL/dx is that of the last step alone": Backward(inputs=_last_alone),
    "the cotangents of the outputs are ignored": Backward(of_outputs=_nothing),
    "the cotangent of the last state is ignored": Backward(of_last=_nothing),
    "dL/dθ is the mean over the steps, not the sum": Backward(mean=lambda T, B: T),
    "dL/dθ is the mean over the batch, not the sum": Backward(mean=lambda T, B: B),
}

#: By what each is called, with the shares {keep} of the old state and {take} of the candidate.
BACKWARD: dict[str, Backward] = dict(
    chain(_DETACHED.items(), _TERMS.items(), _of_parameters(), _OF_SEQUENCES.items())
)


def in_words(words: str, declared: Variant) -> str:
    """The name of a backward pass with the shares that a variant has."""
    keep, take = "z", "1-z"
    if declared.update == "replace":
        keep, take = take, keep
    return words.replace("{keep}", keep).replace("{take}", take)
