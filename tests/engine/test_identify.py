"""Which GRU an implementation is: readings are told apart, and what cannot be told apart is said to
be so.
"""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import gruverify
from gruverify import VARIANTS, Cell, Variant, backend, float32, float64
from gruverify.backends import NumpyBackend
from gruverify.engine import Identity, Reading, equations, readings
from gruverify.faults import FAULTS
from gruverify.formulas import step
from gruverify.reporting import print_identity

pytestmark = pytest.mark.uncounted

NUMPY = NumpyBackend()
PYTORCH = Variant()


def reads(reading: Reading) -> Any:
    """A step that reads the cell so."""

    def step_of(cell: Cell, x: Any, h: Any) -> Any:
        return step(reading.variant(cell.variant), reading.parameters(cell.parameters()), x, h)

    return step_of


def found(step: Any, **options: Any) -> Identity:
    """What a step is."""
    return gruverify.identify(backend(step=step, **options))


def named(identity: Identity) -> list[set[Reading]]:
    """The readings that are left, part by part."""
    return [{evidence.reading for evidence in part.holds} for part in identity.parts]


EXAMPLES = [
    Reading(),
    Reading(other_reset=True),
    Reading(other_update=True),
    Reading(order="zrn"),
    Reading(order="nzr", bias="outside"),
    Reading(bias="input"),
    Reading(bias="recurrent twice"),
    Reading(bias="none"),
    Reading(bias="swapped"),
    Reading(bias="turned"),
    Reading(other_reset=True, other_update=True, order="nrz", bias="doubled"),
    Reading(transposed=True),
]


@pytest.mark.thinned
@pytest.mark.parametrize(
    "reading", EXAMPLES, ids=lambda reading: ", ".join(reading.differences(PYTORCH)) or "declared"
)
def test_a_reading_is_identified_and_nothing_else_is_left(reading: Reading) -> None:
    identity = found(reads(reading))

    assert identity.status == "identified"
    assert named(identity) == [{reading}]
    [part] = identity.parts
    assert part.holds[0].agreeing == part.holds[0].cases == identity.cases
    assert part.holds[0].within == part.holds[0].entries > 0
    runner_up = part.nearest[0]
    assert runner_up.closest > 1
    assert runner_up.exclusion is not None
    case, residual = runner_up.exclusion
    assert residual.margin > 1
    assert case.format == float64


@pytest.mark.parametrize("declared", VARIANTS, ids=str)
def test_no_two_readings_have_the_same_name(declared: Variant) -> None:
    words = [reading.describe(declared) for reading in readings(declared)]

    assert len(set(words)) == len(words) > 40
    assert readings(declared)[0] == Reading()


def test_what_is_no_gru_is_none_with_the_nearest_named() -> None:
    identity = found(lambda cell, x, h: NUMPY.step(cell, x, h) * h.dtype.type(1.05))

    assert (identity.status, named(identity)) == ("none", [set()])
    nearest = identity.parts[0].nearest[0]
    assert nearest.agreeing < nearest.cases
    assert nearest.within < nearest.entries


@pytest.mark.slow
def test_not_a_number_agrees_with_nothing() -> None:
    assert found(lambda cell, x, h: np.full_like(h, np.nan)).status == "none"


def test_one_unit_without_biases_cannot_be_told_from_its_kin() -> None:
    one = replace(
        backend(step=NUMPY.step, variants=[Variant(bias=False)]), hidden_size=1, input_size=2
    )

    identity = gruverify.identify(one)

    kin = {
        Reading(reset, False, "rzn", "both", transposed)
        for reset in (False, True)
        for transposed in (False, True)
    }
    assert (identity.status, named(identity)) == ("ambiguous", [kin])


@pytest.mark.slow
def test_each_declared_variant_and_method_is_a_part_of_its_own() -> None:
    class Mixed:
        name = "mixed"
        variants = (Variant("after"), Variant("before", bias=False), Variant("before"))
        formats = (float32,)
        step = staticmethod(NUMPY.step)

        def sequence(self, cell: Cell, inputs: Any, state: Any) -> Any:
            return NUMPY.sequence(
                replace(cell, variant=replace(cell.variant, reset="after")), inputs, state
            )

    identity = gruverify.identify(Mixed())

    places = [(part.method, part.declared.reset, len(part.variants)) for part in identity.parts]
    assert places == [
        ("step", "after", 1),
        ("sequence", "after", 1),
        ("step", "before", 2),
        ("sequence", "before", 2),
    ]
    assert named(identity) == [{Reading()}, {Reading()}, {Reading()}, {Reading(other_reset=True)}]
    assert identity.formats == (float32,)


def test_a_target_that_gives_no_answer_is_unanswered_with_the_reason() -> None:
    def raises(cell: Any, x: Any, h: Any) -> Any:
        raise ZeroDivisionError("no gate")

    [part] = found(raises).parts

    assert (part.status, part.unanswered) == ("unanswered", 24)
    assert part.reason == "step raised ZeroDivisionError: no gate"


def test_a_target_without_values_is_an_error() -> None:
    with pytest.raises(ValueError, match="offers neither step nor sequence"):
        gruverify.identify(backend(step_jacobian=NUMPY.step_jacobian))


def test_the_same_seed_gives_the_same_evidence() -> None:
    def said() -> list[tuple[Any, ...]]:
        [part] = gruverify.identify(backend(step=NUMPY.step), seed=4).parts
        return [(e.reading, e.agreeing, e.within, e.largest) for e in (*part.holds, *part.nearest)]

    assert said() == said()


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (
            Reading(other_reset=True, functions="hard_sigmoid(0.2, 0.5),tanh"),
            "both biases, hard_sigmoid 0.2x + 0.5 and tanh",
        ),
        (Reading(functions="sigmoid,relu"), "both biases, sigmoid and relu"),
    ],
)
def test_other_activation_functions_are_named_with_what_departs_besides(
    reading: Reading, words: str
) -> None:
    def activated(cell: Cell, x: Any, h: Any) -> Any:
        parameters = reading.parameters(cell.parameters())
        return step(reading.variant(cell.variant), parameters, x, h, reading.activations)

    identity, shown = found(activated), StringIO()
    print_identity(Console(file=shown, width=200), identity)

    assert (identity.status, identity.as_declared) == ("identified", False)
    assert named(identity) == [{reading}]
    assert f'declare activations="{reading.functions}"' in shown.getvalue()
    assert reading.describe(PYTORCH).endswith(words)
    assert equations(reading, PYTORCH)[-1].startswith(f"with {reading.activations.gate} for σ")


def gradient_parts(identity: Identity) -> dict[str, tuple[str, list[str]]]:
    """Status and what is missing, by method."""
    return {
        part.method: (part.status, [e.reading.lacking(part.declared) for e in part.holds])
        for part in identity.parts
        if not part.of_values and not part.of_marks
    }


@pytest.mark.slow
def test_a_term_that_gradients_lack_is_named_where_the_values_are_right() -> None:
    target = FAULTS["direct-path-left-out"].build([Variant(update="replace")])

    identity = gruverify.identify(target)

    assert (identity.status, identity.as_declared) == ("identified", False)
    lacking = ("identified", ["∂h/∂h' lacks 1-z: the carry path"])
    assert gradient_parts(identity) == {
        "step_vjp": lacking,
        "sequence_vjp": lacking,
        "step_jacobian": ("identified", [""]),
    }


@pytest.mark.slow
def test_right_gradients_of_another_gru_are_its_gradients() -> None:
    before = Variant("before")

    def as_before(cell: Cell, *rest: Any) -> Any:
        return NUMPY.step_vjp(replace(cell, variant=before), *rest)

    other = backend(
        step=lambda cell, *rest: NUMPY.step(replace(cell, variant=before), *rest),
        step_vjp=as_before,
    )
    mixed = backend(step=NUMPY.step, step_vjp=as_before)

    assert named(gruverify.identify(other)) == [{Reading(other_reset=True)}] * 2
    assert gradient_parts(gruverify.identify(mixed)) == {"step_vjp": ("none", [])}
