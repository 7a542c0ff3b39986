"""--gru, --layout, --reset, --update: which GRU of a file is meant, where the file does not say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from gruverify._named import Keywords
from gruverify.cli._options import EXIT_UNAVAILABLE, Fail
from gruverify.cli._values import one_of

if TYPE_CHECKING:
    from gruverify.models import Gru

Command = TypeVar("Command", bound=Callable[..., object])

#: The option that says which GRUs of a file are the layers of one.
LAYERS: Keywords = {
    "metavar": "all|NAME,...",
    "help": "These GRUs of the file are the layers of one, in this order; all: by the numbers in "
    "their names.",
}

#: The layouts that weights may be in.
LAYOUTS = ("pytorch", "keras", "onnx", "flax", "nnx", "equinox", "mlx", "haiku")
_OPTIONS = (
    click.option("--gru", "name", metavar="NAME", help="Which GRU, where there are several."),
    click.option(
        "--layout",
        type=one_of(*LAYOUTS),
        metavar="|".join(LAYOUTS),
        help="Whose layout the weights have, where their names do not tell.",
    ),
    click.option(
        "--reset",
        type=one_of("after", "before"),
        metavar="after|before",
        help="Which side of the recurrent product the reset gate is on.",
    ),
    click.option(
        "--update",
        type=one_of("keep", "replace"),
        metavar="keep|replace",
        help="What z multiplies: the old state (keep) or the candidate (replace).",
    ),
)


def gru_options(command: Command) -> Command:
    """Give a command these options; it gets them as name, layout, reset and update."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def only_gru(
    path: str,
    name: str | None,
    layout: str | None,
    reset: str | None,
    update: str | None,
    *,
    attributes: bool = False,
    activations: str | None = None,
    layers: str | None = None,
) -> Gru:
    """The GRU of the file: the one of that name, or the only one. attributes: as `read_grus` has
    it; activations: in place of those of the file; layers: which of its GRUs are the layers of one.

    Raises:
        Fail: there is none, or more than one; or the file cannot be read.
    """
    from gruverify.models import BadFile, read_grus

    try:
        found = read_grus(
            path, name=name, layout=layout, reset=reset, update=update, attributes=attributes
        )
    except BadFile as wrong:
        raise Fail(str(wrong)) from None
    if layers is not None:
        found = [_layers(path, found, layers)]
    if len(found) > 1:
        raise Fail(
            f"{path} has {len(found)} GRUs, pick one with --gru: {'; '.join(map(str, found))}"
        )
    if activations is None:
        return found[0]
    from gruverify.arithmetic import USUAL, functions_named

    try:
        functions = functions_named(activations, found[0].stack.directions)
    except ValueError as unknown:
        raise Fail(f"--activations: {unknown}") from None
    usual = all(each == USUAL for each in functions)
    return replace(found[0], functions=None if usual else functions)


def _layers(path: str, found: list[Gru], layers: str) -> Gru:
    """These GRUs as the layers of one."""
    from gruverify.models import as_layers

    try:
        return as_layers(found, names_of_layers(layers))
    except ValueError as wrong:
        raise Fail(f"{path}: --layers {layers}: {wrong}") from None


def names_of_layers(layers: str) -> list[str] | None:
    """The names that --layers gives; None: all, by the numbers in their names."""
    if layers == "all":
        return None
    return layers.split(",")


@contextmanager
def mistakes_about_a_model(*others: type[ValueError]) -> Iterator[None]:
    """What is wrong with a model or inputs, on one line; `others` are further errors of a user's.

    Raises:
        Fail: in place of any of them.
    """
    from gruverify.backends import TargetUnavailable, UnknownTarget
    from gruverify.diagnosis import CannotDiagnose
    from gruverify.models import BadFile

    mistakes: tuple[type[ValueError], ...] = (BadFile, UnknownTarget, CannotDiagnose, *others)
    try:
        yield
    except TargetUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except mistakes as wrong:
        raise Fail(str(wrong)) from None
