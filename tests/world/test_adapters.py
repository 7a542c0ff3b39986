"""What stands between a library and the checks hides no fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

import gruverify
from gruverify import float32


def adapter(name: str, module: str) -> Any:
    """The backend of a target, where what it needs is installed."""
    pytest.importorskip(name)
    return import_module(f"gruverify.backends.world.{module}").build()


def falsified(backend: Any, *only: str) -> set[str]:
    """The ids of what fails in a few cases."""
    result = gruverify.check(backend, formats=[float32], profile="quick", max_cases=3, only=only)
    return {id for (id, _, _), tally in result.tallies.items() if tally.falsified or tally.error}


def gates_exchanged(backend: Any) -> Any:
    import jax

    def step(weights: Any, x: Any, h: Any) -> Any:
        r, z, n = jax.numpy.split(weights["weight_ih"], 3)
        return backend.plain_step({**weights, "weight_ih": jax.numpy.concatenate([z, r, n])}, x, h)

    return replace(backend, plain_step=step)


def carry_path_cut(backend: Any) -> Any:
    import jax

    return replace(
        backend,
        plain_step=lambda weights, x, h: backend.plain_step(weights, x, jax.lax.stop_gradient(h)),
    )


def last_step_doubled(backend: Any) -> Any:
    def run(weights: Any, inputs: Any, state: Any) -> Any:
        outputs, last = backend.plain_run(weights, inputs, state)
        return outputs, backend.plain_step(weights, inputs[-1], last)

    return replace(backend, plain_run=run)


def direction_of_the_tangent_turned(backend: Any) -> Any:
    import jax

    @jax.custom_jvp
    def turned(h: Any) -> Any:
        return h

    turned.defjvps(lambda tangent, answer, h: -tangent)

    def run(weights: Any, inputs: Any, state: Any) -> Any:
        return backend.plain_run(weights, inputs, turned(state))

    return replace(backend, plain_run=run)


@pytest.mark.parametrize("library", ["flax", "equinox"])
@pytest.mark.parametrize(
    ("fault", "only"),
    [
        (gates_exchanged, "agreement/step"),
        (carry_path_cut, "agreement/step-vjp"),
        (last_step_doubled, "agreement/last"),
        (direction_of_the_tangent_turned, "agreement/jvp"),
    ],
)
def test_catches_a_fault_behind_jax(fault: Callable[[Any], Any], only: str, library: str) -> None:
    backend = adapter(library, f"_{library}")

    assert falsified(backend, only) == set()
    assert falsified(fault(backend), only)


def changed(attribute: str, value: Any) -> Callable[[Any], Any]:
    """Models whose node has another attribute than was asked for."""

    def fault(backend: Any) -> Any:
        def loaded(model: Any) -> Any:
            from onnx import helper

            node = model.graph.node[0]
            others = [a for a in node.attribute if a.name != attribute]
            del node.attribute[:]
            node.attribute.extend([*others, helper.make_attribute(attribute, value)])
            return backend.loaded(model)

        return replace(backend, loaded=loaded)

    return fault


def biases_dropped(backend: Any) -> Any:
    def loaded(model: Any) -> Any:
        run = backend.loaded(model)
        return lambda given: run(
            {name: 0 * array if name == "B" else array for name, array in given.items()}
        )

    return replace(backend, loaded=loaded)


def runtime_of(name: str) -> Any:
    """The backend of a runtime of which nothing in `agreement` fails."""
    if name == "onnx":
        return adapter("onnx", "_onnx_reference")
    pytest.importorskip("onnxruntime")
    from ._runtimes import onnxruntime_declared

    return onnxruntime_declared()


@pytest.mark.parametrize("runtime", ["onnx", "onnxruntime"])
@pytest.mark.parametrize(
    "fault",
    [changed("linear_before_reset", 0), changed("linear_before_reset", 1), biases_dropped],
    ids=["resets before", "resets after", "no biases"],
)
def test_catches_a_fault_behind_onnx(fault: Callable[[Any], Any], runtime: str) -> None:
    backend = runtime_of(runtime)

    assert falsified(backend, "agreement") == set()
    assert falsified(fault(backend), "agreement")
