"""How much is tried."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """A budget: how many cases for each format."""

    name: str
    cases: int


PROFILES: dict[str, Profile] = {
    p.name: p for p in (Profile("quick", 25), Profile("default", 120), Profile("deep", 2000))
}
