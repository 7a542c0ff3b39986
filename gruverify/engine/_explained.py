"""Whether one fault explains every failure: a reading of the cell that all cases agree with."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from gruverify.backends import Backend, offers, resolve
from gruverify.cell import Case, Variant
from gruverify.engine._identify import METHODS, tried
from gruverify.engine._readings import DECLARED_AS, Reading
from gruverify.engine._result import Result
from gruverify.engine._small_cases import drawn_for
from gruverify.invariants import INVARIANTS

#: Cases that are drawn beside the witnesses, for a witness alone is small and says little.
CASES = 8
#: More readings than this explain nothing.
SEVERAL = 3


def explained(result: Result, target: object) -> Result:
    """A complete result of a target with its explanation; Ctrl-C leaves it as it is."""
    if not result.complete or result.crashes or result.less_accurate or not _failing(result):
        return result
    try:
        return replace(result, explanation=explanation(result, resolve(target)))
    except KeyboardInterrupt:
        return result


def explanation(result: Result, backend: Backend) -> str:
    """The readings of the cell that agree with every falsifying case and some more, in words; empty
    if there are none.

    What is declared is not among them, or they would explain nothing. Asked in the most precise
    format in which a forward invariant failed.
    """
    failing = _failing(result)
    if not failing:
        return ""
    finest = max((case.format for case in failing), key=lambda fmt: fmt.precision)
    found = _shared(backend, [case for case in failing if case.format == finest])
    if not found or len(found) > SEVERAL:
        return ""
    said = sorted({", ".join(reading.differences(failing[0].variant)) for reading in found})
    of = list(dict.fromkeys(case.variant for case in failing))
    return (
        f"{' or: '.join(said)} ({finest.name}, every "
        f"case){_declaration(found) or _variants(found, of)}"
    )


def _declaration(found: set[Reading]) -> str:
    """The biases to declare, where that is all that is read otherwise than declared."""
    declared = {DECLARED_AS.get(reading.bias, "") for reading in found}
    if found != {Reading(bias=reading.bias) for reading in found} or len(declared) != 1:
        return ""
    biases = declared.pop()
    if biases not in ("", "as declared"):
        return f': declare biases="{biases}"?'
    return ""


def _variants(found: set[Reading], failing: list[Variant]) -> str:
    """The variants to declare, where the side of the reset or what z multiplies is all that is read
    otherwise.
    """
    if len(found) != 1:
        return ""
    (reading,) = found
    if reading != Reading(reading.other_reset, reading.other_update):
        return ""
    others = ", ".join(_spelled(reading.variant(variant)) for variant in failing)
    return f": declare variants=[{others}]?"


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


def _failing(result: Result) -> list[Case]:
    """The witnesses of what is asked of the function alone; each case once, however many it
    falsifies.
    """
    found = dict[Hashable, Case]()
    for (id, fmt), witness in result.witnesses.items():
        needs = set(INVARIANTS[id].needs)
        of_function = needs and needs <= set(METHODS)
        if of_function and (id, fmt) not in result.flaky and isinstance(witness.case, Case):
            found.setdefault(witness.case.key(), witness.case)
    return list(found.values())


def _shared(backend: Backend, failing: list[Case]) -> set[Reading]:
    """The readings that hold for every declared reset side and update sense that failed, and for
    every method.
    """
    shared: set[Reading] | None = None
    for group in _groups(failing):
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


def _groups(failing: Iterable[Case]) -> list[list[Variant]]:
    groups: dict[tuple[str, str], dict[Variant, None]] = {}
    for case in failing:
        groups.setdefault((case.variant.reset, case.variant.update), {})[case.variant] = None
    return [list(group) for group in groups.values()]
