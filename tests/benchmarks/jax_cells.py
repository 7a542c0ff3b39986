"""JAX's GRUs behind one adapter that 0.1 can load as well: what `two_builds.py` has both check.

The named targets `flax`, `flax:nnx`, `equinox` and `haiku` cannot be had in 0.1, which knows
neither their biases nor their layouts. Here each is a function of packed parameters, as PyTorch
has them: biases that a library has once are added up inside what JAX compiles, so that each of
ours has its gradient. `jitted` is a cell of a few lines, with fewer methods, as users write them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gruverify import Gradients, Variant, float32
from gruverify.cell import StackGradients

Arrays = dict[str, Any]


class FourMethods:
    """Steps and sequences, and their gradients, of step(parameters, x, h) and run(parameters,
    inputs, state), which return the next state, and outputs and last state.
    """

    formats = (float32,)
    shapes = "few"
    subnormals = False

    def __init__(
        self, name: str, variant: Variant, step: Callable[..., Any], run: Callable[..., Any]
    ) -> None:
        self.name, self.variants = name, (variant,)
        self._plain_step, self._plain_run = step, run

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        return _numpy(self._step(cell.packed(), x, h))

    def step_vjp(self, cell: Any, x: Any, h: Any, cotangent: Any) -> Gradients:
        return _gradients(self._step_vjp(cell.packed(), x, h, cotangent))

    def sequence(self, cell: Any, inputs: Any, state: Any) -> Any:
        return _numpy(self._run(cell.packed(), inputs, _state(cell, inputs, state)))

    def sequence_vjp(
        self, cell: Any, inputs: Any, state: Any, d_outputs: Any, d_last: Any
    ) -> Gradients:
        at = cell.packed(), inputs, _state(cell, inputs, state)
        return _gradients(self._run_vjp(at, _cotangents(cell, inputs, d_outputs, d_last)))

    # Compiled once: JAX keeps what it has traced by function.
    @cached_property
    def _step(self) -> Any:
        return jax.jit(self._plain_step)

    @cached_property
    def _step_vjp(self) -> Any:
        return jax.jit(lambda *given: jax.vjp(self._plain_step, *given[:3])[1](given[3]))

    @cached_property
    def _run(self) -> Any:
        return jax.jit(self._plain_run)

    @cached_property
    def _run_vjp(self) -> Any:
        return jax.jit(self._pulled)

    def _pulled(self, at: Any, cotangents: Any) -> Any:
        return jax.vjp(self._plain_run, *at)[1](cotangents)


class OfCells(FourMethods):
    """The same with Jacobians and directions: all methods of a cell that JAX makes of it."""

    def step_jacobian(self, cell: Any, x: Any, h: Any) -> Any:
        dx, dh = _numpy(self._jacobian(cell.packed(), x, h))
        return dh, dx

    def sequence_jvp(self, cell: Any, inputs: Any, state: Any, tangent: Gradients) -> Any:
        return _numpy(self._run_jvp(*_along(cell, inputs, state, tangent)))

    def sequence_hvp(
        self,
        cell: Any,
        inputs: Any,
        state: Any,
        d_outputs: Any,
        d_last: Any,
        tangent: Gradients,
    ) -> Gradients:
        along = _along(cell, inputs, state, tangent)
        return _gradients(self._run_hvp(*along, _cotangents(cell, inputs, d_outputs, d_last)))

    @cached_property
    def _jacobian(self) -> Any:
        def alone(p: Arrays, x: Any, h: Any) -> Any:
            return self._plain_step(p, x[None], h[None])[0]

        return jax.jit(jax.vmap(jax.jacrev(alone, (1, 2)), (None, 0, 0)))

    @cached_property
    def _run_jvp(self) -> Any:
        return jax.jit(lambda at, along: jax.jvp(self._plain_run, at, along)[1])

    @cached_property
    def _run_hvp(self) -> Any:
        def hvp(at: Any, along: Any, cotangents: Any) -> Any:
            return jax.jvp(lambda *given: self._pulled(given, cotangents), at, along)[1]

        return jax.jit(hvp)


class OfStacks(OfCells):
    """The same with stacks, of stack(rows, inputs, states, lengths, batch_first)."""

    def __init__(self, *cell: Any, stack: Callable[..., Any]) -> None:
        super().__init__(*cell)
        self._plain_stack = stack

    def stack(self, stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        return _numpy(self._stack(batch_first, _rows(stack), inputs, states, lengths))

    def stack_vjp(
        self,
        stack: Any,
        inputs: Any,
        states: Any,
        lengths: Any,
        batch_first: bool,
        d_outputs: Any,
        d_last: Any,
    ) -> StackGradients:
        H, D, L = stack.hidden_size, len(stack.cells[0]), len(stack.cells)
        members = inputs.shape[slice(0, 1) if batch_first else slice(1, -1)]
        cotangents = (
            np.zeros((*inputs.shape[:-1], D * H), inputs.dtype) if d_outputs is None else d_outputs,
            np.zeros((L * D, *members, H), inputs.dtype) if d_last is None else d_last,
        )
        at = _rows(stack), inputs, states
        rows, d_inputs, d_states = _numpy(self._stack_vjp(batch_first, at, lengths, cotangents))
        found = {}
        for layer, row in enumerate(rows):
            for direction, arrays in enumerate(row):
                for name, array in arrays.items():
                    found[f"{name}_l{layer}{'_reverse' * direction}"] = array
        return StackGradients(found, d_inputs, d_states)

    @cached_property
    def _stack(self) -> Any:
        return jax.jit(self._masked, static_argnums=0)

    @cached_property
    def _stack_vjp(self) -> Any:
        def pull(first: bool, at: Any, lengths: Any, cotangents: Any) -> Any:
            def run(rows: Any, inputs: Any, states: Any) -> Any:
                return self._masked(first, rows, inputs, states, lengths)

            return jax.vjp(run, *at)[1](cotangents)

        return jax.jit(pull, static_argnums=0)

    def _masked(self, batch_first: bool, rows: Any, inputs: Any, states: Any, lengths: Any) -> Any:
        outputs, last = self._plain_stack(rows, inputs, states, lengths, batch_first)
        if lengths is None:
            return outputs, last
        real = jnp.arange(outputs.shape[int(batch_first)])[:, None] < lengths
        return jnp.where((real.T if batch_first else real)[..., None], outputs, 0), last


def _numpy(tree: Any) -> Any:
    return jax.tree.map(np.array, tree)


def _state(cell: Any, inputs: Any, state: Any) -> Any:
    if state is None:
        return np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
    return state


def _cotangents(cell: Any, inputs: Any, d_outputs: Any, d_last: Any) -> Any:
    T, B = inputs.shape[:2]
    if d_outputs is None:
        d_outputs = np.zeros((T, B, cell.hidden_size), inputs.dtype)
    if d_last is None:
        d_last = np.zeros((B, cell.hidden_size), inputs.dtype)
    return d_outputs, d_last


def _along(cell: Any, inputs: Any, state: Any, tangent: Gradients) -> Any:
    moves = {name: getattr(tangent, name) for name in cell.packed()}
    at = cell.packed(), inputs, _state(cell, inputs, state)
    return at, (moves, tangent.inputs, tangent.state)


def _gradients(found: Any) -> Gradients:
    packed, d_inputs, d_state = _numpy(found)
    biases = packed.get("bias_ih"), packed.get("bias_hh")
    return Gradients(packed["weight_ih"], packed["weight_hh"], *biases, d_inputs, d_state)


def _rows(stack: Any) -> list[list[Arrays]]:
    return [[cell.packed() for cell in row] for row in stack.cells]


def _one_bias(p: Arrays) -> tuple[Any, Any]:
    """The biases of gates that have one, and the recurrent one of the candidate, which is reset."""
    r, z, n = jnp.split(p["bias_hh"], 3)
    return p["bias_ih"] + jnp.concatenate([r, z, jnp.zeros_like(n)]), n


def _by_hand() -> FourMethods:
    def step(p: Arrays, x: Any, h: Any) -> Any:
        a_r, a_z, a_n = jnp.split(x @ p["weight_ih"].T + p["bias_ih"], 3, axis=-1)
        u_r, u_z, u_n = jnp.split(h @ p["weight_hh"].T + p["bias_hh"], 3, axis=-1)
        r, z = jax.nn.sigmoid(a_r + u_r), jax.nn.sigmoid(a_z + u_z)
        n = jnp.tanh(a_n + r * u_n)
        return (1 - z) * n + z * h

    return FourMethods("jitted", Variant(), step, _scanned(step))


def _scanned(step: Callable[..., Any]) -> Callable[..., Any]:
    def run(p: Arrays, inputs: Any, state: Any) -> Any:
        def next_one(h: Any, x: Any) -> Any:
            following = step(p, x, h)
            return following, following

        last, outputs = jax.lax.scan(next_one, state, inputs)
        return outputs, last

    return run


def _flax() -> OfStacks:
    from flax import linen as nn

    def cell(p: Arrays) -> Any:
        return nn.GRUCell(p["weight_hh"].shape[1])

    def nested(p: Arrays) -> Any:
        bias, last = _one_bias(p)
        found = {}
        for side, weight in (("i", p["weight_ih"]), ("h", p["weight_hh"])):
            for gate, block in zip("rzn", jnp.split(weight, 3), strict=True):
                found[side + gate] = {"kernel": block.T}
        for gate, block in zip("rzn", jnp.split(bias, 3), strict=True):
            found["i" + gate]["bias"] = block
        found["hn"]["bias"] = last
        return found

    def step(p: Arrays, x: Any, h: Any) -> Any:
        return cell(p).apply({"params": nested(p)}, h, x)[0]

    def run(p: Arrays, inputs: Any, state: Any) -> Any:
        rnn = nn.RNN(cell(p), time_major=True, return_carry=True)
        last, outputs = rnn.apply({"params": {"cell": nested(p)}}, inputs, initial_carry=state)
        return outputs, last

    def stack(rows: Any, xs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        found = list[Any]()
        for layer, row in enumerate(rows):
            D = len(row)
            rnns, params = [nn.RNN(cell(p)) for p in row], [{"cell": nested(p)} for p in row]
            start = None if states is None else tuple(states[layer * D : (layer + 1) * D])
            module: Any = nn.Bidirectional(*rnns) if D == 2 else rnns[0]
            names = ("forward_rnn", "backward_rnn")
            carry, xs = module.apply(
                {"params": dict(zip(names, params, strict=True)) if D == 2 else params[0]},
                xs,
                initial_carry=start[0] if D == 1 and start else start,
                seq_lengths=lengths,
                time_major=not batch_first,
                return_carry=True,
            )
            found += carry if D == 2 else [carry]
        return xs, jnp.stack(found)

    return OfStacks("flax", Variant(), step, run, stack=stack)


def _nnx() -> OfCells:
    from flax import nnx

    def cell(p: Arrays) -> Any:
        kernel, recurrent = p["weight_ih"].T, p["weight_hh"].T
        made = nnx.eval_shape(lambda: nnx.GRUCell(*_sizes(p), rngs=nnx.Rngs(0)))
        bias = jnp.zeros(len(p["weight_ih"]), kernel.dtype)
        return nnx.merge(
            nnx.split(made)[0],
            {"dense_i": {"kernel": kernel, "bias": bias}, "dense_h": {"kernel": recurrent}},
        )

    def step(p: Arrays, x: Any, h: Any) -> Any:
        return cell(p)(h, x)[0]

    def run(p: Arrays, inputs: Any, state: Any) -> Any:
        rnn = nnx.RNN(cell(p), time_major=True, return_carry=True, rngs=nnx.Rngs(0))
        last, outputs = rnn(inputs, initial_carry=state)
        return outputs, last

    # Its cell has no recurrent bias of the candidate, which 0.1 knows no word for.
    return OfCells("flax:nnx", Variant(bias=False), step, run)


def _equinox() -> OfCells:
    import equinox as eqx

    def step(p: Arrays, x: Any, h: Any) -> Any:
        key, names = jax.random.key(0), ("weight_ih", "weight_hh", "bias", "bias_n")
        empty = eqx.filter_eval_shape(eqx.nn.GRUCell, *_sizes(p), key=key)
        arrays = [p["weight_ih"], p["weight_hh"], *_one_bias(p)]
        cell = eqx.tree_at(lambda cell: [getattr(cell, name) for name in names], empty, arrays)
        return jax.vmap(cell)(x, h)

    return OfCells("equinox", Variant(), step, _scanned(step))


def _haiku() -> OfCells:
    import haiku as hk

    def applied(p: Arrays, function: Callable[[Any], Any]) -> Any:
        def swapped(array: Any) -> Any:
            r, z, n = jnp.split(array, 3)
            return jnp.concatenate([z, r, n])

        weights = {
            "w_i": swapped(p["weight_ih"]).T,
            "w_h": swapped(p["weight_hh"]).T,
            "b": swapped(p["bias_ih"] + p["bias_hh"]),
        }
        transformed = hk.transform(lambda: function(hk.GRU(p["weight_hh"].shape[1])))
        return transformed.apply({"gru": weights}, None)

    def step(p: Arrays, x: Any, h: Any) -> Any:
        return applied(p, lambda gru: gru(x, h)[0])

    def run(p: Arrays, inputs: Any, state: Any) -> Any:
        return applied(p, lambda gru: hk.dynamic_unroll(gru, inputs, state))

    return OfCells("haiku", Variant("before", "replace"), step, run)


def _sizes(p: Arrays) -> tuple[int, int]:
    return p["weight_ih"].shape[1], p["weight_hh"].shape[1]


_MADE = {
    "jitted": _by_hand,
    "flax": _flax,
    "nnx": _nnx,
    "equinox": _equinox,
    "haiku": _haiku,
}


def __getattr__(name: str) -> Any:
    """A target by its name: only its own library is imported."""
    if name in _MADE:
        return _MADE[name]()
    raise AttributeError(f"jax_cells has {', '.join(_MADE)}, and no {name!r}")
