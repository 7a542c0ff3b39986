"""What a module of PyTorch must return, in words for whoever's returns something else."""

from __future__ import annotations

from typing import Any

import torch


def state_of(returned: Any) -> torch.Tensor:
    """What a cell returned: the next state.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(returned, torch.Tensor):
        return returned
    raise TypeError(
        f"the module returned {_in_words(returned)} where a cell returns a tensor, the next state "
        "(B, H)"
    )


def outputs_and_last(returned: Any) -> tuple[Any, torch.Tensor]:
    """What a layer, or a stack of them, returned: the outputs, packed or not, and the last states.

    Raises:
        TypeError: it is something else.
    """
    # One tensor could be unpacked, too, where there are two steps.
    if isinstance(returned, tuple | list) and len(returned) == 2:
        outputs, last = returned
        # TorchScript has a class of its own for packed sequences.
        packed = hasattr(outputs, "batch_sizes")
        if (packed or isinstance(outputs, torch.Tensor)) and isinstance(last, torch.Tensor):
            return outputs, last
    raise TypeError(
        f"the module returned {_in_words(returned)} where a layer returns two tensors, the outputs "
        "and the last states"
    )


def _in_words(returned: Any) -> str:
    if returned is None:
        return "nothing"
    if isinstance(returned, tuple | list):
        parts = ", ".join(type(part).__name__ for part in returned)
        return f"a {type(returned).__name__} of {len(returned)} ({parts})"
    return f"an object of type {type(returned).__name__}"
