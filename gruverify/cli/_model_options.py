"""The options of `check` that a model in a runtime has and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gruverify.cli._complete import files
from gruverify.cli._declared import DECLARE
from gruverify.cli._gru import LAYERS, LAYOUTS, only_gru
from gruverify.cli._options import Fail
from gruverify.cli._values import Parsed, one_of

if TYPE_CHECKING:
    from gruverify.runtimes import Whole

Command = TypeVar("Command", bound=Callable[..., object])

_ROLES = ("sequence", "state", "lengths", "outputs", "last")


def _port(text: str) -> tuple[str, str]:
    """ROLE=NAME."""
    role, equals, name = text.partition("=")
    if role not in _ROLES or not equals or not name:
        raise ValueError(text)
    return role, name


_PORT = Parsed(_port, f"must be ROLE=NAME, and ROLE one of {', '.join(_ROLES)}")
#: What says something of the model as a whole, which is asked for by --weights.
_OF_THE_WHOLE = {
    "layout": "--layout",
    "reset": "--reset",
    "update": "--update",
    "activations": "--activations",
    "layers": "--layers",
    "ports": "--port",
}
_OPTIONS = (
    click.option(
        "--gru",
        metavar="NAME",
        help="With model.onnx@RUNTIME: this GRU alone (of --weights: this).",
    ),
    click.option(
        "--inputs",
        multiple=True,
        metavar="FILE",
        shell_complete=files,
        help="With model.onnx@RUNTIME: inputs (T, B, I) to run besides those that are drawn.",
    ),
    click.option(
        "--declare",
        "declared",
        **{**DECLARE, "help": f"With model.onnx@RUNTIME: w{DECLARE['help'][1:]}"},
    ),
    click.option(
        "--weights",
        metavar="FILE",
        shell_complete=files,
        help="With model.onnx@RUNTIME, whose GRU is a Loop, a Scan or steps one by one, or with "
        "model.tflite@litert: judge the whole model against the GRU of this file.",
    ),
    click.option(
        "--layout",
        type=one_of(*LAYOUTS),
        metavar="|".join(LAYOUTS),
        help="With --weights: whose layout they have, where their names do not tell.",
    ),
    click.option(
        "--reset",
        type=one_of("after", "before"),
        metavar="after|before",
        help="With --weights: which side of the recurrent product the reset gate is on.",
    ),
    click.option(
        "--update",
        type=one_of("keep", "replace"),
        metavar="keep|replace",
        help="With --weights: what z multiplies, the old state (keep) or the candidate (replace).",
    ),
    click.option(
        "--activations",
        metavar="GATES,CANDIDATE",
        help="With --weights: the functions in place of σ and tanh, such as "
        "hard_sigmoid(0.2,0.5),relu.",
    ),
    click.option("--layers", **{**LAYERS, "help": f"With --weights: t{LAYERS['help'][1:]}"}),
    click.option(
        "--port",
        "ports",
        type=_PORT,
        multiple=True,
        metavar="ROLE=NAME",
        help="With --weights: which input is the sequence, state or lengths, which output the "
        "outputs or the last state, where shapes do not tell.",
    ),
    click.option(
        "--batch-first/--time-first",
        "batch_first",
        default=None,
        help="With --weights: whether sequence and outputs are (B, T, I) or (T, B, I).",
    ),
)


@dataclass(frozen=True)
class Choice:
    """What is checked on a model: the one GRU of that name, inputs in files besides those that are
    drawn, declarations of accuracy; and the weights of a model that is judged as a whole.
    """

    gru: str | None = None
    inputs: tuple[str, ...] = ()
    declared: tuple[tuple[str, Any], ...] = ()
    weights: str | None = None
    layout: str | None = None
    reset: str | None = None
    update: str | None = None
    activations: str | None = None
    layers: str | None = None
    ports: tuple[tuple[str, str], ...] = ()
    batch_first: bool | None = None

    @property
    def given(self) -> str:
        """The first of the options that is given; "" if none is."""
        named = {"gru": "--gru", "inputs": "--inputs", "declared": "--declare"}
        for name, option in {**named, "weights": "--weights", **_OF_THE_WHOLE}.items():
            # Not by its truth: an option that was given may have an empty value.
            if getattr(self, name) not in (None, ()):
                return option
        if self.batch_first is not None:
            if self.batch_first:
                return "--batch-first"
            return "--time-first"
        return ""

    def whole(self) -> Whole | None:
        """What the model computes as a whole; None if its nodes are checked instead.

        Raises:
            Fail: the weights cannot be read, or something is said of weights that are not given.
        """
        if self.weights is None:
            for name, option in _OF_THE_WHOLE.items():
                if getattr(self, name):
                    raise Fail(f"{option} says something of --weights, which is not given")
            if self.batch_first is not None:
                raise Fail(
                    "--batch-first and --time-first go with --weights: nodes say it themselves"
                )
            return None
        if self.batch_first is None:
            raise Fail(
                "with --weights, say --time-first if the model's sequence is (T, B, I), or "
                "--batch-first if it is (B, T, I)"
            )
        from gruverify.runtimes import Whole

        gru = only_gru(
            self.weights,
            self.gru,
            self.layout,
            self.reset,
            self.update,
            attributes=True,
            activations=self.activations,
            layers=self.layers,
        )
        return Whole(gru, dict(self.ports), self.batch_first)


def model_options(command: Command) -> Command:
    """Give a command these options; it gets them as `choice`."""

    @functools.wraps(command)
    def with_choice(**options: Any) -> Any:
        own = {name: options.pop(name) for name in Choice.__dataclass_fields__}
        return command(**options, choice=Choice(**own))

    decorated = cast(Command, with_choice)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
