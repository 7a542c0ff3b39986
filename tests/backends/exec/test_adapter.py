"""What stands between a program and the checks hides no fault, and makes none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis
import numpy as np
import pytest

import gruverify
from gruverify import FORMATS, Case, Format, Stack, StackCase, Variant, float32
from gruverify import strategies as gst
from gruverify.backends import EVERY_METHOD, NumpyBackend, declarations_of, offers
from gruverify.backends.exec._codec import arrays_in, encoded
from gruverify.backends.exec._rules import ProtocolBroken
from gruverify.cell import Cell, Gradients, StackGradients, unit_masks_of
from gruverify.engine import judge
from gruverify.faults import FAULTS
from gruverify.invariants import INVARIANTS

from .._cases import case
from ._loopback import behind

NUMPY: Any = NumpyBackend()
#: Of three steps of two members.
MARKS = np.array([[True, False], [False, False], [False, True]])


def bits(returned: Any) -> list[bytes]:
    """Every array of an answer, bit for bit."""
    if isinstance(returned, Gradients):
        returned = tuple(dict(returned.items()).values())
    if isinstance(returned, StackGradients):
        returned = (*returned.parameters.values(), returned.inputs, returned.states)
    arrays = returned if isinstance(returned, tuple) else (returned,)
    return [array.tobytes() for array in arrays]


def of(variant: Variant, format: Format = float32) -> Case:
    """A case of a variant, with zeros for the biases that it lacks."""
    one = case(variant if variant.biases == "none" else Variant(), format)
    packed = one.cell.packed()
    if variant.biases == "input":
        packed["bias_hh"] = np.zeros_like(packed["bias_hh"])
    return replace(one, cell=Cell(variant, **packed))


def arguments(method: str, format: Format, variant: Variant) -> tuple[Any, ...]:
    one = of(variant, format)
    tangent = NUMPY.sequence_vjp(one.cell, one.inputs, one.state, one.d_outputs, one.d_last)
    back = (one.inputs, one.state, one.d_outputs, None)
    return {
        "step": (one.cell, one.inputs[0], one.state),
        "step_jacobian": (one.cell, one.inputs[0], one.state),
        "step_vjp": (one.cell, one.inputs[0], one.state, one.d_last),
        "sequence": (one.cell, one.inputs, None),
        "sequence_vjp": (one.cell, one.inputs, one.state, None, one.d_last),
        "sequence_jvp": (one.cell, one.inputs, one.state, tangent),
        "sequence_hvp": (one.cell, *back, tangent),
        "sequence_masked": (one.cell, one.inputs, None, MARKS),
        "sequence_masked_vjp": (one.cell, one.inputs, one.state, MARKS, *back[2:]),
        "sequence_restarted": (one.cell, one.inputs, one.state, MARKS),
        "sequence_restarted_vjp": (one.cell, one.inputs, one.state, MARKS, *back[2:]),
        "sequence_marked": (one.cell, one.inputs, None, MARKS, ~MARKS),
        "sequence_marked_vjp": (one.cell, one.inputs, one.state, MARKS, MARKS, *back[2:]),
        "sequence_zoneout": (one.cell, one.inputs, None, unit_masks_of(one)),
        "sequence_zoneout_vjp": (one.cell, one.inputs, one.state, unit_masks_of(one), *back[2:]),
        "stack": (Stack(((one.cell,),)), one.inputs, None, np.array([3, 1]), False),
        "stack_masked": (Stack(((one.cell,) * 2,)), one.inputs, None, MARKS, False),
        "stack_masked_vjp": (
            *(Stack(((one.cell,),)), one.inputs, one.state[None], MARKS, False),
            *(None, one.d_last[None]),
        ),
        "stack_vjp": (
            *(Stack(((one.cell,) * 2,)), one.inputs[:, 0], None, None, False),
            *(None, np.concatenate([one.d_last[:1], one.d_last[:1]])),
        ),
    }[method]


@pytest.mark.uncounted
@pytest.mark.parametrize("format", FORMATS, ids=str)
@pytest.mark.parametrize("method", [method for method in EVERY_METHOD if offers(NUMPY, method)])
def test_an_answer_has_the_same_bits(method: str, format: Format) -> None:
    for variant in (Variant(), Variant("before", "replace", bias=False), Variant(biases="input")):
        given = arguments(method, format, variant)

        found = getattr(behind(NUMPY), method)(*given)

        assert bits(found) == bits(getattr(NUMPY, method)(*given))


def test_shares_of_units_arrive_as_they_are() -> None:
    one = of(Variant())
    shares = np.where(unit_masks_of(one), np.float32(0.25), np.float32(1))
    given = one.cell, one.inputs, one.state, shares

    found = behind(NUMPY).sequence_zoneout(*given)

    assert bits(found) == bits(NUMPY.sequence_zoneout(*given))


@pytest.mark.uncounted
@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(gst.stack_cases(max_H=2, max_I=2, max_B=2, max_T=3))
def test_stacks_of_any_arrangement_have_the_same_bits(one: StackCase) -> None:
    arranged = one.arrangement
    steps = np.ascontiguousarray(arranged.steps(one.inputs))
    states = np.ascontiguousarray(arranged.states(one.states))
    given = one.stack, steps, states, one.lengths, one.batch_first

    assert bits(behind(NUMPY).stack(*given)) == bits(NUMPY.stack(*given))


@pytest.mark.parametrize(
    "shape", [(), (0,), (2, 0, 3), (2, 3)], ids=["no axis", "nothing", "no members", "a matrix"]
)
@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_an_array_comes_back_writable_and_bit_by_bit(format: Format, shape: tuple[int]) -> None:
    draw = np.random.default_rng(0).bytes(format.dtype.itemsize * int(np.prod(shape)))
    array = np.frombuffer(bytearray(draw), format.dtype).reshape(shape)

    found = arrays_in({"arrays": {"a": encoded(array)}}, {"a": shape}, (), format)["a"]

    assert (found.tobytes(), found.dtype, found.shape) == (draw, format.dtype, shape)
    assert found.flags.writeable


def test_numbers_are_little_endian_and_in_c_order() -> None:
    array = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)

    assert encoded(array.T) == {
        "dtype": "float32",
        "shape": [2, 2],
        "data": "AACAPwAAQEAAAABAAACAQA==",
    }


def test_gradients_of_biases_that_there_are_not_may_be_missing() -> None:
    class Without(NumpyBackend):
        variants = (Variant(biases="input"),)

        def step_vjp(self, cell: Cell, *given: Any) -> Gradients:
            g = super().step_vjp(cell, *given)
            return Gradients(g.weight_ih, g.weight_hh, g.bias_ih, None, g.inputs, g.state)

    one = of(Variant(biases="input"))
    given = one.cell, one.inputs[0], one.state, one.d_last

    assert behind(Without()).step_vjp(*given).bias_hh is None
    whole = of(Variant())
    with pytest.raises(ProtocolBroken, match=r"rule 7: .* lacks 'bias_hh'"):
        behind(Without()).step_vjp(whole.cell, *given[1:])


def test_the_gradient_of_the_state_is_missed_unless_it_is_declared_to_be() -> None:
    class Without(NumpyBackend):
        state_gradient = True

        def step_vjp(self, cell: Cell, *given: Any) -> Gradients:
            g = super().step_vjp(cell, *given)
            return Gradients(g.weight_ih, g.weight_hh, g.bias_ih, g.bias_hh, g.inputs, None)

    one = of(Variant())
    given = one.cell, one.inputs[0], one.state, one.d_last
    with pytest.raises(ProtocolBroken, match=r"rule 7: .* lacks 'state'"):
        behind(Without()).step_vjp(*given)
    declaring = Without()
    declaring.state_gradient = False
    assert behind(declaring).step_vjp(*given).state is None


def test_declarations_come_through() -> None:
    class Declaring:
        name, variants, formats = "declaring", (Variant(),), (float32,)
        kappa = 8
        shapes = "few"
        carry = {"float16": "float32"}  # noqa: RUF012
        accumulates = "float64"

        def step(self, cell: Cell, x: Any, h: Any) -> Any:
            return h

    assert declarations_of(behind(Declaring())) == declarations_of(Declaring())


def test_a_right_program_conforms() -> None:
    only = ("agreement", "contract/shape", "contract/no-steps", "stack/outputs")
    result = gruverify.check(behind(NUMPY), max_cases=2, formats=[float32], only=only)

    assert result.verdict == "conforms"


def stacked() -> StackCase:
    """Two layers in both directions."""
    draw = np.random.default_rng(1)

    def values(*shape: int) -> Any:
        return float32.cast(draw.uniform(-1.0, 1.0, shape))

    H, T, B = 2, 3, 2
    rows = []
    for inputs in (3, 2 * H):
        arrays = [((3 * H, inputs), (3 * H, H), (3 * H,), (3 * H,)) for _ in range(2)]
        rows.append(tuple(Cell(Variant(), *(values(*s) for s in each)) for each in arrays))
    states = values(4, B, H)
    return StackCase(Stack(tuple(rows)), values(T, B, 3), states, values(T, B, 2 * H), states)


def failing(backend: Any, one: Any) -> set[str]:
    asked = (i for i in INVARIANTS.values() if i.family in ("agreement", "masks", "stack"))
    return {j.invariant.id for j in judge(one, backend, asked) if j.failed}


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fault", "one"),
    [
        ("swapped-reset-and-update", case(format=float32)),
        ("jacobian-transposed", case(format=float32)),
        ("outputs-reversed-in-time", case(format=float32)),
        ("masked-state-zeroed", case(format=float32)),
        ("upper-layers-read-the-forward-half-alone", stacked()),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_catches_a_fault_behind_the_protocol(fault: str, one: Any) -> None:
    plain = failing(FAULTS[fault].build(), one)

    assert plain
    assert failing(behind(FAULTS[fault].build()), one) == plain
