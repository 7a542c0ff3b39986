"""What ships with gruverify: a name, and how to come by what it needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from gruverify.backends._protocol import Backend


@dataclass(frozen=True)
class Target:
    """A backend that ships with gruverify.

    needs: the package that it needs, as it is imported. install: what pip is to install for it,
    with versions; without it the package is an extra of gruverify. places: the framework that can
    place it on a device, "torch" or "jax"; empty for what computes on the CPU alone. beside: what
    it imports besides and `needs` does not bring along.
    """

    name: str
    description: str
    needs: str | None
    build: Callable[[], Backend]
    install: str = ""
    places: str = ""
    beside: str = ""

    @property
    def available(self) -> bool:
        """Whether the packages it needs are installed."""
        return not self.missing

    @property
    def missing(self) -> str:
        """The first of the packages it needs that is not installed; "" if all are."""
        for package in filter(None, (self.needs, self.beside)):
            if importlib.util.find_spec(package) is None:
                return package
        return ""

    @property
    def packages(self) -> tuple[str, ...]:
        """What pip is to install, without versions."""
        return tuple(requirement.partition("==")[0] for requirement in self.install.split())

    @property
    def remedy(self) -> str:
        """The command that makes it available."""
        if self.install:
            return f"pip install {self.install}"
        return f"pip install 'gruverify[{self.needs}]'"
