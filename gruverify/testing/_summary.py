"""What a run of conformance tests prints on the terminal and writes as a report."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from gruverify import _pytest
from gruverify.arithmetic import FORMATS
from gruverify.engine import PROFILES, Result, versions
from gruverify.reporting import (
    BadFolder,
    ReportUnavailable,
    annotation,
    by_formats,
    document,
    gates_line,
    sizes_line,
    write_report,
)
from gruverify.testing import _options
from gruverify.testing._account import Account, Found
from gruverify.testing._options import Options


def header(config: pytest.Config) -> list[str]:
    """Target, versions, threads and seed, where a target is named; what is overridden."""
    target = _pytest.option_value(config, "target") or None
    won = [f"gruverify: {line}" for line in _options.overridden(config, target)]
    if target is None:
        return won
    options = _options.options_of(config, target)
    seed = "drawn afresh (--hypothesis-seed=N repeats a run)"
    if options.seed is not None:
        seed = str(options.seed)
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return [
        f"gruverify: {target} · "
        f"{', '.join(fmt.name for fmt in options.formats)} · "
        f"profile {_profile(options)} · threads {threads} · seed {seed}",
        "gruverify: " + " · ".join(f"{name} {version}" for name, version in versions().items()),
        *won,
    ]


def _profile(options: Options) -> str:
    return options.profile or settings.get_current_profile_name()


def _cases(options: Options) -> int:
    profile = options.profile
    return PROFILES[profile].cases if profile else settings.default.max_examples  # type: ignore[union-attr]


def lines(account: Account, config: pytest.Config) -> Iterator[str]:
    """How much of the gate space each target's tests visited, what keeps a run from a pass, where
    the report is, and for GitHub which lines failed.
    """
    for target, found in account.targets.items():
        if found.coverage:
            yield f"{target}: {gates_line(found.coverage)}"
            yield f"{target}: {sizes_line(found.coverage)}"
    for target, found in account.targets.items():
        for line in _result(target, found, account, config, complete=True).less_accurate:
            yield f"{target}: less accurate than declared: {line}"
    for target, doubts in inconclusive(account, config).items():
        yield from (f"inconclusive: {target}: {line}" for line in doubts)
    for target, found in account.targets.items():
        if found.undecided and found.backend:
            formats = ", ".join(found.undecided)
            yield (
                f"{target}: {formats}: some tests of its values and gradients were not run, "
                "so there is no verdict"
            )
    if account.written:
        yield account.written
    for target, found in account.targets.items():
        if marked := annotation(_result(target, found, account, config, complete=True)):
            yield marked


def inconclusive(account: Account, config: pytest.Config) -> dict[str, list[str]]:
    """The targets of which nothing failed and too little was claimed, with the reasons, format by
    format.

    A format of which -k or a path leaves out a part is not held against the target.
    """
    found: dict[str, list[str]] = {}
    for target, of in account.targets.items():
        if of.backend and (
            doubts := _doubts(_result(target, of, account, config, complete=True), of)
        ):
            found[target] = doubts
    return found


def _doubts(result: Result, found: Found) -> list[str]:
    formats = result.header["formats"]
    if not formats:
        if found.undecided:
            return []
        return ["it claims none of the requested formats"]
    # A failure has been shown as one already.
    if result.verdict != "inconclusive":
        return []
    return by_formats(
        [line for line in result.doubts if line.partition(":")[0] not in found.undecided], formats
    )


def write(account: Account, config: pytest.Config, folder: Path, complete: bool) -> None:
    """Write the report of all targets; the end of the run says where, or why not."""
    results = [
        _result(target, found, account, config, complete)
        for target, found in account.targets.items()
    ]
    documents = [document(result) for result in results if result.header["formats"]]
    if not documents:
        return
    try:
        write_report(documents, folder)
        account.written = f"report: {folder / 'index.html'}"
    except (BadFolder, ReportUnavailable) as refused:
        account.written = f"no report: {refused}"


def _result(
    target: str, found: Found, account: Account, config: pytest.Config, complete: bool
) -> Result:
    options = _options.options_of(config, target)
    header: dict[str, Any] = {
        "target": target,
        "backend": found.backend or target,
        "seed": options.seed,
        "profile": _profile(options),
        "cases": _cases(options),
        "formats": [
            # Those that any test was about: -k may leave formats out.
            fmt.name
            for fmt in FORMATS
            if any(fmt.name == of for _, of, _ in found.tallies)
        ],
        "selection": options.chosen.values(),
        "methods": list(found.methods),
        "declarations": found.declarations,
        "variants": list(found.variants),
        "versions": versions() | found.version,
        "command": shlex.join(["pytest", *map(str, config.invocation_params.args)]),
    }
    return Result(
        header,
        found.tallies,
        found.witnesses,
        complete,
        account.seconds,
        coverage=found.coverage,
        drawn=found.drawn,
        lesser=found.less_accurate,
        flaky=found.flaky,
    )
