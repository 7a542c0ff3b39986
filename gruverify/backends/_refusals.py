"""How PyTorch says, as a RuntimeError, that it does not do something: that is a refusal, and no
error of a target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

#: A derivative, a mode, a kernel for a dtype, a rule of a transform that is missing; for packed
#: sequences, an operation that reads memory which a transformed tensor does not have.
_PHRASES = (
    "not implemented",
    "not been implemented",
    "not support",
    "not currently support",
    "unsupported dtype",
    "no kernel",
    "batching rule",
    "once_differentiable",
    "can't be used with jitted modules",
    "doesn't have storage",
)

Method = TypeVar("Method", bound=Callable[..., Any])


@contextmanager
def refusals() -> Iterator[None]:
    """What PyTorch refuses inside raises NotImplementedError, with PyTorch's own reason."""
    try:
        yield
    except RuntimeError as failure:  # NotImplementedError is one too
        said = str(failure)
        if not isinstance(failure, NotImplementedError) and not any(
            phrase in said.lower() for phrase in _PHRASES
        ):
            raise
        raise NotImplementedError(said.strip().partition("\n")[0]) from failure


def translated(method: Method) -> Method:
    """A method that raises NotImplementedError where PyTorch refuses."""

    @wraps(method)
    def call(*arguments: object) -> Any:
        with refusals():
            return method(*arguments)

    return cast(Method, call)
