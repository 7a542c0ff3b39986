"""Rounding, a bug, or undecidable: right runs are never called a bug, and small faults are found
and named.
"""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Stack, Variant, bfloat16, float16, float32, float64
from gruverify.arithmetic import Format
from gruverify.backends import BadDeclaration, NumpyBackend
from gruverify.judging import BadRecord, judge, own_order, record, reordered, rule

from ._runs import KAPPA, NDArray, run

ALARMS = runpy.run_path(str(Path(__file__).parents[1] / "campaigns" / "judge_alarms.py"))


@pytest.mark.uncounted
@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_right_grus_are_never_called_a_bug(target: str) -> None:
    if target == "torch":
        pytest.importorskip("torch")
    found = [ruling for _, ruling in ALARMS["rulings"](target, 12, 5, most_steps=60, most_units=24)]

    assert [ruling for ruling in found if ruling.beyond] == []
    assert sum(ruling.verdict == "rounding" for ruling in found) > 9


@pytest.mark.parametrize("fmt", [float16, bfloat16, float32, float64])
def test_rounding_comes_with_the_accuracy_that_it_implies(fmt: Format) -> None:
    one = run(fmt=fmt)

    ruling = judge(one.cell, one.inputs, one.outputs, state=one.state, **KAPPA)

    assert (ruling.verdict, ruling.beyond, ruling.first) == ("rounding", 0, None)
    assert ruling.entries == ruling.claimed == one.outputs.size
    assert ruling.worst is not None
    assert 0 <= ruling.worst.margin < 1


def test_shapes_without_a_batch_with_the_batch_first_and_of_every_layer_are_one_run() -> None:
    one = run(B=1)
    two = run(layers=2)
    lower = replace(two.stack, cells=two.stack.cells[:1])
    below = run_of(lower, two.inputs, two.state[:1])

    onnx = one.outputs.reshape(20, 1, 1, 3)
    assert judge(one.cell, one.inputs, onnx, state=one.state).verdict == "rounding"
    swapped = one.inputs.swapaxes(0, 1), one.outputs.swapaxes(0, 1)
    assert (
        judge(one.cell, one.inputs[:, 0], one.outputs[:, 0], state=one.state[0, 0]).verdict
        == "rounding"
    )
    assert judge(one.cell, *swapped, state=one.state, batch_first=True).verdict == "rounding"
    every = judge(two.stack, two.inputs, np.stack([below, two.outputs]), state=two.state)
    assert (every.verdict, every.entries) == ("rounding", 2 * two.outputs.size)


def run_of(stack: Stack, inputs: NDArray, state: NDArray) -> NDArray:
    """What our formulas return for a stack."""
    from gruverify.backends import NumpyBackend

    return NumpyBackend().stack(stack, inputs, state, None, False)[0]


def changed(cell: Cell, where: str, fmt: Format) -> Cell:
    """The cell with 64 units of roundoff more in a weight, a bias, the bias of a gate, or all of a
    gate.
    """
    arrays = {name: array.copy() for name, array in cell.packed().items()}
    more, H = fmt.cast(1 + 64 * fmt.unit_roundoff), cell.hidden_size
    if where == "weight":
        arrays["weight_ih"][2 * H, 0] *= more
    elif where == "bias":
        arrays["bias_ih"][2 * H] *= more
    elif where == "slice":
        arrays["bias_hh"][H : 2 * H] *= more
    else:
        for array in arrays.values():
            array[H : 2 * H] *= more
    return Cell(cell.variant, **arrays)


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", [float32, float64])
@pytest.mark.parametrize("where", ["weight", "bias", "slice", "gate"])
def test_catches_64_units_of_roundoff_in_100_steps(fmt: Format, where: str) -> None:
    one = run(H=3, I=2, T=100, B=4, fmt=fmt, reach=2.0, seed=2)
    measured = {
        "kappa_sigma": 5 if fmt is float32 else 3,
        "kappa_tanh": 2,
    }  # NumPy's (docs/tolerances.md)

    right = judge(one.cell, one.inputs, one.outputs, state=one.state, **measured)
    ruling = judge(
        changed(one.cell, where, fmt), one.inputs, one.outputs, state=one.state, **measured
    )

    assert right.verdict == "rounding"
    assert ruling.verdict == "bug", ruling.reasons


@pytest.mark.uncounted
def test_catches_one_wrong_bit_beyond_the_bound_and_names_the_entry() -> None:
    one = run(T=30)
    outputs = one.outputs.copy()
    for _ in range(64):
        outputs[17, 1, 2] = np.nextafter(outputs[17, 1, 2], np.float32(2))

    ruling = judge(one.cell, one.inputs, outputs, state=one.state, **KAPPA)

    assert ruling.verdict == "bug"
    assert ruling.first is not None
    assert (ruling.first.step, ruling.first.member, ruling.first.unit) == (17, 1, 2)
    assert 62 < ruling.first.ulp < 67
    assert ruling.reasons == ("no other reading explains it",)


READINGS: dict[str, Any] = {
    "reset gate applied before the product": lambda cell: replace(cell, variant=Variant("before")),
    "z multiplies the candidate": lambda cell: replace(cell, variant=Variant(update="replace")),
    "bias_ih alone": lambda cell: replace(cell, bias_hh=np.zeros_like(cell.bias_hh)),
    "gate order z, r, n": lambda cell: Cell(
        cell.variant, **{n: _swapped(a) for n, a in cell.packed().items()}
    ),
}


def _swapped(array: NDArray) -> NDArray:
    r, z, n = np.split(array, 3)
    return np.concatenate([z, r, n])


@pytest.mark.uncounted
@pytest.mark.parametrize("words", READINGS)
def test_catches_another_gru_and_names_it(words: str) -> None:
    one = run()
    theirs = Stack(((READINGS[words](one.cell),),))
    outputs = run_of(theirs, one.inputs, one.state)

    ruling = judge(one.cell, one.inputs, outputs, state=one.state, **KAPPA)

    assert (ruling.verdict, ruling.cause and ruling.cause.words) == ("bug", words)
    assert ruling.first is not None
    assert ruling.first.step == 0


def test_catches_a_state_that_is_left_out_axes_exchanged_and_time_reversed() -> None:
    one, zero = run(), run(T=5)
    from_zeros = run_of(one.stack, one.inputs, np.zeros_like(one.state))
    outputs = run_of(zero.stack, zero.inputs, np.zeros_like(zero.state))
    exchanged = zero.inputs.swapaxes(0, 1), outputs.swapaxes(0, 1)

    left_out = judge(one.cell, one.inputs, from_zeros, state=one.state, **KAPPA)
    turned = judge(zero.cell, *exchanged, **KAPPA)
    reversed_ = judge(one.cell, one.inputs, one.outputs[::-1], state=one.state, **KAPPA)

    for ruling, words in (
        (left_out, "starts from zeros"),
        (turned, "other way round"),
        (reversed_, "reverse order"),
    ):
        assert ruling.verdict == "bug"
        assert ruling.cause is not None
        assert words in ruling.cause.words


def test_catches_a_start_that_was_not_given_and_members_that_end_earlier() -> None:
    one = run()
    padded = one.outputs.copy()
    padded[5:, 1] = 0

    from_zeros = judge(one.cell, one.inputs, one.outputs, **KAPPA)
    ended = judge(one.cell, one.inputs, padded, state=one.state, **KAPPA)

    assert from_zeros.reasons == (
        "this explains all of it: it starts from another state than zeros: its first step alone is "
        "off",
    )
    assert ended.verdict == "bug"
    assert ended.reasons == (
        "this explains all of it: members end earlier, with zeros behind: their lengths are 20,5",
    )


@pytest.mark.uncounted
def test_a_first_step_that_is_less_accurate_is_no_other_start() -> None:
    one = run()
    state = one.outputs[0] * np.float32(1 + 2.0**-20)
    later = run_of(one.stack, one.inputs[1:], state[None])

    ruling = judge(
        one.cell, one.inputs, np.concatenate([state[None], later]), state=one.state, **KAPPA
    )

    assert (ruling.verdict, ruling.cause) == ("bug", None)
    assert ruling.where.startswith("1 of 20 steps")
    assert ruling.hint is not None
    assert ruling.hint.words == "a σ and tanh wrong by up to 32 u"


def test_less_accuracy_than_declared_is_undecidable_and_says_what_to_declare() -> None:
    one = run(H=8, I=8, T=30, fmt=float64)
    narrow = {
        name: float32.cast(array).astype(np.float64) for name, array in one.cell.packed().items()
    }
    outputs = run_of(
        Stack(((Cell(Variant(), **{name: float32.cast(a) for name, a in narrow.items()}),),)),
        float32.cast(one.inputs),
        float32.cast(one.state),
    ).astype(np.float64)

    ruling = judge(one.cell, one.inputs, outputs, state=one.state, **KAPPA)

    assert ruling.verdict == "undecidable"
    assert ruling.reasons[0].startswith("it is rounding if this GRU has ")
    assert ruling.cause is not None
    again = judge(
        one.cell, one.inputs, outputs, state=one.state, **{**KAPPA, **ruling.cause.declares}
    )
    assert again.verdict == "rounding"


@pytest.mark.uncounted
def test_functions_of_little_accuracy_are_a_bug_with_a_hint() -> None:
    one = run(H=4, T=40)
    outputs = (one.outputs.astype(np.float64) * (1 + 24 * float32.unit_roundoff)).astype(np.float32)

    ruling = judge(one.cell, one.inputs, outputs, state=one.state, **KAPPA)

    assert ruling.verdict == "bug", ruling.reasons
    assert ruling.hint is not None
    assert "kappa" in ruling.hint.advice


@pytest.mark.uncounted
def test_float16_records_of_a_float32_model_are_judged_as_such() -> None:
    one = run()
    narrow = one.outputs.astype(np.float16)

    ruling = judge(one.cell, one.inputs, narrow, state=one.state, **KAPPA)
    stored_wide = judge(one.cell, one.inputs, narrow.astype(np.float32), state=one.state, **KAPPA)
    wrong = judge(
        replace(one.cell, variant=Variant("before")), one.inputs, narrow, state=one.state, **KAPPA
    )

    assert ruling.verdict == "rounding"
    assert ruling.notes[0].startswith("outputs are recorded in float16: half an ulp")
    assert 0.5 < (ruling.worst.margin if ruling.worst else 0) < 1
    assert stored_wide.verdict == "undecidable"
    assert stored_wide.reasons[0].endswith(
        "rounded to float16 before they were recorded: give them as float16"
    )
    assert wrong.verdict == "bug"


@pytest.mark.uncounted
@pytest.mark.parametrize("lengths", [None, [20, 7]])
def test_a_run_the_other_way_along_time_is_told(lengths: Any) -> None:
    one = run(lengths=lengths)
    ends = [20, 20] if lengths is None else lengths
    xs, ys = one.inputs.copy(), one.outputs.copy()
    for member, end in enumerate(ends):
        xs[:end, member], ys[:end, member] = xs[:end, member][::-1], ys[:end, member][::-1]

    def reasons(inputs: Any, outputs: Any, *, backward: bool = False) -> tuple[str, ...]:
        given = {"state": one.state, "lengths": lengths, "backward": backward}
        return rule(record(one.stack, inputs, outputs, **given), KAPPA).reasons

    words = "this explains all of it: "
    assert reasons(xs, one.outputs) == (f"{words}it is given each member's last step first",)
    assert reasons(one.inputs, ys) == (f"{words}the outputs stand in reverse order of time",)
    assert reasons(xs, ys) == (
        f"{words}it runs backward, from each member's last step to the first",
    )
    assert reasons(xs, ys, backward=True) == ()
    assert reasons(one.inputs, one.outputs, backward=True) == (
        f"{words}it runs forward, from the first step to the last",
    )


@pytest.mark.uncounted
def test_what_was_widened_on_the_way_to_a_file_is_judged_as_it_was_computed() -> None:
    one = run()
    wide = Cell(one.cell.variant, **{k: a.astype("f8") for k, a in one.cell.packed().items()})
    other = Cell(wide.variant, **{k: a * (1 + 2.0**-40) for k, a in wide.packed().items()})

    plain = judge(one.cell, one.inputs, one.outputs, state=one.state, **KAPPA)
    outputs = judge(one.cell, one.inputs, one.outputs.astype("f8"), state=one.state, **KAPPA)
    weights = judge(wide, one.inputs, one.outputs, state=one.state, **KAPPA)
    both = judge(wide, one.inputs, one.outputs.astype("f8"), state=one.state, **KAPPA)
    of_float64 = judge(other, one.inputs, one.outputs, state=one.state, **KAPPA)

    # An ulp is float32's, too, whatever the file has.
    assert plain.worst == outputs.worst == weights.worst == both.worst
    assert weights.notes == (
        "weights are float64, and they and outputs all float32 numbers: judged as float32",
    )
    assert of_float64.format is float64


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("text", "words"), [("%f", "6 decimals"), ("%.4g", "4 significant digits")]
)
def test_records_from_text_are_told_and_excuse_no_more_than_a_digit(text: str, words: str) -> None:
    one = run()
    read = np.vectorize(lambda value: np.float32(text % value))(one.outputs)
    off = read.copy()
    off[7, 1, 2] += np.float32(20 * 10.0 ** -int(words[0]))  # written with as many digits

    ruling = judge(one.cell, one.inputs, read, state=one.state, **KAPPA)
    wrong = judge(one.cell, one.inputs, off, state=one.state, **KAPPA)

    assert ruling.verdict == "undecidable"
    assert ruling.reasons[0].endswith(f"outputs that were written with {words}: record all digits")
    assert wrong.verdict == "bug"


def test_a_sigmoid_that_is_accurate_to_units_of_1_is_rounding_once_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Off by 8 u whatever its value: as ONNX Runtime's is by 2."""
    from gruverify.arithmetic import _functions

    of_arrays = _functions._functions[np.ndarray]
    exact = of_arrays.sigmoid
    monkeypatch.setattr(of_arrays, "sigmoid", lambda a: exact(a) + np.float32(2.0**-21))
    one = run(H=2, T=300, reach=8.0)
    monkeypatch.undo()

    ruling = judge(one.cell, one.inputs, one.outputs, state=one.state, **KAPPA)
    declared = judge(
        one.cell, one.inputs, one.outputs, state=one.state, kappa_sigma=13, sigmoid="absolute"
    )
    hinted = judge(one.cell, one.inputs, one.outputs, state=one.state, kappa_sigma=13)

    assert ruling.verdict == hinted.verdict == "bug"
    assert hinted.hint is not None
    assert hinted.hint.advice == "declare sigmoid='absolute'"
    assert declared.verdict == "rounding"


def test_weights_saved_with_fewer_digits_than_ran_are_told() -> None:
    one = run()
    saved = Cell(
        Variant(), **{name: float16.cast(array) for name, array in one.cell.packed().items()}
    )

    ruling = judge(saved, one.inputs, one.outputs, state=one.state, **KAPPA)

    assert ruling.notes[0].startswith("weights are float16, and outputs float32 numbers")
    assert ruling.verdict == "undecidable"
    assert ruling.reasons[0].endswith(
        "of which those of the file are roundings to float16: give the weights that ran"
    )


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", [float16, bfloat16], ids=str)
def test_weights_that_were_rounded_before_they_ran_are_told(fmt: Format) -> None:
    one = run()
    stored = {name: fmt.cast(array) for name, array in one.cell.packed().items()}
    narrow = {name: array.astype(np.float32) for name, array in stored.items()}
    ran = Stack(((Cell(one.cell.variant, **narrow),),))
    outputs, _ = NumpyBackend().stack(ran, one.inputs, one.state, None, False)

    ruling = judge(one.cell, one.inputs, outputs, state=one.state, **KAPPA)
    as_stored = judge(
        Cell(one.cell.variant, **stored), one.inputs, outputs, state=one.state, **KAPPA
    )

    assert ruling.verdict == "undecidable"
    assert ruling.reasons[0].endswith(
        f"weights that were rounded to {fmt.name}: give them as {fmt.name}"
    )
    assert as_stored.verdict == "rounding"


def test_inputs_of_other_formats_are_taken_as_rounded() -> None:
    one = run()
    narrow, wide = one.inputs.astype(np.float16), one.inputs.astype(np.float64) * (1 + 2.0**-26)

    for inputs, words in (
        (narrow, "inputs are recorded in float16"),
        (wide, "inputs are no float32 numbers"),
    ):
        ruling = judge(one.cell, inputs, one.outputs, state=one.state, **KAPPA)
        assert ruling.verdict == "rounding"
        assert words in ruling.notes[0]


def test_the_format_is_the_weights_unless_the_outputs_have_more_digits_or_it_is_named() -> None:
    one, wide = run(), run(fmt=float64)
    weights = Cell(
        Variant(), **{name: float32.cast(array) for name, array in wide.cell.packed().items()}
    )
    exact = Cell(
        Variant(), **{name: array.astype(np.float64) for name, array in weights.packed().items()}
    )
    outputs = run_of(Stack(((exact,),)), wide.inputs, wide.state)

    assert (
        judge(one.cell, one.inputs, one.outputs.astype(np.float64), state=one.state, **KAPPA).format
        is float32
    )
    assert judge(weights, wide.inputs, outputs, state=wide.state).format is float64
    named = judge(exact, one.inputs, one.outputs, state=one.state, format="f32")
    assert (named.format, named.notes) == (float32, ("judged as computed in float32, as asked",))


def test_a_nan_is_a_bug_where_none_can_be_and_nothing_is_known_behind_it() -> None:
    one = run(T=10, B=1)
    spoiled, given = one.outputs.copy(), one.inputs.copy()
    spoiled[1:] = np.nan
    given[1, 0, 0] = np.inf

    ruling = judge(one.cell, one.inputs, spoiled, state=one.state)
    behind = judge(one.cell, given, spoiled, state=one.state)

    assert (ruling.verdict, ruling.first.step if ruling.first else None) == ("bug", 1)
    assert ruling.beyond == one.cell.hidden_size
    assert (behind.verdict, behind.beyond) == ("undecidable", 0)
    assert "not finite" in behind.reasons[1]


def test_padding_is_not_judged_in_either_direction() -> None:
    one = run(T=6, B=3, directions=2, lengths=[6, 0, 2])
    outputs = one.outputs.copy()
    outputs[2:, 2], outputs[:, 1] = np.nan, 7

    ruling = judge(one.stack, one.inputs, outputs, state=one.state, lengths=[6, 0, 2], **KAPPA)
    whole = judge(one.stack, one.inputs, outputs, state=one.state, **KAPPA)
    none = judge(one.stack, one.inputs, outputs, state=one.state, lengths=[0, 0, 0])

    assert (ruling.verdict, ruling.entries) == ("rounding", 8 * 2 * 3)
    assert whole.verdict == "bug"
    assert none.reasons == ("no step was recorded: every length is 0",)


@pytest.mark.uncounted
def test_the_last_layer_of_a_stack_is_judged_from_where_the_inner_ones_may_be() -> None:
    one = run(H=3, T=8, B=1, layers=2, directions=2, reach=0.5)
    right = judge(one.stack, one.inputs, one.outputs, state=one.state, **KAPPA)
    wrong = Stack(
        tuple(
            tuple(replace(cell, variant=Variant("before")) for cell in row)
            for row in one.stack.cells
        )
    )

    ruling = judge(wrong, one.inputs, one.outputs, state=one.state, **KAPPA)

    assert right.verdict == "rounding"
    assert (ruling.verdict, ruling.cause and ruling.cause.words) == (
        "bug",
        "reset gate applied after the product",
    )


def test_of_a_longer_stack_the_first_steps_tell_which_readings_are_worth_trying() -> None:
    one = run(H=3, T=12, B=1, layers=2, reach=0.5)
    theirs = Stack(
        tuple((replace(row[0], variant=Variant(update="replace")),) for row in one.stack.cells)
    )

    ruling = judge(theirs, one.inputs, one.outputs, state=one.state, **KAPPA)

    assert (ruling.verdict, ruling.cause and ruling.cause.words) == (
        "bug",
        "z multiplies the old state",
    )


def test_a_state_that_loses_digits_between_steps_widens_what_inner_layers_may_be() -> None:
    one = run(H=3, T=8, B=1, layers=2, reach=0.5)

    given = {"state": one.state, **KAPPA}
    plain, carrying = (
        judge(one.stack, one.inputs, one.outputs, **given, **declared) for declared in _CARRY
    )

    assert plain.verdict == carrying.verdict == "rounding"
    assert plain.worst is not None
    assert carrying.worst is not None
    assert carrying.worst.margin < plain.worst.margin


_CARRY: tuple[dict[str, Any], ...] = ({}, {"carry": "float16"})


def test_what_inner_layers_leave_open_is_undecidable() -> None:
    one = run(H=4, T=40, layers=2, reach=8.0, fmt=bfloat16)

    ruling = judge(one.stack, one.inputs, one.outputs, state=one.state)

    assert ruling.verdict == "undecidable"
    assert "record the outputs of every layer" in ruling.reasons[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"inputs": np.zeros((20, 2, 5))},
            r"inputs has shape \(20, 2, 5\), expected \(T, B, I\) with I=2, the columns",
        ),
        ({"inputs": np.zeros(5)}, r"inputs has shape \(5,\), expected \(T, B, I\), or \(T, I\)"),
        ({"inputs": np.zeros((0, 2, 2))}, "there is no step, member or input"),
        ({"inputs": np.zeros((4, 2, 0))}, "there is no step, member or input"),
        ({"inputs": np.array(["a"])}, "inputs has dtype <U1: numbers are wanted"),
        (
            {"inputs": [[1.0], [1.0, 2.0]]},
            "inputs is not an array: its rows have different lengths",
        ),
        (
            {"outputs": np.zeros((2, 20, 3))},
            "batch and time are the other way round than in inputs",
        ),
        ({"outputs": np.zeros((2, 3))}, "that is the state after one step alone"),
        (
            {"outputs": np.zeros((20, 2, 4))},
            r"outputs has shape \(20, 2, 4\), expected \(T, B, H\) with T=20, B=2, H=3",
        ),
        (
            {"outputs": np.zeros((20, 2, 3), int)},
            "outputs has dtype int64: floating-point numbers are wanted",
        ),
        (
            {"state": np.zeros((3, 3))},
            r"state has shape \(3, 3\), expected \(L·D, B, H\) or \(B, H\) with L=1, D=1, B=2",
        ),
        ({"lengths": [1]}, r"lengths has shape \(1,\), expected \(B,\) with B=2"),
        ({"lengths": [1, 21]}, r"whole numbers from 0 to T=20, and not \[1, 21\]"),
        ({"format": "f8"}, "format='f8' is unknown"),
    ],
)
def test_catches_arrays_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    one = run()

    with pytest.raises(BadRecord, match=message):
        judge(**{"model": one.cell, "inputs": one.inputs, "outputs": one.outputs, **changes})


def test_catches_a_tensor_that_is_no_array_and_a_model_that_is_none() -> None:
    torch = pytest.importorskip("torch")
    one = run()

    assert (
        judge(
            one.cell, torch.from_numpy(one.inputs), torch.from_numpy(one.outputs), state=one.state
        ).beyond
        == 0
    )
    with pytest.raises(BadRecord, match=r"outputs cannot become an array: RuntimeError: .*detach"):
        judge(one.cell, one.inputs, torch.zeros(20, 2, 3, requires_grad=True))
    with pytest.raises(BadRecord, match="model is of type GRU, and a Cell or Stack is wanted"):
        judge(torch.nn.GRU(2, 3), one.inputs, one.outputs)


def test_catches_a_declaration_of_nothing_that_is_judged() -> None:
    one = run()

    with pytest.raises(
        BadDeclaration, match="biases declares nothing of accuracy: choose from kappa, kappa_sigma"
    ):
        judge(one.cell, one.inputs, one.outputs, biases="both")
    with pytest.raises(BadDeclaration, match="kappa_sigma=-1 must not be negative"):
        judge(one.cell, one.inputs, one.outputs, kappa_sigma=-1)


@pytest.mark.uncounted
def test_a_run_backward_alone_is_judged_in_the_order_of_its_steps() -> None:
    lengths, given = np.array([5, 3]), run(T=5, seed=3)
    order = own_order(lengths, 5, 1)
    # What runs forward over inputs in reverse runs backward.
    back = reordered(given.inputs, order), reordered(given.outputs, order)

    options: Any = {"state": given.state, "lengths": lengths}
    right = rule(record(given.stack, *back, **options, backward=True), KAPPA)
    forward = rule(record(given.stack, *back, **options), KAPPA)

    assert (right.verdict, forward.verdict) == ("rounding", "bug")
    assert any("runs backward" in note for note in right.notes)


def test_weights_that_the_format_cannot_hold_are_named() -> None:
    one = run()
    packed = {name: 1e39 * np.float64(array) for name, array in one.cell.packed().items()}
    large = Cell(one.cell.variant, **packed)

    with pytest.raises(BadRecord, match=r"weights as float32 numbers: weight_ih\[0, \d\] is -?inf"):
        judge(large, one.inputs, one.outputs, format="float32")
