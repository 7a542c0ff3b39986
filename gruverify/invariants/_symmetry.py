"""Changes of a cell that leave its function as it is, or change it in a known way (theory.md 7).

Each is checked on the step and on the sequence: the backend's answer to the changed case, brought
back, is its answer to the drawn one. Both may round: the bound is the sum of both radii.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import Format, NDArray
from gruverify.cell import Case, Parameters, Variant
from gruverify.invariants.core._changes import edited, packed, resized, short
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Floats, Residual, agree_within
from gruverify.invariants.core._trial import Trial

#: From states of the changed case, (..., B, H'), to those that the drawn case must have, (..., B,
#: H).
View: TypeAlias = Callable[[Case, NDArray], NDArray]


@dataclass(frozen=True)
class Symmetry:
    """A change, and the views of its states that must be those of the case as it was drawn.

    rounds_more: whether its sums have terms that the drawn ones do not have; products with 0 and 1
    are exact. within: the change for a backend that computes in another format than it is given, if
    that is another one.
    """

    name: str
    statement: str
    source: str
    change: Callable[[Case], Case]
    views: tuple[View, ...]
    resizes: bool = False
    rounds_more: bool = False
    applies: Callable[[Variant], bool] = lambda variant: True
    within: Callable[[Format], Callable[[Case], Case]] | None = None

    def made_on(self, drawn: Trial) -> Trial:
        """The trial of the changed case."""
        mode = drawn.exact.mode
        if self.within is None or mode.arithmetic == mode.format:
            return drawn.on(self.change)
        return drawn.on(self.within(mode.arithmetic))


def as_it_is(case: Case, states: NDArray) -> NDArray:
    """No unit, and no member, is elsewhere."""
    return states


# -- units -----------------------------------------------------------------------------------------


def _signs(case: Case) -> NDArray:
    return np.asarray(-((-1.0) ** np.arange(case.cell.hidden_size))).astype(case.format.dtype)


def signs_flipped(case: Case) -> Case:
    """Every other unit, the first among them, negated: tanh is odd."""
    s = _signs(case)

    def flip(p: Parameters) -> Parameters:
        # Rows of the candidate turn with c; those of the gates stay, since σ of the same sum is the
        # same.
        rows = {
            name: (getattr(p, name).T * s).T
            for name in ("W_xc", "b_xc", "b_hc")
            if np.ndim(getattr(p, name))
        }
        return replace(p, W_hr=p.W_hr * s, W_hz=p.W_hz * s, W_hc=s[:, None] * p.W_hc * s, **rows)

    return replace(edited(case, flip), state=case.state * s)


def _flipped_back(case: Case, states: NDArray) -> NDArray:
    return np.asarray(states * _signs(case))


def units_reversed(case: Case) -> Case:
    """The units in reverse order."""

    def reverse(name: str, block: NDArray) -> NDArray:
        if name.startswith("W_h"):
            return block[::-1, ::-1]
        if np.ndim(block):
            return block[::-1]
        return block

    edit = lambda p: Parameters(*(reverse(name, block) for name, block in p.items()))  # noqa: E731
    return replace(edited(case, edit), state=case.state[:, ::-1])


def _reversed_back(case: Case, states: NDArray) -> NDArray:
    return states[..., ::-1]


def unit_cloned(case: Case) -> Case:
    """The first unit once more, at the end; each of the two passes on half of what it did."""

    def clone(name: str, block: NDArray) -> NDArray:
        if not np.ndim(block):
            return block
        rows = np.concatenate([block, block[:1]])
        if not name.startswith("W_h"):
            return rows
        # And the rest for the clone: together they are the weight exactly, even where halving
        # rounds.
        half = rows[:, :1] / rows.dtype.type(2)
        return np.concatenate([half, rows[:, 1:], rows[:, :1] - half], axis=1)

    return _with_units(case, clone, case.state[:, :1])


def unit_added(case: Case) -> Case:
    """The cell with one unit more, at the end, which no unit listens to."""

    def add(name: str, block: NDArray) -> NDArray:
        if not np.ndim(block):
            return block
        rows = np.concatenate([block, -block[-1:]])
        if name.startswith("W_h"):
            return np.concatenate([rows, 0 * rows[:, :1]], axis=1)
        return rows

    return _with_units(case, add, case.state[:, :1])


def _with_units(case: Case, edit: Callable[[str, NDArray], NDArray], state: NDArray) -> Case:
    blocks = Parameters(*(edit(name, block) for name, block in case.cell.parameters().items()))
    return resized(
        packed(case.cell.variant, blocks), case.inputs, np.concatenate([case.state, state], axis=1)
    )


def _first_units(case: Case, states: NDArray) -> NDArray:
    return states[..., : case.cell.hidden_size]


def _clone_for_original(case: Case, states: NDArray) -> NDArray:
    H = case.cell.hidden_size
    return states[..., [H, *range(1, H)]]


def doubled(case: Case) -> Case:
    """Two of the cell in one, over their own inputs and states; the second takes the members in
    reverse order.
    """

    def diagonal(name: str, block: NDArray) -> NDArray:
        if np.ndim(block) < 2:
            if np.ndim(block):
                return np.concatenate([block, block])
            return block
        return np.block([[block, 0 * block], [0 * block, block]])

    blocks = Parameters(*(diagonal(name, block) for name, block in case.cell.parameters().items()))
    inputs = np.concatenate([case.inputs, case.inputs[:, ::-1]], axis=2)
    return resized(
        packed(case.cell.variant, blocks),
        inputs,
        np.concatenate([case.state, case.state[::-1]], axis=1),
    )


def _second_units(case: Case, states: NDArray) -> NDArray:
    return states[..., ::-1, case.cell.hidden_size :]


# -- inputs ----------------------------------------------------------------------------------------


def inputs_reversed(case: Case) -> Case:
    """The inputs, and their weights, in reverse order."""
    cell = replace(case.cell, weight_ih=case.cell.weight_ih[:, ::-1])
    return replace(case, cell=cell, inputs=case.inputs[..., ::-1], regimes=())


def inputs_scaled(case: Case, arithmetic: Format | None = None) -> Case:
    """Inputs multiplied by 2^k and their weights by 2^-k, wherever that is exact, k being 3, -3 and
    a third of the format's exponents up and down, in turn. arithmetic: the format in whose range it
    all stays, if not the case's own.
    """
    fmt = arithmetic or case.format
    # The turn begins elsewhere in cells of other sizes: those of one input meet all four, too.
    first = case.cell.hidden_size + case.cell.input_size
    # Far, for a clamp of inputs or of weights shows only beyond it; and no further, so that the
    # products of what is large with what is small stay what they were.
    far = fmt.max_exponent // 3
    turn = (first + np.arange(case.cell.input_size)) % 4
    exponents = np.array([3, -far, -3, far])[turn]
    by = np.ldexp(1.0, exponents).astype(case.format.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        inputs, weights = case.inputs * by, case.cell.weight_ih / by
        # Only there is the statement one about the same numbers (M19: no over- or underflow).
        exact = (inputs / by == case.inputs).all((0, 1)) & (
            weights * by == case.cell.weight_ih
        ).all(0)
    # A target may flush what is subnormal to 0.
    exact &= _normal(inputs, fmt).all((0, 1)) & _normal(weights, fmt).all(0)
    cell = replace(case.cell, weight_ih=np.where(exact, weights, case.cell.weight_ih))
    return replace(case, cell=cell, inputs=np.where(exact, inputs, case.inputs), regimes=())


@cache
def inputs_scaled_within(arithmetic: Format) -> Callable[[Case], Case]:
    """`inputs_scaled` in the range of another format: two invariants share what it returns."""

    def scaled(case: Case) -> Case:
        return inputs_scaled(case, arithmetic)

    return scaled


def _normal(array: NDArray, fmt: Format) -> NDArray:
    """Where a number is normal in a format, or 0."""
    size = np.abs(array.astype(np.float64))
    normal: NDArray = ((size >= fmt.min_normal) & (size <= fmt.max)) | (size == 0)
    return normal


def input_unused(case: Case) -> Case:
    """An input more, of 1, whose weights are 0."""
    return _with_input(case, np.zeros(len(case.cell.weight_ih), case.format.dtype))


def bias_as_input(case: Case) -> Case:
    """An input more, of 1, whose weights are the bias b_x."""
    bias = case.cell.bias_ih
    assert bias is not None
    wider = _with_input(case, bias)
    return replace(wider, cell=replace(wider.cell, bias_ih=np.zeros_like(bias)))


def _with_input(case: Case, column: NDArray) -> Case:
    cell = replace(
        case.cell, weight_ih=np.concatenate([case.cell.weight_ih, column[:, None]], axis=1)
    )
    ones = np.ones((*case.inputs.shape[:2], 1), case.format.dtype)
    return resized(cell, np.concatenate([case.inputs, ones], axis=2), case.state)


SYMMETRIES = (
    Symmetry(
        "sign-flip",
        "negating a unit, with its weights, negates its state",
        "theory 7; M16",
        signs_flipped,
        (_flipped_back,),
    ),
    Symmetry(
        "permutation",
        "reordering the units reorders their states",
        "theory 7; M17",
        units_reversed,
        (_reversed_back,),
    ),
    Symmetry(
        "clone",
        "a unit and its clone, each with half of the outgoing weights, act as the unit",
        "theory 7; M21",
        unit_cloned,
        (_first_units, _clone_for_original),
        resizes=True,
        rounds_more=True,
    ),
    Symmetry(
        "dead-unit",
        "a unit without outgoing weights changes no other",
        "theory 11, M22",
        unit_added,
        (_first_units,),
        resizes=True,
    ),
    Symmetry(
        "block-diagonal",
        "two cells in one, with block-diagonal weights, act as two cells",
        "theory 11, M23",
        doubled,
        (_first_units, _second_units),
        resizes=True,
    ),
    Symmetry(
        "input-permutation",
        "reordering the inputs along with their weights changes nothing",
        "theory 11, M18",
        inputs_reversed,
        (as_it_is,),
    ),
    Symmetry(
        "scaling",
        "multiplying x by a power of two and dividing W_x by it changes nothing",
        "theory 11, M19",
        inputs_scaled,
        (as_it_is,),
        within=inputs_scaled_within,
    ),
    Symmetry(
        "unused-input",
        "an input whose weights are 0 changes nothing",
        "theory 11, M24",
        input_unused,
        (as_it_is,),
        resizes=True,
    ),
    Symmetry(
        "bias-as-input",
        "an input of 1 with the weights b_x acts as the bias b_x",
        "theory 11, M20",
        bias_as_input,
        (as_it_is,),
        resizes=True,
        applies=lambda variant: variant.input_bias,
    ),
)


def _of_step(symmetry: Symmetry) -> Callable[[Trial], Iterator[Residual]]:
    def check(trial: Trial) -> Iterator[Residual]:
        drawn = trial.on(short)
        changed = symmetry.made_on(drawn)
        for view in symmetry.views:
            back, allowed = (
                view(drawn.case, changed.observed.step),
                _allowed(symmetry, drawn, changed, view)[0],
            )
            yield agree_within(
                "h, changed and back", "bi", back, drawn.observed.step, allowed, scale=STATES
            )

    return check


def _of_sequence(symmetry: Symmetry) -> Callable[[Trial], Iterator[Residual]]:
    def check(trial: Trial) -> Iterator[Residual]:
        drawn = trial.on(short)
        changed = symmetry.made_on(drawn)
        for view in symmetry.views:
            back, allowed = (
                view(drawn.case, changed.observed.sequence[0]),
                _allowed(symmetry, drawn, changed, view),
            )
            yield agree_within(
                "outputs, changed and back",
                "tbi",
                back,
                drawn.observed.sequence[0],
                allowed,
                scale=STATES,
            )

    return check


def _allowed(symmetry: Symmetry, drawn: Trial, changed: Trial, view: View) -> Floats:
    """What the two may be apart, (T, B, H): twice the radius, unless the changed case rounds more
    often.

    Where operands of products are rounded first, what was a sum and becomes a product does.
    """
    # One ball holds both: the changed case is the same formula, with its sums in another order.
    radius = drawn.exact.outputs_radius
    rounds_more = symmetry.rounds_more or drawn.exact.mode.products != "format"
    return radius + (view(drawn.case, changed.exact.outputs_radius) if rounds_more else radius)


for _symmetry in SYMMETRIES:
    for _method, _prefix, _check in (
        ("step", "", _of_step),
        ("sequence", "sequence-", _of_sequence),
    ):
        invariant(
            f"symmetry/{_prefix}{_symmetry.name}",
            _symmetry.statement + (", at every step" if _prefix else ""),
            source=_symmetry.source,
            needs=[_method],
            applies=_symmetry.applies,
            resizes=_symmetry.resizes,
        )(_check(_symmetry))
