"""README and docs tell the truth: every block in them is run. tests/README.md has the
conventions.
"""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gruverify.cli import main
from gruverify.invariants import FAMILIES, INVARIANTS
from gruverify.reporting import catalogue_page

pytestmark = pytest.mark.uncounted

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Pages that are written when the site is built, which checks every link with its anchor.
WRITTEN = [ROOT / "docs" / name for name in ("cli.md", "result-schema.md")]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what follows it on the line, its text."""

    language: str
    options: str
    text: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page that name a language."""
    return [Block(*match.groups()) for match in FENCE.finditer(page)]


def as_pattern(expected: str) -> str:
    """A pattern for output in which `...` stands for anything."""
    return ".*?".join(re.escape(part) for part in expected.strip().split("..."))


def run_console(text: str, last: bool = False) -> str:
    """Run each `$ gruverify` or `$ pytest` line; what stands below it must be printed, and the exit
    code be as told. Returns what the last one printed.

    last: what stands below are the last lines of the output, as they are but for the seconds.
    """
    output = ""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        command, _, remark = command.partition("#")
        code = re.search(r"exits with (\d+)", remark)
        program, *arguments = shlex.split(command)
        if program == "pip":
            continue  # what is installed is compared with what CI installs
        exit_code, output = run_program(program, arguments)
        assert exit_code == (int(code[1]) if code else 0), output
        if last:
            assert last_lines(output, expected.count("\n")) == without_seconds(expected.rstrip())
        else:
            assert re.search(as_pattern(expected), output, re.DOTALL), output
    return output


def last_lines(output: str, count: int) -> str:
    return "\n".join(without_seconds(output.rstrip()).splitlines()[-count:])


def without_seconds(text: str) -> str:
    """A text in which no time is told, for that differs from run to run."""
    return re.sub(r"\d+\.\d s\b", "… s", text)


def run_program(program: str, arguments: list[str]) -> tuple[int, str]:
    """Exit code and output of gruverify, in this process, or of pytest, in one of its own."""
    if program == "pytest":
        plugin = (
            [] if entry_points(group="pytest11", name="gruverify") else ["-p", "gruverify._pytest"]
        )
        command = [sys.executable, "-m", "pytest", "-p", "no:randomly", *plugin, *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout + run.stderr
    assert program == "gruverify"
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def run_page(page: str, folder: Path) -> int:
    """Run the blocks of a page; returns how many."""
    namespace: dict[str, Any] = {"__name__": "page"}
    ran, printed = 0, ""
    for block in blocks(page):
        if name := re.search(r"file=(\S+)", block.options):
            write(folder / name[1], block.text)
            ran += block.language == "python"
        elif block.language == "python":
            exec(compile(block.text, "page", "exec"), namespace)
            ran += 1
        elif block.language == "console":
            printed = run_console(block.text, last="last" in block.options.split())
            ran += 1
        elif "printed" in block.options.split():
            assert block.text in printed, printed
    return ran


def require(page: str) -> None:
    """Skip a page, with the reason, if what it says that it needs is missing: `<!-- needs: jax -->`
    names packages of Python or programs.
    """
    for names in re.findall(r"^<!-- needs: (.*) -->$", page, re.MULTILINE):
        missing = [name for name in names.split() if not (find_spec(name) or shutil.which(name))]
        if missing:
            pytest.skip(f"{', '.join(missing)} is missing: tox -e docs has the packages")


def provide(page: str, folder: Path) -> None:
    """Copy what a page says that it needs of the repository: `<!-- files: tests/data/a.npz -->`."""
    for names in re.findall(r"^<!-- files: (.*) -->$", page, re.MULTILINE):
        for name in names.split():
            shutil.copy(ROOT / name, folder)


def write(path: Path, text: str) -> None:
    """Write a file of a page; a module that was imported before is imported anew."""
    path.write_text(text)
    sys.modules.pop(path.stem, None)
    for stale in path.parent.glob(f"__pycache__/{path.stem}.*"):
        stale.unlink()
    importlib.invalidate_caches()


#: Pages whose commands take many seconds; `tox -e slow` runs them, as does what builds the site.
LONG = [
    "diagnose",
    "masks",
    "reports",
    "selection",
    "testing",
    "torch-module",
    "backends",
    "hypofuzz",
    "strategies",
    "xfails",
    "coverage",
]


#: The first page of the site, whose command is the README's.
FIRST = ROOT / "docs" / "index.md"


def test_the_first_page_shows_what_the_readme_shows() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    [block] = blocks(FIRST.read_text())

    command, *printed = block.text.splitlines()
    at = lines.index(command)
    assert lines[at + 1 : at + 1 + len(printed)] == printed


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.slow] * (p.stem in LONG or p == FIRST)) for p in PAGES],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_page_does_what_it_says(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = path.read_text()
    require(page)
    provide(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("COLUMNS", raising=False)

    assert run_page(page, tmp_path) == sum(
        block.language in ("python", "console") for block in blocks(page)
    )


def test_the_set_up_commands_are_those_that_ci_runs() -> None:
    found = blocks((ROOT / "README.md").read_text())
    [check, test] = [block.text.strip() for block in found if block.language == "sh"]
    first = next(block for block in found if block.language == "console")
    install = first.text.splitlines()[0].removeprefix("$ ")

    assert install.removeprefix("pip install -c constraints.txt ") in check
    assert check.endswith(".venv/bin/gruverify check torch")
    assert test in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_readme_begins_with_what_to_type() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()

    assert lines[4].startswith("$ pip install ")
    assert lines[5].startswith("$ gruverify check ")


def test_the_broken_gru_of_the_readme_is_short() -> None:
    [broken] = [
        block
        for block in blocks((ROOT / "README.md").read_text())
        if "file=my_gru.py" in block.options
    ]

    assert broken.text.count("\n") <= 15


@pytest.mark.parametrize("script", sorted((ROOT / "findings").glob("*.sh")), ids=lambda p: p.stem)
def test_the_findings_are_listed_with_their_versions(script: Path) -> None:
    rows = [
        line
        for line in (ROOT / "docs/findings.md").read_text().splitlines()
        if line.startswith("|") and f"`findings/{script.name}`" in line
    ]
    versions = re.findall(r"[a-z]+ \d[\d.]*\d", script.read_text().splitlines()[1])

    assert versions
    assert len(rows) == 1
    assert versions[0].split()[1] in rows[0]


def test_every_link_to_a_file_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            there = (page.parent / target).resolve()
            written = there in WRITTEN or there.stem in FAMILIES  # by the site's build
            assert written or there.exists(), f"{page.name}: {target}"


def test_the_catalogue_page_is_the_catalogue() -> None:
    assert (ROOT / "docs" / "invariants.md").read_text() == catalogue_page()


def test_every_fault_that_a_source_names_is_described() -> None:
    described = set(re.findall(r'<a id="([sp]\d\d)">', (ROOT / "docs" / "faults.md").read_text()))
    named = {
        fault.lower()
        for i in INVARIANTS.values()
        for fault in re.findall(r"\b[SP]\d\d\b", i.source)
    }

    assert named == described


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gruverify", "--help"], check=True, capture_output=True, text=True
    )

    assert "gruverify check torch" in done.stdout


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("```python\nassert 1 == 2\n```\n", id="python"),
        pytest.param("```console\n$ gruverify list\nno such line\n```\n", id="output"),
        pytest.param("```console\n$ gruverify list # exits with 1\n```\n", id="exit code"),
        pytest.param("```console last\n$ gruverify list\nTARGET\n```\n", id="last lines"),
        pytest.param(
            "```console\n$ gruverify list\n```\n```text printed\nno such line\n```\n", id="printed"
        ),
    ],
)
def test_catches_a_page_that_lies(page: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run_page(page, tmp_path)
