"""The checkers of gradients: PyTorch's gradcheck in its two modes and gradgradcheck, JAX's and HIPS
autograd's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from _peer import SEEDS, Peer, cell_of, differentiable, drawn, pulled, values

from gruverify.backends import Backend
from gruverify.cell import Variant
from gruverify.faults import Fault

SCOPE = "faults with a sequence and its gradients in float64"

# -- PyTorch ---------------------------------------------------------------------------------------


def _function(backend: Backend, variant: Variant) -> Callable[..., Any]:
    """The backend's sequence as an autograd.Function, its backward the backend's own."""

    class Sequence(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            arrays = [t.detach().numpy().copy() for t in tensors]
            with (
                torch.enable_grad()
            ):  # a Function is called without it, and a backend over tensors needs it
                return tuple(
                    torch.from_numpy(np.array(a)) for a in values(backend, variant, arrays)
                )

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            arrays = [t.detach().numpy().copy() for t in ctx.saved_tensors]
            with torch.enable_grad():
                found = pulled(backend, variant, arrays, *(c.numpy().copy() for c in cotangents))
            return tuple(torch.from_numpy(np.array(a)) for a in found)

    apply: Callable[..., Any] = Sequence.apply
    return apply


def _tensors(seed: int, variant: Variant) -> list[Any]:
    return [torch.from_numpy(a).requires_grad_() for a in drawn(seed, variant)]


def _gradcheck(
    backend: Backend, variant: Variant, *, fast_mode: bool
) -> Iterator[Callable[[], Any]]:
    for seed in range(SEEDS):
        arguments = _function(backend, variant), _tensors(seed, variant)
        yield partial(torch.autograd.gradcheck, *arguments, fast_mode=fast_mode)


def _gradgradcheck(backend: Any, variant: Variant) -> Iterator[Callable[[], Any]]:
    """Of a step over tensors, for only there autograd can differentiate the backward pass."""
    load = backend.step.__self__.load
    for seed in range(SEEDS):
        arrays = drawn(seed, variant)
        call = load(cell_of(variant, arrays)).call
        x, h = (torch.from_numpy(a).requires_grad_() for a in (arrays[-2][0], arrays[-1]))
        yield partial(torch.autograd.gradgradcheck, call, (x, h))


def _over_tensors(fault: Fault, backend: Backend) -> bool:
    return fault.needs == "torch"


# -- JAX -------------------------------------------------------------------------------------------


def _jax(backend: Backend, variant: Variant) -> Iterator[Callable[[], Any]]:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def run(*arrays: Any) -> Any:
        T, B, _ = arrays[-2].shape
        shapes = [jax.ShapeDtypeStruct((T, B, arrays[-1].shape[1]), np.float64)]
        shapes.append(jax.ShapeDtypeStruct(arrays[-1].shape, np.float64))

        def call(*a: Any) -> Any:
            return tuple(values(backend, variant, [np.array(x) for x in a]))

        return jax.pure_callback(call, tuple(shapes), *arrays)

    def forward(*arrays: Any) -> Any:
        return run(*arrays), arrays

    def backward(arrays: Any, cotangents: Any) -> Any:
        shapes = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays)

        def call(a: Any, c: Any) -> Any:
            return tuple(pulled(backend, variant, [np.array(x) for x in a], *map(np.array, c)))

        return jax.pure_callback(call, shapes, arrays, cotangents)

    run.defvjp(forward, backward)
    jax.clear_caches()
    for seed in range(SEEDS):
        yield partial(check_grads, run, tuple(drawn(seed, variant)), order=1, modes=["rev"])


# -- HIPS autograd ---------------------------------------------------------------------------------


def _autograd(backend: Backend, variant: Variant) -> Iterator[Callable[[], Any]]:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    # Its functions return one array: outputs and last state in one, flat.
    @primitive  # type: ignore[untyped-decorator]
    def run(*arrays: Any) -> Any:
        return np.concatenate([np.ravel(a) for a in values(backend, variant, arrays)])

    def vjp(i: int) -> Callable[..., Any]:
        def maker(ans: Any, *arrays: Any) -> Callable[[Any], Any]:
            def back(g: Any) -> Any:
                T, B, _ = arrays[-2].shape
                H = arrays[-1].shape[1]
                cotangents = g[: T * B * H].reshape(T, B, H), g[T * B * H :].reshape(B, H)
                return pulled(backend, variant, arrays, *cotangents)[i]

            return back

        return maker

    count = 6 if variant.bias else 4
    defvjp(run, *(vjp(i) for i in range(count)))
    for seed in range(SEEDS):
        yield partial(check_grads(run, modes=["rev"], order=1), *drawn(seed, variant))


GRADIENT_PEERS = (
    Peer("torch.autograd.gradcheck", SCOPE, differentiable, partial(_gradcheck, fast_mode=False)),
    Peer("gradcheck(fast_mode=True)", SCOPE, differentiable, partial(_gradcheck, fast_mode=True)),
    Peer(
        "torch.autograd.gradgradcheck", "faults written over tensors", _over_tensors, _gradgradcheck
    ),
    Peer("jax.test_util.check_grads", SCOPE, differentiable, _jax),
    Peer("autograd.test_util.check_grads", SCOPE, differentiable, _autograd),
)
