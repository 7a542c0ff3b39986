"""Whether one fault explains every failure: a reading of the cell that all cases agree with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias, TypeVar

from gruverify.arithmetic import FORMATS, USUAL, Format, functions_named
from gruverify.backends import Backend, declared_variants, derived_methods, offers, resolve
from gruverify.cell import Case, StackCase, Variant
from gruverify.engine._backward import in_words
from gruverify.engine._formula import slipped_lines
from gruverify.engine._identify import METHODS, Part, fullest, losing, marked_parts, tried
from gruverify.engine._lost_stack_states import lost_in_stack
from gruverify.engine._marks import METHODS as MARKED
from gruverify.engine._marks import is_of_gradients
from gruverify.engine._misread_masks import misread_in_stack
from gruverify.engine._missing import METHODS as GRADIENTS
from gruverify.engine._missing import lacking
from gruverify.engine._mixed_precision import mixed
from gruverify.engine._readings import (
    DECLARED_AS,
    FUNCTIONS,
    Reading,
    readings,
    without_initial_state,
)
from gruverify.engine._result import Result
from gruverify.engine._small_cases import drawn_for, stacks_drawn_for
from gruverify.invariants import INVARIANTS

AnyOne = TypeVar("AnyOne", Case, StackCase)
#: What explains all answers to some stacks, in words.
CausesInStacks: TypeAlias = Callable[[Backend, Sequence[StackCase]], tuple[str, ...]]

#: Cases that are drawn besides the witnesses, for a witness alone is small and says little.
CASES = 8
#: More readings than this explain nothing.
SEVERAL = 3


def explained(result: Result, target: object) -> Result:
    """A complete result of a target with its explanation; Ctrl-C leaves it as it is."""
    if not result.complete or result.crashes or result.less_accurate or not result.witnesses:
        return result
    try:
        words = _ended_with(result) or explanation(result, resolve(target))
        return replace(result, explanation=words)
    except KeyboardInterrupt:
        return result


def _ended_with(result: Result) -> str:
    """What every format that failed has ended with, in the words of the most precise one; empty
    if they differ, or if a failure was seen since not to repeat.
    """
    failing = {fmt for _, fmt in result.witnesses}
    ended = [fmt for fmt in FORMATS if fmt.name in result.ended_early]
    words = {result.ended_early[fmt.name].replace(_of(fmt), "") for fmt in ended}
    if result.flaky or failing != result.ended_early.keys() or len(words) != 1:
        return ""
    return result.ended_early[max(ended, key=lambda fmt: fmt.precision).name]


def explanation(result: Result, backend: Backend) -> str:
    """The readings of the cell that agree with every falsifying case and some more, in words; where
    its values are right, the terms that its gradients lack; empty if there are none.

    What is declared is not among them, or they would explain nothing. Asked in the most precise
    format in which such an invariant failed.
    """
    if cells := _failing(Case, result, set(METHODS)):
        return _reading(backend, cells) or _mixed(backend, result, cells)
    if cells := _failing(Case, result, {*METHODS, *GRADIENTS}):
        return _lacking(backend, cells) or _mixed(backend, result, cells)
    if cells := _failing(Case, result, {*METHODS, *GRADIENTS, *MARKED}):
        return _at_marks(backend, cells)
    if stacks := _failing(StackCase, result, {"stack"}):
        return _of_stacks(backend, stacks, lost_in_stack)
    if stacks := _failing(StackCase, result, {"stack", "stack_masked"}):
        return _of_stacks(backend, stacks, misread_in_stack)
    return ""


def _mixed(backend: Backend, result: Result, failing: list[Case]) -> str:
    """What a target computes in another format than the rest."""
    finest, cases = _finest(failing)
    variants = list(dict.fromkeys(case.variant for case in cases))
    failed = [
        (id, witness.case)
        for (id, fmt), witness in result.witnesses.items()
        if fmt == finest.name and isinstance(witness.case, Case)
    ]
    # Those drawn have numbers of many digits; a witness has few.
    words = mixed(backend, drawn_for(backend, finest, variants, 0, CASES), failed)
    return f"{words} {_of(finest)}" if words else ""


def _reading(backend: Backend, failing: list[Case]) -> str:
    """What explains values."""
    finest, cases = _finest(failing)
    # What departs in more than one explains no better than what departs in one, of which there are
    # few to try.
    found = _shared(backend, cases, most=1) or _simplest(_shared(backend, cases), cases)
    if not found:
        return _losing(backend, finest, cases) or _other_functions(backend, finest, cases)
    if len(found) > SEVERAL:
        return ""
    # In the order declared, so that other cases of the same say the same.
    first = min((case.variant for case in failing), key=declared_variants(backend).index)
    said = {_said(reading, first) for reading in found}
    declare = _declaration(backend, found) or _variants(backend, finest, found)
    return f"{_either(said, finest)}{declare}"


def _other_functions(backend: Backend, finest: Format, cases: list[Case]) -> str:
    """The functions in place of σ and tanh, where all else is as declared."""
    shared: set[str] | None = None
    for group in _groups(case.variant for case in cases):
        mine = [case for case in cases if case.variant in group]
        mine += drawn_for(backend, finest, group, 0, CASES)
        for method in METHODS:
            if offers(backend, method):
                others = map(_with, FUNCTIONS if shared is None else shared)
                part = tried(backend, method, group, mine, set(others), to_the_end=True)
                shared = {each.reading.functions for each in part.holds if each.claims}
    if not shared or len(shared) > SEVERAL:
        return ""
    said = _either(set(map(_in_place, shared)), finest)
    if len(shared) > 1:
        return said
    return f'{said}: declare activations="{shared.pop()}"?'


def _with(functions: str) -> Reading:
    return Reading(functions=functions)


def _in_place(functions: str) -> str:
    (own,) = functions_named(functions)
    pairs = (own.gate, USUAL.gate, "σ"), (own.candidate, USUAL.candidate, "tanh")
    return ", ".join(f"{mine} for {usual}" for mine, other, usual in pairs if mine != other)


def _losing(backend: Backend, finest: Format, cases: list[Case]) -> str:
    """What becomes of the state between steps that are right by themselves."""
    shared: set[Reading] | None = None
    derived = "step" in derived_methods(backend)
    for group in _groups(case.variant for case in cases):
        if not offers(backend, "sequence") or not (derived or _is_right(backend, group, finest)):
            return ""
        mine = [case for case in cases if case.variant in group]
        mine += drawn_for(backend, finest, group, 0, CASES)
        part = Part("sequence", fullest(group), tuple(group), (), ())
        holds = {each.reading for each in losing(backend, part, mine).holds if each.claims}
        shared = holds if shared is None else shared & holds
    if not shared or len(shared) > SEVERAL or Reading() in shared:
        return ""
    said = _either({_said(reading, cases[0].variant) for reading in shared}, finest)
    if derived:
        return said
    return f"in sequence alone, {said}"


def _is_right(backend: Backend, group: list[Variant], fmt: Format) -> bool:
    """Whether steps are what is declared."""
    cases = drawn_for(backend, fmt, group, 0, CASES)
    return bool(tried(backend, "step", group, cases, {Reading()}).holds)


def _lacking(backend: Backend, failing: list[Case]) -> str:
    """What explains gradients: a term that those of every variant which failed lack."""
    finest, cases = _finest(failing)
    shared: set[str] | None = None
    for group in _groups(case.variant for case in cases):
        mine = [case for case in cases if case.variant in group]
        mine += drawn_for(backend, finest, group, 0, CASES)
        found = set(lacking(backend, mine))
        shared = found if shared is None else shared & found
    if not shared or len(shared) > SEVERAL:
        return ""
    return _either({in_words(words, cases[0].variant) for words in shared}, finest)


def _at_marks(backend: Backend, failing: list[Case]) -> str:
    """What explains masked and restarted runs, and their gradients, of steps that are right."""
    finest, cases = _finest(failing)
    said = set[str]()
    for group in _groups(case.variant for case in cases):
        mine = [case for case in cases if case.variant in group]
        mine += drawn_for(backend, finest, group, 0, CASES)
        for part in marked_parts(backend, [Reading()], group, mine):
            # A method whose answers are right says nothing.
            if part.may_be_declared:
                continue
            claimed = [evidence.reading for evidence in part.holds if evidence.claims]
            # What is returned at skipped steps may be declared, and is then no fault.
            if not claimed or any(is_of_gradients(each) and not each.lacks for each in claimed):
                return ""
            said.update(each.marks or each.lacks for each in claimed)
    if not said or len(said) > SEVERAL:
        return ""
    return _either(said, finest)


def _of_stacks(backend: Backend, failing: list[StackCase], causes_of: CausesInStacks) -> str:
    """What explains stacks whose cells are right."""
    finest, cases = _finest(failing)
    variants = list(dict.fromkeys(case.variant for case in cases))
    said = causes_of(backend, [*cases, *stacks_drawn_for(backend, finest, variants, 0, CASES)])
    if not said or len(said) > SEVERAL:
        return ""
    return _either(set(said), finest)


def _finest(failing: list[AnyOne]) -> tuple[Format, list[AnyOne]]:
    """The most precise format of the cases, and those that are in it."""
    finest = max((case.format for case in failing), key=lambda fmt: fmt.precision)
    return finest, [case for case in failing if case.format == finest]


def _either(said: set[str], fmt: Format) -> str:
    return f"{' or: '.join(sorted(said))} {_of(fmt)}"


def _of(fmt: Format) -> str:
    return f"({fmt.name}, every case)"


def _said(reading: Reading, declared: Variant) -> str:
    """Where the reading departs from what is declared, and the lines that it has instead of a
    cell's.
    """
    words = ", ".join(reading.differences(declared))
    if reading.slip:
        return f"{words}: {', '.join(slipped_lines(reading, declared))}"
    return words


def _declaration(backend: Backend, found: set[Reading]) -> str:
    """The biases to declare, or that it starts from zeros alone, where that is all that is read
    otherwise than declared.
    """
    # Who takes masks and loses its state elsewhere does not start from zeros alone.
    marked = any(offers(backend, method) for method in MARKED)
    if found == {Reading(from_zeros=True)} and not marked:
        return ": declare initial_state=False?"
    declared = {DECLARED_AS.get(reading.bias, "") for reading in found}
    if found != {Reading(bias=reading.bias) for reading in found} or len(declared) != 1:
        return ""
    biases = declared.pop()
    if biases not in ("", "as declared"):
        return f': declare biases="{biases}"?'
    return ""


def _variants(backend: Backend, fmt: Format, found: set[Reading]) -> str:
    """The variants to declare, where the side of the reset or what z multiplies is all that is read
    otherwise: for those declared that it explains, whether they have failed yet or not.
    """
    if len(found) != 1:
        return ""
    (reading,) = found
    if not reading.is_variant:
        return ""
    others = list[str]()
    for group in _groups(declared_variants(backend)):
        if _holds(backend, reading, group, drawn_for(backend, fmt, group, 0, CASES)):
            others += [_spelled(reading.variant(variant)) for variant in group]
    return f": declare variants=[{', '.join(others)}]?"


def _holds(backend: Backend, reading: Reading, group: list[Variant], cases: list[Case]) -> bool:
    """Whether the reading agrees with every case, by every method."""
    methods = [method for method in METHODS if offers(backend, method)]
    return all(tried(backend, method, group, cases, {reading}).holds for method in methods)


def _spelled(variant: Variant) -> str:
    """The variant as one writes it, without what is usual."""
    said = {"reset": variant.reset, "update": variant.update}
    unusual = [
        f'{name}="{value}"' for name, value in said.items() if value != getattr(Variant(), name)
    ]
    if variant.biases == "both":
        biases = []
    else:
        biases = [f'biases="{variant.biases}"']
    return f"Variant({', '.join([*unusual, *biases])})"


def _failing(kind: type[AnyOne], result: Result, methods: set[str]) -> list[AnyOne]:
    """The witnesses, of cells or of stacks, of what is checked on these methods alone; each case
    once, however many it falsifies.
    """
    found = dict[Hashable, AnyOne]()
    for (id, fmt), witness in result.witnesses.items():
        needs = set(INVARIANTS[id].needs)
        theirs = needs and needs <= methods
        if theirs and (id, fmt) not in result.flaky and isinstance(witness.case, kind):
            found.setdefault(witness.case.key(), witness.case)
    return list(found.values())


def _shared(backend: Backend, failing: list[Case], most: int | None = None) -> set[Reading]:
    """The readings that hold for every declared reset side and update sense that failed, and for
    every method; of so many departures at most.
    """
    shared: set[Reading] | None = None
    if most is not None:
        declared = fullest(_groups(case.variant for case in failing)[0])
        every = (*readings(declared), *without_initial_state())
        shared = {r for r in every if len(r.differences(declared)) <= most}
    for group in _groups(case.variant for case in failing):
        cases = [case for case in failing if case.variant in group]
        cases += drawn_for(backend, cases[0].format, group, 0, CASES)
        for method in METHODS:
            if offers(backend, method):
                # What another method or side has excluded explains nothing any more.
                part = tried(backend, method, group, cases, only=shared)
                shared = {evidence.reading for evidence in part.holds}
        if not shared:
            return set()
    if shared is None or Reading() in shared:
        return set()
    return shared


def _simplest(found: set[Reading], cases: list[Case]) -> set[Reading]:
    """Those of the readings that depart in the fewest places."""
    departures = {reading: len(reading.differences(cases[0].variant)) for reading in found}
    fewest = min(departures.values(), default=0)
    return {reading for reading, several in departures.items() if several == fewest}


def _groups(variants: Iterable[Variant]) -> list[list[Variant]]:
    """Those alike in where they reset and what z multiplies."""
    groups: dict[tuple[str, str], dict[Variant, None]] = {}
    for variant in variants:
        groups.setdefault((variant.reset, variant.update), {})[variant] = None
    return [list(group) for group in groups.values()]
