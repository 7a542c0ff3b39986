"""`torch:func`: PyTorch's own modules as pure functions, derivatives by torch.func."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap

from gruverify.arithmetic import FORMATS, NDArray
from gruverify.backends._modules import packed_call, variants_of
from gruverify.backends._probes import pytorch_subnormals
from gruverify.backends._refusals import refusals
from gruverify.backends._tensors import device, numpy, tensor
from gruverify.cell import Cell, Gradients, Stack, StackGradients

#: Weights, inputs (T, B, I) and state (B, H), or the directions in which they move.
Moving: TypeAlias = tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]


class FunctionalBackend:
    """nn.GRUCell for a step and nn.GRU for sequences and stacks, by torch.func.functional_call.

    A step is vmapped over the batch, its Jacobian is a vmapped jacrev, pullbacks are by
    torch.func.vjp.
    """

    name = "torch:func"
    variants = variants_of([nn.GRUCell, nn.GRU])
    formats = FORMATS

    def __init__(self) -> None:
        # A matter of the processor, and so found out where it is built.
        self.subnormals = pytorch_subnormals(str(device()))

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """The next state (B, H), from x (B, I) and h (B, H)."""
        with _torch_reasons():
            return numpy(vmap(_step_of(cell), (None, 0, 0))(_weights(cell), tensor(x), tensor(h)))

    def step_jacobian(self, cell: Cell, x: NDArray, h: NDArray) -> tuple[NDArray, NDArray]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I)."""
        jacobian = vmap(jacrev(_step_of(cell), (1, 2)), (None, 0, 0))
        with _torch_reasons():
            dx, dh = jacobian(_weights(cell), tensor(x), tensor(h))
        return numpy(dh), numpy(dx)

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        """The gradients of one step at the cotangent (B, H)."""
        step = _step_of(cell)
        p, d_x, d_h = _pulled(lambda *given: (step(*given),), (cotangent,), _weights(cell), x, h)
        return _gradients(p, d_x, d_h)

    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        outputs, last = self.stack(
            Stack(((cell,),)), inputs, None if state is None else state[None], None, False
        )
        return outputs, last[0]

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Gradients at the cotangents d_outputs (T, B, H) and d_last (B, H), either of which may be
        None.
        """
        h0, d_h = (None if a is None else a[None] for a in (state, d_last))
        g = self.stack_vjp(Stack(((cell,),)), inputs, h0, None, False, d_outputs, d_h)
        parameters = {name.removesuffix("_l0"): array for name, array in g.parameters.items()}
        return _gradients(parameters, g.inputs, None if g.states is None else g.states[0])

    def sequence_jvp(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> tuple[NDArray, NDArray]:
        """The derivatives of outputs (T, B, H) and last state (B, H) along the tangent."""
        with _torch_reasons():
            outputs, last = _moved(_layer_of(cell), *_along(cell, inputs, state, tangent))
        return numpy(outputs), numpy(last)

    def sequence_hvp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        tangent: Gradients,
    ) -> Gradients:
        """The derivative of `sequence_vjp` along the tangent: torch.func.jvp of torch.func.vjp."""

        def gradient(*given: object) -> Any:
            return _pull(_layer_of(cell), (d_outputs, d_last), *given)

        with _torch_reasons():
            p, d_inputs, d_state = _moved(gradient, *_along(cell, inputs, state, tangent))
        return _gradients(
            {name: numpy(array) for name, array in p.items()}, numpy(d_inputs), numpy(d_state)
        )

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are."""
        run = _stack_of(stack, lengths, batch_first)
        with _torch_reasons():
            outputs, last = run(_weights(stack), *map(tensor, _some(inputs, states)))
        return numpy(outputs), numpy(last)

    def stack_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        """Gradients at the cotangents d_outputs (T, B, D·H) and d_last (L·D, B, H), either of which
        may be None.
        """
        run = _stack_of(stack, lengths, batch_first)
        p, d_inputs, *d_states = _pulled(
            run, (d_outputs, d_last), _weights(stack), *_some(inputs, states)
        )
        return StackGradients(p, d_inputs, d_states[0] if d_states else None)


def _weights(given: Cell | Stack) -> dict[str, torch.Tensor]:
    return {name: tensor(array) for name, array in given.packed().items()}


def _some(*arrays: NDArray | None) -> list[NDArray]:
    return [array for array in arrays if array is not None]


def _step_of(cell: Cell) -> Callable[..., torch.Tensor]:
    """From weights, x and h to the next state."""
    module = _empty(nn.GRUCell, cell.input_size, cell.hidden_size, bias=cell.variant.bias)
    return lambda p, x, h: functional_call(module, p, (x, h))


def _stack_of(
    stack: Stack, lengths: NDArray | None, batch_first: bool
) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """From weights, inputs and, if they are given, states to outputs and last states."""
    options = {
        "bias": stack.variant.bias,
        "batch_first": batch_first,
        "bidirectional": stack.directions == 2,
    }
    module = _empty(nn.GRU, stack.input_size, stack.hidden_size, num_layers=stack.layers, **options)

    def run(p: dict[str, torch.Tensor], *given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return packed_call(
            lambda *args: functional_call(module, p, args), given, lengths, batch_first
        )

    return run


@lru_cache(maxsize=256)
def _empty(cls: Callable[..., nn.Module], *sizes: int, **options: Any) -> nn.Module:
    """A module without weights of its own: it is called with those of the case."""
    return cls(*sizes, **options, device="meta")


def _pulled(
    f: Callable[..., Any],
    cotangents: tuple[NDArray | None, ...],
    p: dict[str, torch.Tensor],
    *given: NDArray,
) -> tuple[Any, ...]:
    """The gradients of weights and of what is given; a missing cotangent is 0."""
    with _torch_reasons():
        weights, *others = _pull(f, cotangents, p, *map(tensor, given))
    return {name: numpy(gradient) for name, gradient in weights.items()}, *map(numpy, others)


def _pull(f: Callable[..., Any], cotangents: tuple[NDArray | None, ...], *given: object) -> Any:
    # PyTorch's types know more results than there are here.
    pair: Any = vjp(f, *given)
    values, pull = pair
    return pull(
        tuple(0 * v if d is None else tensor(d) for v, d in zip(values, cotangents, strict=True))
    )


def _moved(f: Callable[..., Any], at: Moving, along: Moving) -> Any:
    pair: Any = jvp(f, at, along)
    return pair[1]


def _layer_of(cell: Cell) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """From weights, inputs (T, B, I) and state (B, H) to outputs and last state."""
    run = _stack_of(Stack(((cell,),)), None, False)

    def layer(
        p: dict[str, torch.Tensor], inputs: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        outputs, last = run(
            {f"{name}_l0": weight for name, weight in p.items()}, inputs, state[None]
        )
        return outputs, last[0]

    return layer


def _along(
    cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
) -> tuple[Moving, Moving]:
    """Weights, inputs and state, and the directions in which they move."""
    p, xs = _weights(cell), tensor(inputs)
    if state is None:
        h = xs.new_zeros(xs.shape[1], cell.hidden_size)
    else:
        h = tensor(state)
    assert tangent.state is not None  # a direction has every part
    moves = {name: tensor(getattr(tangent, name)) for name in p}
    return (p, xs, h), (moves, tensor(tangent.inputs), tensor(tangent.state))


def _gradients(parameters: dict[str, NDArray], inputs: NDArray, state: NDArray | None) -> Gradients:
    biases = parameters.get("bias_ih"), parameters.get("bias_hh")
    return Gradients(parameters["weight_ih"], parameters["weight_hh"], *biases, inputs, state)


@contextmanager
def _torch_reasons() -> Iterator[None]:
    """What torch.func says it does not do is not implemented, for its own reason; that it is slow
    is no news.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)  # of what forward mode is made of
        with refusals():
            yield
