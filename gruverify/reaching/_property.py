"""What is to be proved: inequalities between outputs and numbers, after the last step, after every
step, or for ever.

    h[3] > 0.2            after the last step
    h[3] stays > 0.2      after every step
    |h| <= 0.9 for ever   after every step, however many there are
    y[1] wins             it is the largest of the linear layer's outputs

h are the states of the last layer, both directions side by side, y the outputs of the linear layer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Affine
from gruverify.reaching._boxes import CannotReach, Floats

When: TypeAlias = Literal["last", "every", "ever"]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_WHEN = r"(?:\s*(?P<after>for\s*ever|always|at every step))?"
_COMPARED = re.compile(
    r"(?P<bar>\|)?(?P<what>[hy])(?:\[(?P<index>\d+)\])?(?P<end>\|)?\s*(?P<stays>stays)?\s*"
    rf"(?P<op><=|>=|<|>|≤|≥)\s*(?P<number>{_NUMBER}){_WHEN}"
)
_WINS = re.compile(rf"(?P<what>[hy])\[(?P<index>\d+)\]\s*(?P<stays>always\s+)?wins{_WHEN}")
_GRAMMAR = "'h[3] > 0.2', 'h[3] stays > 0.2', '|h| <= 0.9 for ever' or 'y[1] wins'"


@dataclass(frozen=True, eq=False)
class Property:
    """text: as it was given; of: "h" or "y"; when: after which steps it is to hold.

    It holds of outputs where outputs @ weights + offsets is above 0, or at least 0 if it is not
    strict: weights (n, m), offsets (m,).
    """

    text: str
    of: Literal["h", "y"]
    when: When
    weights: Floats
    offsets: Floats
    strict: bool

    def least(self, outputs: Affine) -> Floats:
        """What the margins (B, m) are at least, over all of an enclosure."""
        # Combined as affine forms: in h_i - h_j the noise that both share cancels.
        low = outputs.combined(self.weights)[0]
        # The sum rounds by half an ulp at most: one number further down it is a bound again.
        return np.nextafter(low + self.offsets, -np.inf)

    def margins(self, outputs: Floats) -> Floats:
        """The margins (..., m) of outputs (..., n): exact in sign, for no more than two numbers
        are added.
        """
        found = list[Floats]()
        for column, offset in zip(self.weights.T, self.offsets, strict=True):
            # Of these outputs alone: a product 0·∞ of another one that overflows would be NaN.
            meant = np.flatnonzero(column)
            found.append(outputs[..., meant] @ column[meant] + offset)
        return np.stack(found, axis=-1)

    def holds(self, margins: Floats) -> npt.NDArray[np.bool_]:
        """Whether margins (..., m) are those of a property that holds, (...). A NaN is none."""
        each = margins > 0 if self.strict else margins >= 0
        return np.asarray(each.all(-1))


def property_named(text: str, states: int, outputs: int | None) -> Property:
    """The property that a text states, about `states` numbers h and, if there is a linear layer,
    `outputs` numbers y.

    Raises:
        CannotReach: it says none, or speaks of what is not there.
    """
    said = " ".join(text.split())
    if compared := _COMPARED.fullmatch(said):
        return _compared(text, compared, states, outputs)
    if wins := _WINS.fullmatch(said):
        return _wins(text, wins, states, outputs)
    raise CannotReach(f"property {text!r} is not one: write {_GRAMMAR}")


def _compared(text: str, said: re.Match[str], states: int, outputs: int | None) -> Property:
    if bool(said["bar"]) != bool(said["end"]):
        raise CannotReach(f"property {text!r} has one | too few")
    n, number = _size(text, said["what"], states, outputs), float(said["number"])
    eye = np.eye(n) if said["index"] is None else np.eye(n)[:, [_index(text, said, n)]]
    op = {"≤": "<=", "≥": ">="}.get(said["op"], said["op"])
    if said["bar"]:
        if op[0] == ">":
            raise CannotReach(
                f"property {text!r}: |{said['what']}| is bounded from above: write <= or <"
            )
        weights = np.concatenate([eye, -eye], axis=1)
        offsets = np.full(weights.shape[1], number)
    else:
        sign = 1.0 if op[0] == ">" else -1.0
        weights, offsets = sign * eye, np.full(eye.shape[1], -sign * number)
    return Property(text, _subject(said), _when(said), weights, offsets, len(op) == 1)


def _wins(text: str, said: re.Match[str], states: int, outputs: int | None) -> Property:
    n = _size(text, said["what"], states, outputs)
    index = _index(text, said, n)
    if n == 1:
        raise CannotReach(f"property {text!r}: there is nothing else to win against")
    others = np.delete(np.eye(n), index, axis=1)
    weights = np.eye(n)[:, [index]] - others
    return Property(text, _subject(said), _when(said), weights, np.zeros(n - 1), strict=True)


def _subject(said: re.Match[str]) -> Literal["h", "y"]:
    if said["what"] == "h":
        return "h"
    return "y"


def _when(said: re.Match[str]) -> When:
    after = said["after"] or ""
    if after.startswith("for"):
        return "ever"
    if said["stays"] or after:
        return "every"
    return "last"


def _size(text: str, what: str, states: int, outputs: int | None) -> int:
    if what == "h":
        return states
    if outputs is None:
        raise CannotReach(f"property {text!r} is about y, the linear layer: name it with --head")
    return outputs


def _index(text: str, said: re.Match[str], n: int) -> int:
    index = int(said["index"])
    if index >= n:
        raise CannotReach(f"property {text!r}: there are {said['what']}[0] to [{n - 1}]")
    return index
