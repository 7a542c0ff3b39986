"""The survey of sizes: what it visits, what it catches that small cases do not show, and how it is
capped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import FORMATS, Case, Cell, Format, Gradients, Stack, Variant, float32
from gruverify.backends import NumpyBackend, declarations_of, offers
from gruverify.cell import AnyCase
from gruverify.coverage import SIZES, Coverage, excluded, size_holes, sizes_visited
from gruverify.engine import (
    Result,
    compared_methods,
    condition_of,
    judge,
    matches,
    sizes_survey,
)
from gruverify.engine._asked import asked_at
from gruverify.engine._sizes import EXTENTS, LONG, STEPS, cell_sizes, stack_sizes
from gruverify.invariants import INVARIANTS

uncounted = pytest.mark.uncounted

NUMPY = NumpyBackend()
#: So many cases that there is a survey, but of which nothing is asked that takes long.
SURVEYED = 100


class OneFormat(NumpyBackend):
    """The NumPy backend in float32, with biases, so that its cases are few."""

    variants, formats = (Variant(),), (float32,)


def surveyed(
    backend: Any = NUMPY, format: Format = float32, max_size: int | None = None
) -> Iterator[AnyCase]:
    """The cases of the survey."""
    found = list[AnyCase]()
    for stream in sizes_survey(backend, format, 0, SURVEYED, max_size):
        stream.draw(found.append)
    return iter(found)


#: One invariant for what each method answers, those of its whole runs and of its long ones.
SHOWN = (
    *(
        "agreement/step",
        "agreement/step-vjp",
        "agreement/each-step",
        "agreement/gradient-inputs",
        "agreement/each-cotangent",
    ),
    *(
        "agreement/each-tangent",
        "second-order/hvp",
        "stack/outputs",
        "stack/each-step",
        "stack/gradient-inputs",
    ),
)


def check(target: Any, *only: str, **options: Any) -> Result:
    return gruverify.check(target, formats=[float32], only=only, **options)


class StepAlone:
    """No method but the step, of which a run is quick."""

    name, variants, formats = "step alone", (Variant(),), (float32,)

    def step(self, cell: Cell, x: Any, h: Any) -> Any:
        return NUMPY.step(cell, x, h)


# -- what it visits --------------------------------------------------------------------------------


@pytest.mark.thinned
@uncounted
@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_each_axis_has_each_size_and_the_others_are_small_as_is_each_case(format: Format) -> None:
    cases = list(surveyed(format=format))
    found = [case.sizes for case in cases if isinstance(case, Case)]

    for letter in "HIBT":
        small = [
            sizes
            for sizes in found
            if all(size < 25 for other, size in sizes.items() if other != letter)
        ]
        assert {sizes[letter] for sizes in small} >= {*(STEPS if letter == "T" else EXTENTS)}
    assert max(sizes["T"] for sizes in found) == LONG
    # None of them takes much memory, those of stacks neither.
    for case in cases:
        assert sum(array.nbytes for array in case.arrays().values()) < 2**24


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_has_the_sizes_that_were_wanted(seed: int) -> None:
    for stream in sizes_survey(NUMPY, float32, seed, SURVEYED):
        found = list[AnyCase]()
        stream.draw(found.append)
        assert stream.sizes is not None
        assert [case.sizes for case in found] == [dict(stream.sizes)]


@pytest.mark.slow
def test_it_leaves_no_hole_but_sizes_of_1_and_runs_that_take_too_long() -> None:
    coverage = Coverage(excluded=excluded(OneFormat()))
    for case in cases_of_the_survey():
        asked = [INVARIANTS[id] for id in SHOWN if case.sizes["T"] in INVARIANTS[id].lengths]
        coverage += sizes_visited(
            case.sizes, compared_methods(list(judge(case, OneFormat(), asked)))
        )

    holes = [
        hole for hole in size_holes(coverage) if not hole.endswith((": I 1", ": B 1", ": T 2–7"))
    ]

    assert holes == [
        "second derivatives: T 33–64, 65–128, 129–255, 256–299, 300 and more",
        "gradients of stacks: T 65–128, 129–255, 256–299, 300 and more",
    ]


@pytest.mark.parametrize(("count", "each"), [(25, 0), (39, 0), (40, 1), (2000, 4)])
def test_there_is_more_of_it_in_longer_runs_and_none_in_short_ones(count: int, each: int) -> None:
    assert {stream.count for stream in sizes_survey(NUMPY, float32, 0, count)} == (
        {each} if each else set()
    )


@pytest.mark.parametrize("max_size", [None, 40])
def test_all_of_h_i_and_b_are_whole_tiles(max_size: int | None) -> None:
    tiles = {size for size in (32, 64, 128) if size <= (max_size or 128)}
    for sizes in (cell_sizes(NUMPY, max_size), stack_sizes(NUMPY, max_size)):
        for letter in "HIB":
            assert tiles <= {each[letter] for each in sizes}


def test_all_of_h_i_and_b_leave_every_remainder_of_a_vector() -> None:
    for sizes in (cell_sizes(NUMPY, None), stack_sizes(NUMPY, None)):
        for letter in "HIB":
            assert {*range(6, 18)} <= {each[letter] for each in sizes}


def test_stacks_have_four_layers_and_two_in_both_directions_and_one_member() -> None:
    found = stack_sizes(NUMPY, None)

    assert 4 in {sizes["L"] for sizes in found}
    assert (2, 2, 1) in {(sizes["L"], sizes["D"], sizes["B"]) for sizes in found}


def test_sizes_beside_one_that_is_asked_about_are_small_where_they_have_to_be() -> None:
    built: Any = NumpyBackend()
    built.hidden_size = 1024

    capped = {each["H"]: each["I"] for each in cell_sizes(NUMPY, 8)}
    beside = {each["B"] for each in cell_sizes(built, None) if each["I"] in EXTENTS}

    assert capped[8] == 5
    assert beside == {3}


class WrongAt(StepAlone):
    """Wrong where the cell or the batch is of that size, and nowhere else."""

    def __init__(self, letter: str, size: int) -> None:
        self.letter, self.size = letter, size

    def step(self, cell: Cell, x: Any, h: Any) -> Any:
        sizes = {"H": cell.hidden_size, "I": cell.input_size, "B": len(x)}
        right = super().step(cell, x, h)
        return right / 2 if sizes[self.letter] == self.size else right


@pytest.mark.uncounted
@pytest.mark.parametrize("letter", "HIB")
@pytest.mark.parametrize("size", [32, 64, 128])
def test_catches_one_size_of_a_whole_tile(letter: str, size: int) -> None:
    assert check(WrongAt(letter, size), "agreement/step").verdict == "falsified"


@pytest.mark.uncounted
@pytest.mark.parametrize(("letter", "size"), [("H", 11), ("I", 14), ("B", 13)])
def test_catches_one_remainder_of_a_vector(letter: str, size: int) -> None:
    assert check(WrongAt(letter, size), "agreement/step").verdict == "falsified"


# -- targets that have not every size --------------------------------------------------------------


def test_what_a_target_is_built_for_stands_in_for_small_sizes() -> None:
    sized: Any = NumpyBackend()
    sized.hidden_size, sized.input_size = 12, 7

    found = cell_sizes(sized, None)

    assert {(sizes["H"], sizes["I"]) for sizes in found} == {(12, 7)}
    assert {sizes["B"] for sizes in found} >= {*EXTENTS, 36}


def test_a_step_alone_is_not_asked_of_longer_and_longer_cases() -> None:
    assert {sizes["T"] for sizes in cell_sizes(gruverify.backend(step=NUMPY.step), None)} == {1}


def test_stacks_are_no_shorter_than_they_may_be_and_have_the_layers_that_they_are_built_for() -> (
    None
):
    built: Any = NumpyBackend()
    built.min_length, built.num_layers, built.bidirectional = 3, 3, True

    found = stack_sizes(built, None)

    assert min(sizes["T"] for sizes in found) == 3
    assert {(sizes["L"], sizes["D"]) for sizes in found} >= {(3, 2)}


def test_what_cannot_be_asked_is_no_hole() -> None:
    sized: Any = NumpyBackend()
    sized.hidden_size = 8

    found = excluded(sized, 32)

    assert found["H", ("values", "9–15")] == "the backend is built for H=8"
    assert ("H", ("values", "8")) not in found
    assert found["I", ("values", "33–64")] == "--max-size 32"
    assert found["coincidences", ("values", "I=D·H, L>1")] == "a cell has one layer"
    assert (
        excluded(gruverify.backend(step=NUMPY.step))["T", ("values", "2–7")]
        == "the backend has no sequence"
    )
    assert (
        excluded(gruverify.backend(step=NUMPY.step))["B", ("stacks", "8")]
        == "the backend has no stack"
    )


class RefusesLarge(StepAlone):
    """It is written for at most 16 inputs."""

    name = "refuses large"

    def step(self, cell: Cell, x: Any, h: Any) -> Any:
        if x.shape[1] > 16:
            raise NotImplementedError("more than 16 inputs")
        return super().step(cell, x, h)


@pytest.mark.uncounted
def test_sizes_that_a_target_refuses_are_named_and_counted() -> None:
    result = check(RefusesLarge(), "agreement/step", "contract/shape-step")

    assert any(
        "step: 12 of 82 cases in float32" in line and "more than 16 inputs" in line
        for line in result.covers
    )


# -- the cap ---------------------------------------------------------------------------------------


@uncounted
@pytest.mark.parametrize(
    "most", [3, *(pytest.param(most, marks=pytest.mark.slow) for most in (1, 32))]
)
def test_no_size_is_above_the_cap(most: int) -> None:
    assert all(
        size <= most
        for case in surveyed(max_size=most)
        for letter, size in case.sizes.items()
        if letter in "HIBT"
    )
    drawn = check("numpy", "agreement/step", "stack/last", max_size=most).drawn.values()
    assert all(
        largest <= most
        for one in drawn
        for letter, (_, largest) in one.sizes.items()
        if letter in "HIBT"
    )


def test_the_cap_is_named_in_the_verdict_and_is_no_hole() -> None:
    result = check(StepAlone(), "agreement/step", max_size=32)

    assert "sizes up to 32 only: --max-size" in result.covers
    assert result.header["max_size"] == 32
    assert result.verdict == "conforms"
    assert ("H", ("values", "256 and more")) in result.coverage["float32"].excluded
    assert not any(
        "--max-size" in line for line in check(StepAlone(), "agreement/step", max_cases=1).covers
    )


@pytest.mark.parametrize("most", [0, -1, 2.5, "8", True])
def test_a_cap_that_is_no_size_is_refused(most: Any) -> None:
    with pytest.raises(ValueError, match=f"max_size={most!r} must be a whole number of at least 1"):
        check("numpy", max_size=most)


def test_a_cap_below_what_a_target_is_built_for_is_refused() -> None:
    sized: Any = NumpyBackend()
    sized.hidden_size = 8

    with pytest.raises(
        ValueError, match="max_size=4: the target declares hidden_size=8, which is more"
    ):
        check(sized, max_size=4)


# -- what it catches -------------------------------------------------------------------------------


def _halved(found: Any) -> Any:
    """Half of everything that was returned: gradients, a pair of arrays, or an array."""
    if isinstance(found, tuple):
        return tuple(map(_halved, found))
    if isinstance(found, np.ndarray):
        return (found / 2).astype(found.dtype)
    if isinstance(found, dict):
        return {name: _halved(array) for name, array in found.items()}
    return found if found is None else type(found)(**_halved(vars(found)))


def wrong_where(method: str, at: Any) -> Any:
    """The NumPy backend, but for one method, which is wrong where `at` holds of H, I, B and T."""

    def wrapped(self: Any, cell: Cell | Stack, x: Any, *arguments: Any) -> Any:
        found = getattr(OneFormat, method)(self, cell, x, *arguments)
        T, B = (
            (1, len(x))
            if method.startswith("step")
            else x.shape[:2]
            if x.ndim == 3
            else (len(x), 1)
        )
        if method.startswith("stack") and arguments[2]:
            T, B = B, T
        return _halved(found) if at(cell.hidden_size, x.shape[-1], B, T) else found

    return type("Wrong", (OneFormat,), {method: wrapped, "name": "wrong somewhere"})()


CAUGHT = {
    "step where I > 16": ("agreement/step", lambda H, I, B, T: I > 16),
    "step where B = 3H": ("agreement/step", lambda H, I, B, T: B == 3 * H > 15),
    "step where H is a multiple of 32": ("agreement/step", lambda H, I, B, T: H % 32 == 0),
    "step_vjp where B ≥ 32": ("agreement/step-vjp", lambda H, I, B, T: B >= 32),
    "sequence where T ≥ 16": ("agreement/each-step", lambda H, I, B, T: T >= 16),
    "sequence where T ≥ 257": ("agreement/each-step", lambda H, I, B, T: T >= 257),
    "sequence where T = B": ("agreement/each-step", lambda H, I, B, T: T == B > 5),
    "sequence_vjp where T ≥ 8": ("agreement/gradient-*", lambda H, I, B, T: T >= 8),
    "sequence_vjp where T ≥ 257": ("agreement/each-cotangent", lambda H, I, B, T: T >= 257),
    "sequence_vjp where I = 3H": ("agreement/gradient-inputs", lambda H, I, B, T: I == 3 * H > 15),
    "sequence_vjp where H is one less than a multiple of 8": (
        "agreement/gradient-*",
        lambda H, I, B, T: H % 8 == 7,
    ),
    "sequence_jvp where T ≥ 33": ("agreement/each-tangent", lambda H, I, B, T: T >= 33),
    "sequence_jvp where I = H": ("agreement/each-tangent", lambda H, I, B, T: I == H > 5),
    "sequence_hvp where B > 8": ("second-order/hvp", lambda H, I, B, T: B > 8),
    "sequence_hvp where T ≥ 8": ("second-order/hvp", lambda H, I, B, T: T >= 8),
    "stack where H ≥ 8": ("stack/outputs", lambda H, I, B, T: H >= 8),
    "stack where T ≥ 8": ("stack/outputs", lambda H, I, B, T: T >= 8),
    "stack where T ≥ 257": ("stack/each-step", lambda H, I, B, T: T >= 257),
    "stack_vjp where H ≥ 8": ("stack/gradient-*", lambda H, I, B, T: H >= 8),
    "stack_vjp where T ≥ 33": ("stack/gradient-*", lambda H, I, B, T: T >= 33),
}


@pytest.mark.thinned
@uncounted
@pytest.mark.parametrize("fault", CAUGHT)
def test_catches_a_method_that_is_wrong_from_some_size_on(fault: str) -> None:
    id, at = CAUGHT[fault]

    _, fails = asked_by_the_survey(wrong_where(fault.partition(" ")[0], at), id)

    assert fails


class SwapsSquares(OneFormat):
    """Outputs of as many members as steps come time first, where batch first is asked for."""

    name = "swaps squares"

    def stack(
        self, stack: Stack, inputs: Any, states: Any, lengths: Any, batch_first: bool
    ) -> tuple[Any, Any]:
        outputs, last = super().stack(stack, inputs, states, lengths, batch_first)
        if batch_first and lengths is None and outputs.shape[0] == outputs.shape[1] > 4:
            outputs = outputs.swapaxes(0, 1).copy()
        return outputs, last


@pytest.mark.uncounted
def test_catches_axes_that_are_exchanged_where_they_are_alike_in_one_arrangement() -> None:
    _, fails = asked_by_the_survey(SwapsSquares(), "stack/batch-first")

    assert fails


class HandsItsStateUp(OneFormat):
    """Without states, the second of two layers starts from the last state of the first."""

    name = "hands its state up"

    def stack(
        self, stack: Stack, inputs: Any, states: Any, lengths: Any, batch_first: bool
    ) -> tuple[Any, Any]:
        if states is None and stack.layers == 2 and stack.directions == 1:
            first = Stack(stack.cells[:1])
            _, below = super().stack(first, inputs, None, lengths, batch_first)
            states = np.concatenate([0 * below, below])
        return super().stack(stack, inputs, states, lengths, batch_first)


@pytest.mark.uncounted
def test_catches_upper_layers_that_start_elsewhere_without_states() -> None:
    _, fails = asked_by_the_survey(HandsItsStateUp(), "stack/no-states")

    assert {case.sizes["L"] for case in fails} == {2}


@pytest.mark.uncounted
def test_catches_inputs_as_wide_as_those_of_the_layers_above() -> None:
    class Wrong(OneFormat):
        def stack(self, stack: Stack, inputs: Any, *others: Any) -> Any:
            found = super().stack(stack, inputs, *others)
            width = stack.directions * stack.hidden_size
            return _halved(found) if stack.layers > 1 and inputs.shape[-1] == width > 5 else found

    _, fails = asked_by_the_survey(Wrong(), "stack/outputs")

    assert {(case.sizes["I"], case.sizes["D"]) for case in fails} == {
        (6, 1),
        (64, 1),
        (12, 2),
    }


class OfSeparatePasses(OneFormat):
    """Parts of a gradient are not made of the same cotangents: nobody can be shown those."""

    separate_passes = True


class Truncated(OfSeparatePasses):
    """Back-propagation goes no further back than the last 64 steps."""

    def sequence_vjp(
        self, cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any
    ) -> Gradients:
        vjp = super().sequence_vjp
        if len(inputs) <= 64:
            return vjp(cell, inputs, state, d_outputs, d_last)
        _, middle = self.sequence(cell, inputs[:-64], state)
        far = vjp(cell, inputs[:-64], state, d_outputs[:-64], 0 * d_last)
        near = vjp(cell, inputs[-64:], middle, d_outputs[-64:], d_last)
        added = {name: getattr(far, name) + getattr(near, name) for name in cell.packed()}
        inputs = np.concatenate([far.inputs, near.inputs])
        return Gradients(**added, inputs=inputs, state=far.state)


def test_long_gradients_of_separate_passes_are_held_as_a_whole() -> None:
    long = next(case for case in cases_of_the_survey() if case.sizes["T"] == 70)
    invariants, whole = INVARIANTS.values(), "agreement/long-gradient"

    def fails(backend: Any) -> list[str]:
        declared = declarations_of(backend)
        asked = asked_at(long.sizes, invariants, declared)
        assert (whole in {invariant.id for invariant in asked}) == declared.separate_passes
        return [j.invariant.id for j in judge(long, backend, asked) if j.failed]

    assert fails(Truncated()) == [whole]
    assert not fails(OfSeparatePasses())
    assert not fails(OneFormat())


def test_one_step_is_asked_of_no_case_that_is_long_alone() -> None:
    declared, of_steps = declarations_of(OneFormat()), {"agreement/step", "agreement/step-vjp"}

    def asked(**sizes: int) -> set[str]:
        small = {"H": 4, "I": 5, "B": 3, "T": 1}
        return {i.id for i in asked_at(small | sizes, INVARIANTS.values(), declared)}

    assert not of_steps & asked(T=8)
    assert {"agreement/each-step", "contract/no-mutation"} <= asked(T=8)
    # Sizes that no other case has.
    assert of_steps <= asked(H=32, T=8) & asked(B=6, T=6) & asked()


@cache
def cases_of_the_survey() -> list[AnyCase]:
    return list(surveyed(OneFormat()))


def asked_by_the_survey(backend: Any, pattern: str) -> tuple[list[AnyCase], list[AnyCase]]:
    """The cases of the survey that pass, and that fall, by the invariants that match, each asked as
    the survey does.
    """
    asked = [i for i in INVARIANTS.values() if matches(pattern, i.id)]
    passes, fails = list[AnyCase](), list[AnyCase]()
    for case in cases_of_the_survey():
        mine = [invariant for invariant in asked if case.sizes["T"] in invariant.lengths]
        found = [j for j in judge(case, backend, mine) if j.tally.judged]
        if found:
            (fails if any(j.failed for j in found) else passes).append(case)
    return passes, fails


@pytest.mark.thinned
@uncounted
@pytest.mark.parametrize(
    "id",
    [i.id for i in INVARIANTS.values() if i.lengths and all(offers(NUMPY, m) for m in i.needs)],
)
def test_a_right_target_passes_at_every_size(id: str) -> None:
    passes, fails = asked_by_the_survey(OneFormat(), id)

    assert passes
    assert not fails


class ManyInputs(StepAlone):
    """Input columns beyond the sixteenth are not read."""

    name = "many inputs"

    def step(self, cell: Cell, x: Any, h: Any) -> Any:
        x = x.copy()
        x[:, 16:] = 0
        return NUMPY.step(cell, x, h)


class MaskEnds(OneFormat):
    """From the ninth step on nothing is skipped."""

    name = "mask ends"

    def sequence_masked(self, cell: Cell, inputs: Any, state: Any, keep: Any) -> Any:
        early = np.arange(len(inputs))[:, None] < 8
        return NUMPY.sequence_masked(cell, inputs, state, keep & early)


def test_catches_a_mask_that_is_ignored_in_long_runs_alone() -> None:
    passes, fails = asked_by_the_survey(MaskEnds(), "masks/each-step")

    # Of nine steps the last alone is not skipped, and no step follows that would show it.
    assert {case.sizes["T"] for case in passes} == {8, 9, 10}
    assert {case.sizes["T"] for case in fails} == {16, 17, 32, 33, 70}


class WritesBackwards(OneFormat):
    """The cotangent of the last state is added to from the fifth step on."""

    name = "writes backwards"

    def sequence_vjp(
        self, cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any
    ) -> Gradients:
        found = NUMPY.sequence_vjp(cell, inputs, state, d_outputs, d_last)
        if len(inputs) > 4 and d_last is not None and d_last.flags.writeable:
            d_last += 1
        return found


def test_catches_an_argument_that_is_written_to_in_long_runs_alone() -> None:
    passes, fails = asked_by_the_survey(WritesBackwards(), "contract/no-mutation")

    assert {case.sizes["T"] > 4 for case in passes} == {False}
    assert fails


@pytest.mark.usefixtures("unexplained")
@pytest.mark.uncounted
def test_a_run_shows_the_smallest_case_and_the_condition_of_a_fault_that_begins_at_a_size() -> None:
    result = check(ManyInputs(), "agreement/step")

    assert result.verdict == "falsified"
    assert result.witnesses["agreement/step", "float32"].case.sizes == {
        "H": 1,
        "I": 17,
        "B": 1,
        "T": 1,
    }
    assert "cases with I > 16, in 0 of " in condition_of(result, "agreement/step", "float32")


def test_hits_of_sizes_add_up() -> None:
    one, other = (
        check(StepAlone(), "agreement/step", max_cases=n).coverage["float32"] for n in (1, 2)
    )

    assert isinstance(one + other, Coverage)
    assert (
        (one + other).hits_of(SIZES[0]).sum()
        == one.hits_of(SIZES[0]).sum() + other.hits_of(SIZES[0]).sum()
        > 0
    )


def test_no_case_of_a_large_cell_has_so_many_members_that_jacobians_fill_the_memory() -> None:
    large: Any = NumpyBackend()
    large.hidden_size = large.input_size = 1024

    found = {sizes["B"] for sizes in cell_sizes(large, None)}

    assert {8, 9} < found
    assert max(found) < 16
    why = "the Jacobians of 16 members would take too much memory"
    assert excluded(large)["B", ("gradients", "16")] == why
    assert ("B", ("stacks", "16")) not in excluded(large)


def test_no_case_of_a_large_layer_has_so_many_steps_and_members_that_bounds_fill_the_memory() -> (
    None
):
    large: Any = gruverify.backend(sequence=NUMPY.sequence, hidden_size=1024, input_size=1024)

    found = cell_sizes(large, None)

    assert {sizes["B"] for sizes in found if sizes["T"] == 1} >= {8, 65}
    assert max(sizes["B"] for sizes in found) < 129
    assert {sizes["B"] for sizes in found if sizes["T"] == LONG} == {1}
    assert {"H": 1024, "I": 1024, "B": 6, "T": 6} in found
