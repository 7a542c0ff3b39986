"""What shells complete besides commands and options: targets, ids of invariants, files."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def files(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, as the shell completes them itself."""
    return [CompletionItem(incomplete, type="file")]


def targets(
    context: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of targets: what ships, what pyproject.toml names, what packages offer; else
    files, such as model.onnx.
    """
    from gruverify.backends import TARGETS, named_targets, offered_targets

    shipped = {target.name: target.description for target in TARGETS}
    found = _beginning(incomplete, shipped | named_targets() | offered_targets())
    return found or files(context, param, incomplete)


def ids(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The families of invariants and, once one is typed, its ids."""
    from gruverify.invariants import FAMILIES, INVARIANTS

    if "/" in incomplete:
        return _beginning(incomplete, {id: one.statement for id, one in INVARIANTS.items()})
    return _beginning(incomplete, dict.fromkeys(FAMILIES, "a family"))


def _beginning(incomplete: str, described: dict[str, str]) -> list[CompletionItem]:
    return [
        CompletionItem(name, help=help)
        for name, help in described.items()
        if name.startswith(incomplete)
    ]
