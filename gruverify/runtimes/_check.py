"""One GRU node, run over inputs and held against the mathematics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gruverify._named import DeclaredValues
from gruverify._visible import error_line
from gruverify.arithmetic import NDArray
from gruverify.backends import RECORDER
from gruverify.judging import BadRecord, Ruling, record, rule
from gruverify.models import Gru, OnnxNode
from gruverify.runtimes._inputs import Given
from gruverify.runtimes._runtime import Runs, Runtime


@dataclass(frozen=True, eq=False)
class Judged:
    """What a node answered to one input: the ruling on its outputs Y, and what is wrong besides, in
    a line: it raised, answered in another shape, or its last states Y_h are not the last of Y.
    """

    given: Given
    ruling: Ruling | None = None
    trouble: str = ""

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return bool(self.trouble) or (self.ruling is not None and self.ruling.verdict == "bug")

    @property
    def decided(self) -> bool:
        """Whether that is known."""
        return self.failed or (self.ruling is not None and self.ruling.verdict == "rounding")


@dataclass(frozen=True, eq=False)
class NodeResult:
    """What became of a node: refused says why it was not run, `judged` has an entry per input, and
    `witness` the smallest input found that fails.
    """

    name: str
    gru: str
    refused: str = ""
    judged: tuple[Judged, ...] = ()
    witness: Judged | None = None
    model: bytes = b""

    @property
    def verdict(self) -> str:
        """conforms, falsified, or inconclusive."""
        if any(one.failed for one in self.judged):
            return "falsified"
        if self.judged and all(one.decided for one in self.judged):
            return "conforms"
        return "inconclusive"


def check_node(
    node: OnnxNode, runtime: Runtime, inputs: Iterable[Given], declared: DeclaredValues
) -> NodeResult:
    """Run a node over all of these inputs, and look for a small one among those that fail."""
    if node.gru is None:
        return NodeResult(node.name, "", node.refused)
    about = str(node.gru)
    try:
        runs = runtime.load(node.model)
    except KeyboardInterrupt:
        raise
    except BaseException as refused:  # whatever a runtime raises
        return NodeResult(node.name, about, f"the runtime does not load it: {error_line(refused)}")
    asked = _Asked(node, node.gru, runs, declared)
    judged = tuple(asked.judge(given) for given in inputs)
    failed = next((one for one in judged if one.failed), None)
    witness = asked.smaller(failed) if failed is not None else None
    return NodeResult(node.name, about, "", judged, witness, node.model)


@dataclass(frozen=True)
class _Asked:
    """A node that is loaded, and what it is held against."""

    node: OnnxNode
    gru: Gru
    runs: Runs
    declared: DeclaredValues

    def judge(self, given: Given) -> Judged:
        """Run it, and judge each of its answers."""
        RECORDER.beat()  # each input may take a while
        try:
            outputs = self.runs(self._arguments(given))
            states, last = self._answers(given, outputs)
        except _WrongForm as wrong:
            return Judged(given, None, str(wrong))
        except KeyboardInterrupt:
            raise
        except BaseException as raised:  # whatever a runtime raises
            return Judged(given, None, f"the runtime raised {error_line(raised)}")
        try:
            found = record(
                self.gru.stack,
                given.inputs,
                states,
                state=given.state,
                lengths=given.lengths,
                backward=self.gru.backward,
            )
        except BadRecord as wrong:
            return Judged(given, None, f"its answer cannot be judged: {wrong}")
        return Judged(given, rule(found, self.declared), self._last_trouble(given, states, last))

    def smaller(self, failed: Judged) -> Judged:
        """The same failure on fewer members and steps, where there is one."""
        best = failed
        for change in (_fewer_members, _fewer_steps, _fewer_members):
            for given in change(best):
                again = self.judge(given)
                if again.failed:
                    best = again
                    break
        return best

    def _arguments(self, given: Given) -> dict[str, NDArray]:
        """What the model is given, in the arrangement that the node has."""
        found = given.arrays
        if self.node.batch_first:
            turned = {"X", "initial_h"} & set(found)
            found |= {name: found[name].swapaxes(0, 1) for name in turned}
        return {name: np.array(array, order="C") for name, array in found.items()}

    def _answers(self, given: Given, outputs: Sequence[NDArray]) -> tuple[NDArray, NDArray]:
        """Y as (T, D, B, H) and Y_h as (D, B, H)."""
        stack = self.gru.stack
        T, B, D, H = *given.sizes.values(), stack.directions, stack.hidden_size
        if len(outputs) != 2:
            raise _WrongForm(f"{len(outputs)} outputs came back where Y and Y_h are wanted")
        Y, Y_h = (np.asarray(output) for output in outputs)
        shapes = ((T, D, B, H), (D, B, H))
        if self.node.batch_first:
            shapes = ((B, T, D, H), (B, D, H))
        for name, array, shape in zip(("Y", "Y_h"), (Y, Y_h), shapes, strict=True):
            if array.shape != shape:
                raise _WrongForm(f"{name} has shape {array.shape}, expected {shape}")
        if self.node.batch_first:
            return Y.transpose(1, 2, 0, 3), Y_h.swapaxes(0, 1)
        return Y, Y_h

    def _last_trouble(self, given: Given, states: NDArray, last: NDArray) -> str:
        """How Y_h departs from the last states of Y, if it does: they are the same numbers."""
        T, B = given.sizes.values()
        if given.lengths is None:
            lengths = np.full(B, T)
        else:
            lengths = given.lengths
        for direction in range(self.gru.stack.directions):
            backward = direction == 1 or self.gru.backward
            ends = np.zeros(B, np.intp) if backward else lengths - 1
            own = states[ends, direction, np.arange(B)]
            if not np.array_equal(own, last[direction], equal_nan=True):
                b, i = np.argwhere((own != last[direction]) & ~(np.isnan(own)))[0]
                return (
                    f"Y_h of member {b}, unit {i} is {last[direction][b, i]!s}, and Y at its last "
                    f"step, t={ends[b]}, {own[b, i]!s}"
                )
        return ""


class _WrongForm(Exception):
    """An answer of another shape than the operator says."""


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
