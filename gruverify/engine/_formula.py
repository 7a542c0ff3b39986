"""The equations of a reading, as one writes them down."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import product

from gruverify._named import Keywords
from gruverify.cell import Parameters, Variant
from gruverify.engine._readings import ORDER, Reading
from gruverify.engine._slips import SLIPS, Slip


@dataclass(frozen=True)
class Symbols:
    """A sum of named arrays: what a bias is once the two of a cell have been put together in some
    way.
    """

    names: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: object) -> Symbols:
        # A bias that a reading leaves out is the number 0, as it is in arithmetic.
        if not isinstance(other, Symbols):
            return self
        return Symbols(self.names + other.names)

    __radd__ = __add__

    def __rmul__(self, times: int) -> Symbols:
        return Symbols(Counter({name: times * count for name, count in self.names.items()}))

    def __str__(self) -> str:
        return " + ".join(
            name if count == 1 else f"{count} {name}" for name, count in self.names.items()
        )


def equations(reading: Reading, declared: Variant) -> tuple[str, ...]:
    """The equations of r, z, n and the next state h, for a reading of what is declared.

    W and U are the weights of the input x and of the state h', b and c the biases added; each
    letter's r, z and n are the blocks that the reading takes for r, z and n. Another packing than
    r, z, n is a line of its own.
    """
    variant, p = reading.variant(declared), reading.parameters(_named(reading, declared))
    slip = SLIPS.get(reading.slip, Slip())
    parts = _parts(variant, p, slip, reading.transposed)
    lines = dict(_LINES) | dict(slip.lines)
    if reading.order != ORDER:
        packing = [f"with blocks packed in the order {', '.join(reading.order)}"]
    else:
        packing = []
    functions = reading.activations
    said = [f"with {functions.gate} for σ, and {functions.candidate} for tanh"]
    written = [f"{name} = {line.format(**parts)}" for name, line in lines.items()]
    if reading.from_zeros:
        start = ["with h' = 0 at the first step"]
    else:
        start = []
    if reading.loses:
        start.append(f"but {reading.loses}")
    return *written, *packing, *(said if reading.functions else ()), *start


def slipped_lines(reading: Reading, declared: Variant) -> tuple[str, ...]:
    """The equations that are others because of the reading's slip; none if it has none."""
    right = equations(replace(reading, slip=""), declared)
    return tuple(line for line in equations(reading, declared) if line not in right)


#: The right sides of r, z, n and h, of the parts below.
_LINES = {
    "r": "σ({a_r})",
    "z": "σ({a_z})",
    "n": "tanh({a_n})",
    "h": "{keep} * h' + {take} * n",
}


def _parts(variant: Variant, p: Parameters, slip: Slip, transposed: bool) -> Keywords:
    """What lines are put together of: a_ a gate's pre-activation, x_ and h_ its parts of the input
    and of the state; reset, by what resets it, the candidate's recurrent part; keep and take, and
    the same by r.
    """
    mark = "ᵀ" if transposed else ""
    parts = Keywords()
    for gate, block in zip("rzn", "rzc", strict=True):
        W, U = (slip.weights.get(name, name) for name in (f"W_{gate}", f"U_{gate}"))
        b, c = (_renamed(getattr(p, f"b_{side}{block}"), slip) for side in "xh")
        x = _sum(W and f"{W} x", b)
        parts |= {f"x_{gate}": x, f"h_{gate}": _sum(U and f"{U}{mark} h'", c), f"c_{gate}": c}
        parts[f"a_{gate}"] = _sum(x, parts[f"h_{gate}"])
    U = slip.weights.get("U_n", "U_n")
    parts["reset"] = {}
    for r in ("r", "z", "(1 - r)"):
        if variant.reset == "after":
            parts["reset"][r] = parts["h_n"] and f"{r} * ({parts['h_n']})"
        else:
            parts["reset"][r] = _sum(U and f"{U}{mark} ({r} * h')", parts["c_n"])
    parts["a_n"] = _sum(parts["x_n"], parts["reset"]["r"])
    parts["z_of_reset"] = _sum("U_z (r * h')", parts["c_z"])
    for suffix, z in ("", "z"), ("_by_r", "r"):
        shares = [z, f"(1 - {z})"]
        parts["keep" + suffix], parts["take" + suffix] = shares[
            :: 1 if variant.update == "keep" else -1
        ]
    return parts


def _renamed(bias: object, slip: Slip) -> object:
    """The bias with the names that the slip has in their place."""
    if not isinstance(bias, Symbols):
        return bias
    found = Counter[str]()
    for name, count in bias.names.items():
        found[slip.biases.get(name, name)] += count
    return Symbols(found)


def _named(reading: Reading, declared: Variant) -> Parameters:
    """Biases as symbols, in the order in which the reading takes its gates; weights are named where
    they stand.
    """
    weights = dict.fromkeys((f"W_{side}{gate}" for side, gate in product("xh", "rzc")), _Weight())
    taken = dict(zip("rzc", reading.order, strict=True))
    biases = Keywords()
    for side, letter in (("x", "b"), ("h", "c")):
        for block, gate in taken.items():
            # Named by the gate that the reading takes the block for, so that equations show what is
            # mixed up.
            has = Symbols(Counter([f"{letter}_{gate}"]))
            biases[f"b_{side}{block}"] = has if declared.bias else 0
    return Parameters(**weights, **biases)


class _Weight:
    """A weight that is only turned."""

    @property
    def T(self) -> _Weight:
        return self


def _sum(*terms: object) -> str:
    """The terms with a plus between them; a bias that is not there is left out."""
    return " + ".join(str(term) for term in terms if not _missing(term))


def _missing(term: object) -> bool:
    if isinstance(term, str):
        return not term
    return not (isinstance(term, Symbols) and term.names)
