"""How an implementation may read a cell: as its variant declares, or with the other conventions
that are in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, permutations, product
from typing import Any, TypeAlias

from gruverify._named import Keywords
from gruverify.arithmetic import USUAL, Array, Functions, functions_named, placed
from gruverify.cell import Parameters, Variant
from gruverify.engine._backward import BACKWARD, in_words
from gruverify.engine._lost_states import FROM_ZEROS as FROM_ZEROS
from gruverify.engine._lost_states import losses, shows_from_zeros
from gruverify.engine._slips import SLIPS

#: The biases of one side, of r, z and n, over any arithmetic.
Biases: TypeAlias = tuple[Any, Any, Any]
#: The gates in the order in which a cell packs them.
ORDER = "rzn"


@dataclass(frozen=True)
class BiasForm:
    """What becomes of the two biases (input side, recurrent side). Two forms may differ in the
    candidate alone, and there only if the reset gate stands after the product: `needs_after`.
    """

    words: str
    read: Callable[[Biases, Biases], tuple[Biases, Biases]]
    needs_after: bool = False


_NONE: Biases = (0, 0, 0)


def _twice(biases: Biases) -> Biases:
    r, z, n = biases
    return 2 * r, 2 * z, 2 * n


#: By name; what is declared first.
BIASES: dict[str, BiasForm] = {
    "both": BiasForm("both biases", lambda x, h: (x, h)),
    "input": BiasForm("bias_ih alone", lambda x, h: (x, _NONE)),
    "recurrent": BiasForm("bias_hh alone", lambda x, h: (_NONE, h)),
    "none": BiasForm("no bias", lambda x, h: (_NONE, _NONE)),
    "candidate": BiasForm(
        "bias_ih, and bias_hh of the candidate alone", lambda x, h: (x, (0, 0, h[2]))
    ),
    "gates": BiasForm("bias_ih, and bias_hh of r and z alone", lambda x, h: (x, (h[0], h[1], 0))),
    "outside": BiasForm(
        "bias_hh of the candidate outside the reset product",
        lambda x, h: ((x[0], x[1], x[2] + h[2]), (h[0], h[1], 0)),
        needs_after=True,
    ),
    "inside": BiasForm(
        "bias_ih of the candidate inside the reset product",
        lambda x, h: ((x[0], x[1], 0), (h[0], h[1], h[2] + x[2])),
        needs_after=True,
    ),
    "swapped": BiasForm("bias_ih and bias_hh exchanged", lambda x, h: (h, x), needs_after=True),
    "input twice": BiasForm("bias_ih on both sides", lambda x, h: (x, x)),
    "recurrent twice": BiasForm("bias_hh on both sides", lambda x, h: (h, h)),
    "doubled": BiasForm("both biases twice", lambda x, h: (_twice(x), _twice(h))),
    "recurrent doubled": BiasForm("bias_hh twice", lambda x, h: (x, _twice(h))),
    "turned": BiasForm(
        "the biases of r and z exchanged", lambda x, h: ((x[1], x[0], x[2]), (h[1], h[0], h[2]))
    ),
}


#: By what a variant has, the forms that differ on it. The others do what one of these does, for
#: what is missing is 0.
_TOLD_APART: dict[str, tuple[str, ...]] = {
    "both": tuple(BIASES),
    "none": ("both",),
    "input": ("both", "none", "inside", "doubled", "turned"),
    "recurrent": ("both", "none", "outside", "doubled", "turned"),
    "input+candidate": tuple(form for form in BIASES if form not in ("candidate", "gates")),
}
#: Forms that differ from the others in the candidate's bias_hh alone, where there is no other.
_OF_CANDIDATE = ("outside", "swapped")
#: How each form is declared, where a variant can say it.
DECLARED_AS: Keywords = {
    "both": "as declared",
    "input": "input",
    "recurrent": "recurrent",
    "none": "none",
    "candidate": "input+candidate",
}
_HAS = {
    "both": "both biases",
    "none": "without biases",
    "input": "bias_ih alone",
    "recurrent": "bias_hh alone",
    "input+candidate": "bias_ih, and bias_hh of the candidate alone",
}


#: What libraries have in place of σ and tanh.
FUNCTIONS = (
    "hard_sigmoid(0.2, 0.5),tanh",
    "hard_sigmoid(1/6, 0.5),tanh",
    "sigmoid,relu",
    "hard_sigmoid(0.2, 0.5),relu",
    "hard_sigmoid(1/6, 0.5),relu",
    "sigmoid,hard_tanh",
    "hard_sigmoid(0.2, 0.5),hard_tanh",
    "hard_sigmoid(1/6, 0.5),hard_tanh",
    "sigmoid,softsign",
    "sigmoid,elu(1)",
    "sigmoid,leaky_relu(0.01)",
    "sigmoid,scaled_tanh(1.7159, 2/3)",
    "tanh,sigmoid",
)


@dataclass(frozen=True, order=True)
class Reading:
    """One way to read a cell, against what its variant declares.

    other_reset, other_update: whether the reset gate stands on the other side of the product, and z
    multiplies the other of state and candidate; order: which gates the three blocks are taken for;
    bias: a key of `BIASES`; "both" being what is declared; transposed: whether the blocks of
    weight_hh are; slip: a key of `SLIPS`, "" if every line is as it should be; functions: in words,
    those of the gates and of the candidate, "" if they are σ and tanh; lacks: a key of `BACKWARD`,
    "" if its gradients are those of what it computes; marks: what it does with steps that are to be
    skipped, or to start from zeros, in words, "" if it does so; from_zeros: whether its initial
    state is ignored; loses: what becomes of the state between its steps, in words, a key of
    `LOSSES`, "" if each goes on from the state before it.
    """

    other_reset: bool = False
    other_update: bool = False
    order: str = ORDER
    bias: str = "both"
    transposed: bool = False
    slip: str = ""
    functions: str = ""
    lacks: str = ""
    marks: str = ""
    from_zeros: bool = False
    loses: str = ""

    @property
    def activations(self) -> Functions:
        """The activation functions."""
        if not self.functions:
            return USUAL
        return functions_named(self.functions)[0]

    @property
    def is_variant(self) -> bool:
        """Whether it departs in where it resets and what z multiplies alone."""
        return self == Reading(self.other_reset, self.other_update)

    def start(self, state: Array) -> Array:
        """The state (B, H) that it starts from where it is given one."""
        if self.from_zeros:
            return placed(state, state.shape)
        return state

    def variant(self, declared: Variant) -> Variant:
        """The variant that is computed where another is declared."""
        reset, update = declared.reset, declared.update
        if self.other_reset:
            reset = "before" if reset == "after" else "after"
        if self.other_update:
            if update == "keep":
                update = "replace"
            else:
                update = "keep"
        return replace(declared, reset=reset, update=update)

    def parameters(self, p: Parameters) -> Parameters:
        """The parameters that the formulas are to be given, from the cell's own, over any
        arithmetic.
        """
        W_x, W_h = self._taken(p.W_xr, p.W_xz, p.W_xc), self._taken(p.W_hr, p.W_hz, p.W_hc)
        b_x, b_h = self._taken(p.b_xr, p.b_xz, p.b_xc), self._taken(p.b_hr, p.b_hz, p.b_hc)
        if self.transposed:
            W_h = [W.T for W in W_h]
        sides = BIASES[self.bias].read(b_x, b_h)
        return Parameters(*W_x, *W_h, *chain.from_iterable(sides))

    def _taken(self, *blocks: object) -> Any:
        """The blocks that are taken for r, z and n."""
        return tuple(blocks[self.order.index(gate)] for gate in ORDER)

    def differences(self, declared: Variant) -> tuple[str, ...]:
        """In words, where it departs from what is declared; none if it does not."""
        variant = self.variant(declared)
        found = {
            f"reset gate applied {variant.reset} the product": self.other_reset,
            "z multiplies the "
            f"{'old state' if variant.update == 'keep' else 'candidate'}": self.other_update,
            f"gate order {', '.join(self.order)}": self.order != ORDER,
            BIASES[self.bias].words: self.bias != "both",
            "weight_hh transposed": self.transposed,
            self.slip: bool(self.slip),
            str(self.activations): bool(self.functions),
            self.lacking(declared): bool(self.lacks),
            self.marks: bool(self.marks),
            FROM_ZEROS: self.from_zeros,
            self.loses: bool(self.loses),
        }
        return tuple(words for words, departs in found.items() if departs)

    def lacking(self, declared: Variant) -> str:
        """What is missing of its gradients, in words; "" if nothing is."""
        return in_words(self.lacks, self.variant(declared))

    def describe(self, declared: Variant) -> str:
        """The reading in words: where it resets, what z keeps, its gates and its biases."""
        variant, gates = self.variant(declared), ", ".join(self.order)
        if self.bias == "both":
            bias = _HAS[declared.biases]
        else:
            bias = BIASES[self.bias].words
        if variant.update == "keep":
            z = "the old state"
        else:
            z = "the candidate"
        parts = [
            f"reset {variant.reset} the product",
            f"z multiplies {z}",
            f"gate order {gates}",
            bias,
        ]
        if self.transposed:
            parts.append("weight_hh transposed")
        if self.slip:
            parts.append(self.slip)
        if self.functions:
            parts.append(str(self.activations))
        if self.lacks:
            parts.append(self.lacking(declared))
        if self.marks:
            parts.append(self.marks)
        if self.from_zeros:
            parts.append(FROM_ZEROS)
        if self.loses:
            parts.append(self.loses)
        return ", ".join(parts)


@cache
def readings(declared: Variant) -> tuple[Reading, ...]:
    """Every reading of a cell that can be distinguished from the others: what is declared, then by
    how much they depart.
    """
    return tuple(
        sorted(_readings(declared), key=lambda reading: len(reading.differences(declared)))
    )


def with_functions(declared: Variant) -> Iterator[Reading]:
    """The readings of one departure at most, with other activation functions than σ and tanh."""
    for reading in readings(declared):
        if not reading.slip and len(reading.differences(declared)) <= 1:
            yield from (replace(reading, functions=said) for said in FUNCTIONS)


def without_initial_state() -> Iterator[Reading]:
    """What is declared, and the other conventions of reset and update, from zeros."""
    for reset, update in product((False, True), (False, True)):
        yield Reading(reset, update, from_zeros=True)


def losing_states(first: int | None, initial_state: bool = True) -> Iterator[Reading]:
    """What is declared, step by step, and each that may become of the state between; first: as for
    `losses`; initial_state: whether a run may start elsewhere than from zeros.
    """
    yield Reading()
    for words in losses(first):
        if not initial_state and not shows_from_zeros(words):
            continue
        if words == FROM_ZEROS:
            yield Reading(from_zeros=True)
        else:
            yield Reading(loses=words)


def with_other_gradients(reading: Reading, declared: Variant) -> Iterator[Reading]:
    """The reading with each backward pass that is not its own."""
    variant = reading.variant(declared)
    for words, line in BACKWARD.items():
        if line.there_in(variant):
            yield replace(reading, lacks=words)


def _readings(declared: Variant) -> Iterator[Reading]:
    orders = ["".join(order) for order in permutations(ORDER)]
    choices = product(
        (False, True), (False, True), orders, _TOLD_APART[declared.biases], (False, True)
    )
    for reset, update, order, bias, transposed in choices:
        if declared.biases == "input+candidate" and order[2] != "n" and bias in _OF_CANDIDATE:
            continue
        reading = Reading(reset, update, order, bias, transposed)
        if not BIASES[bias].needs_after or reading.variant(declared).reset == "after":
            yield reading
            if order == ORDER and not transposed:
                yield from _with_slips(reading, declared)


def _with_slips(reading: Reading, declared: Variant) -> Iterator[Reading]:
    """The reading with each slip that makes it another GRU; with the biases that are declared, or
    one for each gate where nothing may have been.
    """
    has = reading.variant(declared)
    if reading.bias == "input" and declared.biases == "both":
        has = replace(has, biases="input")
    elif reading.bias != "both":
        return
    for name, slip in SLIPS.items():
        elsewhere = (slip.any_reset(has) and reading.other_reset) or (
            slip.any_update and reading.other_update
        )
        if slip.there_in(has) and not elsewhere:
            yield replace(reading, slip=name)
