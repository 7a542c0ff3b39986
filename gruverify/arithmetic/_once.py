"""What is found of an object once, at the cost of a plain attribute from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from functools import cached_property as once
else:

    class once:
        """A cached property without the lock of `functools`, which costs more than what a ball
        finds.
        """

        def __init__(self, find: Any) -> None:
            self._find = find
            self.__doc__ = find.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            # From now on Python finds the instance's attribute first: this class has no __set__.
            found = instance.__dict__[self._name] = self._find(instance)
            return found


__all__ = ["once"]
