"""The pytest plugin: options, markers, and where the rest is called from.

pytest loads this module in every run, through the entry point of that name; so it is tiny, and
whatever is heavy is imported once it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from gruverify._named import Keywords


class Option(NamedTuple):
    """`--gru-NAME` on the command line, `gru_NAME` in the ini file."""

    name: str
    metavar: str
    help: str
    #: As pytest calls the types of ini keys; all but this one may be given several times.
    kind: str = "string"


OPTIONS = (
    Option("target", "TARGET", "add the conformance tests of TARGET: torch, pkg.module:object"),
    Option(
        "formats",
        "f32,...",
        "formats to test: f16, bf16, f32, f64 (default: all that the target claims)",
    ),
    Option(
        "profile",
        "NAME",
        "how many cases to draw: quick, default or deep (default: as Hypothesis' profile says)",
    ),
    Option(
        "only",
        "ID",
        "check only these invariants: ids, families, globs, beginnings of ids",
        "linelist",
    ),
    Option("skips-file", "PATH", "do not check the invariants listed in the file", "paths"),
    Option("xfails-file", "PATH", "expect the invariants listed in the file to fail", "paths"),
    Option("report", "DIR", "write a report of all conformance tests to DIR"),
)

#: The runs that are going on, the innermost last: a test of a plugin runs pytest inside pytest.
RUNS: list[pytest.Config] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("gruverify", "gruverify: is a GRU right?")
    for name, metavar, help, kind in OPTIONS:
        if kind == "string":
            several = {}
        else:
            several = {"action": "append", "default": []}
        group.addoption(f"--gru-{name}", dest=_key(name), metavar=metavar, help=help, **several)
        parser.addini(_key(name), help, type=kind, default="" if kind == "string" else [])  # type: ignore[arg-type]


def option_value(config: pytest.Config, name: str) -> Any:
    """An option's value: of the command line, else of the ini file."""
    return config.getoption(_key(name)) or config.getini(_key(name))


def given_value(config: pytest.Config, name: str) -> Any:
    """The same; None if the plugin has no such option."""
    if name in [option.name for option in OPTIONS]:
        return option_value(config, name)
    return None


def _key(name: str) -> str:
    return f"gru_{name.replace('-', '_')}"


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, if there are any, so that a mistake in them ends the run at once."""
    config.addinivalue_line(
        "markers", "gruverify(subject): a conformance test of gruverify.testing"
    )
    for option in OPTIONS:
        # As of a shell's variable that is not set: taken for no option, the run would pass.
        if config.getoption(_key(option.name)) == "":
            said = f"--gru-{option.name} '': name a {option.metavar}, or leave it out"
            raise pytest.UsageError(f"gruverify: {said}")
    # Before options are read: reading them looks up the run that is going on.
    RUNS.append(config)
    # Nothing of ours is imported in a run that says nothing of it.
    if any(option_value(config, option.name) for option in OPTIONS):
        from gruverify.testing import _options

        _options.options_of(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget the run."""
    if config in RUNS:
        RUNS.remove(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Versions, threads and seed, where a target is named; what wins over pyproject.toml."""
    if not any(option_value(config, option.name) for option in OPTIONS):
        return []
    from gruverify.testing import _summary

    return _summary.header(config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where a target is named and no file, its tests are all there is to collect."""
    if _is_about_one_target(config):
        return True
    return None


def _is_about_one_target(config: pytest.Config) -> bool:
    """Whether the run is about a target, named on the command line, and nothing else."""
    given_to_worker = getattr(config, "workerinput", None)
    # A worker of pytest-xdist is given arguments even where there were none: its controller says.
    if given_to_worker is not None:
        return bool(given_to_worker["gruverify_alone"])
    return (
        bool(config.getoption(_key("target")))
        and config.args_source is not pytest.Config.ArgsSource.ARGS
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist."""
    node.workerinput["gruverify_alone"] = _is_about_one_target(node.config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the tests of the target that is named."""
    if target := option_value(config, "target"):
        from gruverify.testing import _collect

        items.extend(_collect.tests_of(target, session))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests of the core families are not run, because of -k, a path or --lf."""
    run: dict[Any, set[tuple[str, str]]] = {}
    for item in session.items:
        if (subject := _subject_of(item)) is not None:
            params = item.callspec.params  # type: ignore[attr-defined]
            run.setdefault(subject, set()).add((params["family"], params["format"]))
    for subject, parts in run.items():
        subject.leave_out(parts)


def _subject_of(item: pytest.Item) -> Any:
    marker = item.get_closest_marker("gruverify")
    if marker and marker.args:
        return marker.args[0]
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that does not apply, with the reason."""
    if (subject := _subject_of(item)) is not None:
        why = subject.obstacle(**item.callspec.params)  # type: ignore[attr-defined]  # they are parametrised
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Try the cases that a campaign saved first. After the test, skip it if the target turned out
    not to implement what it needs, fail it if it claims too little, and report a flaky failure.
    """
    subject = _subject_of(item)
    if subject is None:
        return (yield)
    from gruverify.testing import _conformance

    params: Keywords = item.callspec.params  # type: ignore[attr-defined]
    try:
        _conformance.try_saved(subject, **params)
        outcome = yield
    except BaseException as raised:
        from gruverify.testing import _unrepeated

        if flaky := _unrepeated.unrepeated_message(subject, raised, params["format"]):
            raise pytest.fail.Exception(flaky, pytrace=False) from None
        raise
    subject.conclude(**params)
    return outcome


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker of pytest-xdist found."""
    if found := getattr(node, "workeroutput", {}).get("gruverify"):
        from gruverify.testing import _account

        _account.account_of(node.config).take(found)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what was found, or write the report; a run that claims too little fails."""
    if not _loaded():
        return
    from gruverify.testing import _account, _summary

    account = _account.account_of(session.config)
    brought_home = getattr(session.config, "workeroutput", None)
    if brought_home is not None:
        brought_home["gruverify"] = account.packed()
        return
    # A run that failed anyway has its exit code.
    if exitstatus == pytest.ExitCode.OK and _summary.inconclusive(account, session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if folder := option_value(session.config, "report"):
        _summary.write(account, session.config, Path(folder), complete=exitstatus in (0, 1))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the gate coverage of each target, and what keeps a run from a pass."""
    if _loaded():
        from gruverify.testing import _account, _summary

        _lines(terminalreporter, _summary.lines(_account.account_of(config), config))


def _lines(terminalreporter: pytest.TerminalReporter, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines):
        if not number:
            terminalreporter.section("gruverify")
        terminalreporter.line(line)


def _loaded() -> bool:
    """Whether anything of the run was about conformance."""
    import sys

    return "gruverify.testing._account" in sys.modules
