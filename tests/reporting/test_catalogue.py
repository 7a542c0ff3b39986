"""What is checked and what can be checked, on a terminal and as a page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gruverify.backends import TARGETS
from gruverify.faults import FAULTS
from gruverify.invariants import FAMILIES, INVARIANTS
from gruverify.reporting import catalogue_page, families_page, family_page, print_catalogue

from ._results import printed


def cells(line: str) -> list[str]:
    """The cells of a row of a Markdown table."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_page_has_a_row_for_every_invariant_in_order() -> None:
    rows = [cells(line) for line in catalogue_page().splitlines() if line.startswith("| `")]

    assert [id.strip("`") for id, *_ in rows] == list(INVARIANTS)
    for (_, statement, source, needs, bound, notes, _), invariant in zip(
        rows, INVARIANTS.values(), strict=True
    ):
        assert statement.replace("\\|", "|") == invariant.statement
        assert (
            re.sub(r"\[(\w+)\]\(faults\.md#\w+\)", r"\1", source).replace("\\|", "|")
            == invariant.source
        )
        assert needs == (", ".join(invariant.needs) or "any")
        assert bound == invariant.bound
        assert ("sizes" in notes, "deep" in notes) == (invariant.resizes, invariant.deep)


def test_bars_in_a_statement_do_not_end_its_cell() -> None:
    assert any("|" in invariant.statement for invariant in INVARIANTS.values())
    assert {len(cells(line)) for line in catalogue_page().splitlines() if line.startswith("|")} == {
        7
    }


def test_the_page_tells_what_each_invariant_catches_and_what_it_catches_alone() -> None:
    caught = {
        cells(line)[0].strip("`"): cells(line)[6]
        for line in catalogue_page().splitlines()
        if line.startswith("| `")
    }
    alone = [fault for text in caught.values() for fault in re.findall(r"alone `([^`]+)`", text)]

    unmeasured = {id for id, text in caught.items() if text == "not measured"}
    assert unmeasured == {id for id, invariant in INVARIANTS.items() if invariant.deep}
    assert all(
        re.fullmatch(r"[1-9]\d*(, alone `[a-z0-9-]+`)*", caught[id])
        for id in set(caught) - unmeasured
    )
    assert set(alone) <= set(FAULTS)


def test_every_relation_of_the_theory_is_the_source_of_an_invariant() -> None:
    named = {
        number
        for invariant in INVARIANTS.values()
        for first, last in re.findall(r"M(\d\d)(?:–M?(\d\d))?", invariant.source)
        for number in range(int(first), int(last or first) + 1)
    }

    assert set(range(1, 73)) - named == set()


def test_the_page_says_what_wrote_it_and_ends_in_a_newline() -> None:
    page = catalogue_page()

    assert page.startswith("# The invariants\n\nWritten by `gruverify list --markdown`.")
    assert page.endswith(" |\n")


def test_brackets_in_a_statement_stay_text(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(INVARIANTS["agreement/step"], statement="h[red]x[/]", source="[bold]me")
    monkeypatch.setitem(INVARIANTS, "agreement/step", odd)

    text = printed(print_catalogue)

    assert "\n  h[red]x[/]\n  [bold]me\n" in text


def test_the_terminal_has_every_invariant_and_target_and_ends_with_what_to_do() -> None:
    text = printed(print_catalogue)

    assert text.index("invariants\n") < text.index("\ntargets\n")
    assert all(f"\n{id}  needs " in text for id in INVARIANTS)
    assert all(f"\n{target.name:15} " in text for target in TARGETS)
    assert "contract/no-mutation  needs any method; since " in text
    assert text.endswith(
        "\npkg.module:object your own: a function step(cell, x, h), an nn.Module, a backend\n"
        "exec:COMMAND    your own in any language: a program (docs/exec.md)\n"
        "TARGET@DEVICE   torch:GRU@cuda, flax@gpu, mypkg.mod:Net@cuda:1, torch@cpu\n"
        "\nnext: gruverify check numpy\n"
    )


def sections(page: str) -> dict[str, str]:
    """The sections of a page by the title that stands above them."""
    _, *parts = re.split(r"^## ([^ ]+) \{ #[^ ]+ \}\n\n", page, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_of_a_family_has_a_section_for_each_invariant(family: str) -> None:
    found = sections(family_page(family))

    assert list(found) == [one.id for one in FAMILIES[family].invariants]
    for id, text in found.items():
        statement, _, entries = text.partition("\n\n")
        assert re.sub(r"\\(.)", r"\1", statement) == INVARIANTS[id].statement
        assert all(f"`{method}`" in entries for method in INVARIANTS[id].needs)
        assert ("Deep" in entries) == INVARIANTS[id].deep
        assert re.search(r"`gruverify/invariants/\S+\.py:\d+`", entries)


def test_the_page_of_families_leads_to_each_and_counts_it() -> None:
    rows = [cells(line) for line in families_page().splitlines() if line.startswith("| [")]

    assert {first: int(count) for first, _, count in rows} == {
        f"[{name}](invariants/{name}.md)": len(family.invariants)
        for name, family in FAMILIES.items()
    }
    assert all(about and "theory.md" not in about for _, about, _ in rows)


def test_there_is_no_page_of_an_unknown_family() -> None:
    with pytest.raises(KeyError):
        family_page("agreements")
