"""Each declaration has a right GRU that needs it and a wrong one that still fails with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from gruverify import (
    Cell,
    Format,
    Gradients,
    Result,
    StackGradients,
    Variant,
    check,
    float32,
    float64,
)
from gruverify.backends import OPTIONAL_METHODS, STACK_OPTIONS, NumpyBackend
from gruverify.engine import identify, streams_for

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("unexplained")]

NUMPY = NumpyBackend()


class One(NumpyBackend):
    """PyTorch's GRU in one format."""

    name = "one"
    variants = (Variant(),)
    formats = (float64,)
    min_length, kappa_sigma, sums_in_format, zoneout = 1, None, None, None


# What these tests change is not changed in methods with masks.
for _method in (*OPTIONAL_METHODS, *STACK_OPTIONS):
    setattr(One, _method, None)


def run(backend: object, *, only: tuple[str, ...] = (), cases: int = 10) -> Result:
    """A short run."""
    return check(backend, max_cases=cases, only=only)


def failed(result: Result) -> set[str]:
    """What failed, or was raised."""
    return {id for (id, _, _), tally in result.tallies.items() if tally.falsified or tally.error}


def ruled_out(result: Result, declaration: str) -> set[str]:
    """What a declaration has made not applicable."""
    return {
        id
        for (id, _, _), tally in result.tallies.items()
        if tally.reason.endswith(f"declared {declaration}")
    }


def judged(result: Result) -> set[str]:
    """What passed."""
    return {id for (id, _, _), tally in result.tallies.items() if tally.passed}


# -- biases ----------------------------------------------------------------------------------------


def reading(cell: Cell, biases: str) -> Cell:
    """The cell as an implementation with other biases reads its arrays: those that it lacks are
    nothing to it.
    """
    variant = Variant(cell.variant.reset, cell.variant.update, biases=biases)  # type: ignore[arg-type]
    assert cell.bias_ih is not None
    assert cell.bias_hh is not None
    there = (np.repeat(variant.mask(name), cell.hidden_size) for name in ("bias_ih", "bias_hh"))
    bias_ih, bias_hh = (
        bias * rows for bias, rows in zip((cell.bias_ih, cell.bias_hh), there, strict=True)
    )
    return Cell(variant, cell.weight_ih, cell.weight_hh, bias_ih, bias_hh)


def having(biases: str, read: str = "") -> type[One]:
    """A GRU that declares some biases, and that has these or, if `read` says so, others."""

    class Having(One):
        def step(self, cell: Any, x: Any, h: Any) -> Any:
            return NUMPY.step(reading(cell, read or biases), x, h)

        def sequence(self, cell: Any, inputs: Any, state: Any) -> Any:
            return NUMPY.sequence(reading(cell, read or biases), inputs, state)

        def sequence_vjp(self, cell: Any, *rest: Any) -> Any:
            g = NUMPY.sequence_vjp(reading(cell, read or biases), *rest)
            return replace(
                g,
                bias_ih=g.bias_ih if "input" in biases else None,
                bias_hh=self.recurrent(g.bias_hh),
            )

        @staticmethod
        def recurrent(gradient: Any) -> Any:
            """Nothing that anyone should read, but for what the GRU has."""
            if biases == "input":
                return "no gradient"
            gates = len(gradient) * 2 // 3
            return (
                gradient
                if biases == "recurrent"
                else np.concatenate([gradient[:gates] * np.nan, gradient[gates:]])
            )

        stack = stack_vjp = sequence_jvp = sequence_hvp = None  # type: ignore[assignment]

    Having.biases = biases  # type: ignore[attr-defined]
    return Having


FORMS = [
    pytest.param("input", marks=pytest.mark.slow),
    pytest.param("recurrent", marks=pytest.mark.slow),
    "input+candidate",
]


@pytest.mark.slow
@pytest.mark.parametrize("biases", FORMS)
def test_whoever_has_some_of_the_biases_passes_once_that_is_declared(biases: str) -> None:
    result = run(having(biases)())

    assert failed(result) == set()
    assert result.header["declarations"] == {"biases": biases}
    assert {variant for _, _, variant in result.tallies} - {"-"} == {str(Variant(biases=biases))}  # type: ignore[arg-type]
    assert {"agreement/step", "agreement/outputs", "agreement/gradient-weight_hh-update"} <= judged(
        result
    )


@pytest.mark.parametrize("biases", FORMS)
def test_undeclared_it_fails(biases: str) -> None:
    class Silent(having(biases)):  # type: ignore[misc]
        biases = None

    assert "agreement/step" in failed(run(Silent(), only=("agreement/step",)))


@pytest.mark.parametrize(
    ("biases", "read"), [("input", "none"), ("recurrent", "none"), ("input+candidate", "input")]
)
def test_catches_a_declared_bias_that_is_not_read(biases: str, read: str) -> None:
    assert "agreement/step" in failed(run(having(biases, read)(), only=("agreement/step",)))


def test_catches_the_wrong_gradient_of_a_declared_bias() -> None:
    class Halved(having("input+candidate")):  # type: ignore[misc]
        def sequence_vjp(self, *arguments: Any) -> Any:
            g = super().sequence_vjp(*arguments)
            return replace(g, bias_hh=g.bias_hh / 2)

    assert failed(run(Halved(), only=("agreement/gradient-bias_hh",))) == {
        "agreement/gradient-bias_hh-candidate"
    }


@pytest.mark.slow
@pytest.mark.parametrize("biases", FORMS)
def test_identify_names_the_biases_that_are_there(biases: str) -> None:
    class Silent(having(biases)):  # type: ignore[misc]
        biases = None

    undeclared, declared = identify(Silent()), identify(having(biases)())

    words = {"input": "bias_ih alone", "recurrent": "bias_hh alone"}.get(
        biases, "bias_hh of the candidate alone"
    )
    assert undeclared.status == declared.status == "identified"
    for found in (undeclared, declared):
        (evidence,) = found.parts[0].holds
        assert words in evidence.reading.describe(found.parts[0].declared)


# -- where it starts -------------------------------------------------------------------------------


def from_zeros(method: str) -> Callable[..., Any]:
    """A method that takes no other initial state."""

    def call(self: Any, subject: Any, inputs: Any, state: Any, *rest: Any) -> Any:
        if state is not None and state.any():
            raise RuntimeError("it starts from zeros")
        return getattr(NUMPY, method)(subject, inputs, state, *rest)

    return call


class FromZeros(One):
    """Starts from zeros alone."""

    initial_state = False

    step, step_vjp, step_jacobian = map(from_zeros, ("step", "step_vjp", "step_jacobian"))
    sequence, sequence_vjp = map(from_zeros, ("sequence", "sequence_vjp"))
    sequence_jvp, sequence_hvp = map(from_zeros, ("sequence_jvp", "sequence_hvp"))
    stack, stack_vjp = map(from_zeros, ("stack", "stack_vjp"))


@pytest.mark.slow
def test_whoever_starts_from_zeros_is_asked_for_nothing_else() -> None:
    result = run(FromZeros())

    assert failed(result) == set()
    assert result.header["declarations"] == {"initial_state": False, "state_gradient": False}
    assert {"agreement/outputs", "agreement/gradient-weight_hh-update", "stack/outputs"} <= judged(
        result
    )
    assert {"dynamics/contraction", "conventions/gate-order"} <= ruled_out(
        result, "initial_state=False"
    )


def test_undeclared_the_refusal_of_a_state_is_an_error() -> None:
    class Silent(FromZeros):
        initial_state = True

    assert failed(run(Silent(), only=("agreement/step",)))


def test_catches_a_wrong_sequence_from_zeros() -> None:
    class Wrong(FromZeros):
        def sequence(self, *arguments: Any) -> Any:
            outputs, last = NUMPY.sequence(*arguments)
            return outputs, last / 2

    assert "agreement/last" in failed(run(Wrong(), only=("agreement/last",)))


class Flushing(One):
    """It may take numbers below the smallest normal for 0, in one of its formats."""

    formats = (float32, float64)
    subnormals: ClassVar = {"float32": False}


def test_whoever_flushes_is_shown_no_loss_of_subnormal_numbers() -> None:
    """Nothing is claimed of its gradients at these, and one large case was enough for a run to be
    inconclusive.
    """

    def smallest(fmt: Format) -> float:
        found = list[Any]()
        for stream in streams_for(Flushing(), fmt, 0, 150):
            stream.draw(found.append)
        losses = [np.abs(case.d_outputs) for case in found]
        return min(float(each.min(where=each > 0, initial=1)) for each in losses)

    assert smallest(float32) >= float32.min_normal
    assert smallest(float64) < float64.min_normal


def without_state(method: str) -> Callable[..., Any]:
    """A method whose gradients have no part for the state."""

    def call(self: Any, *arguments: Any) -> Any:
        found = getattr(NUMPY, method)(*arguments)
        if isinstance(found, StackGradients):
            return StackGradients(found.parameters, found.inputs, None)
        return Gradients(
            found.weight_ih, found.weight_hh, found.bias_ih, found.bias_hh, found.inputs, None
        )

    return call


class Stateless(One):
    """Has every gradient but that of the initial state."""

    state_gradient = False

    step_vjp, sequence_vjp, stack_vjp = map(
        without_state, ("step_vjp", "sequence_vjp", "stack_vjp")
    )


@pytest.mark.slow
def test_whoever_has_no_gradient_of_the_state_is_asked_for_every_other() -> None:
    result = run(Stateless(), cases=15)

    assert failed(result) == set()
    assert {
        "agreement/gradient-inputs",
        "agreement/step-vjp",
        "gradient/adjoint",
        "gradient/taylor",
    } <= judged(result)
    assert {"agreement/gradient-state", "stack/gradient-states"} <= ruled_out(
        result, "state_gradient=False"
    )


def test_undeclared_a_missing_gradient_of_the_state_is_told_how_to_declare_it() -> None:
    class Silent(Stateless):
        state_gradient = True

    result = run(
        Silent(), only=("contract/shape-sequence-vjp", "contract/shape-stack-vjp"), cases=3
    )

    wheres = {witness.residual.where for witness in result.witnesses.values()}
    assert wheres == {
        "gradient of state is None: declare state_gradient=False?",
        "gradient of states is None: declare state_gradient=False?",
    }


def test_catches_a_wrong_gradient_of_inputs_beside_a_missing_one_of_the_state() -> None:
    class Wrong(Stateless):
        def sequence_vjp(self, *arguments: Any) -> Any:
            g = without_state("sequence_vjp")(self, *arguments)
            return replace(g, inputs=g.inputs * 2)

    assert "agreement/gradient-inputs" in failed(run(Wrong(), only=("agreement/gradient-inputs",)))


# -- separate passes -------------------------------------------------------------------------------

TIGHT = {
    "gradient/scaling-identity",
    "gradient/bias-gradients-agree",
    "gradient/recurrent-bias-is-reset",
    "gradient/outer-product",
    "gradient/rank-one",
}


class Separate(One):
    """Finds the gradient of every bias in a pass of its own: a few roundings apart, and each within
    its own radius.
    """

    separate_passes = True

    def sequence_vjp(self, *arguments: Any) -> Any:
        g = NUMPY.sequence_vjp(*arguments)
        return replace(
            g, bias_hh=g.bias_hh * (1 + 2.0**-49), weight_ih=g.weight_ih * (1 - 2.0**-49)
        )


@pytest.mark.slow
def test_gradients_of_separate_passes_are_not_held_to_one_cotangent() -> None:
    result = run(Separate(), only=("gradient", "agreement"), cases=20)

    assert ruled_out(result, "separate_passes=True") == TIGHT
    assert not failed(result) & TIGHT


def test_undeclared_separate_passes_violate_an_identity() -> None:
    class Silent(Separate):
        separate_passes = False

    assert failed(run(Silent(), only=tuple(TIGHT), cases=30)) & TIGHT


def test_catches_a_wrong_gradient_in_separate_passes() -> None:
    class Wrong(Separate):
        def sequence_vjp(self, *arguments: Any) -> Any:
            g = NUMPY.sequence_vjp(*arguments)
            return replace(g, bias_hh=2 * g.bias_hh)

    assert "agreement/gradient-bias_hh-update" in failed(
        run(Wrong(), only=("agreement/gradient-bias_hh",))
    )


# -- NaN -------------------------------------------------------------------------------------------

NANS = ("numerics/nan", "numerics/nan-in-time")


class Raising(One):
    """Refuses NaN."""

    nan = "raises"

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        if np.isnan(x).any() or np.isnan(h).any():
            raise NotImplementedError("NaN")
        return NUMPY.step(cell, x, h)

    def sequence(self, cell: Any, inputs: Any, state: Any) -> Any:
        if np.isnan(inputs).any():
            raise FloatingPointError("NaN")
        return NUMPY.sequence(cell, inputs, state)


class Passing(One):
    """Passes NaN on, and says that it raises."""

    nan = "raises"


class Swallowing(One):
    """Makes a number of NaN."""

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        return NUMPY.step(cell, np.nan_to_num(x), np.nan_to_num(h))

    def sequence(self, cell: Any, inputs: Any, state: Any) -> Any:
        return NUMPY.sequence(cell, np.nan_to_num(inputs), state)


class Undefined(Swallowing):
    """The same, and says so."""

    nan = "undefined"


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("backend", "fails"),
    [(Raising, set()), (One, set()), (Passing, set(NANS)), (Swallowing, set(NANS))],
)
def test_nan_does_what_is_declared(backend: Any, fails: set[str]) -> None:
    result = run(backend(), only=NANS)

    assert failed(result) == fails
    assert judged(result) == set(NANS) - fails


def test_what_nan_does_may_be_undefined() -> None:
    assert ruled_out(run(Undefined(), only=NANS), "nan='undefined'") == set(NANS)


def test_catches_a_wrong_step_that_has_declared_of_nan_what_it_does() -> None:
    class Wrong(Undefined):
        def step(self, cell: Any, x: Any, h: Any) -> Any:
            return NUMPY.step(cell, x, h) / 2

    assert "agreement/step" in failed(run(Wrong(), only=("agreement/step",)))


# -- shapes ----------------------------------------------------------------------------------------


class OneShape(One):
    """Two layers forward over full batches of one arrangement, with three units and two inputs."""

    hidden_size, input_size, num_layers = 3, 2, 2
    bidirectional, batch_first, lengths, unbatched, min_length = False, True, False, False, 2

    def stack(self, stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        assert (stack.hidden_size, stack.input_size, stack.layers, stack.directions) == (3, 2, 2, 1)
        assert (inputs.ndim, lengths, batch_first) == (3, None, True)
        return NUMPY.stack(stack, inputs, states, lengths, batch_first)


@pytest.mark.slow
def test_an_implementation_of_one_shape_is_asked_for_no_other() -> None:
    result = run(OneShape(), only=("stack", "contract"))

    assert failed(result) == set()
    assert {"stack/outputs", "stack/mirrored", "stack/members-in-any-order"} & judged(result)
    assert "stack/padding-outputs" in ruled_out(result, "lengths=False")
    assert "stack/no-batch" in ruled_out(result, "unbatched=False")


def test_catches_a_wrong_stack_of_one_shape() -> None:
    class Wrong(OneShape):
        def stack(self, *arguments: Any) -> Any:
            outputs, last = super().stack(*arguments)
            return outputs, last[::-1].copy()

    assert "stack/last" in failed(run(Wrong(), only=("stack/last",)))
