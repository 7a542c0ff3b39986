"""Modules that are reached by weights, and modules freshly made: how each is called, and what it
answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch

from gruverify.arithmetic import NDArray
from gruverify.backends._autograd import loss
from gruverify.backends._has_modules import Reached
from gruverify.backends._modules import Built, Modules
from gruverify.backends._returned import outputs_and_last, state_of
from gruverify.backends._tensors import numpy, tensor
from gruverify.cell import Cell

#: Tensors by PyTorch's names.
Weights: TypeAlias = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Question:
    """What is put to every module: a cell's weights, inputs (T, B, I), a state and a cotangent of
    the last (B, H).
    """

    cell: Cell
    inputs: torch.Tensor
    state: torch.Tensor
    cotangent: torch.Tensor


@dataclass(frozen=True)
class Subject:
    """A module, where its weights are, and how it is called."""

    built: Built
    batch_first: bool

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The weights that it shows, by PyTorch's names."""
        return self.built.place.weights(self.built.module)

    @property
    def owner(self) -> Any:
        """The module itself, or that of its submodules which has the weights."""
        return self.built.place.owner(self.built.module)

    @property
    def recurrent(self) -> str:
        """The name of its first recurrent weight."""
        if self.built.place.layered:
            return "weight_hh_l0"
        return "weight_hh"

    def tensors_of(self, cell: Cell) -> dict[str, torch.Tensor]:
        """The cell's weights, as tensors of their own, under the names that they have here."""
        end = "_l0" if self.built.place.layered else ""
        return {
            f"{name}{end}": tensor(array.copy())  # whoever is given it may train it
            for name, array in cell.packed().items()
            if any(cell.variant.mask(name))
        }

    def run(
        self, question: Question, call: Callable[..., Any] | None = None
    ) -> tuple[torch.Tensor, ...]:
        """The outputs and the last state of a layer, or the next state of a cell."""
        call = call or self.built.call
        if not self.built.place.layered:
            return (state_of(call(question.inputs[0], question.state)),)
        if self.batch_first:
            inputs = question.inputs.transpose(0, 1)
        else:
            inputs = question.inputs
        outputs, last = outputs_and_last(call(inputs, question.state[None]))
        return (outputs.transpose(0, 1) if self.batch_first else outputs), last[0]

    def values(self, question: Question) -> dict[str, NDArray]:
        """What a run returns, and the weights shown after it."""
        with torch.no_grad():
            # From the end, because a cell has a last state alone.
            named = zip(("last", "outputs"), self.run(question)[::-1], strict=False)
            values = {name: numpy(value) for name, value in named}
        return values | {name: numpy(weight) for name, weight in self.weights.items()}

    def differentiate(
        self, question: Question, call: Callable[..., Any] | None = None
    ) -> dict[str, NDArray]:
        """What a run returns; the gradients of a loss on the last state are added to the `.grad` of
        the parameters.
        """
        with torch.enable_grad():
            values = self.run(question, call)
            if values[-1].requires_grad:  # else no parameter gets a gradient, which is found out
                torch.autograd.backward(loss(values[-1:], [question.cotangent]))
        return {
            name: numpy(value)
            for name, value in zip(("last", "outputs"), values[::-1], strict=False)
        }


def forget(leaves: Iterable[torch.Tensor]) -> None:
    """No gradients are left from before."""
    for leaf in leaves:
        if leaf.is_leaf:
            leaf.grad = None


@dataclass
class Record:
    """What was found, what must be, and what landed elsewhere, as it is found out."""

    found: dict[str, NDArray] = field(default_factory=dict)
    expected: dict[str, NDArray] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)

    def require_equal(
        self, found: Mapping[str, NDArray], expected: Mapping[str, NDArray], where: str = ""
    ) -> None:
        """Note arrays that must be equal, bit for bit."""
        self.found |= {f"{name}{where}": found[name] for name in expected}
        self.expected |= {f"{name}{where}": array for name, array in expected.items()}

    def require_gradients(self, leaves: Weights, expected: Mapping[str, NDArray]) -> None:
        """The leaves must have these in their `.grad`."""
        for name, leaf in leaves.items():
            if not leaf.is_leaf or leaf.grad is None:
                self.strays.append(f"no gradient reached {name}.grad")
            else:
                self.require_equal({name: numpy(leaf.grad)}, {name: expected[name]}, ".grad")

    def require_no_gradient(self, weights: Weights, whose: str) -> None:
        """None of these may have a gradient."""
        for name, weight in weights.items():
            if weight.is_leaf and weight.grad is not None:
                self.strays.append(f"a gradient landed in {name}.grad of {whose}")

    @property
    def reached(self) -> Reached:
        """What was noted, as `HasModules.reloaded` returns it."""
        return Reached(self.found, self.expected, tuple(self.strays))


#: Modules of more recurrent weights are not kept: there are two dozen, each with its gradients.
_KEPT = 2**17


def _is_small(cell: Cell) -> bool:
    return cell.weight_hh.size <= _KEPT


class Subjects:
    """The modules that questions are put to: for each way one that it keeps, and fresh ones.

    script: makes what is reached of an eager module, where it is TorchScript's that is verified.
    """

    def __init__(self, modules: Modules, script: Callable[[Built], Built] | None = None) -> None:
        self.modules, self.script = modules, script
        self._kept: dict[Any, Subject] = {}
        self._fresh: tuple[Any, Any] = None, None

    @property
    def scripted(self) -> bool:
        """Whether the modules are TorchScript's."""
        return self.script is not None or isinstance(self.modules.target, torch.jit.ScriptModule)

    def subject_for(
        self,
        way: str,
        question: Question,
        prepare: Callable[[Subject, Question], Subject] | None = None,
    ) -> Subject:
        """The module of that way for questions of such sizes: prepared once, and run once, with
        other weights.
        """
        c = question.cell
        key = (way, c.input_size, c.hidden_size, c.variant.bias, c.format)
        if key in self._kept:
            return self._kept[key]
        subject = self.new(question)
        if prepare:
            subject = prepare(subject, question)
        with torch.no_grad():
            # Whatever it keeps of its first run belongs to other weights than those that will
            # reach it.
            subject.run(question)
        if _is_small(c):
            self._kept[key] = subject
        return subject

    def eager(self, question: Question) -> Subject:
        """A module that was never run, with plain weights."""
        c = question.cell
        subject = self._subject(
            self.modules.build(c.input_size, c.hidden_size, c.variant.bias, c.format)
        )
        subject.built.silence(subject.tensors_of(c))
        return subject

    def new(self, question: Question) -> Subject:
        """A new module as it is verified: scripted if that is what is verified."""
        subject = self.eager(question)
        if self.script:
            return self._subject(self.script(subject.built))
        return subject

    def as_given(self, question: Question) -> Subject:
        """A module with whatever stands before its weights."""
        c = question.cell
        return self._subject(
            self.modules.user_module(c.input_size, c.hidden_size, c.variant.bias, c.format)
        )

    def fresh(
        self, question: Question, weights: Weights
    ) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
        """What a module made with these weights answers, and the gradients of its weights, by their
        names.
        """
        arrays = {name: numpy(weight) for name, weight in weights.items()}
        if not _is_small(question.cell):
            return self._answer(question, arrays)
        # Most ways lead to the same weights: the last answer is kept.
        given = (
            *arrays.values(),
            *map(numpy, (question.inputs, question.state, question.cotangent)),
        )
        key = [(array.shape, array.tobytes()) for array in given]
        if self._fresh[0] != key:
            self._fresh = key, self._answer(question, arrays)
        values, gradients = self._fresh[1]
        return dict(values), dict(gradients)

    def _answer(
        self, question: Question, weights: Mapping[str, NDArray]
    ) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
        # To script takes a tenth of a second: one scripted module is given weights in the plainest
        # way again and again.
        if self.scripted:
            subject = self.subject_for("fresh", question)
        else:
            subject = self.new(question)
        leaves = subject.built.fill(weights, question.cell.variant)
        forget(leaves.values())
        values = subject.differentiate(question)
        return values, {
            name: numpy(torch.zeros_like(p) if p.grad is None else p.grad)
            for name, p in leaves.items()
        }

    def _subject(self, built: Built) -> Subject:
        return Subject(
            built, bool(self.modules.place.layered and self.modules.shape["batch_first"])
        )
