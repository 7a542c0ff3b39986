"""What `gruverify explain` is asked: sizes, gates and conventions; and the cell that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from gruverify.arithmetic import FORMATS, Format, NDArray, bfloat16
from gruverify.cell import Case, Cell, Variant

#: How large the sizes H, I and T may be: what is printed is a table.
LARGEST_SIZE = {"hidden": 32, "inputs": 32, "steps": 100}
#: Beyond it a gate is shut or open in every format.
LARGEST_BIAS = 1000.0


@dataclass(frozen=True)
class Regime:
    """Where the gates are driven: z and r in [0, 1]; 0 and 1 can only be approached, by a growing
    bias.

    limit: what the step Jacobian tends to, "I", "0" or "D(1-c²)W_hc"; "" where the nearest of them
    is to be found out.
    """

    name: str
    z: float
    r: float
    limit: str = ""

    @property
    def approached(self) -> bool:
        """Whether a gate goes to 0 or 1, and so depends on the bias."""
        return not (0 < self.z < 1 and 0 < self.r < 1)


@dataclass(frozen=True)
class Setting:
    """The sizes H, I and T, the seed of the cell, the biases that drive its gates, the conventions
    and the formats.

    z, r: gate values to look at instead of the question's three regimes; one that is not given is
    1/2.

    Raises:
        ValueError: a value breaks its rule; the message names both.
    """

    hidden: int = 4
    inputs: int = 3
    steps: int = 8
    seed: int = 0
    biases: tuple[float, ...] = (4.0, 8.0, 12.0, 16.0)
    z: float | None = None
    r: float | None = None
    variant: Variant = field(default_factory=Variant)
    formats: tuple[Format, ...] = FORMATS

    def __post_init__(self) -> None:
        for name, most in LARGEST_SIZE.items():
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name}={getattr(self, name)} must be from 1 to {most}")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be 0 or more")
        self._check_biases()
        for gate in ("z", "r"):
            value = getattr(self, gate)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{gate}={value:g} must be a gate value, from 0 to 1")

    def _check_biases(self) -> None:
        listed = ",".join(f"{a:g}" for a in self.biases)
        if not all(0 < a <= LARGEST_BIAS for a in self.biases):
            raise ValueError(f"bias={listed} must be numbers above 0 and up to {LARGEST_BIAS:g}")
        if not self.biases or list(self.biases) != sorted(set(self.biases)):
            raise ValueError(f"bias={listed} must grow from one number to the next")

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """The question's three, or the one that z and r ask for."""
        if self.z is not None or self.r is not None:
            z, r = (0.5 if value is None else value for value in (self.z, self.r))
            return (Regime("given", z, r),)
        if self.variant.update == "keep":
            kept, taken = 1.0, 0.0
        else:
            kept, taken = 0.0, 1.0
        return (
            Regime("carry", kept, 0.5, "I"),
            Regime("forget", taken, 0.0, "0"),
            Regime("Elman", taken, 1.0, "D(1-c²)W_hc"),
        )

    def ladder(self, regime: Regime) -> tuple[float, ...]:
        """The biases at which a regime is looked at: just one if none matters to it."""
        if regime.approached:
            return self.biases
        return self.biases[-1:]


def pre_activation(gate: float, a: float) -> float:
    """What σ turns into the gate's value: -a and a stand for 0 and 1."""
    if gate in (0, 1):
        if gate:
            return a
        return -a
    return math.log(gate) - math.log1p(-gate)


def case_at(setting: Setting, regime: Regime, a: float) -> Case:
    """The cell of the setting's seed with its gates driven by a bias `a`, one sequence (T, 1, I),
    and a loss on h_T.

    Every number has so few bits that it is the same in all formats: they differ in their arithmetic
    only. The gates' weights are small, so that the biases decide; W_hc is so small that its row
    sums stay near 1.
    """
    H, I, T = setting.hidden, setting.inputs, setting.steps
    rng = np.random.default_rng(setting.seed)
    per_gate = np.repeat([1 / 8, 1 / 8, 1], H)[:, None]
    # Scales are powers of two: products with them keep the few bits that every format holds.
    weight_ih = _dense(rng, 3 * H, I) * per_gate * _power_near(1 / math.sqrt(I))
    weight_hh = _dense(rng, 3 * H, H) * per_gate * _power_near(2 / H)
    bias_ih, bias_hh = _dense(rng, 3 * H), _dense(rng, 3 * H)
    for gate, rows in ((regime.r, slice(H)), (regime.z, slice(H, 2 * H))):
        bias_ih[rows], bias_hh[rows] = _split(pre_activation(gate, a))
    cell = Cell(setting.variant, weight_ih, weight_hh, bias_ih, bias_hh)
    state, cotangent, inputs = _dense(rng, 1, H), _dense(rng, 1, H), _dense(rng, T, 1, I)
    return Case(cell, 2 * inputs, state, np.zeros((T, 1, H)), cotangent)


def _power_near(scale: float) -> float:
    """The power of two next to `scale`, up to 1."""
    return 2.0 ** min(round(math.log2(scale)), 0)


def _dense(rng: np.random.Generator, *shape: int) -> NDArray:
    """Entries of magnitude 1/4 to 3/4 and either sign."""
    return rng.choice([-1.0, 1.0], shape) * rng.integers(32, 97, shape) / 128


def _split(at: float) -> tuple[float, float]:
    """A pre-activation as the sum of two biases, each short enough for every format."""
    first = float(bfloat16.cast(at))
    # What bfloat16's 8 bits leave of it, to 1/4096: two such biases hold what one cannot.
    return first, float(bfloat16.cast(round((at - first) * 4096) / 4096))
