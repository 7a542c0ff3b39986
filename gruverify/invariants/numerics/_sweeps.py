"""σ and tanh at all numbers of a 16-bit format, and all over a wide one, as a step of many members
shows them.

What comes out says nothing of the case drawn, but for its variant and format: it is found once for
each, and whichever case is drawn next repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, product
from typing import Any, TypeAlias
from weakref import ReferenceType, ref

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray, Rounding
from gruverify.backends import NumpyBackend
from gruverify.cell import Case, Parameters, Variant
from gruverify.invariants.core._changes import SATURATED, packed, pinned, update_preactivation
from gruverify.invariants.core._obstacle import BackendRaised, Refused
from gruverify.invariants.core._points import every_number, gate_numbers
from gruverify.invariants.core._registry import Check, invariant
from gruverify.invariants.core._residual import Residual, compare, nothing_claimed
from gruverify.invariants.core._trial import Trial

Floats: TypeAlias = npt.NDArray[np.float64]

#: Units and inputs of a cell of any size.
_SIZE = 8
#: One pre-activation in that many is asked for its slope where all are asked for their value.
_SPARSER = 5


# -- cells that show a function --------------------------------------------------------------------


@dataclass(frozen=True)
class Sweep:
    """One step that shows a function: the case, and the pre-activation that is shown by each entry
    (B, H).
    """

    case: Case
    at: Floats


@dataclass(frozen=True)
class _Frame:
    """What the cells of a sweep are made for.

    every: 1 for all numbers of the format, or one in that many; far: up to which power of two all
    formats that are computed in hold large and small numbers (0: as far as the format does);
    subnormals: whether a weight may be a subnormal number.
    """

    format: Format
    variant: Variant
    H: int
    I: int
    every: int = 1
    far: int = 0
    subnormals: bool = True

    def column(self, first: int = 0) -> npt.NDArray[np.intp]:
        """The input that each unit reads, from `first` on: (H,)."""
        return first + np.arange(self.H) % (self.I - first)

    def weight(
        self, gate: str, columns: npt.NDArray[np.intp], numbers: npt.ArrayLike = 1.0
    ) -> dict[str, NDArray]:
        """That gate's weights: 1, or a number of its own, for the column that a unit reads."""
        W = np.zeros((self.H, self.I), self.format.dtype)
        W[np.arange(self.H), columns] = self.format.cast(np.asarray(numbers, float))
        return {f"W_x{gate}": W}

    def diagonal(self, gate: str, numbers: npt.ArrayLike) -> dict[str, NDArray]:
        """That gate's recurrent weights: a number for each unit, or one for all."""
        return {
            f"W_h{gate}": self.format.cast(
                np.diag(np.broadcast_to(np.asarray(numbers, float), (self.H,)))
            )
        }

    def shut(self) -> dict[str, NDArray]:
        """Nothing is kept from a state of 1."""
        return self.diagonal("z", update_preactivation(self.variant, -SATURATED))

    def sweep(
        self,
        inputs: NDArray,
        columns: npt.NDArray[np.intp],
        state: npt.ArrayLike,
        blocks: dict[str, NDArray],
    ) -> Sweep:
        """One step over inputs (B, I) from a state (B, H), or one number, at a loss of 1, with all
        other weights 0.
        """
        dtype, B = self.format.dtype, len(inputs)
        sizes = {"x": (self.H, self.I), "h": (self.H, self.H)}
        names = [f"{kind}_{of}{gate}" for kind, of, gate in product("Wb", "xh", "rzc")]
        nothing = {n: np.zeros(sizes[n[2]] if n[0] == "W" else (self.H,), dtype) for n in names}
        cell = packed(self.variant, Parameters(**nothing | blocks))
        h = np.broadcast_to(np.asarray(state, dtype), (B, self.H)).copy()
        ones = np.ones((B, self.H), dtype)
        case = Case(cell, inputs[None], h, np.zeros((1, B, self.H), dtype), ones)
        return Sweep(case, inputs.astype(np.float64)[:, columns])

    def spread(self, first: int = 0) -> NDArray:
        """The numbers, each an input of its own, from input `first` on: (B, I)."""
        numbers, width = every_number(self.format)[:: self.every], self.I - first
        rows = np.resize(numbers, (-(-len(numbers) // width), width))
        return np.concatenate([np.zeros((len(rows), first), rows.dtype), rows], axis=1)


def _update_from_one(f: _Frame) -> Iterator[Sweep]:
    """From 1 towards a candidate of 0: what is kept is the next state."""
    yield f.sweep(f.spread(), f.column(), 1.0, f.weight("z", f.column()))


def _update_towards_one(f: _Frame) -> Iterator[Sweep]:
    """From 0 towards a candidate of 1: what is taken is the next state."""
    first = 0 if f.variant.input_bias else 1
    if first < f.I:
        swept = f.sweep(f.spread(first), f.column(first), 0.0, f.weight("z", f.column(first)))
        yield replace(swept, case=pinned(swept.case, c=SATURATED))


def _reset(f: _Frame) -> Iterator[Sweep]:
    """The candidate is tanh(r/4): through all numbers."""
    blocks = f.weight("r", f.column()) | f.diagonal("c", 0.25) | f.shut()
    yield f.sweep(f.spread(), f.column(), 1.0, blocks)


def _large_product(f: _Frame) -> Iterator[Sweep]:
    """The candidate is tanh(2^k r), k from 0 to the end of the format, through recurrent weights
    or, unit by unit in turn, through the bias that is reset.
    """
    numbers = gate_numbers(f.format)[:: f.every]
    inputs = np.zeros((len(numbers), f.I), f.format.dtype)
    inputs[:, 0] = numbers
    columns = np.zeros(f.H, np.intp)
    scales = np.exp2(
        np.round(np.linspace(0, min(-f.format.min_exponent, f.format.max_exponent) - 2, f.H))
    )
    biased = f.variant.reset == "after" and f.variant.has("b_hc")
    by_bias = np.where(np.arange(f.H) % 2 * biased, scales, 0.0)
    blocks = (
        f.weight("r", columns)
        | f.diagonal("c", scales - by_bias)
        | {"b_hc": f.format.cast(by_bias)}
        | f.shut()
    )
    yield f.sweep(inputs, columns, 1.0, blocks)


def _candidate(f: _Frame) -> Iterator[Sweep]:
    """The candidate is the next state."""
    yield f.sweep(f.spread(), f.column(), 1.0, f.weight("c", f.column()) | f.shut())


def _candidate_from_zero(f: _Frame) -> Iterator[Sweep]:
    """Half the candidate is the next state."""
    yield f.sweep(f.spread(), f.column(), 0.0, f.weight("c", f.column()))


# -- the same of numbers that are large or small, times weights that are the other ----------------

#: Pre-activations at which gate and candidate are far from their ends: 16 sizes, both signs.
_MIDDLE = np.linspace(0.25, 1.875, 16) * np.array([[1], [-1]])
_FARTHEST = 1000
#: Times numbers of that size, at least, a gate is 0 or 1.
_SHUT = 8 * SATURATED


def _exponents(f: _Frame, count: int, least: int) -> npt.NDArray[np.intp]:
    """So many powers of two from `least` to the largest, which comes first."""
    return np.linspace(_far(f), least, count).round().astype(np.intp)


def _far(f: _Frame) -> int:
    # Bounds are float64 numbers themselves, and those of gradients add up over members.
    return min(f.far or Rounding(f.format).reach, _FARTHEST)


def _scaled(f: _Frame, gate: str) -> tuple[NDArray, dict[str, NDArray]]:
    """Inputs 2^k·a with weights 2^-k, k another for each input: a clamp of either shows. One of the
    weights is a subnormal number, where that may be.
    """
    exponents = _exponents(f, f.I, 2 - _far(f))
    if f.subnormals and f.I > 1:
        # As many bits below the smallest normal number as are left of half a number there.
        exponents[1] = -f.format.min_exponent + (f.format.precision - 1) // 2
    with np.errstate(over="ignore"):
        sizes = np.minimum(np.ldexp(1.0, exponents), 2.0 ** _far(f))
        inputs = f.format.cast(_MIDDLE.reshape(-1, 1) * sizes)
    return inputs, f.weight(gate, f.column(), np.ldexp(1.0, -exponents)[f.column()])


def _update_of_scaled(f: _Frame) -> Iterator[Sweep]:
    """From 1 towards a candidate of 0."""
    inputs, weights = _scaled(f, "z")
    yield f.sweep(inputs, f.column(), 1.0, weights)


def _reset_of_scaled(f: _Frame) -> Iterator[Sweep]:
    """The candidate is tanh(r/4)."""
    inputs, weights = _scaled(f, "r")
    yield f.sweep(inputs, f.column(), 1.0, weights | f.diagonal("c", 0.25) | f.shut())


def _candidate_of_scaled(f: _Frame) -> Iterator[Sweep]:
    """The candidate is the next state."""
    inputs, weights = _scaled(f, "c")
    yield f.sweep(inputs, f.column(), 1.0, weights | f.shut())


def _candidate_of_scaled_from_zero(f: _Frame) -> Iterator[Sweep]:
    """Half the candidate is the next state."""
    inputs, weights = _scaled(f, "c")
    yield f.sweep(inputs, f.column(), 0.0, weights)


def _candidate_of_large_states(f: _Frame) -> Iterator[Sweep]:
    """From states 2^k·a of which nothing is kept: the candidate, of weights ±2^-k, is the next."""
    # Where 1-z is kept, what rounds σ leaves a share of it, and of a large state that is much.
    if f.variant.update == "replace":
        return
    sizes = np.ldexp(1.0, _exponents(f, f.H, 0))
    shares = np.abs(_MIDDLE).reshape(-1, 1)
    blocks = f.diagonal("c", (-1.0) ** np.arange(f.H) / sizes)
    blocks |= f.diagonal("z", update_preactivation(f.variant, -_SHUT / sizes))
    nothing = np.zeros((len(shares), f.I), f.format.dtype)
    yield f.sweep(nothing, f.column(), f.format.cast(shares * sizes), blocks)


Show: TypeAlias = Callable[[_Frame], Iterator[Sweep]]

#: By function: how a cell shows it.
_SHOWN: dict[str, tuple[Show, ...]] = {
    "z": (_update_from_one, _update_towards_one, _update_of_scaled),
    "r": (_reset, _large_product, _reset_of_scaled),
    "c": (_candidate, _candidate_of_scaled, _candidate_of_large_states),
}
#: The same where every initial state is 0.
_SHOWN_FROM_ZERO: dict[str, tuple[Show, ...]] = {
    "z": (_update_towards_one,),
    "r": (),
    "c": (_candidate_from_zero, _candidate_of_scaled_from_zero),
}


#: Those whose slopes others show as well.
_OF_VALUES = (_update_of_scaled, _reset_of_scaled, _candidate_of_large_states)


#: What a sweep shows at once: that many numbers of a state or of an input. Each costs a kilobyte
#: until it is judged.
_PIECE = 2**17
#: Up to this size the bounds of sweeps are kept: those of larger cells take hundreds of times their
#: weights.
_KEPT = 64


def _allowed(show: Show, frame: _Frame, mode: Rounding) -> Iterable[tuple[Sweep, Trial]]:
    """The cells that show a function, and what the mathematics allows of each, for all backends
    that round alike.
    """
    return (_shown_pieces if max(frame.H, frame.I) <= _KEPT else _by_piece)(show, frame, mode)


@lru_cache(maxsize=64)
def _shown_pieces(show: Show, frame: _Frame, mode: Rounding) -> list[tuple[Sweep, Trial]]:
    found, variant = list(_by_piece(show, frame, mode)), frame.variant
    biased = replace(frame, variant=Variant(variant.reset, variant.update))
    if biased != frame:
        # Where no bias is in use, the mathematics allows the same of a cell that has none.
        for (piece, right), (other, known) in zip(
            found, _shown_pieces(show, biased, mode), strict=False
        ):
            if _alike(piece.case, other.case):
                right.exact = known.exact
    return found


def _alike(one: Case, other: Case) -> bool:
    """Whether two sweeps of a function are the same to the mathematics, whatever biases their cells
    lack.
    """
    blocks = zip(one.cell.parameters().items(), other.cell.parameters().items(), strict=True)
    # A bias that a cell lacks is the number 0.
    return np.array_equal(one.inputs, other.inputs) and all(
        bool(np.all(mine == theirs)) for (_, mine), (_, theirs) in blocks
    )


def _by_piece(show: Show, frame: _Frame, mode: Rounding) -> Iterator[tuple[Sweep, Trial]]:
    for sweep in show(frame):
        for piece in _pieces(sweep, _PIECE // max(frame.H, frame.I)):
            yield piece, Trial(piece.case, NumpyBackend(), mode=mode)


def _pieces(sweep: Sweep, members: int) -> Iterator[Sweep]:
    """The sweep, that many members at a time."""
    case = sweep.case
    for first in range(0, len(sweep.at), max(members, 1)):
        some = slice(first, first + max(members, 1))
        inputs, d_outputs = case.inputs[:, some], case.d_outputs[:, some]
        part = replace(
            case,
            inputs=inputs,
            state=case.state[some],
            d_outputs=d_outputs,
            d_last=case.d_last[some],
        )
        yield Sweep(part, sweep.at[some])


# -- what is checked on it -------------------------------------------------------------------------

#: What was found of a backend, by its identity, for as long as it lives.
_known: dict[int, tuple[ReferenceType[Any], dict[Any, list[Residual]]]] = {}

Compared: TypeAlias = Callable[[Trial, Sweep, str], Iterator[Residual]]


def _found_of(backend: object) -> dict[Any, list[Residual]]:
    """What was found of this very object so far."""
    # Backends need not be hashable, and two equal ones may answer differently.
    number = id(backend)
    reference, found = _known.get(number, (None, {}))
    if reference is None or reference() is not backend:
        try:
            _known[number] = ref(backend, lambda gone: _known.pop(number, None)), (found := {})
        except TypeError:  # it cannot be referred to weakly: it is asked every time
            return {}
    return found


def _once(
    trial: Trial, key: tuple[str, str], find: Callable[[], Iterator[Residual]]
) -> Iterator[Residual]:
    """What was found of the backend in this format and variant, or is found now, one by one: who
    has seen enough need not wait for the rest.
    """
    found, of = _found_of(trial.backend), (*key, trial.case.format, trial.case.variant)
    if of in found:
        yield from found[of]
        return
    residuals = list[Residual]()
    for residual in find():
        residuals.append(residual)
        yield residual
    found[of] = residuals


def _swept(trial: Trial, gate: str, compared: Compared) -> Iterator[Residual]:
    """The comparisons of every cell that shows a gate, at the state from which the backend may
    start.

    Raises:
        Obstacle: there is no answer; Refused if the backend raises, as it may for so many members.
    """
    c, declared = trial.case, trial.declared
    if compared is _slopes and c.format.dtype.itemsize == 2:
        every = _SPARSER
    else:
        every = 1
    mode = trial.exact.mode
    frame = _Frame(
        c.format,
        c.variant,
        declared.hidden_size or _SIZE,
        declared.input_size or _SIZE,
        every,
        mode.reach,
        mode.subnormals,
    )
    # Yielded always, so that a sweep without cells is no pass; those that there are outweigh it.
    yield nothing_claimed(f"{gate} cannot be shown by a cell of these sizes that starts from 0")
    if declared.initial_state:
        shown = _SHOWN
    else:
        shown = _SHOWN_FROM_ZERO
    asked = [show for show in shown[gate] if compared is _values or show not in _OF_VALUES]
    allowed = (_allowed(show, frame, mode) for show in asked)
    for sweep, right in chain.from_iterable(allowed):
        one = right.with_backend(trial.backend)
        try:
            yield from compared(one, sweep, gate)
        except BackendRaised as raised:
            # Whoever raises for the case drawn as well does not refuse that many members.
            if compared is _values:
                _ = trial.observed.step
            else:
                _ = trial.observed.sequence_vjp
            raise Refused(raised.method, f"B={len(sweep.at)}", raised.error) from raised


def _named(residual: Residual, what: str, at: Floats) -> Residual:
    """The residual, its worst entry named by the pre-activation that it shows."""
    assert residual.entries is not None  # it has axes
    worst = np.unravel_index(int(residual.entries.margins.argmax()), at.shape)
    return replace(residual, where=f"{what} at {float(at[worst])!r}")


def _values(trial: Trial, sweep: Sweep, gate: str) -> Iterator[Residual]:
    yield _named(
        compare("h", "bi", trial.observed.step, trial.exact.next_state), f"h by {gate}", sweep.at
    )


def _slopes(trial: Trial, sweep: Sweep, gate: str) -> Iterator[Residual]:
    found, expected = (
        trial.observed.sequence_vjp_of_last.inputs[0],
        trial.exact.gradients_of_last.inputs[0],
    )
    yield _named(
        compare("dL/dx", "bj", found, expected),
        f"dL/dx by {gate}",
        trial.case.inputs[0].astype(np.float64),
    )


def _check(gate: str, what: str, compared: Compared) -> Check:
    def check(trial: Trial) -> Iterator[Residual]:
        yield from _once(trial, (gate, what), lambda: _swept(trial, gate, compared))

    return check


_STATEMENTS = {"z": "σ(a_z)", "r": "σ(a_r), as it is and times 2^k", "c": "tanh(a_c)"}
for _gate, _name in (("z", "update-gate"), ("r", "reset-gate"), ("c", "candidate")):
    _statement = f"{_STATEMENTS[_gate]} at all numbers of a 16-bit format, at 16,000 of a wide one"
    invariant(
        f"numerics/every-{_name}",
        _statement,
        source="theory 5; theory 9; docs/tolerances.md",
        needs=["step"],
        asks_more=True,
    )(_check(_gate, "values", _values))
    invariant(
        f"numerics/every-{_name}-slope",
        f"the gradient through {_statement}",
        source="theory 2, (2.4); theory 5; docs/tolerances.md",
        needs=["sequence_vjp"],
        asks_more=True,
    )(_check(_gate, "slopes", _slopes))
