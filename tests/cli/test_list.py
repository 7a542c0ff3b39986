"""gruverify list."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import gruverify as package
from gruverify.backends import TARGETS
from gruverify.invariants import INVARIANTS
from gruverify.reporting import catalogue_page

from ._invoke import gruverify, one_line

#: Where the package lies.
ROOT = Path(package.__file__).parents[1]


def test_every_invariant_is_listed_with_statement_and_source() -> None:
    result = gruverify("list")

    assert result.exit_code == 0
    for invariant in INVARIANTS.values():
        at = result.stdout.index(f"\n{invariant.id}  needs ")
        statement, source = (
            result.stdout.index(invariant.statement, at),
            result.stdout.index(invariant.source, at),
        )
        assert at < statement < source


def test_an_id_names_the_file_and_the_line_of_its_check() -> None:
    blocks = gruverify("list").stdout.partition("\n\ntargets\n")[0].split("\n\n")[1:]

    for block, invariant in zip(blocks, INVARIANTS.values(), strict=True):
        file, _, line = block.splitlines()[-1].strip().partition(":")
        begins = (ROOT / file).read_text().splitlines()[int(line) - 1].strip()
        assert begins.startswith(("@invariant(", "@_", "def ")), begins
        family = invariant.family.replace("-", "_")
        assert file.startswith(
            (f"gruverify/invariants/{family}/", f"gruverify/invariants/_{family}.py")
        )


def test_every_target_is_listed_with_whether_it_can_run_here() -> None:
    targets = gruverify("list").stdout.partition("\ntargets\n")[2]

    for target in TARGETS:
        line = next(line for line in targets.splitlines() if line.startswith(f"{target.name} "))
        assert ("can run here" if target.available else target.remedy) in line
        assert line.endswith(target.description)


def test_a_target_that_cannot_run_here_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    lines = gruverify("list").stdout.splitlines()

    of_torch = [target for target in TARGETS if target.remedy.endswith("'gruverify[torch]'")]
    assert sum("not here: pip install 'gruverify[torch]'" in line for line in lines) == len(
        of_torch
    )
    assert any(line.startswith("numpy ") and "can run here" in line for line in lines)


def test_the_page_is_printed_as_it_is() -> None:
    result = gruverify("list", "--markdown")

    assert result.exit_code == 0
    assert result.stdout == catalogue_page()


def test_a_page_has_the_invariants_that_are_named_alone() -> None:
    page = gruverify("list", "--markdown", "agreement/step", "bounds").stdout

    chosen = [i for i in INVARIANTS.values() if i.id == "agreement/step" or i.family == "bounds"]
    assert page == catalogue_page(chosen)
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [invariant.id for invariant in chosen]


def test_some_invariants_are_listed_alone() -> None:
    result = gruverify("list", "agreement/step", "bounds/b*")

    assert result.exit_code == 0
    listed = [
        line.partition("  needs ")[0] for line in result.stdout.splitlines() if "  needs " in line
    ]
    assert listed == ["agreement/step", "bounds/box", "bounds/between"]
    assert INVARIANTS["bounds/box"].statement in result.stdout
    assert "targets" not in result.stdout


@pytest.mark.parametrize("options", [(), ("--markdown",)])
def test_what_is_no_invariant_is_an_error_with_a_hint(options: tuple[str, ...]) -> None:
    assert one_line(gruverify("list", *options, "boundz")).startswith(
        "no invariant matches 'boundz': did you mean bounds"
    )
