"""What a shell is offered when its user presses the tab key."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import CompletionItem, ShellComplete

from gruverify.cli import main


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ch"], {"check"}),
        (["check", "mi"], {"mine"}),
        (["check", "torch:GR"], {"torch:GRU", "torch:GRUCell"}),
        (["check", "--profile", "q"], {"quick"}),
        (["check", "--only", "sym"], {"symmetry"}),
        (["list", "agreement/ou"], {"agreement/outputs"}),
        (["replay", "--target", "torch-f"], {"torch-formulas"}),
    ],
)
def test_what_begins_so_is_offered(
    words: list[str], offered: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.gruverify.targets.mine]\ntarget = "numpy"\n')
    monkeypatch.chdir(tmp_path)
    assert {item.value for item in offers(words)} == offered


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["check", "model.on"], "file"),
        (["check", "numpy", "--json", "res"], "file"),
        (["check", "numpy", "--report", "rep"], "dir"),
        (["judge", "we"], "file"),
    ],
)
def test_files_are_left_to_the_shell(words: list[str], kind: str) -> None:
    assert [item.type for item in offers(words)] == [kind]


def offers(words: list[str]) -> list[CompletionItem]:
    shell = ShellComplete(main, {}, "gruverify", "_GRUVERIFY_COMPLETE")
    return list(shell.get_completions(words[:-1], words[-1]))
