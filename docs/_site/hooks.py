"""What mkdocs adds to the pages in docs/ when it builds the site: nothing here is written by hand.

The invariants family by family, the commands, and the keys of a result become pages. Pages that
stand in the root of the repository, and files that pages link to, are published beside them.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from gruverify.cli import main
from gruverify.invariants import FAMILIES
from gruverify.reporting import families_page, family_page

ROOT = Path(__file__).parents[2]
#: Pages of the repository's root, by the name that they have on the site.
FROM_ROOT = {
    "architecture.md": "ARCHITECTURE.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "tests.md": "tests/README.md",
}
#: Files that pages link to, which are published as they are.
FILES = (
    "reports/sample/index.html",
    "gruverify/faults/__init__.py",
    "gruverify/reporting/result.schema.json",
    "gruverify/reporting/result-1.schema.json",
    "gruverify/reporting/targets.schema.json",
    "gruverify/reporting/model.schema.json",
    "gruverify/reporting/judge.schema.json",
)
_LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated, and what is published beside them."""
    written = dict(generated_pages())
    for name in [*written, *FROM_ROOT]:
        if (known := files.get_file_from_path(name)) is not None:
            files.remove(known)
    for name, text in written.items():
        files.append(File.generated(config, name, content=text))
    for name, source in FROM_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=relinked(text, source, name)))
    for name in FILES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links out of docs/ to where their files are published."""
    source = page.file.src_uri
    if page.file.generated_by is not None:
        return markdown
    return relinked(markdown, f"docs/{source}", source)


def generated_pages() -> Iterator[tuple[str, str]]:
    """Name and text of every page that the package itself can write."""
    yield "invariants.md", families_page()
    for family in FAMILIES:
        yield f"invariants/{family}.md", family_page(family)
    yield "cli.md", commands_page()
    yield "result-schema.md", schema_page()


def relinked(text: str, source: str, name: str) -> str:
    """A page of the repository, its links as they must be on the site.

    source: where it stands in the repository; name: what it is called on the site.
    """
    on_site = {repository: site for site, repository in FROM_ROOT.items()}

    def moved(match: re.Match[str]) -> str:
        path, anchor = match[1], match[2] or ""
        target = (ROOT / source).parent.joinpath(path).resolve()
        if not target.is_relative_to(ROOT):
            return match[0]
        there = target.relative_to(ROOT).as_posix()
        address = on_site.get(there, there.removeprefix("docs/"))
        up = "../" * name.count("/")
        return f"]({up}{address}{anchor})"

    return _LINK.sub(moved, text)


# -- commands --------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments and options, as `--help` has them."""
    context = click.Context(main, info_name="gruverify")
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    sections = [_command(name, one, context) for name, one in commands.items() if one is not None]
    head = (
        "# The commands\n\n`gruverify COMMAND --help` prints the same. Options can stand in "
        "`pyproject.toml` and in the environment, too ([configuration](configuration.md)). "
        "What each exit code means has [a page of its own](exit-codes.md).\n\n"
    )
    return head + "\n".join(sections)


def _command(name: str, command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    options = [_option(one, context) for one in command.params if isinstance(one, click.Option)]
    table = "\n".join(["| option | what it does |", "|---|---|", *options])
    described = "\n\n".join(_paragraphs(command.help or ""))
    head = f"## gruverify {name} {{ #{name} }}\n\n`gruverify {name} {usage}`"
    return f"{head}\n\n{described}\n\n{table}\n"


def _paragraphs(help: str) -> Iterator[str]:
    """What a command says of itself; click keeps the lines of a paragraph that begins with a
    backspace.
    """
    for paragraph in inspect.cleandoc(help).split("\n\n"):
        if paragraph.startswith("\b"):
            yield f"```text\n{paragraph.removeprefix(chr(8)).strip(chr(10))}\n```"
        else:
            yield _plain(" ".join(paragraph.split()))


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" `{option.make_metavar(context)}`"
    said = _plain(option.help or "")
    if option.show_default and not callable(option.default):
        said += f" Default: `{option.default}`."
    return f"| {names}{value} | {said} |".replace("`[", "`").replace("]` |", "` |")


def _plain(text: str) -> str:
    """Text in which nothing but `code` is markup."""
    parts = text.split("`")
    escaped = [re.sub(r"([\\*_\[\]<>|])", r"\\\1", part) for part in parts]
    return "`".join(part if index % 2 else escaped[index] for index, part in enumerate(parts))


# -- the keys of a result --------------------------------------------------------------------------


def schema_page() -> str:
    """The keys of a result, by its JSON Schema."""
    path = ROOT / "gruverify" / "reporting" / "result.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    described = {name: one for name, one in schema["definitions"].items() if "properties" in one}
    parts = [
        "# The keys of a result\n",
        f"{_plain(schema['description'])}\n",
        "[The JSON Schema](gruverify/reporting/result.schema.json) has all of it, such as which "
        "values are allowed. [Read a report](reports.md) tells what to do with a result.\n",
        "## The document\n",
        _keys(schema, described),
    ]
    for name, definition in described.items():
        parts += [f"## {name}\n", f"{_plain(definition.get('description', ''))}\n"]
        parts.append(_keys(definition, described))
    return "\n".join(parts)


def _keys(schema: Mapping[str, Any], described: Collection[str]) -> str:
    """The properties of an object as a table; `described` are the types that have one, too."""
    rows = ["| key | type | what it is |", "|---|---|---|"]
    for key, value in schema["properties"].items():
        optional = "" if key in schema.get("required", ()) else ", may be left out"
        said = _plain(value.get("description", ""))
        rows.append(f"| `{key}` | {_type(value, described)}{optional} | {said} |")
    return "\n".join(rows) + "\n"


def _type(value: Mapping[str, Any], described: Collection[str]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})" if name in described else str(name)
    if "const" in value or "enum" in value:
        allowed = value.get("enum", [value.get("const")])
        return " or ".join(f"`{one}`" for one in allowed)
    if isinstance(value.get("items"), Mapping):
        return f"list of {_type(value['items'], described)}"
    kinds = value.get("type", "any")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
