"""A part of a model, run over inputs and held against the mathematics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gruverify._named import DeclaredValues
from gruverify._visible import error_line
from gruverify.arithmetic import NDArray
from gruverify.backends import RECORDER
from gruverify.engine import ENOUGH
from gruverify.judging import BadRecord, Record, Ruling, record, rule, rule_last
from gruverify.runtimes._inputs import Given
from gruverify.runtimes._parts import Answer, Part, WrongForm
from gruverify.runtimes._runtime import Runs, Runtime

#: The verdicts on a record, the gravest last.
_GRAVITY = ("rounding", "undecidable", "bug")


@dataclass(frozen=True, eq=False)
class Judged:
    """What a part answered to one input: the ruling on its outputs, and what is wrong besides, in a
    line: it raised, answered in another form, or its last states are not the last of its outputs.

    arguments: what the model was given, by the names of its inputs; returned: the types of what it
    returned.
    """

    given: Given
    ruling: Ruling | None = None
    trouble: str = ""
    arguments: Mapping[str, NDArray] = field(default_factory=dict)
    returned: frozenset[str] = frozenset()

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return bool(self.trouble) or (self.ruling is not None and self.ruling.verdict == "bug")

    @property
    def decided(self) -> bool:
        """Whether it is known if something is wrong."""
        return self.failed or (self.ruling is not None and self.ruling.verdict == "rounding")


@dataclass(frozen=True, eq=False)
class NodeResult:
    """What became of a part: refused says why it was not run, `judged` has an entry per input,
    `witness` is the smallest input found that fails, and `stored` are the types of its weights.

    kind: "node", "chain" or "whole"; outputs: the names of what was judged, of outputs at every
    step and of last states, which are the same numbers.
    """

    name: str
    gru: str
    refused: str = ""
    judged: tuple[Judged, ...] = ()
    witness: Judged | None = None
    model: bytes = b""
    stored: tuple[str, ...] = ()
    kind: str = "node"
    outputs: tuple[str, ...] = ("Y", "Y_h")

    @property
    def returned(self) -> list[str]:
        """The types of what it returned."""
        return sorted(frozenset[str]().union(*(one.returned for one in self.judged)))

    @property
    def verdict(self) -> str:
        """Falsified if one input fails; conforms if no number is beyond its bound, if all that was
        recorded and all that is always asked is decided, and nine in ten of all inputs and bounds,
        as `gruverify check` asks of its cases; else inconclusive.
        """
        if any(one.failed for one in self.judged):
            return "falsified"
        asked = [one.decided for one in self.judged if not one.given.drawn]
        decided = sum(one.decided for one in self.judged)
        rulings = [one.ruling for one in self.judged if one.ruling is not None]
        claimed = sum(ruling.claimed for ruling in rulings)
        entries = sum(ruling.entries for ruling in rulings)
        within = not any(ruling.beyond for ruling in rulings)
        enough = decided >= ENOUGH * len(self.judged) and claimed >= ENOUGH * entries
        if asked and all(asked) and enough and within:
            return "conforms"
        return "inconclusive"


def check_part(
    part: Part, runtime: Runtime, inputs: Iterable[Given], declared: DeclaredValues
) -> NodeResult:
    """Run a part over all of these inputs, and look for a small one among those that fail."""
    about = str(part.gru)
    try:
        runs = [runtime.load(model) for model in part.models]
    except KeyboardInterrupt:
        raise
    except BaseException as refused:  # whatever a runtime raises
        why = f"the runtime does not load it: {error_line(refused)}"
        return NodeResult(part.name, about, why, kind=part.kind, outputs=part.outputs)
    asked = _Asked(part, runs, declared)
    judged = tuple(asked.judge(given) for given in inputs)
    failed = next((one for one in judged if one.failed), None)
    witness = asked.smaller(failed) if failed is not None else None
    result = NodeResult(part.name, about, "", judged, witness, part.models[0])
    return replace(result, kind=part.kind, outputs=part.outputs)


@dataclass(frozen=True)
class _Asked:
    """A part that is loaded, and what it is held against."""

    part: Part
    runs: Sequence[Runs]
    declared: DeclaredValues

    def judge(self, given: Given) -> Judged:
        """Run it, and judge each of its answers."""
        RECORDER.beat()  # each input may take a while
        arguments = self.part.arguments(given)
        try:
            answers, returned = list[Answer](), set[str]()
            for place, runs in enumerate(self.runs):
                # A runtime that writes into its inputs must not change what it is judged by.
                copies = {name: array.copy() for name, array in arguments.items()}
                outputs = runs(copies)
                answers.append(self.part.answer(given, outputs, place))
                returned |= {np.asarray(output).dtype.name for output in outputs}
        except WrongForm as wrong:
            return Judged(given, None, str(wrong), arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as raised:  # whatever a runtime raises
            return Judged(given, None, f"the runtime raised {error_line(raised)}", arguments)
        try:
            found = self._ruled(given, answers)
        except BadRecord as wrong:
            return Judged(given, None, f"its answer cannot be judged: {wrong}", arguments)
        return replace(found, arguments=arguments, returned=frozenset(returned))

    def _ruled(self, given: Given, answers: Sequence[Answer]) -> Judged:
        """The gravest ruling on what came back; of what is the same bit for bit on one alone."""
        shown, *others = answers
        rulings = self._rulings(given, shown)
        for other in others:
            assert shown.outputs is not None  # what shows more has outputs
            assert other.outputs is not None
            if not np.array_equal(shown.outputs[-1], other.outputs, equal_nan=True):
                # Where the layers that are shown are right, no reading of the weights explains it.
                rulings += self._rulings(given, other, explain=False)
        # Chains are run twice, and one wrong answer is enough.
        gravest = max(rulings, key=lambda ruling: _GRAVITY.index(ruling.verdict))
        troubles = [self._last_trouble(given, answer) for answer in answers]
        return Judged(given, gravest, next(filter(None, troubles), ""))

    def _rulings(self, given: Given, answer: Answer, *, explain: bool = True) -> list[Ruling]:
        """On the outputs, and on the last states of layers of which there are no others."""
        stack, found = self.part.gru.stack, self._record(given, answer)
        rulings = list[Ruling]()
        if answer.outputs is not None:
            rulings.append(rule(found, self.declared, explain=explain, leaning=False))
        alone = {layer: last for layer, last in answer.last.items() if layer not in found.outputs}
        if alone and (answer.outputs is None or not rulings or stack.layers > 1):
            own = rule_last(found, alone, self.declared, explain=explain)
            # What inner layers leave open is no doubt about the outputs.
            if not rulings or own.verdict == "bug":
                rulings.append(own)
        return rulings

    def _record(self, given: Given, answer: Answer) -> Record:
        return record(
            self.part.gru.stack,
            given.inputs,
            answer.outputs,
            state=given.state,
            lengths=given.lengths,
            format=self.part.format,
            backward=self.part.gru.backward,
            clip=self.part.gru.clip,
            activations=self.part.gru.activations,
        )

    def smaller(self, failed: Judged) -> Judged:
        """The same failure on fewer members and steps, where there is one."""
        best, fixed = failed, self.part.sizes
        # Members again at the end: with fewer steps one alone may fail that did not before.
        for change in (_fewer_members, _fewer_steps, _fewer_members):
            # What the file fixes the model cannot be run without.
            if ("T" if change is _fewer_steps else "B") in fixed:
                continue
            for given in change(best):
                again = self.judge(given)
                if again.failed:
                    best = again
                    break
        return best

    def _last_trouble(self, given: Given, answer: Answer) -> str:
        """How last states depart from the last of the outputs, if they do: they are the same
        numbers.
        """
        if answer.outputs is None:
            return ""
        stack = self.part.gru.stack
        T, B = given.sizes.values()
        lengths = np.full(B, T) if given.lengths is None else given.lengths
        layers = {stack.layers - 1: answer.outputs}
        if answer.outputs.ndim == 4 and stack.layers == len(answer.outputs):
            layers = dict(enumerate(answer.outputs))
        for layer, last in answer.last.items():
            if layer not in layers:
                continue
            states = layers[layer].reshape(T, B, stack.directions, -1)
            for direction in range(stack.directions):
                backward = direction == 1 or self.part.gru.backward
                # Backward, the last step that a member takes is the first in time.
                ends = np.zeros(B, np.intp) if backward else lengths - 1
                own = states[ends, np.arange(B), direction]
                both_nan = np.isnan(own) & np.isnan(last[direction])
                # A member without steps has no last one, and its last state is its initial one.
                differ = (own != last[direction]) & ~both_nan & (lengths > 0)[:, None]
                if differ.any():
                    b, i = np.argwhere(differ)[0]
                    of_layer = f" of layer {layer}," if stack.layers > 1 else ""
                    return (
                        f"Y_h{of_layer} of member {b}, unit {i} is {last[direction][b, i]!s}, and "
                        f"Y at its last step, t={ends[b]}, {own[b, i]!s}"
                    )
        return ""


def _fewer_members(failed: Judged) -> Iterable[Given]:
    """The member that failed first, alone; else each."""
    B = failed.given.sizes["B"]
    if B == 1:
        return
    if failed.ruling is not None:
        first = failed.ruling.first
    else:
        first = None
    for member in [first.member] if first is not None else range(B):
        yield _part(failed.given, slice(None), [member])


def _fewer_steps(failed: Judged) -> Iterable[Given]:
    """One step, two, three, half of them, and up to the one that failed first."""
    T = failed.given.sizes["T"]
    if failed.ruling is not None:
        first = failed.ruling.first
    else:
        first = None
    for steps in sorted({1, 2, 3, T // 2, T if first is None else first.step + 1}):
        if 0 < steps < T:
            yield _part(failed.given, slice(steps), slice(None))


def _part(given: Given, steps: slice, members: Any) -> Given:
    inputs = given.inputs[steps][:, members]
    state = None if given.state is None else given.state[:, members]
    lengths = None
    if given.lengths is not None:
        lengths = np.minimum(given.lengths[members], len(inputs))
    return Given(given.about, inputs, state, lengths)
