"""The equations of a reading, as one writes them down."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import product

from gruverify._named import Keywords
from gruverify.cell import Parameters, Variant
from gruverify.engine._readings import ORDER, Reading


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

    W and U are the weights of the input x and of the state h', b and c the biases beside them; each
    letter's r, z and n are the blocks that the reading takes for r, z and n. Another packing than
    r, z, n is a line of its own.
    """
    variant, p = reading.variant(declared), reading.parameters(_named(reading, declared))
    U_r, U_z, U_n = (f"U_{gate}ᵀ" if reading.transposed else f"U_{gate}" for gate in "rzn")
    if variant.reset == "after":
        candidate = _sum("W_n x", p.b_xc, "r * (" + _sum(f"{U_n} h'", p.b_hc) + ")")
    else:
        candidate = _sum("W_n x", p.b_xc, f"{U_n} (r * h')", p.b_hc)
    if variant.update == "keep":
        state, new = "z", "(1 - z)"
    else:
        state, new = "(1 - z)", "z"
    lines = [
        "r = σ(" + _sum("W_r x", p.b_xr, f"{U_r} h'", p.b_hr) + ")",
        "z = σ(" + _sum("W_z x", p.b_xz, f"{U_z} h'", p.b_hz) + ")",
        f"n = tanh({candidate})",
        f"h = {state} * h' + {new} * n",
    ]
    if reading.order != ORDER:
        packing = [f"with blocks packed in the order {', '.join(reading.order)}"]
    else:
        packing = []
    functions = reading.activations
    said = [f"with {functions.gate} for σ, and {functions.candidate} for tanh"]
    return *lines, *packing, *(said if reading.functions else ())


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
    return not isinstance(term, str) and not (isinstance(term, Symbols) and term.names)
