"""Every way by which weights reach a module of PyTorch, each followed by a run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from gruverify.arithmetic import NDArray
from gruverify.backends._has_modules import Reached
from gruverify.backends._modules import Built
from gruverify.backends._place import name_of
from gruverify.backends._refusals import translated
from gruverify.backends._scripting import script_of
from gruverify.backends._subjects import Question, Record, Subject, Subjects, Weights, forget
from gruverify.backends._tensors import numpy, tensor
from gruverify.cell import Cell

#: From the modules of a backend and a question to what was found and what must be.
Way: TypeAlias = Callable[[Subjects, Question], Reached]

#: The learning rate of a step; exact in every format.
_RATE = 0.5


@dataclass(frozen=True)
class ModuleWays:
    """`HasModules` of a backend that has modules of one class, or of several."""

    each: Sequence[Subjects]

    @translated
    def reloaded(
        self, way: str, cell: Cell, inputs: NDArray, state: NDArray, cotangent: NDArray
    ) -> Reached:
        """What every module answers that was reached so, under its name where there are several."""
        question = Question(cell, tensor(inputs), tensor(state), tensor(cotangent))
        answers = {
            name_of(subjects.modules.target): _WAYS[way](subjects, question)
            for subjects in self.each
        }
        if len(answers) == 1:
            return next(iter(answers.values()))
        found: dict[str, NDArray] = {}
        expected: dict[str, NDArray] = {}
        strays: list[str] = []
        for name, reached in answers.items():
            found |= {f"{name}: {what}": array for what, array in reached.found.items()}
            expected |= {f"{name}: {what}": array for what, array in reached.expected.items()}
            strays += [f"{name}: {stray}" for stray in reached.strays]
        return Reached(found, expected, tuple(strays))


# -- weights are put in the place of others --------------------------------------------------------


def _data(subject: Subject, weights: Weights) -> None:
    # Another tensor takes the place of the one that the parameter had: whatever lists the weights,
    # as nn.GRU does for its kernels, must not go on with the old ones.
    own = subject.weights
    for name, weight in weights.items():
        own[name].data = weight


def _copy(subject: Subject, weights: Weights) -> None:
    own = subject.weights
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)


def _load_state_dict(subject: Subject, weights: Weights, assign: bool = False) -> None:
    # Not strict: a wrapper holds more than the GRU, and biases that the cell lacks are not named.
    named = {f"{subject.built.place.prefix}{name}": weight for name, weight in weights.items()}
    subject.built.module.load_state_dict(named, strict=False, assign=assign)


def _assign(subject: Subject, weights: Weights) -> None:
    _load_state_dict(subject, weights, assign=True)


def _set(subject: Subject, weights: Weights) -> None:
    owner = subject.owner
    for name, weight in weights.items():
        setattr(owner, name, nn.Parameter(weight))


def _loading(way: str, load: Callable[[Subject, Weights], None], *, of_copies: bool = True) -> Way:
    """of_copies: whether PyTorch's own copies of scripted modules can be so reached."""

    def reach(subjects: Subjects, question: Question) -> Reached:
        if not of_copies:
            _no_copy_of_a_script(subjects)
        subject = subjects.subject_for(way, question)
        # Tensors of their own each time: the first ones are the module's now, and a run may change
        # them.
        load(subject, subject.tensors_of(question.cell))
        return _run(
            Record(), subjects, subject, question, subject.tensors_of(question.cell)
        ).reached

    return reach


def _run(
    record: Record, subjects: Subjects, subject: Subject, question: Question, wanted: Weights
) -> Record:
    """The subject shows the weights wanted, and answers as a fresh module that is given what is
    shown.
    """
    # Before it runs: what is compared here is what arrived.
    record.require_equal(_arrays(subject.weights), _arrays(wanted))
    leaves = {name: subject.weights[name] for name in wanted}
    forget(leaves.values())
    values, gradients = subjects.fresh(question, leaves)
    record.require_equal(subject.differentiate(question), values)
    record.require_gradients(leaves, gradients)
    return record


def _arrays(weights: Weights) -> dict[str, NDArray]:
    return {name: numpy(weight) for name, weight in weights.items()}


# -- beside a module, or after it ------------------------------------------------------------------


def _functional_call(subjects: Subjects, question: Question) -> Reached:
    """The module answers at the weights that are given, and afterwards at its own again."""
    _eager_alone(subjects, "torch.func.functional_call refuses TorchScript's modules")
    subject, record = subjects.subject_for("functional-call", question), Record()
    # What it answers by itself, so that it is seen if the other weights stay.
    before, own = subject.values(question), subject.weights
    forget(own.values())
    leaves = {
        name: weight.requires_grad_() for name, weight in subject.tensors_of(question.cell).items()
    }
    found = subject.differentiate(question, subject.built.at(leaves))
    values, gradients = subjects.fresh(question, leaves)
    record.require_equal(found, values)
    record.require_gradients(leaves, gradients)
    record.require_no_gradient({name: own[name] for name in leaves}, "the module that was called")
    record.require_equal(subject.values(question), before, ", afterwards")
    return record.reached


def _optimizer_step(subjects: Subjects, question: Question) -> Reached:
    subject = subjects.subject_for("optimizer-step", question)
    weights = subject.tensors_of(question.cell)
    # Where the step must lead follows from a fresh module's gradients.
    _, gradients = subjects.fresh(question, weights)
    stepped = {
        name: weight.add(tensor(gradients[name]), alpha=-_RATE) for name, weight in weights.items()
    }
    _data(subject, weights)
    leaves = [subject.weights[name] for name in weights]
    forget(leaves)
    subject.differentiate(question)
    _descend(leaves)
    return _run(Record(), subjects, subject, question, stepped).reached


def _deepcopy(subjects: Subjects, question: Question) -> Reached:
    """A copy has weights and gradients of its own, and neither they nor a step of it reach the
    original.
    """
    _no_copy_of_a_script(subjects)
    original, record = subjects.subject_for("deepcopy", question), Record()
    before = original.values(question)
    # So a gradient that is found on the original below came from the copy.
    forget(original.weights.values())
    module = copy.deepcopy(original.built.module)
    twin = Subject(Built(module, original.built.place, module), original.batch_first)
    _data(twin, twin.tensors_of(question.cell))
    _run(record, subjects, twin, question, twin.tensors_of(question.cell))
    record.require_no_gradient(original.weights, "the original")
    # Were its gradients on the original, the copy would have none to step by: so they are made up.
    _step_anyhow(twin)
    record.require_equal(original.values(question), before, " of the original")
    return record.reached


def _descend(leaves: list[torch.Tensor]) -> None:
    """The step of torch.optim.SGD, which itself would import a second's worth of PyTorch's
    compiler.
    """
    with torch.no_grad():
        for leaf in leaves:
            if leaf.grad is not None:
                leaf.add_(leaf.grad, alpha=-_RATE)


def _step_anyhow(subject: Subject) -> None:
    """A step of an optimizer at gradients of 1."""
    leaves = [weight for weight in subject.weights.values() if weight.is_leaf]
    for leaf in leaves:
        leaf.grad = torch.ones_like(leaf)
    _descend(leaves)


def _no_copy_of_a_script(subjects: Subjects) -> None:
    # What is verified of an instance is a copy, and PyTorch's copies of scripted modules are no
    # whole modules.
    if isinstance(subjects.modules.target, torch.jit.ScriptModule):
        raise NotImplementedError(
            "PyTorch itself fails here for copies of scripted modules: see torch:script"
        )


def _eager_alone(subjects: Subjects, why: str) -> None:
    if subjects.scripted:
        raise NotImplementedError(why)


# -- something stands before a weight --------------------------------------------------------------


class _Negated(nn.Module):
    """A parametrization: minus the original, exact in every format. A layer that reads its weight
    at every step has a sum of gradients through it, each rounded: half of each would not add up to
    half of their sum where numbers are subnormal.
    """

    def forward(self, original: torch.Tensor) -> torch.Tensor:
        return -original


def _parametrized(subject: Subject, question: Question) -> Subject:
    parametrize.register_parametrization(subject.owner, subject.recurrent, _Negated())
    return subject


def _masked(subject: Subject, question: Question) -> Subject:
    put_mask: Any = prune.custom_from_mask  # PyTorch has not given it a type
    put_mask(subject.owner, subject.recurrent, _mask_of(subject.weights[subject.recurrent]))
    return subject


def _mask_of(weight: torch.Tensor) -> torch.Tensor:
    """A mask that lets every second entry of a weight pass."""
    return torch.arange(weight.numel()).remainder(2).reshape(weight.shape).to(weight)


def _parametrization(subjects: Subjects, question: Question) -> Reached:
    _eager_alone(subjects, "TorchScript's modules cannot be parametrized")
    subject = subjects.subject_for("parametrization", question, _parametrized)
    original = subject.owner.parametrizations[subject.recurrent].original
    return _behind(subjects, subject, question, original, torch.tensor(-1.0, dtype=original.dtype))


def _pruning(subjects: Subjects, question: Question) -> Reached:
    _eager_alone(subjects, "TorchScript's modules cannot be pruned")
    subject = subjects.subject_for("pruning", question, _masked)
    original = getattr(subject.owner, f"{subject.recurrent}_orig")
    return _behind(subjects, subject, question, original, _mask_of(original))


def _behind(
    subjects: Subjects,
    subject: Subject,
    question: Question,
    original: torch.Tensor,
    factor: torch.Tensor,
) -> Reached:
    """The recurrent weight is an original times a factor."""
    weights, recurrent, record = subject.tensors_of(question.cell), subject.recurrent, Record()
    # What the module shows is computed: only what that is computed from can be set.
    original.data = weights[recurrent].clone()
    _data(
        subject,
        {
            name: weight
            for name, weight in subject.tensors_of(question.cell).items()
            if name != recurrent
        },
    )
    effective = {**weights, recurrent: weights[recurrent] * factor}
    leaves = {**{name: subject.weights[name] for name in weights}, recurrent: original}
    forget(leaves.values())
    values, gradients = subjects.fresh(question, effective)
    # The chain rule: the effective weight is the original times the factor.
    gradients[recurrent] = numpy(tensor(gradients[recurrent]) * factor)
    record.require_equal(subject.differentiate(question), values)
    record.require_gradients(leaves, gradients)
    record.require_equal(_arrays(subject.weights), _arrays(effective))
    return record.reached


def _as_given(subjects: Subjects, question: Question) -> Reached:
    """A module with what stands before its weights answers at the weights that it shows as one with
    plain ones.
    """
    if subjects.modules.is_plain:
        raise NotImplementedError("it came with plain weights, which the other ways are about")
    subject, record = subjects.as_given(question), Record()
    subject.built.module.eval()  # in training mode a spectral norm moves on with every run
    parameters = {name: p for name, p in subject.built.module.named_parameters() if p.requires_grad}
    forget(parameters.values())
    found = subject.differentiate(question)
    values, _ = subjects.fresh(
        question, {name: weight.detach() for name, weight in subject.weights.items()}
    )
    record.require_equal(found, values)
    # What else a wrapper holds need not take part in the loss.
    lost = [
        name
        for name, p in parameters.items()
        if p.grad is None and name.startswith(subject.built.place.prefix)
    ]
    record.strays += [f"no gradient reached {name}.grad" for name in lost]
    return record.reached


# -- TorchScript's copy of a module ----------------------------------------------------------------


def _script(subjects: Subjects, question: Question) -> Reached:
    if not subjects.scripted and not isinstance(subjects.modules.target, nn.Module):
        raise NotImplementedError("scripting takes long: it is checked for modules of one size")
    subject = subjects.subject_for("script", question, None if subjects.scripted else _scripted)
    _data(subject, subject.tensors_of(question.cell))
    return _run(Record(), subjects, subject, question, subject.tensors_of(question.cell)).reached


def _scripted(subject: Subject, question: Question) -> Subject:
    return Subject(script_of(subject.built), subject.batch_first)


def _script_after_functional_call(subjects: Subjects, question: Question) -> Reached:
    """TorchScript's copy of a module that had been called at other weights, given the weights
    afterwards.
    """
    script = subjects.script
    if script is None:
        raise NotImplementedError("this is about what TorchScript makes of a module: torch:script")

    def prepare(_: Subject, question: Question) -> Subject:
        # TorchScript copies the list of weights that the last eager run left behind: here it holds
        # those of the call, and not the module's own.
        eager = subjects.eager(question)
        with torch.no_grad():
            eager.run(question, eager.built.at(eager.tensors_of(question.cell)))
        return Subject(script(eager.built), eager.batch_first)

    subject = subjects.subject_for("script-after-functional-call", question, prepare)
    _data(subject, subject.tensors_of(question.cell))
    return _run(Record(), subjects, subject, question, subject.tensors_of(question.cell)).reached


_WAYS: Mapping[str, Way] = {
    "data": _loading("data", _data),
    "copy": _loading("copy", _copy),
    "load-state-dict": _loading("load-state-dict", _load_state_dict),
    "load-state-dict-assign": _loading("load-state-dict-assign", _assign, of_copies=False),
    "setattr": _loading("setattr", _set, of_copies=False),
    "functional-call": _functional_call,
    "optimizer-step": _optimizer_step,
    "deepcopy": _deepcopy,
    "parametrization": _parametrization,
    "pruning": _pruning,
    "as-given": _as_given,
    "script": _script,
    "script-after-functional-call": _script_after_functional_call,
}
