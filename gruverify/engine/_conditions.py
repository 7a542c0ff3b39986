"""Under which condition an invariant fails: what the failing cases have in common and those that
pass do not.

A case has features: its sizes against thresholds and each other, how it is called, which of its
arrays are 0, where its gates are. How many failing and passing cases have each feature adds up over
cases, formats and processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np

from gruverify.cell import AnyCase, Case, Cell, StackCase, Variant

#: Sizes up to which an implementation may work and beyond which it may not: few, tiles, vectors,
#: blocks of threads.
THRESHOLDS = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    12,
    15,
    16,
    20,
    24,
    31,
    32,
    48,
    63,
    64,
    96,
    127,
    128,
    255,
    256,
    511,
    512,
    1024,
)
_THRESHOLDS = tuple((f"{letter} > {n}", letter, n) for n, letter in product(THRESHOLDS, "HIBTL"))
_THRESHOLD_NAMES = frozenset(name for name, _, _ in _THRESHOLDS)
#: What a size may be a multiple of, or not.
_TILES = (2, 4, 8, 16)
#: Pairs of sizes that code may confuse where they are the same.
_ALIKE = (
    ("I", "H"),
    ("B", "H"),
    ("T", "B"),
    ("T", "H"),
    ("T", "I"),
    ("B", "I"),
    ("B", "3H"),
    ("I", "3H"),
    ("T", "3H"),
)
#: A condition that as many cases would meet by chance is not named: the probability, over all
#: features, from which on.
_CHANCE = 0.05
#: What a single failing case alone has is named where at least that many others passed, and so much
#: of it.
_OTHERS, _NAMED = 19, 3

# -- features of a case ----------------------------------------------------------------------------


def features_of(case: AnyCase) -> dict[str, bool]:
    """Every feature by its name, and whether the case has it; the simplest features first."""
    found = dict(_size_features(case.sizes))
    found |= dict(_call_features(case))
    found |= dict(_array_features(case))
    return found | dict(_gate_features(case))


def _size_features(sizes: Mapping[str, int]) -> Iterator[tuple[str, bool]]:
    """Thresholds, multiples, and sizes that are the same; a cell is a stack of one layer and
    direction.
    """
    # So that both kinds of cases have all features, in one order: counts are packed by that order.
    extents = {"L": 1, "D": 1, **sizes}
    extents |= {"3H": 3 * extents["H"], "D·H": extents["D"] * extents["H"]}
    for name, letter, n in _THRESHOLDS:
        yield name, extents[letter] > n
    for one, other in _ALIKE:
        yield f"{one} = {other}", extents[one] == extents[other]
    yield "I = D·H, L > 1", extents["L"] > 1 and extents["I"] == extents["D·H"]
    for n, letter in product(_TILES, "HIBT"):
        yield f"{letter} a multiple of {n}", extents[letter] % n == 0


def _call_features(case: AnyCase) -> Iterator[tuple[str, bool]]:
    # Where no regime is known, or no lengths are given, the feature is there and false: see
    # `_names`.
    stack = isinstance(case, StackCase)
    if isinstance(case, StackCase):
        lengths = case.lengths
    else:
        lengths = None
    if lengths is None:
        given = []
    else:
        given = lengths.tolist()
    yield "two directions", case.sizes.get("D", 1) == 2
    yield "lengths", lengths is not None
    yield "a length of 0", 0 in given
    yield "padding", any(length < case.sizes["T"] for length in given)
    yield "lengths that grow somewhere", any(one < after for one, after in pairwise(given))
    yield "batch first", isinstance(case, StackCase) and case.batch_first
    yield "no batch axis", stack and not case.batched  # type: ignore[union-attr]  # only a stack's case has it
    yield "biases", case.variant.bias
    yield "reset before the product", case.variant.reset == "before"
    yield "z on the candidate", case.variant.update == "replace"


def _array_features(case: AnyCase) -> Iterator[tuple[str, bool]]:
    arrays = case.arrays()
    state = arrays["state" if isinstance(case, Case) else "states"]
    biases = [array for name, array in arrays.items() if name.startswith("bias")]
    recurrent = [array for name, array in arrays.items() if name.startswith("bias_hh")]
    H = case.sizes["H"]
    yield "an initial state of 0", not state.any()
    yield "inputs of 0", not arrays["inputs"].any()
    yield "a bias vector of 0", any(not bias.any() for bias in biases)
    yield "biases of 0", not any(bias.any() for bias in biases)
    yield (
        "input biases of 0",
        not any(array.any() for name, array in arrays.items() if name.startswith("bias_ih")),
    )
    yield "recurrent biases of 0", not any(bias.any() for bias in recurrent)
    yield (
        "a recurrent bias of the candidate of 0",
        not any(bias[2 * H :].any() for bias in recurrent),
    )
    yield "recurrent biases of the gates of 0", not any(bias[: 2 * H].any() for bias in recurrent)
    yield "cotangents of the last state of 0", not arrays["d_last"].any()
    yield "cotangents of the outputs of 0", not arrays["d_outputs"].any()
    yield "a state outside [-1, 1]", _largest(state) > 1
    yield (
        "a cotangent above 100",
        max(_largest(arrays["d_last"]), _largest(arrays["d_outputs"])) > 100,
    )
    yield "an input above 100", _largest(arrays["inputs"]) > 100
    # One pass over all arrays: this is found for every case that is drawn.
    sizes = np.abs(np.concatenate([array.ravel() for array in arrays.values()]).astype(np.float64))
    yield "subnormal numbers", bool(((sizes > 0) & (sizes < case.format.min_normal)).any())


def _largest(array: Any) -> float:
    return float(np.abs(array).max(initial=0.0))


def _gate_features(case: AnyCase) -> Iterator[tuple[str, bool]]:
    """Where the regimes drove units; of a case without regimes nothing is known."""
    driven = " ".join(case.regimes if isinstance(case, Case) else ()).split()
    yield "a gate that was driven", bool(driven)
    for gate, name in (("r", "a reset gate"), ("z", "an update gate")):
        yield f"{name} of 0", f"{gate}=0" in driven
        yield f"{name} of 1", f"{gate}=1" in driven
        yield (
            f"{name} below u",
            any(f"{gate}={level}" in driven for level in ("0", "subnormal", "tiny")),
        )
        yield (
            f"{name} that rounds to 1",
            any(f"{gate}={level}" in driven for level in ("rounding", "1")),
        )
    yield "a candidate of ±1", any(f"c={level}" in driven for level in ("-1", "1"))


#: How a feature's absence is called, where "no ..." is not English.
_OF_0 = {
    "an initial state of 0",
    "inputs of 0",
    "biases of 0",
    "input biases of 0",
    "recurrent biases of 0",
    "recurrent biases of the gates of 0",
    "a recurrent bias of the candidate of 0",
    "cotangents of the last state of 0",
    "cotangents of the outputs of 0",
}
_NEGATED = {
    "reset before the product": "reset after the product",
    "z on the candidate": "z on the state",
}


def _without(feature: str) -> str:
    """The name of what a case has that lacks a feature."""
    if " > " in feature and "," not in feature:
        letter, n = feature.split(" > ")
        if n == "1":
            return f"{letter} = 1"
        return f"{letter} ≤ {n}"
    if " = " in feature and "," not in feature:
        return feature.replace("=", "≠")
    if " a multiple of " in feature:
        return feature.replace(" a multiple", " no multiple")
    if feature in _OF_0:
        return feature.removesuffix(" of 0") + " other than 0"
    plain = feature.removeprefix("an ").removeprefix("a ").removeprefix("no ")
    return _NEGATED.get(feature, plain if feature.startswith("no ") else f"no {plain}")


# -- counts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcomes:
    """How many cases failed and passed, in all and with each feature.

    Each number holds all counts side by side, 32 bits per count: so that adding up is one
    addition, of which a run makes hundreds of thousands.
    """

    failed: int = 0
    passed: int = 0

    def __add__(self, other: Outcomes) -> Outcomes:
        return Outcomes(self.failed + other.failed, self.passed + other.passed)


def marks_of(features: Mapping[str, bool]) -> int:
    """The features of a case as counts of one, for `outcome`: found out once for all invariants."""
    # The first count is that of all cases, with any feature or none.
    counts = np.array([True, *features.values()], "<u4")
    return int.from_bytes(counts.tobytes(), "little")


def outcome(marks: int, *, failed: bool) -> Outcomes:
    """That of one case."""
    if failed:
        return Outcomes(failed=marks)
    return Outcomes(passed=marks)


@dataclass(frozen=True)
class _Feature:
    """A feature or its absence, with the cases that have it by outcome; `rank`: the simplest
    first.
    """

    name: str
    failed: int
    passed: int
    rank: int


def condition(outcomes: Outcomes, *, repeats: bool = True) -> str:
    """What the failing cases have in common, as in "in 7 of 7 cases with B = 3H, in 0 of 93
    others".

    The single simplest feature that all failing cases have and of the passing ones as few as
    possible, and no more than fail. Empty if there is none, if nothing passed, or if so few cases
    would meet some feature by chance. Any rare feature would explain a single failure: of that it
    is said what no other case has, and not that it is why.

    repeats: whether what failed does so at every call; else nothing is special of the case in which
    it did.
    """
    failed, passed = (_counts(each)[0] for each in (outcomes.failed, outcomes.passed))
    if not failed or not passed:
        return ""
    if failed == 1:
        if repeats and passed >= _OTHERS:
            return _condition_of_one(outcomes, passed)
        return ""
    best = _best(outcomes, failed, passed)
    if best is None:
        return ""
    among = best.failed + best.passed
    return (
        f"in {failed} of {among} cases with {best.name}, in 0 of {passed + failed - among} others"
    )


def shared_feature(outcomes: Outcomes) -> str:
    """What `condition` says that the failing cases have in common, without counts: "B = 3H"; empty
    where there are not several, or nothing tells them from those that passed.
    """
    failed, passed = (_counts(each)[0] for each in (outcomes.failed, outcomes.passed))
    if failed < 2 or not passed:
        return ""
    best = _best(outcomes, failed, passed)
    if best is None:
        return ""
    return best.name


def _best(outcomes: Outcomes, failed: int, passed: int) -> _Feature | None:
    """The feature that tells the failing cases from those that passed, if there is one."""
    # A feature of most cases that pass tells nothing, though all failing cases have it.
    candidates = [f for f in _features(outcomes) if f.failed == failed and f.passed <= f.failed]
    candidates = [f for f in candidates if _probability_by_chance(f, failed, passed) < _CHANCE]
    return min(candidates, key=lambda f: (f.passed, f.rank), default=None)


def _condition_of_one(outcomes: Outcomes, passed: int) -> str:
    """What the one case that failed has and no other; of thresholds and multiples of a size, the
    one that says it best.

    Empty if it has nothing of its own.
    """
    own = sorted(
        (f for f in _features(outcomes) if f.failed and not f.passed), key=lambda f: f.rank
    )
    # The last one stays, which is the simplest: `own` is sorted by rank.
    of_a_kind = {_kind(f.name): f.name for f in reversed(own)}
    names = [f.name for f in own if of_a_kind[_kind(f.name)] == f.name]
    if not names:
        return ""
    if len(names) > _NAMED:
        more = f" and {len(names) - _NAMED} more"
    else:
        more = ""
    if len(names) == 1:
        which = ""
    else:
        which = "; one case does not tell which of these matters"
    return f"in 1 of {passed + 1} cases, the only one with {', '.join(names[:_NAMED])}{more}{which}"


def _kind(name: str) -> str:
    """The same of all thresholds of a size, and of all that it is a multiple of; else the name
    itself.
    """
    for said in (" > ", " ≤ ", " a multiple of ", " no multiple of "):
        if said in name and "," not in name:
            return f"{name.partition(said)[0]}{said}"
    return name


def _probability_by_chance(feature: _Feature, failed: int, passed: int) -> float:
    """How probable it is that some feature of so many cases has all the failures, if it has nothing
    to do with them.
    """
    among, everything = feature.failed + feature.passed, failed + passed
    # Hypergeometric: all failures among those with the feature, times the number of features and of
    # absences that were looked at (Bonferroni).
    return 2 * len(_names()) * math.comb(among, failed) / math.comb(everything, failed)


def _features(outcomes: Outcomes) -> Iterator[_Feature]:
    """Every feature and its absence; of thresholds between which no case lies, the one that says it
    best.
    """
    failing, passing = (_counts(each) for each in (outcomes.failed, outcomes.passed))
    for place, name in enumerate(_names(), start=1):
        failed, passed = failing[place], passing[place]
        # A feature comes before its own absence, which is harder to say.
        rank = 2 * (_rank_of_threshold(name) if name in _THRESHOLD_NAMES else place)
        yield _Feature(name, failed, passed, rank)
        yield _Feature(_without(name), failing[0] - failed, passing[0] - passed, rank + 1)


def _rank_of_threshold(name: str) -> int:
    """Thresholds before all else; of several that part the cases alike, 1, then the largest power
    of two.
    """
    n = int(name.rsplit(" ", 1)[1])
    if n == 1:
        return -3 * THRESHOLDS[-1]
    # Between 15 and 17 no case may lie: 16 is what somebody has written.
    if n & (n - 1) == 0:
        return -n - THRESHOLDS[-1]
    return -n


def _counts(packed: int) -> list[int]:
    """The counts that one number holds: of all cases, then feature by feature."""
    places = len(_names()) + 1
    counts: list[int] = np.frombuffer(packed.to_bytes(4 * places, "little"), "<u4").tolist()
    return counts


@cache
def _names() -> tuple[str, ...]:
    """The features, in the order of `features_of`, which does not depend on the case."""
    return tuple(features_of(_any_case()))


def _any_case() -> Case:
    weights, steps, state = np.zeros((3, 1)), np.zeros((1, 1, 1)), np.zeros((1, 1))
    return Case(Cell(Variant(bias=False), weights, weights), steps, state, steps, state)
