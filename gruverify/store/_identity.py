"""Whether two runs are the same: what each was asked, and what the target was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gruverify._named import JsonObject
from gruverify.engine import Plan


@dataclass(frozen=True)
class Identity:
    """What makes two runs the same.

    options: of the command line, each as one would write it, "" where it was not given; claims:
    what the target is and declares, in words; versions: of packages; sources: digests of the
    target's files, by module.
    """

    target: str
    options: Mapping[str, str]
    claims: Mapping[str, str]
    versions: Mapping[str, str]
    sources: Mapping[str, str]

    def other_options(self, now: Identity) -> str:
        """What was asked otherwise than now, in words; empty if nothing was."""
        return "; ".join(_differences(self.options, now.options, "no {name}"))

    def other_claims(self, now: Identity) -> str:
        """What the target was or declared otherwise than now, in words."""
        return "; ".join(
            f"{name} {said}" for name, said in _named_differences(self.claims, now.claims)
        )

    def changes(self, now: Identity) -> str:
        """What has changed of its files and of the packages, in words."""
        files = [
            name
            for name in {**self.sources, **now.sources}
            if self.sources.get(name) != now.sources.get(name)
        ]
        if files:
            found = [f"the source of {', '.join(files)}"]
        else:
            found = []
        versions = _named_differences(self.versions, now.versions)
        return ", ".join([*found, *(f"{name} ({said})" for name, said in versions)])


def identity_of(
    target: str, plan: Plan, header: JsonObject, sources: Mapping[str, str]
) -> Identity:
    """The identity of a run that is about to begin."""
    claims = {
        "the backend": header["backend"],
        "its methods": ", ".join(header["methods"]),
        "its declarations": json.dumps(header["declarations"], ensure_ascii=False),
        "its variants": json.dumps(header["variants"]),
    }
    return Identity(target, dict(_options(plan, header)), claims, header["versions"], sources)


def _options(plan: Plan, header: JsonObject) -> Iterator[tuple[str, str]]:
    chosen = plan.selection
    # What was judged, and not what was written: all formats by default are the same as all by name.
    yield "--format", f"--format {','.join(header['formats'])}"
    yield "--profile", f"--profile {plan.profile}"
    yield "--seed", f"--seed {plan.seed}"
    for name in ("max_cases", "max_size", "time_budget", "max_failures"):
        value, option = getattr(plan, name), f"--{name.replace('_', '-')}"
        yield option, "" if value is None else f"{option} {value:g}"
    yield "--only", " ".join(f"--only {pattern}" for pattern in chosen.only)
    for name, entries in (("--skip", chosen.skips), ("--xfails-file", chosen.xfails)):
        listed = (
            f"{entry.pattern} {','.join(entry.formats)} {entry.reason}".rstrip()
            for entry in entries
        )
        yield name, f"{name} with {'; '.join(listed)}" if entries else ""
    yield "--strict", "--strict" if chosen.strict else ""
    yield "--keep-going", "--keep-going" if plan.keep_going else ""
    yield "--no-shrink", "" if plan.shrink else "--no-shrink"


def _differences(was: Mapping[str, str], now: Mapping[str, str], nothing: str) -> Iterator[str]:
    # In the order of the first, and what only the second has behind: sets would have none.
    for name in {**was, **now}:
        before, after = (each.get(name) or nothing.format(name=name) for each in (was, now))
        if before != after:
            yield f"{before}, not {after}"


def _named_differences(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in {**was, **now}:
        before, after = (each.get(name, "none") for each in (was, now))
        if before != after:
            yield name, f"{before} → {after}"
