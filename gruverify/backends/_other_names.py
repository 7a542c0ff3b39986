"""What a module may write whose parameters have names of its own: a suggestion, for a message."""

from __future__ import annotations

import json
from collections.abc import Mapping

from torch import nn

from gruverify.backends._called import takes_a_sequence
from gruverify.backends._guessed_names import Shapes, guessed_names

_GUIDE = "docs/how-to/torch-module.md"


def suggested_names(module: nn.Module, name: str) -> str:
    """What to write for a module called `name`, as far as names, shapes and a call tell."""
    for path, part in module.named_modules():
        if names := _names_of(part):
            prefix = path and f"{path}."  # the module itself has no path
            if others := [each for each in shapes_of(module) if not each.startswith(prefix)]:
                return _only_a_part(path, part, others)
            said = json.dumps({f"{prefix}{each}": block for each, block in names.items()})
            return (
                f"say what they stand for by an attribute of {name}, perhaps parameter_names = "
                f"{said} ({_GUIDE})"
            )
    first = next(iter(shapes_of(module)))
    return (
        f'say what they stand for by an attribute of {name}, parameter_names = {{"{first}": '
        "...}, whose values are W_xz, W_hz, b_xz and the like, or weight_ih, weight_hh, bias_ih "
        "and bias_hh, with _l0 behind each (W_xz_l0) if it is called with a sequence "
        f"({_GUIDE})"
    )


def shapes_of(module: nn.Module) -> Shapes:
    """The shapes of its parameters by their names."""
    return {
        name: tuple(parameter.shape)
        for name, parameter in module.named_parameters(remove_duplicate=False)
    }


def _names_of(part: nn.Module) -> dict[str, object]:
    """What a part says of its parameters, or what they may stand for; empty if nothing tells."""
    if isinstance(said := getattr(part, "parameter_names", None), Mapping):
        return dict(said)
    shapes = shapes_of(part)
    guess = guessed_names(shapes)
    if guess and takes_a_sequence(part, *_sizes(shapes, guess)):
        return {name: _in_a_layer(block) for name, block in guess.items()}
    return dict(guess)


def _only_a_part(path: str, part: nn.Module, others: list[str]) -> str:
    cls = type(part)
    return (
        f"{', '.join(others[:3])} are not part of a GRU, and its `{path}` alone may be one: "
        f"check {cls.__module__}:{cls.__qualname__}, or `{path}` of an instance of yours "
        f"(module:instance.{path})"
    )


def _in_a_layer(block: str) -> str:
    """The same block of nn.GRU: W_xz_l0.T for W_xz.T."""
    array, dot, transposed = block.partition(".")
    return f"{array}_l0{dot}{transposed}"


def _sizes(shapes: Shapes, guess: Mapping[str, str]) -> tuple[int, int]:
    """I and H, of a guess that has weights of either side."""
    recurrent = next(shapes[name] for name, block in guess.items() if block.startswith("W_h"))
    of_inputs = next(shapes[name] for name, block in guess.items() if block.startswith("W_x"))
    H = recurrent[0]
    return sum(of_inputs) - H, H
