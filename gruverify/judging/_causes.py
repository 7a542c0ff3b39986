"""What explains a record that is beyond its bounds: another reading of the GRU, or less accuracy
than was declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gruverify._named import DeclaredValues
from gruverify.arithmetic import (
    Array,
    NDArray,
    Rounding,
    bfloat16,
    decimals_of,
    float16,
    float32,
    float64,
    floating,
    format_named,
    is_narrower,
)
from gruverify.backends import ACCURACY, BadDeclaration, declarations_of, rounding_of
from gruverify.cell import unpack
from gruverify.engine import Hypothesis, Measured, Reading, declare, hypotheses, readings
from gruverify.formulas import step
from gruverify.judging._envelope import affordable
from gruverify.judging._functions import mistaken
from gruverify.judging._held import Held, Source, every_direction, stepped
from gruverify.judging._order import own_order, reordered
from gruverify.judging._record import Record, in_format, representable
from gruverify.judging._walk import model_of, stored_in

#: How many times as wide bounds may be made as the errors are larger than those of the format's own
#: arithmetic.
_LOOSER = 16
#: How many steps are looked at to see how large errors are.
_LOOKED_AT = 256
#: Above that many operations a step, or where inner layers have to be enclosed again, no more
#: departures than one or two.
_COSTLY = 2**19
#: How many steps are tried before all are, where each try encloses the inner layers.
_BEGINNING = 4
#: For how many readings inner layers are enclosed.
_ENCLOSURES = 16
#: What functions of libraries were seen to be wrong by, in units of roundoff.
_KAPPAS = (8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True)
class Cause:
    """What explains all that is beyond its bounds: in words; `declares`, the declarations that
    would say so, if it is less accurate than declared; others: further readings that explain it as
    well; instead: what to do where what is recorded has fewer digits than the run had.
    """

    words: str
    declares: DeclaredValues
    others: tuple[str, ...] = ()
    instead: str = ""

    @property
    def is_accuracy(self) -> bool:
        """Whether it is a right GRU, and only less accurate than declared, or recorded with fewer
        digits.
        """
        return bool(self.declares or self.instead)

    @property
    def advice(self) -> str:
        """What to do, e.g. "declare products='tf32'"."""
        return self.instead or f"declare {declare(self.declares)}"


def reading_that_explains(source: Source, failed: Sequence[Held]) -> Cause | None:
    """The reading of the weights that departs least and holds on all of the record; None if none
    does.
    """
    record, declared = source.record, source.record.stack.variant
    enclosed = len(record.outputs) < record.stack.layers
    costly = (
        enclosed
        or record.stack.hidden_size * (record.stack.hidden_size + record.stack.input_size) > _COSTLY
    )
    tried = _ENCLOSURES * (_BEGINNING if record.stack.directions == 1 else record.steps)
    if enclosed and not affordable(tried, len(record.lengths), record.stack.hidden_size):
        return None  # each reading has inner layers of its own to enclose
    found: list[Reading] = []
    # The first is the declared one, which has just failed; the others follow by how far they
    # depart.
    for reading in readings(declared)[1:]:
        departures = len(reading.differences(declared))
        # What departs further than one that explains everything is no better an explanation.
        if found and departures > len(found[0].differences(declared)):
            break
        if costly and departures > (1 if enclosed else 2):
            break
        other = source.read_as(reading)
        # From cheap to dear: a few steps, the rows that tell most, and the whole record.
        if _begins_right(other) and _agrees(other, failed) and _is_within_bounds(other):
            found.append(reading)
    if not found:
        return None
    words = [", ".join(reading.differences(declared)) for reading in found]
    return Cause(words[0], {}, tuple(words[1:]))


def _agrees(source: Source, failed: Sequence[Held]) -> bool:
    """Whether some of the steps that failed are within the bounds of this reading."""
    for one in failed:
        _, xs, _, before = source.walk(one.layer, one.direction)
        H = source.record.stack.hidden_size
        # The worst row alone refutes most readings: the others need not be stepped.
        for rows in (one.telling[:1], one.telling):
            ball = stepped(source, one.layer, one.direction, xs, before, rows)
            actual = one.recorded.reshape(-1, H)[rows]
            if not (np.abs(actual - ball.mid) <= ball.radius).all():
                return False
    return True


def _begins_right(source: Source) -> bool:
    """Whether the first steps hold: where inner layers are to be enclosed again, that is soon found
    out.

    What goes backward does not begin there.
    """
    record = source.record
    if (
        len(record.outputs) == record.stack.layers
        or record.stack.directions > 1
        or record.steps <= _BEGINNING
    ):
        return True
    cut = replace(
        record,
        inputs=record.inputs[:_BEGINNING],
        outputs={layer: values[:_BEGINNING] for layer, values in record.outputs.items()},
        lengths=np.minimum(record.lengths, _BEGINNING),
    )
    return _is_within_bounds(Source(cut, source.model))


def _is_within_bounds(source: Source) -> bool:
    """Whether everything is within its bounds, and at least half of them claim something."""
    if not _begins_right(source):
        return False
    each = every_direction(source)
    return all(not one.beyond.any() and one.residual.claims for one in each)


def accuracy_that_explains(
    record: Record, declared: DeclaredValues, failed: Sequence[Held]
) -> Cause | None:
    """The most accurate hypothesis under which everything holds, functions of little accuracy left
    aside.
    """
    asked = declarations_of(Declared(declared), record.format)
    for hypothesis in hypotheses(asked, record.format, Measured()):
        named = hypothesis.overrides
        if "sums_in_format" in named or (len(named) > 1 and "accumulates" not in named):
            continue  # nothing is summed over the batch here; and two excuses excuse too much
        # Whoever computes everything in a narrower format returns its numbers and no others.
        looks = hypothesis.representable
        if looks is not None and not representable(record, looks):
            continue
        if _tried(record, declared, hypothesis, failed):
            return Cause(hypothesis.words, named)
    return None


def function_accuracy_that_explains(
    record: Record, declared: DeclaredValues, failed: Sequence[Held]
) -> Cause | None:
    """The accuracy of σ or tanh, in units of roundoff, under which everything holds."""
    asked = declarations_of(Declared(declared), record.format)
    absolute = {"sigmoid": "absolute"}
    if asked.sigmoid == "relative" and _tried(
        record, declared, Hypothesis("", tuple(absolute.items())), failed
    ):
        return Cause("a σ that is accurate to units of 1, not of its value", absolute)
    # From the least on: what is named is no wider than it has to be.
    for kappa in _KAPPAS:
        for each in (
            {"kappa_sigma": kappa},
            {"kappa_tanh": kappa},
            {"kappa_sigma": kappa, "kappa_tanh": kappa},
        ):
            # As much was declared already, and it did not hold.
            if any(getattr(asked, name) >= value for name, value in each.items()):
                continue
            if _tried(record, declared, Hypothesis("", tuple(each.items())), failed):
                functions = " and ".join("σ" if name == "kappa_sigma" else "tanh" for name in each)
                return Cause(f"a {functions} wrong by up to {kappa:g} u", each)
    return None


def format_that_explains(record: Record, declared: DeclaredValues) -> Cause | None:
    """A narrower format in which the outputs were recorded, though they are stored in a wider
    one.
    """
    for name in ("float32", "bfloat16", "float16"):
        fmt = format_named(name)
        if fmt.precision < record.format.precision and representable(record, fmt):
            stored = {
                layer: fmt.cast(values.astype(np.float64))
                for layer, values in record.outputs.items()
            }
            if _is_within_bounds(source_of(replace(record, outputs=stored), declared)):
                words = f"outputs that were rounded to {name} before they were recorded"
                return Cause(words, {}, instead=f"give them as {name}")
    return None


def digits_that_explain(record: Record, declared: DeclaredValues) -> Cause | None:
    """Fewer digits, with which the outputs were written in text before they were recorded."""
    outputs = np.concatenate([values.ravel() for values in record.outputs.values()])
    for written in decimals_of(outputs, stored_in(record, record.stack.layers - 1)):
        if _is_within_bounds(source_of(replace(record, written=written), declared)):
            words = f"outputs that were written with {written}"
            return Cause(words, {}, instead="record all digits")
    return None


def weights_that_explain(source: Source) -> Cause | None:
    """Weights with more digits than those of the file, which has them in a narrower format than
    that of the run.
    """
    record = source.record
    # Weights in the format of the run are the ones that ran.
    if not is_narrower(record.weights, record.format):
        return None
    if not _is_within_bounds(
        Source(
            record,
            model_of(record.stack, source.model.mode, record.weights, record.functions),
        )
    ):
        return None
    words = f"weights of which those of the file are roundings to {record.weights.name}"
    return Cause(words, {}, instead="give the weights that ran")


def rounded_weights_that_explain(source: Source) -> Cause | None:
    """Weights that a file has in a half format, and those that are given have more digits."""
    record = source.record
    for fmt in (float16, bfloat16):
        if not is_narrower(fmt, record.weights):
            continue
        try:
            stored = in_format(record.stack, fmt)
        except ValueError:  # some overflow in it
            continue
        if _is_within_bounds(
            Source(record, model_of(in_format(stored, record.format), source.model.mode))
        ):
            words = f"weights that were rounded to {fmt.name}"
            return Cause(words, {}, instead=f"give them as {fmt.name}")
    return None


def _tried(
    record: Record, declared: DeclaredValues, hypothesis: Hypothesis, failed: Sequence[Held]
) -> bool:
    source = source_of(record, {**declared, **hypothesis.overrides})
    return (
        _begins_right(source)
        and _agrees(source, failed)
        and all(is_plausible(source, one) for one in failed)
        and _is_within_bounds(source)
    )


def source_of(record: Record, declared: DeclaredValues) -> Source:
    """A record, held against its model under these declarations."""
    mode = mode_of(record, declared)
    return Source(record, model_of(record.stack, mode, functions=record.functions))


def mode_of(record: Record, declared: DeclaredValues) -> Rounding:
    """What may be lost where a record was computed, under declarations of accuracy."""
    return replace(rounding_of(Declared(declared), record.format), clip=record.clip)


class Declared:
    """Declarations as attributes, as those of a backend are."""

    def __init__(self, declared: DeclaredValues) -> None:
        names = ("kappa", *ACCURACY)
        if unknown := [name for name in declared if name not in names]:
            raise BadDeclaration(
                f"{unknown[0]} declares nothing of accuracy: choose from {', '.join(names)}"
            )
        vars(self).update(declared)


def is_plausible(source: Source, one: Held) -> bool:
    """Whether the errors at large are as large as less accurate arithmetic would make them, and not
    those of a few.

    Bounds of matrix products in TF32 are thousands of times as wide as float32's: they would excuse
    one number that is off by thousands of ulp among others that are not off at all. So the record's
    typical error is held against that of the same steps in the format itself.
    """
    _, xs, _, before = source.walk(one.layer, one.direction)
    H, rows = source.record.stack.hidden_size, one.some(_LOOKED_AT)
    ball = stepped(source, one.layer, one.direction, xs, before, rows)
    # Medians: a few numbers that are far off are what is to be told apart from inaccuracy.
    looser = np.median(ball.radius) / np.median(one.bounds.reshape(-1, H)[rows])
    found = np.median(np.abs(one.recorded.reshape(-1, H)[rows] - ball.mid))
    return bool(looser * _usual_error(source, one, rows) <= _LOOSER * found)


def _usual_error(source: Source, one: Held, rows: NDArray) -> float:
    """How far the same steps are off, in the median, in the arithmetic of the format, plainly."""
    record, cell = source.record, source.record.stack.cells[one.layer][one.direction]
    # The midpoints are float64's own arithmetic: what that loses is seen as what float32 does, and
    # scaled.
    if record.format is float64:
        fmt = float32
    else:
        fmt = record.format
    _, xs, _, before = source.walk(one.layer, one.direction)
    x, h = (fmt.cast(known.rows(source.model.mode, rows).mid) for known in (xs, before))
    # In the format both times, so that what is missed is rounding within the step alone.
    packed = {name: fmt.cast(array) for name, array in cell.packed().items()}

    def stepped_in(lift: Callable[[NDArray], Array]) -> NDArray:
        blocks = unpack({name: lift(array) for name, array in packed.items()}, cell.hidden_size)
        f = record.functions[one.direction]
        return np.asarray(step(cell.variant, blocks, lift(x), lift(h), f)).astype(np.float64)

    missed = np.abs(stepped_in(floating) - stepped_in(lambda array: array.astype(np.float64)))
    return float(np.median(missed)) * (record.format.unit_roundoff / fmt.unit_roundoff)


def start_that_explains(source: Source) -> Cause | None:
    """Zeros in place of the initial state that was given."""
    record = source.record
    if not np.any(record.state):
        return None
    zeros = replace(record, state=np.zeros_like(record.state))
    if _is_within_bounds(Source(zeros, source.model)):
        return Cause("it starts from zeros, and not from the state that is given", {})
    return None


def first_step_that_explains(source: Source, failed: Sequence[Held]) -> Cause | None:
    """Another initial state: the first step of a direction alone is off, and what follows from the
    states that were recorded is right. For whoever has tried less accuracy, which may show there
    alone, too.
    """
    for one in failed:
        later = one.there[1:].any()
        finite = np.isfinite(one.recorded[one.beyond]).all()
        if one.beyond[1:].any() or not later or not finite:
            return None
    state = "zeros"
    if np.any(source.record.state):
        state = "the state that is given"
    return Cause(f"it starts from another state than {state}: its first step alone is off", {})


def lengths_that_explain(source: Source) -> Cause | None:
    """Members that end earlier than was said, with zeros behind their last steps."""
    record = source.record
    last = record.outputs[record.stack.layers - 1]
    steps = np.arange(1, record.steps + 1)[:, None]
    ends = np.where(last.any(-1), steps, 0).max(0)
    if not (ends > 0).all() or (ends >= record.lengths).all():
        return None
    ended = replace(record, lengths=np.minimum(ends, record.lengths))
    if _is_within_bounds(Source(ended, source.model)):
        lengths = ",".join(map(str, ended.lengths))
        return Cause(f"members end earlier, with zeros behind: their lengths are {lengths}", {})
    return None


def masks_that_explain(source: Source) -> Cause | None:
    """Other steps that keep a state or start from zeros than those that were said."""
    record = source.record
    for words, masks in record.masks.mistaken():
        if _is_within_bounds(Source(replace(record, masks=masks), source.model)):
            return Cause(words, {})
    return None


def clip_that_explains(record: Record, declared: DeclaredValues) -> Cause | None:
    """Arguments of σ and tanh as they are, where they should not be larger than the clip."""
    if record.clip is None:
        return None
    if _is_within_bounds(source_of(replace(record, clip=None), declared)):
        return Cause(f"clip={record.clip:g} is not applied", {})
    return None


def functions_that_explain(
    record: Record, declared: DeclaredValues, failed: Sequence[Held]
) -> Cause | None:
    """Other activation functions under which everything holds: those of other libraries, none of
    those that were said, or those exchanged.
    """
    enclosed, steps = len(record.outputs) < record.stack.layers, _BEGINNING * _ENCLOSURES
    if enclosed and not affordable(steps, len(record.lengths), record.stack.hidden_size):
        return None  # each has inner layers of its own to enclose
    for words, functions in mistaken(record.functions):
        other = source_of(replace(record, functions=functions), declared)
        if _begins_right(other) and _agrees(other, failed) and _is_within_bounds(other):
            return Cause(words, {})
    return None


def axes_that_explain(source: Source) -> Cause | None:
    """Batch and time exchanged, or time reversed."""
    record = source.record
    back = own_order(record.lengths, record.steps, 1)
    xs = reordered(record.inputs, back)
    ys = {layer: reordered(values, back) for layer, values in record.outputs.items()}
    for words, inputs, outputs in (
        ("the outputs stand in reverse order of time", record.inputs, ys),
        ("it is given each member's last step first", xs, record.outputs),
        (_other_way(record), xs, ys),
    ):
        # Masks are in the order of time that was said, and tell nothing of another.
        other = replace(record, inputs=inputs, outputs=outputs)
        if not record.masks and _is_within_bounds(Source(other, source.model)):
            return Cause(words, {})
    # With the axes exchanged neither states, lengths nor masks have as many members as they were
    # given for.
    if np.any(record.state) or (record.lengths < record.steps).any() or record.masks:
        return None
    T, B, _ = record.inputs.shape
    exchanged = replace(
        record,
        inputs=record.inputs.swapaxes(0, 1),
        outputs={layer: values.swapaxes(0, 1) for layer, values in record.outputs.items()},
        state=np.zeros((len(record.state), T, record.stack.hidden_size), record.format.dtype),
        lengths=np.full(T, B),
    )
    if _is_within_bounds(Source(exchanged, source.model)):
        return Cause("batch and time are the other way round: the first axis is the other one", {})
    return None


def _other_way(record: Record) -> str:
    """What a run is that goes along time in the other direction."""
    if record.stack.directions > 1:
        return "each direction runs the other way along time"
    if record.backward:
        return "it runs forward, from the first step to the last"
    return "it runs backward, from each member's last step to the first"


def causes(
    source: Source, declared: DeclaredValues, failed: Sequence[Held], *, one_unit: bool
) -> Iterator[Cause | None]:
    """What may explain it, the most telling first; nothing explains a number that is not finite."""
    # A NaN is within no bound of any reading: each would be tried in vain.
    if not all(np.isfinite(one.recorded[one.beyond]).all() for one in failed):
        return
    # What asks for no other reading and costs one pass comes first.
    yield start_that_explains(source)
    yield lengths_that_explain(source)
    yield masks_that_explain(source)
    yield axes_that_explain(source)
    yield clip_that_explains(source.record, declared)
    yield functions_that_explain(source.record, declared, failed)
    yield reading_that_explains(source, failed)
    yield weights_that_explain(source)
    yield rounded_weights_that_explain(source)
    yield format_that_explains(source.record, declared)
    yield digits_that_explain(source.record, declared)
    if not one_unit:  # less accurate sums or functions would spare no other for long
        yield accuracy_that_explains(source.record, declared, failed)
