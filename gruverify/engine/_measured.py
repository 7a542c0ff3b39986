"""How accurate a backend's σ, tanh and sums are: measured through its own steps, on cells that show
one at a time.

With an exact gate, a unit's next state is σ or tanh of one of its inputs, digit for digit (see
docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray
from gruverify.backends import (
    Backend,
    declarations_of,
    declared_variants,
    noticing_settings,
    offers,
)
from gruverify.cell import Cell

#: Units of a probing cell, where its size is free, and points at which σ and tanh are evaluated in
#: formats too wide for all of their numbers.
UNITS, POINTS = 32, 2**16
#: A pre-activation at which every gate is exactly 0 or 1.
_SHUT = 2.0**13
#: Halves that lose this many units of roundoff of a long sum add up in themselves.
_LOST = 16
#: What loses this many times more at points of many digits than at those of few rounds the points
#: first.
_ALIKE = 2.0


#: A function of numbers (N,), entry by entry.
Function: TypeAlias = Callable[[NDArray], NDArray]


@dataclass(frozen=True)
class Measured:
    """The errors of σ and tanh in units of roundoff, relative to the value and to 1; infinite where
    they could not be measured. sums_in_format: whether long sums were seen to lose what a wider
    accumulator keeps. operand_bits: how much of the significands of a product's operands is seen in
    it, at most; 0 where it could not be measured. keeps_subnormals: whether a step was seen to.
    sigma_short, tanh_short: how far from 1 they end, in units of roundoff; 0 where they do not.
    """

    sigma: float = np.inf
    sigma_of_one: float = np.inf
    tanh: float = np.inf
    tanh_of_one: float = np.inf
    sums_in_format: bool = False
    operand_bits: int = 0
    keeps_subnormals: bool = False
    sigma_short: float = 0.0
    tanh_short: float = 0.0

    def may_compute_in(self, other: Format, fmt: Format) -> bool:
        """Whether σ or tanh err as they do where a number of `other` is all that is returned in
        `fmt`: by half a unit of that format somewhere.
        """
        return max(self.sigma, self.tanh) * fmt.unit_roundoff >= other.unit_roundoff / 2


def measured(backend: Backend, fmt: Format) -> Measured:
    """What the backend's step shows of its σ, tanh and sums in one format; nothing that it raises
    matters here.

    Where no step follows from its sequences, because they are longer, the first of their steps
    shows it.
    """
    # What has neither has no step that would show one function at a time.
    if not offers(backend, "step") and not offers(backend, "sequence"):
        return Measured()
    probe = Probe(backend, fmt)
    sigma, tanh = _read(probe.errors_of_sigma), _read(probe.errors_of_tanh)
    return Measured(
        sigma=sigma[0],
        sigma_of_one=sigma[1],
        tanh=tanh[0],
        tanh_of_one=tanh[1],
        sums_in_format=bool(_read(lambda: (probe.loses_small_terms(), 0.0))[0] == 1.0),
        operand_bits=_bits(probe),
        keeps_subnormals=_read(lambda: (probe.smallest_tanh(), 0.0))[0] > 0,
        sigma_short=_read(lambda: (probe.short_of_one(probe.sigma_at), 0.0))[0],
        tanh_short=_read(lambda: (probe.short_of_one(probe.tanh_at), 0.0))[0],
    )


def _read(ask: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    try:
        with np.errstate(all="ignore"):
            return ask()
    except Exception:  # a target may refuse any cell, in any way
        return np.inf, np.inf


def _bits(probe: Probe) -> int:
    """`operand_bits`: the precision of the narrowest format whose last bit is lost, or of the
    probe's own.
    """
    try:
        with np.errstate(all="ignore"):
            # The precisions of bfloat16, TF32 (and float16) and float32, the coarsest first.
            for bits in (8, 11, 24):
                if bits < probe.format.precision and probe.rounds_operands(bits):
                    return bits
    except Exception:  # a target may refuse any cell, in any way
        return 0
    return probe.format.precision


class Probe:
    """Cells of which every unit shows σ or tanh of an input of its own, besides one input that is
    always 1.
    """

    def __init__(self, backend: Any, fmt: Format) -> None:
        declared = declarations_of(backend)
        self.backend, self.format = backend, fmt
        variants = declared_variants(backend)
        self.variant = next((v for v in variants if v.update == "keep"), variants[0])
        self.keeps = self.variant.update == "keep"
        self.starts_anywhere = declared.initial_state
        self.steps = max(1, declared.min_length)
        self.of_few_shapes = declared.shapes == "few"
        self.hidden = declared.hidden_size or UNITS
        self.inputs = declared.input_size or UNITS + 1
        # One input is left for what is always 1, and makes up for biases that a variant may lack.
        self.shown = min(self.hidden, self.inputs - 1)

    @property
    def shows_sigma(self) -> bool:
        """Whether some state shows σ: of a z that keeps the state it has to be another than 0."""
        return self.starts_anywhere or not self.keeps

    def sigma_at(self, points: NDArray) -> NDArray:
        """What the cell makes of σ at pre-activations (N,) of the update gate: the next state."""
        # With a candidate of 0 and a state of 1, or the other way round, the usual forms of the
        # blend leave z as it was computed (theory 5, A and B).
        if self.keeps:
            return self._shown(points, "z", 0.0, 1.0)
        return self._shown(points, "z", _SHUT, 0.0)

    def tanh_at(self, points: NDArray) -> NDArray:
        """What the cell makes of tanh at pre-activations (N,) of the candidate: the next state."""
        return self._shown(points, "n", -_SHUT if self.keeps else _SHUT, 0.0)

    def errors_of_sigma(self) -> tuple[float, float]:
        """The largest error of σ, relative to the value and to 1."""
        fmt = self.format
        # Below, σ may be 0 or subnormal: an error relative to it says nothing of the function.
        low = max(fmt.sigmoid_flushes, np.log(fmt.min_normal))
        if not self.shows_sigma:
            return np.inf, np.inf
        return self._largest(self.sigma_at, sigmoid, low, fmt.sigmoid_rounds_to_one)

    def errors_of_tanh(self) -> tuple[float, float]:
        """The largest error of tanh, relative to the value and to 1."""
        # One beyond the point where tanh rounds to 1: there a clamp or an exp that overflows shows.
        most = self.format.tanh_saturates + 1
        return self._largest(self.tanh_at, np.tanh, -most, most)

    def smallest_tanh(self) -> float:
        """The smallest size of what is returned as tanh of a few subnormal numbers."""
        points = self.format.min_normal * np.array([0.5, -0.25, 0.125])
        return float(np.min(np.abs(self.tanh_at(points).astype(np.float64))))

    def short_of_one(self, ask: Function) -> float:
        """How far σ or tanh of a large number is from 1, in units of roundoff."""
        found = ask(np.array([_SHUT])).astype(np.float64)
        return float(np.abs(found - 1).max()) / self.format.unit_roundoff

    def _largest(
        self, ask: Function, truth: Function, low: float, high: float
    ) -> tuple[float, float]:
        dense = self._errors(ask, truth, points_of(self.format, low, high, self.format.precision))
        coarse = self._errors(ask, truth, points_of(self.format, low, high, 8))
        # Where operands are rounded first, points of few digits show the function alone.
        if dense[0] <= _ALIKE * max(coarse[0], 1.0):
            return dense
        return coarse

    def _errors(self, ask: Function, truth: Function, x: NDArray) -> tuple[float, float]:
        wide = wide_type(self.format)
        exact = truth(x.astype(wide))
        found = ask(x).astype(wide)
        # One unit of underflow is anybody's, whatever the function.
        wrong = np.maximum(np.abs(found - exact) - self.format.min_subnormal, 0) / wide(
            self.format.unit_roundoff
        )
        seen = np.abs(exact) >= self.format.min_normal
        worst = float(np.max(np.where(seen, wrong / np.abs(exact), 0)))
        if np.isnan(worst):
            return np.inf, np.inf
        return worst, float(np.max(wrong))

    def _shown(self, points: NDArray, gate: str, shut: float, state: float) -> NDArray:
        """The next states where the pre-activation of `gate` is a point, and the other one's is
        `shut`.
        """
        n, rows = self.shown, -(-len(points) // self.shown)
        x = np.zeros((rows, self.inputs))
        x[:, :n] = np.resize(points.astype(np.float64), rows * n).reshape(rows, n)
        x[:, n] = 1
        # Blocks are packed r, z, n: z is shown through an n that is shut, and n through a z that
        # is.
        mine, other = (1, 2) if gate == "z" else (2, 1)
        weights = np.zeros((3, self.hidden, self.inputs))
        weights[mine, range(n), range(n)] = 1
        weights[other, :, n] = shut
        return self._step(weights, x, state)[:, :n].ravel()[: len(points)]

    def loses_small_terms(self) -> float:
        """1 if a sum of 1 and very many small numbers loses them, in one of two orders; else 0."""
        u = self.format.unit_roundoff
        if self._fixed:
            count = min(self.inputs, round(1 / u))
        else:
            count = round(1 / u)
        # With fewer terms, or in a wide format, nothing would be lost that could be distinguished
        # from rounding.
        if count * u < 2.0**-3 or self.format.precision > 11:
            return 0.0
        # Small terms are lost if 1 comes first, and add up if it comes last: kernels sum either
        # way.
        for order in (1, -1):
            weights = np.zeros((3, self.hidden, count))
            weights[2] = np.concatenate([[1.0], np.full(count - 1, u / 2)])[::order]
            if self.keeps:
                weights[1, :, 0] = -_SHUT
            else:
                weights[1, :, 0] = _SHUT
            found = self._step(weights, np.ones((1, count)), 0.0).astype(np.float64)
            exact = np.tanh(1 + (count - 1) * u / 2)
            if np.max(np.abs(found - exact)) > _LOST * u * exact:
                return 1.0
        return 0.0

    def rounds_operands(self, bits: int) -> bool:
        """Whether a product loses what only the last of bits + 1 bits of an operand holds, a weight
        or what it is multiplied with.

        With r = 1 and the candidate alone, h = tanh(v - 1), where v = 1 - 2^-(bits + 1) is an
        operand of either kind and the difference is exact.
        """
        # A number of bits + 1 significant bits, of which rounding to `bits` loses the last.
        fine = 1 - 2.0 ** -(bits + 1)
        candidate_alone = -_SHUT if self.keeps else _SHUT
        found = []
        # A kernel may round its weights alone, or what they are multiplied with alone.
        for weight, factor in ((fine, 1.0), (1.0, fine)):
            x = np.zeros((1, self.inputs))
            x[0, :2] = factor, 1
            weights = np.zeros((3, self.hidden, self.inputs))
            weights[0, :, 1], weights[1, :, 1] = _SHUT, candidate_alone
            weights[2, :, :2] = weight, -1
            found.append(self._step(weights, x, 0.0))
            if self.starts_anywhere and self.hidden > 1:
                weights[2] = 0
                recurrent = np.zeros((3, self.hidden, self.hidden))
                recurrent[2, :, :2] = weight, -1
                states = np.zeros((1, self.hidden))
                states[0, :2] = factor, 1
                with suppress(Exception):  # it may start from 0 alone, and say so in any way
                    found.append(self._step(weights, x, states, recurrent))
        off = np.abs(np.stack(found).astype(np.float64) - np.tanh(fine - 1))
        return bool(np.any(off > (1 - fine) / 2))

    @property
    def _fixed(self) -> bool:
        return declarations_of(self.backend).input_size is not None

    def _step(
        self,
        weights: npt.NDArray[np.float64],
        x: npt.NDArray[np.float64],
        states: npt.ArrayLike,
        recurrent: npt.NDArray[np.float64] | None = None,
    ) -> NDArray:
        """The next states of the cell whose weights (3, H, I) and (3, H, H) are those of r, z, n;
        the recurrent ones are 0 unless given, and so are the biases.
        """
        dtype, H = self.format.dtype, self.hidden
        own = np.zeros((3, H, H)) if recurrent is None else recurrent
        packed: dict[str, npt.NDArray[np.float64]]
        packed = {"weight_ih": weights.reshape(3 * H, -1), "weight_hh": own.reshape(3 * H, H)}
        if self.variant.bias:
            packed |= {name: np.zeros(3 * H) for name in ("bias_ih", "bias_hh")}
        cell = Cell(self.variant, **{name: a.astype(dtype) for name, a in packed.items()})
        count = len(x)
        if self.of_few_shapes and x.shape[1] == self.inputs:
            # Some rows twice are cheaper than another shape.
            x = np.resize(x, (max(count, -(-POINTS // self.shown)), self.inputs))
        inputs = x.astype(dtype)
        before = np.broadcast_to(states, (len(x), H)).astype(dtype)
        # What a call changes for the whole program is set back: it would not be noticed afterwards.
        with noticing_settings({}):
            if offers(self.backend, "step"):
                return self._states(self.backend.step(cell, inputs, before), before)[:count]
            # A target that takes longer sequences only is asked for the first of some equal steps.
            repeated = np.repeat(inputs[None], self.steps, axis=0)
            outputs, _ = self.backend.sequence(cell, repeated, before)
            return self._states(outputs[0], before)[:count]

    @staticmethod
    def _states(found: npt.ArrayLike, before: NDArray) -> NDArray:
        """What was returned, if it has the shape of states."""
        states = np.asarray(found)
        if states.shape != before.shape:
            raise ValueError(f"a step returned shape {states.shape}, expected {before.shape}")
        return states


def wide_type(fmt: Format) -> type[np.floating[Any]]:
    """NumPy's type that has digits to spare beyond the format: what is exact, for its numbers."""
    if fmt.precision > 24:
        return np.longdouble
    return np.float64


def points_of(fmt: Format, low: float, high: float, bits: int) -> NDArray:
    """Numbers of the format from `low` to `high`, of that many bits: all of a half's, else a dense
    choice of them.
    """
    if fmt.precision <= 11:
        with np.errstate(invalid="ignore"):  # signalling NaNs are among them
            every = np.arange(2**16, dtype=np.uint16).view(fmt.dtype).astype(np.float64)
        x = every[np.isfinite(every)]
    else:
        random = np.random.default_rng(0)
        size = np.exp2(random.uniform(-30, np.log2(max(-low, high)), POINTS // 2))
        x = np.concatenate(
            [size * random.choice([-1.0, 1.0], len(size)), random.uniform(low, high, POINTS // 2)]
        )
    # Rounded to `bits` bits: what has few digits is exact in a product, whatever rounds operands.
    significand, exponent = np.frexp(x)
    x = fmt.cast(np.ldexp(np.rint(significand * 2.0**bits), exponent - bits)).astype(np.float64)
    return fmt.cast(x[(x >= low) & (x <= high)])


def sigmoid(x: NDArray) -> NDArray:
    """σ, in the precision of its argument."""
    # The stable form: of both signs e is at most 1, so that nothing overflows and small gates keep
    # their digits.
    e = np.exp(-np.abs(x))
    value: NDArray = np.where(x < 0, e, 1) / (1 + e)
    return value
