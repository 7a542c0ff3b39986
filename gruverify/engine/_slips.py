"""Slips of one line of a step: the gate, the candidate or the blend is another, and the rest of the
cell as it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations, product
from typing import Any, TypeAlias

from gruverify.arithmetic import Array, carried, sigmoid, tanh
from gruverify.cell import Parameters, Variant
from gruverify.formulas import Activations, activations, next_state

#: From the variant, the parameters and the activations of a right step to the next state.
Next: TypeAlias = Callable[[Variant, Parameters, Activations], Array]


def _everywhere(v: Variant) -> bool:
    return True


def _nowhere(v: Variant) -> bool:
    return False


@dataclass(frozen=True)
class Slip:
    """A line that is another.

    parameters: what the step has in their place; next: what becomes of its activations; lines: by
    r, z, n or h the right side that it has, with fields that `equations` fills in; weights: by
    W_r, ..., U_n those that stand there instead, "" for none; biases: by b_r, ..., c_n the bias.
    there_in: whether it is another GRU than those of the other slips in a variant; any_reset,
    any_update: whether it is the same one under both conventions.
    """

    parameters: Callable[[Parameters], Parameters] = lambda p: p
    next: Next = lambda v, p, a: next_state(v, a)
    lines: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    biases: Mapping[str, str] = field(default_factory=dict)
    any_reset: Callable[[Variant], bool] = _nowhere
    any_update: bool = False
    there_in: Callable[[Variant], bool] = _everywhere

    def step(self, v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        """The state after one step: x (B, I), h (B, H) -> (B, H)."""
        own = self.parameters(p)
        return self.next(v, own, activations(v, own, x, h))


# -- what the lines of a step are made of ----------------------------------------------------------


def _of_input(p: Parameters, a: Activations) -> Array:
    """The candidate's part that no gate resets."""
    return a.x @ p.W_xc.T + p.b_xc


def _of_state(p: Parameters, a: Activations) -> Array:
    """The candidate's recurrent part, where nothing resets it."""
    return a.h @ p.W_hc.T + p.b_hc


def _reset_by(v: Variant, p: Parameters, a: Activations, r: Array) -> Array:
    """The candidate's recurrent part, where r resets it."""
    if v.reset == "after":
        return r * _of_state(p, a)
    return (r * a.h) @ p.W_hc.T + p.b_hc


def _candidate(argument: Next) -> Next:
    """The step whose candidate is tanh of that."""
    return _new(lambda v, p, a: tanh(argument(v, p, a)))


def _new(candidate: Next) -> Next:
    """The step with that candidate."""
    return lambda v, p, a: next_state(v, replace(a, c=candidate(v, p, a)))


def _unreset(p: Parameters, a: Activations) -> Activations:
    """With the candidate that no gate resets."""
    return replace(a, c=tanh(_of_input(p, a) + _of_state(p, a)))


def _update_of_reset_state(v: Variant, p: Parameters, a: Activations) -> Array:
    a_z = a.x @ p.W_xz.T + p.b_xz + (a.r * a.h) @ p.W_hz.T + p.b_hz
    return next_state(v, replace(a, z=sigmoid(a_z)))


# -- the slips -------------------------------------------------------------------------------------

_RESET = {
    "the reset gate multiplies the old state in the blend, too": Slip(
        next=lambda v, p, a: next_state(v, replace(a, h=a.r * a.h)),
        lines={"h": "{keep} * (r * h') + {take} * n"},
    ),
    "the reset gate multiplies the old state in the blend, not in the candidate": Slip(
        next=lambda v, p, a: next_state(v, replace(_unreset(p, a), h=a.r * a.h)),
        lines={"n": "tanh({x_n} + {h_n})", "h": "{keep} * (r * h') + {take} * n"},
        any_reset=_everywhere,
    ),
    "the reset gate is not used": Slip(
        next=lambda v, p, a: next_state(v, _unreset(p, a)),
        lines={"n": "tanh({x_n} + {h_n})"},
        any_reset=_everywhere,
    ),
    "1 - r resets, not r": Slip(
        next=_candidate(lambda v, p, a: _of_input(p, a) + _reset_by(v, p, a, 1 - a.r)),
        lines={"n": "tanh({x_n} + {reset[(1 - r)]})"},
    ),
    "z resets, not r": Slip(
        next=_candidate(lambda v, p, a: _of_input(p, a) + _reset_by(v, p, a, a.z)),
        lines={"n": "tanh({x_n} + {reset[z]})"},
    ),
    "the reset gate multiplies the input part of the candidate, too": Slip(
        next=_candidate(lambda v, p, a: a.r * (_of_input(p, a) + _of_state(p, a))),
        lines={"n": "tanh(r * ({x_n} + {h_n}))"},
        any_reset=_everywhere,
    ),
    "the reset gate multiplies the input part of the candidate, not the recurrent one": Slip(
        next=_candidate(lambda v, p, a: a.r * _of_input(p, a) + _of_state(p, a)),
        lines={"n": "tanh(r * ({x_n}) + {h_n})"},
        any_reset=_everywhere,
    ),
    "the reset gate multiplies the candidate after tanh": Slip(
        next=_new(lambda v, p, a: a.r * tanh(_of_input(p, a) + _of_state(p, a))),
        lines={"n": "r * tanh({x_n} + {h_n})"},
        any_reset=_everywhere,
    ),
    "the reset gate multiplies bias_hh of the candidate, too": Slip(
        next=_candidate(
            lambda v, p, a: _of_input(p, a) + (a.r * a.h) @ p.W_hc.T + a.r * p.b_hc,
        ),
        lines={"n": "tanh({x_n} + U_n (r * h') + r * {c_n})"},
        there_in=lambda v: v.reset == "before" and v.has("b_hc"),
    ),
    "the update gate sees the state that was reset": Slip(
        next=_update_of_reset_state, lines={"z": "σ({x_z} + {z_of_reset})"}
    ),
}

_BLEND = {
    "r blends, not z": Slip(
        next=lambda v, p, a: next_state(v, replace(a, z=a.r)),
        lines={"h": "{keep_by_r} * h' + {take_by_r} * n"},
    ),
    "the candidate is not weighted": Slip(
        next=lambda v, p, a: a.keep * a.h + a.c, lines={"h": "{keep} * h' + n"}
    ),
    "the old state is not weighted": Slip(
        next=lambda v, p, a: a.h + a.take * a.c, lines={"h": "h' + {take} * n"}
    ),
    "one factor weights both the old state and the candidate": Slip(
        next=lambda v, p, a: a.keep * a.h + a.keep * a.c, lines={"h": "{keep} * h' + {keep} * n"}
    ),
    "the old state is left out of the blend": Slip(
        next=lambda v, p, a: a.take * a.c, lines={"h": "{take} * n"}
    ),
    "the old state is added once more": Slip(
        next=lambda v, p, a: next_state(v, a) + a.h, lines={"h": "{keep} * h' + {take} * n + h'"}
    ),
    "the update gate is not used": Slip(
        next=lambda v, p, a: a.c, lines={"h": "n"}, any_update=True
    ),
    "tanh of the blend": Slip(
        next=lambda v, p, a: tanh(next_state(v, a)), lines={"h": "tanh({keep} * h' + {take} * n)"}
    ),
}

_ACTIVATIONS = {
    "the candidate without tanh": Slip(next=_new(lambda v, p, a: a.a_c), lines={"n": "{a_n}"}),
    "σ for tanh in the candidate": Slip(
        next=_new(lambda v, p, a: sigmoid(a.a_c)), lines={"n": "σ({a_n})"}
    ),
    "tanh for σ in the reset gate": Slip(
        next=_candidate(lambda v, p, a: _of_input(p, a) + _reset_by(v, p, a, tanh(a.a_r))),
        lines={"r": "tanh({a_r})"},
    ),
    "σ twice in the reset gate": Slip(
        next=_candidate(lambda v, p, a: _of_input(p, a) + _reset_by(v, p, a, sigmoid(a.r))),
        lines={"r": "σ(σ({a_r}))"},
    ),
    "σ twice in the update gate": Slip(
        next=lambda v, p, a: next_state(v, replace(a, z=sigmoid(a.z))),
        lines={"z": "σ(σ({a_z}))"},
    ),
}


def _replacing(**blocks: Callable[[Parameters], Any]) -> Callable[[Parameters], Parameters]:
    """The parameters with some blocks replaced by what is made of all."""
    return lambda p: replace(p, **{name: f(p) for name, f in blocks.items()})


def _block(name: str) -> Callable[[Parameters], Any]:
    return lambda p: getattr(p, name)


def _nothing(name: str) -> Callable[[Parameters], Any]:
    return lambda p: 0 * getattr(p, name)


def _unbiased(v: Variant) -> bool:
    return not v.has("b_hc")


#: The gates, and the letter of their blocks.
_BLOCKS = {"r": "r", "z": "z", "n": "c"}
#: By side: what a gate sees there, PyTorch's name of the weights, and the letters of weights and
#: biases.
_SIDES = {"x": ("input", "weight_ih", "W", "b"), "h": ("state", "weight_hh", "U", "c")}


def _of_gates() -> Iterator[tuple[str, Slip]]:
    """A gate that does not see the input or the state, or that has the weights or biases of
    another.
    """
    for gate, side in product(_BLOCKS, _SIDES):
        seen, _, letter, _ = _SIDES[side]
        block = f"W_{side}{_BLOCKS[gate]}"
        slip = Slip(_replacing(**{block: _nothing(block)}), weights={f"{letter}_{gate}": ""})
        if block == "W_hc":  # where nothing else is reset, the side does not matter
            slip = replace(slip, any_reset=_unbiased)
        yield f"{gate} without the {seen}", slip
    for (gate, other), side in product(permutations(_BLOCKS, 2), _SIDES):
        _, name, letter, _ = _SIDES[side]
        own, taken = (f"W_{side}{_BLOCKS[each]}" for each in (gate, other))
        yield (
            f"{gate} with the {name} of {other}",
            Slip(
                _replacing(**{own: _block(taken)}),
                weights={f"{letter}_{gate}": f"{letter}_{other}"},
            ),
        )
    for gate, other in ("rz", "zr", "nz", "nr"):
        yield f"{gate} with the biases of {other}", _with_biases(gate, other)
    for side, (_, weights, _, letter) in _SIDES.items():
        r, z = f"b_{side}r", f"b_{side}z"
        yield (
            f"r and z with each other's {weights.replace('weight', 'bias')}",
            Slip(
                _replacing(**{r: _block(z), z: _block(r)}),
                biases={f"{letter}_r": f"{letter}_z", f"{letter}_z": f"{letter}_r"},
                there_in=lambda v: v.has("b_xr") and v.has("b_hr"),
            ),
        )


def _with_biases(gate: str, other: str) -> Slip:
    blocks, letters = {}, {}
    for side, (_, _, _, letter) in _SIDES.items():
        blocks[f"b_{side}{_BLOCKS[gate]}"] = _block(f"b_{side}{_BLOCKS[other]}")
        letters[f"{letter}_{gate}"] = f"{letter}_{other}"
    return Slip(_replacing(**blocks), biases=letters, there_in=lambda v: v.bias)


#: By what each is called.
SLIPS: dict[str, Slip] = {**_RESET, **_BLEND, **_ACTIVATIONS, **dict(_of_gates())}


def slipped(
    slip: Slip, v: Variant, p: Parameters, inputs: Sequence[Array], state: Array
) -> Sequence[Array]:
    """The states after each of T steps, (B, H), from `state` over `inputs`, T arrays (B, I)."""
    states = list[Array]()
    h = state
    for x in inputs:
        states.append(slip.step(v, p, x, h))
        h = carried(states[-1])
    return states
