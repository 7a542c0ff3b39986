"""A failing run of GitHub Actions marks the line of the target that failed."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from gruverify._visible import visible
from gruverify.backends import meant_by
from gruverify.engine import Result


def annotation(result: Result) -> str:
    """The workflow command that marks the target of a result that failed (see `marked`)."""
    failed = ", ".join(dict.fromkeys(id for id, _ in result.witnesses)) or result.verdict
    return marked(str(result.header["target"]), result.verdict, result.explanation or failed)


def marked(target: str, verdict: str, said: str) -> str:
    """The workflow command, one line, that marks the target in the changed files; empty unless
    GitHub runs us and the target failed.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true" or verdict not in ("falsified", "died"):
        return ""
    # As GitHub's workflow commands escape the value of a property.
    title = f"title=gruverify: {verdict}: {visible(target)}"
    place = ",".join(
        (*_place_of(target), title.replace("%", "%25").replace(":", "%3A").replace(",", "%2C"))
    )
    return f"::error {place}::{visible(said).replace('%', '%25')}"


def _place_of(target: str) -> tuple[str, ...]:
    """The file and line of "pkg.module:name", as far as they are found below the current directory;
    nothing of the target is imported for it.
    """
    module, _, name = meant_by(target).partition(":")
    folder = Path(*module.split("."))
    file = next(
        (file for file in (folder.with_suffix(".py"), folder / "__init__.py") if file.is_file()),
        None,
    )
    if file is None or not name:
        return ()
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, ValueError, SyntaxError):
        return (f"file={file.as_posix()}",)
    # The last one is what the name is bound to when the module is imported.
    lines = [node.lineno for node in body if name.partition(".")[0] in _defined_by(node)]
    return (f"file={file.as_posix()}", *(f"line={line}" for line in lines[-1:]))


def _defined_by(node: ast.stmt) -> list[str]:
    """What a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [of.id for of in node.targets if isinstance(of, ast.Name)]
    return []
