"""What `gruverify identify` found: on a terminal, and as JSON values."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from rich.console import Console
from rich.markup import escape

from gruverify._named import JsonObject
from gruverify.engine import (
    DECLARED_AS,
    ORDER,
    Evidence,
    Identity,
    LessAccurate,
    Part,
    Reading,
    declare,
    declared_outputs,
    encode_case,
    encode_variant,
    equations,
)
from gruverify.reporting._table import margin

_COLOURS = {
    "identified": "bold green",
    "ambiguous": "bold yellow",
    "none": "bold red",
    "unanswered": "bold red",
}
#: As many of the readings that cannot be told apart are shown.
_SHOWN = 6
#: Where there are more parts, runners-up are shown only of those that were not identified.
_IN_FULL = 2


def print_identity(console: Console, identity: Identity) -> None:
    """The readings of each method with their evidence, the verdict, and what to do next."""
    formats = ", ".join(fmt.name for fmt in identity.formats)
    console.print(
        f"[bold]gruverify identify {escape(shlex.quote(identity.target))}[/]", soft_wrap=True
    )
    console.print(f"seed {identity.seed} · {identity.cases} cases · {formats}")
    for part in identity.parts:
        _print_part(console, part, len(identity.parts) <= _IN_FULL or part.status != "identified")
    # Found, and another GRU than it says: that is as bad as none, whatever the status is called.
    departs = identity.status in ("identified", "ambiguous") and not identity.as_declared
    if departs:
        colour = "bold red"
    else:
        colour = _COLOURS[identity.status]
    status: str = identity.status
    if departs and _only_less_accurate(identity):
        status += ", less accurate than declared"
    elif departs:
        status += ", and not what it declares"
    console.print(f"\n[{colour}]{status}[/]")
    for part in identity.parts:
        if part.status == "unanswered" and identity.status != "unanswered":
            console.print(
                f"{part.method} gave no answer, declared: {part.declared}",
                markup=False,
                soft_wrap=True,
            )
    console.print(_advice(identity), markup=False, soft_wrap=True)


def _print_part(console: Console, part: Part, in_full: bool) -> None:
    console.print(f"\n[bold]{part.method}[/], declared: {part.declared}", soft_wrap=True)
    if part.unanswered:
        console.print(
            f"  [yellow]unanswered[/] {part.unanswered} cases: {escape(part.reason)}",
            soft_wrap=True,
        )
    if part.status == "identified":
        verb = "[green]is[/]"
    else:
        verb = "[yellow]may be[/]"
    for evidence in part.holds[:_SHOWN]:
        _print_evidence(console, verb, evidence, part)
    if len(part.holds) > _SHOWN:
        console.print(f"  and {len(part.holds) - _SHOWN} more")
    if part.status == "ambiguous":
        console.print(f"  {_why_ambiguous(part)}", soft_wrap=True)
    for evidence in part.nearest[:1] if in_full else ():
        if part.status == "none":
            words = "[red]nearest[/]"
        else:
            words = "runner-up"
        _print_evidence(console, words, evidence, part)
        _print_exclusion(console, evidence)


def _print_evidence(console: Console, words: str, evidence: Evidence, part: Part) -> None:
    if part.lesser is not None and evidence.holds:
        less = f", {_less(part.lesser)}"
    else:
        less = ""
    console.print(
        f"  {words} {escape(_described(evidence.reading, part))}{escape(less)}", soft_wrap=True
    )
    console.print(
        f"    {evidence.agreeing} of {evidence.cases} cases, {evidence.within} of "
        f"{evidence.entries} entries agree; "
        f"largest margin {margin(evidence.largest)}",
        soft_wrap=True,
    )


def _described(reading: Reading, part: Part) -> str:
    """The GRU that values are those of; of gradients, what they lack, and of which GRU they are if
    it is not the one that is declared.
    """
    if part.of_values:
        return reading.describe(part.declared)
    # What is right of a gradient is said in a line: the GRU that it is of stands above.
    of, said = replace(reading, lacks=""), reading.lacking(part.declared) or "its gradient"
    if of == Reading():
        return said
    return f"{said}, of: {of.describe(part.declared)}"


def _less(lesser: LessAccurate) -> str:
    """By what it is less accurate than declared, and the declaration to make."""
    return f"less accurate than declared by: {lesser.words} (declare {declare(lesser.declares)})"


def _only_less_accurate(identity: Identity) -> bool:
    """Whether every part is, or may be, the GRU that it declares, and some are less accurate than
    they declare.
    """
    return any(part.lesser is not None for part in identity.answered) and all(
        any(evidence.reading == Reading() for evidence in part.holds) for part in identity.answered
    )


def _print_exclusion(console: Console, evidence: Evidence) -> None:
    if evidence.exclusion is None:
        return
    case, residual = evidence.exclusion
    sizes = ", ".join(f"{letter}={size}" for letter, size in case.sizes.items())
    console.print(
        f"    excluded with margins from {margin(evidence.closest)}, for one where {sizes}:",
        soft_wrap=True,
    )
    console.print(
        f"    {residual.where} is {residual.actual!r}, not {residual.expected!r} ± "
        f"{residual.bound:.2g}",
        markup=False,
        soft_wrap=True,
    )


def _why_ambiguous(part: Part) -> str:
    # With one unit a matrix is its own transpose, and W_hc commutes with r (theory.md, 2).
    one_unit = all(
        evidence.exclusion is None or evidence.exclusion[0].sizes["H"] == 1
        for evidence in part.nearest
    )
    alike = "these cannot be told apart by what it implements"
    reasons = {"one unit": one_unit, "no biases": not part.declared.bias}
    if whys := [why for why, holds in reasons.items() if holds]:
        return f"{alike}: it has {' and '.join(whys)}"
    return alike


def _advice(identity: Identity) -> str:
    """What to do next: a command, or how to declare or adapt the implementation."""
    again = _next_command(identity)
    if identity.status == "unanswered":
        return f"It gave no answer to identify it by.\n{again}"
    values = [part for part in identity.answered if part.of_values and not part.of_marks]
    if any(part.status == "none" for part in values):
        return f"It is none of the GRUs that were tried.\n{again}"
    if identity.as_declared:
        if identity.status == "identified":
            what = "is"
        else:
            what = "may be"
        return f"It {what} what it declares.\n{again}"
    marks = "".join(f"{line}\n" for line in _of_marks(identity))
    gradients = "".join(f"{line}\n" for line in _of_gradients(identity))
    if all(part.may_be_declared for part in values):
        if marks:
            return f"Its steps are what it declares.\n{marks}{gradients}{again}"
        if gradients:
            return f"Its values are what it declares.\n{gradients}{again}"
    if _only_less_accurate(identity):
        said = dict.fromkeys(
            _less(part.lesser) for part in identity.answered if part.lesser is not None
        )
        return f"It is what it declares, {'; '.join(said)}.\n{again}"
    found = {part.holds[0].reading for part in values}
    if len(found) > 1:
        return f"It is not one GRU but several: see above, method by method.\n{gradients}{again}"
    reading = found.pop()
    return f"{_computed(identity, reading)}\n\n{marks}{gradients}{_remedy(identity, reading)}"


def _of_marks(identity: Identity) -> Iterator[str]:
    """What is done with steps that are to be skipped, or to start from zeros, and with units that
    are to keep their state, method by method.
    """
    for method, parts in _marked(identity).items():
        if any(part.status == "none" for part in parts):
            yield f"What {method} does with what is marked is nothing that was tried."
            continue
        found = {part.holds[0].reading.marks for part in parts} - {""}
        for words in sorted(found):
            yield f"By {method} it {words}.{_outputs(words)}"


def _marked(identity: Identity) -> dict[str, list[Part]]:
    """The parts that are about the values of marked steps and units, by method."""
    found: dict[str, list[Part]] = {}
    for part in identity.answered:
        if part.of_values and part.of_marks:
            found.setdefault(part.method, []).append(part)
    return found


def _outputs(words: str) -> str:
    """What to declare, where that is all that it takes."""
    if said := declared_outputs(words):
        return f" Declare {declare({'masked_outputs': said})}?"
    return ""


def _of_gradients(identity: Identity) -> Iterator[str]:
    """What is wrong with the gradients of the GRU that it is, method by method."""
    said: dict[str, dict[str, None]] = {}
    for part in identity.answered:
        if part.of_values:
            continue
        if part.status == "none":
            said.setdefault(part.method, {})["none that was tried"] = None
        else:
            lacking = {each.reading.lacking(part.declared): None for each in part.holds}
            said.setdefault(part.method, {}).update(lacking)
    for method, found in said.items():
        found.pop("", None)
        if found:
            yield f"Its gradients are not, by {method}: {' or: '.join(found)}."


def _next_command(identity: Identity) -> str:
    """The command that checks the target, for a shell."""
    return f"next: gruverify check {shlex.quote(identity.target)}"


def _computed(identity: Identity, reading: Reading) -> str:
    """The equations that were found, for each declared variant that has its own."""
    written = dict.fromkeys(equations(reading, part.declared) for part in identity.answered)
    return "\n\n".join("It computes\n  " + "\n  ".join(lines) for lines in written)


def _remedy(identity: Identity, reading: Reading) -> str:
    answered = chain.from_iterable(part.variants for part in identity.answered)
    declared = dict.fromkeys(map(reading.variant, answered))
    biases, again = DECLARED_AS.get(reading.bias), _next_command(identity)
    if reading.functions:
        return (
            f'If these functions are meant, declare activations="{reading.functions}"; recorded '
            f'outputs are held with gruverify judge --activations "{reading.functions}".'
        )
    if reading.from_zeros and any(part.of_marks for part in identity.answered):
        return f"Its initial state is ignored where nothing is marked.\n{again}"
    if reading.from_zeros:
        return f"If it starts from zeros alone, declare initial_state=False.\n{again}"
    # A slip is a mistake in one line, and not a convention: nothing could be declared that makes
    # it right. No more could a state that is lost.
    if reading.slip or reading.loses:
        return f"No variant declares this: {reading.slip or reading.loses}.\n{again}"
    if biases is None:
        return (
            "No variant declares this: where the two biases stand is part of the GRU, and weights "
            "of one form are\n"
            "wrong in another.\n"
            f"{again}"
        )
    if biases != "as declared":
        declared = {replace(variant, biases=biases): None for variant in declared if variant.bias}
    methods = dict.fromkeys(part.method for part in identity.answered)
    # Variants say what is computed; how weights are packed is up to whoever calls it.
    adapts = reading.order != ORDER or reading.transposed
    if adapts:
        imports = ["from dataclasses import replace", "", "import numpy as np", ""]
    else:
        imports = []
    lines = [
        *imports,
        "import gruverify",
        "from gruverify.backends import resolve",
        "",
        f"theirs = resolve({identity.target!r})",
    ]
    lines += _adapted(reading) if adapts else []
    if adapts:
        call = "theirs.{0}(adapted(cell), *rest)"
    else:
        call = "theirs.{0}(cell, *rest)"
    given = [f"    {method}=lambda cell, *rest: {call.format(method)}," for method in methods]
    variants = ", ".join(f"gruverify.{variant!r}" for variant in declared)
    less = dict.fromkeys(
        declare(part.lesser.declares) for part in identity.answered if part.lesser is not None
    )
    # One declaration holds for all methods of a backend, so that only one can be written down.
    accuracy = [f"    {said}," for said in list(less)[:1]]
    lines += ["mine = gruverify.backend(", *given, f"    variants=[{variants}],", *accuracy, ")"]
    text = "\n".join(lines)
    return (
        f"To have it checked as what it is, as mine.py:\n\n{text}\n\nnext: gruverify check "
        "mine:mine"
    )


def _adapted(reading: Reading) -> list[str]:
    picked = ", ".join(f"blocks[{ORDER.index(gate)}]" for gate in reading.order)
    turned = [
        "    weights['weight_hh'] = np.concatenate([W.T for W in np.split(weights['weight_hh'], "
        "3)])"
    ]
    return [
        "",
        "",
        "def adapted(cell):",
        f'    """The cell with its gate blocks r, z, n in the order {", ".join(reading.order)}."""',
        "    split = {name: np.split(array, 3) for name, array in cell.packed().items()}",
        f"    weights = {{name: np.concatenate([{picked}]) for name, blocks in split.items()}}",
        *(turned if reading.transposed else []),
        "    return replace(cell, **weights)",
        "",
        "",
    ]


def identity_document(identity: Identity) -> JsonObject:
    """What was found as JSON values."""
    return {
        "schema": 1,
        "kind": "gruverify identity",
        "target": identity.target,
        "seed": identity.seed,
        "cases": identity.cases,
        "formats": [fmt.name for fmt in identity.formats],
        "status": identity.status,
        "as_declared": identity.as_declared,
        "parts": [_part(part) for part in identity.parts],
    }


def _part(part: Part) -> JsonObject:
    return {
        "method": part.method,
        "declared": encode_variant(part.declared),
        "status": part.status,
        "holds": [_evidence(evidence, part) for evidence in part.holds],
        "excluded": [_evidence(evidence, part) for evidence in part.nearest],
        "unanswered": part.unanswered,
        "reason": part.reason,
        "less_accurate": None
        if part.lesser is None
        else {"words": part.lesser.words, "declare": dict(part.lesser.declares)},
    }


def _evidence(evidence: Evidence, part: Part) -> JsonObject:
    reading = evidence.reading
    return {
        "reading": {
            **encode_variant(reading.variant(part.declared)),
            "order": reading.order,
            "biases": reading.bias,
        }
        | {"transposed": reading.transposed, "slip": reading.slip}
        | {"functions": reading.functions, "lacks": reading.lacking(part.declared)}
        | {"marks": reading.marks, "from_zeros": reading.from_zeros, "loses": reading.loses},
        "words": reading.describe(part.declared),
        "equations": list(equations(reading, part.declared)),
        "cases": {"tried": evidence.cases, "agree": evidence.agreeing},
        "entries": {"tried": evidence.entries, "agree": evidence.within},
        "margin": {"max": _number(evidence.largest), "min_excluding": _number(evidence.closest)},
        "excluded_by": None if evidence.exclusion is None else encode_case(evidence.exclusion[0]),
    }


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return repr(value)
