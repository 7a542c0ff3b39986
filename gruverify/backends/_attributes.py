"""An attribute of a user's object, told from a property that raises."""

from __future__ import annotations

import inspect
from typing import Any

from gruverify._visible import error_line


class PropertyRaised(RuntimeError):
    """A property raised AttributeError, or what is not an Exception at all; `__cause__` has it."""


def value_of(owner: object, name: str) -> Any:
    """The attribute of that name.

    Python takes a property that raises AttributeError for an attribute that is not there: here it
    is one that failed.

    Raises:
        AttributeError: the owner has no such attribute.
        PropertyRaised: it has a property of that name, which raised AttributeError, or SystemExit
            or another that `except Exception` lets pass. Whatever else one raises passes.
    """
    try:
        return getattr(owner, name)
    except AttributeError:
        found = next((vars(cls)[name] for cls in type(owner).__mro__ if name in vars(cls)), None)
        # A member descriptor is a slot that nothing was put into.
        if found is None or inspect.ismemberdescriptor(found):
            raise
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as failure:
        raise PropertyRaised(f"its property raised {error_line(failure)}") from failure
    try:
        # Asked once more: an owner with `__getattr__` has put words of its own in place of the
        # property's.
        return found.__get__(owner, type(owner))
    except AttributeError as failure:
        raise PropertyRaised(f"its property raised AttributeError: {failure}") from failure


def failure_of(raised: BaseException) -> str:
    """What a property raised, on one line."""
    if isinstance(raised, PropertyRaised):
        failure = raised.__cause__ or raised
    else:
        failure = raised
    return f"its property raised {error_line(failure)}"
