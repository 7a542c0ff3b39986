"""gruverify export-cases FOLDER."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gruverify._named import DeclaredValues, Keywords
from gruverify.cli._complete import files
from gruverify.cli._declared import DECLARE
from gruverify.cli._gru import LAYERS, LAYOUTS, only_gru
from gruverify.cli._options import Fail
from gruverify.cli._values import FOLDER, FORMATS, one_of

if TYPE_CHECKING:
    from gruverify.arithmetic import Format
    from gruverify.cell import Stack
    from gruverify.exporting import Exported

_KINDS = ("json", "npz", "safetensors", "onnx", "webnn")
_BIASES = ("both", "none", "input", "recurrent", "input+candidate")
#: Where an option is from that somebody gave.
_SAID = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
_INDEX, _SCHEMA = "index.json", "case.schema.json"


@click.command(
    "export-cases",
    short_help="Write cases with expected values and bounds, for tests in any language.",
)
@click.argument("folder", type=FOLDER)
@click.option(
    "--as",
    "kind",
    type=one_of(*_KINDS),
    default="json",
    show_default=True,
    metavar="|".join(_KINDS),
    help="The kind of files; onnx: a folder for each, as ONNX' node tests are; webnn: as the tests "
    "of WebNN are.",
)
@click.option(
    "--format",
    "formats",
    type=FORMATS,
    default="f32",
    show_default=True,
    metavar="f32|...",
    help="What the implementation computes in.",
)
@click.option(
    "--reset",
    type=one_of("after", "before"),
    metavar="after|before",
    help="Which side of the recurrent product the reset gate is on (default: after; onnx, webnn: "
    "both).",
)
@click.option(
    "--update",
    type=one_of("keep", "replace"),
    default="keep",
    show_default=True,
    metavar="keep|replace",
    help="What z multiplies: the old state (keep) or the candidate (replace).",
)
@click.option(
    "--biases",
    type=one_of(*_BIASES),
    metavar="|".join(_BIASES),
    help="Which biases there are (default: both; onnx, webnn: both and none).",
)
@click.option(
    "--profile",
    type=click.Choice(["quick", "default", "deep"]),
    default="quick",
    show_default=True,
    help="How many cases are drawn: 25, 100 or 2000 (onnx, webnn: 1, 4 or 80 of each kind).",
)
@click.option(
    "--max-cases",
    type=click.IntRange(min=0),
    help="Cases that are drawn, instead of the profile's.",
)
@click.option("--max-size", type=click.IntRange(min=1), help="Draw no case with a larger size.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed, the same cases.",
)
@click.option(
    "--weights",
    metavar="FILE",
    shell_complete=files,
    help="Cases of the GRU in this file, in the format of its weights; what judge reads.",
)
@click.option("--gru", metavar="NAME", help="Which GRU of --weights, where there are several.")
@click.option(
    "--layout",
    type=one_of(*LAYOUTS),
    metavar="|".join(LAYOUTS),
    help="Whose layout --weights have, where their names do not tell.",
)
@click.option("--layers", **{**LAYERS, "help": f"Of --weights: t{LAYERS['help'][1:]}"})
@click.option("--masks", is_flag=True, help="Cases of one layer whose members skip steps.")
@click.option(
    "--restarts", is_flag=True, help="Cases of one layer whose members start steps from zeros."
)
@click.option(
    "--stack-masks", is_flag=True, help="Cases of layers whose members skip steps in all of them."
)
@click.option("--declare", "declared", **DECLARE)
@click.option("--force", is_flag=True, help="Write over files that are there.")
def command(
    folder: Path,
    kind: str,
    formats: tuple[Format, ...],
    profile: str,
    max_cases: int | None,
    weights: str | None,
    gru: str | None,
    layout: str | None,
    layers: str | None,
    masks: bool,
    restarts: bool,
    stack_masks: bool,
    declared: tuple[tuple[str, Any], ...],
    force: bool,
    **said: object,
) -> None:
    """Write cases with expected values, gradients and a bound for each, for tests in any language.

    FOLDER gets a file for each case, and index.json, which lists them. The boundary cases come
    first: sizes of 1, directions, lengths with numbers in the padding, gates at both ends, numbers
    as small as the format has. Then come those that the strategies draw. An implementation is right
    if |returned - expected| is at most the bound, for every entry: no tolerance is left to choose.

    Bounds are those of a kernel that computes in the format, with σ and tanh within 4 units of
    roundoff; --declare says what yours is.

    \b
    gruverify export-cases cases
    gruverify export-cases cases --as safetensors --format f16 --reset before --biases none
    gruverify export-cases node --as onnx --declare kappa_sigma=8
    gruverify export-cases mine --as safetensors --weights model.pt --gru encoder --max-cases 5

    Exit codes: 0 written, 2 usage error.
    """  # noqa: D301  # click reads the backspaces
    from gruverify.backends import BadDeclaration

    if len(formats) != 1:
        raise Fail(f"--format {','.join(f.short for f in formats)}: cases are of one format")
    of_node = kind in ("onnx", "webnn")
    if of_node and (said["update"] != "keep" or said["biases"] not in (None, *_BIASES[:2])):
        raise Fail(f"--as {kind}: its GRU has --update keep, and --biases both or none")
    if kind == "webnn" and formats[0].name not in ("float16", "float32"):
        raise Fail(f"--as webnn: WebNN has --format f16 or f32, not {formats[0].short}")
    marks = {"masks": masks, "restarts": restarts, "stack-masks": stack_masks}
    for name, wanted in marks.items():
        if wanted and (of_node or weights):
            raise Fail(f"--{name}: these cases are drawn, and written as json, npz or safetensors")
    if stack_masks and (masks or restarts):
        raise Fail("--stack-masks: cases of one layer, with --masks or --restarts, are others")
    # Read before the folder is made: what is wrong with weights leaves nothing behind.
    mine = _mine(click.get_current_context(), weights, gru, layout, layers)
    try:
        with _folder(folder, force) as place:
            if mine is not None:
                drawn = _own_cases(
                    kind, mine, 5 if max_cases is None else max_cases, said["seed"], dict(declared)
                )
                formats = (mine.format,)
            else:
                drawn = _drawn(kind, formats[0], profile, max_cases, dict(declared), marks, **said)
            files, count = _written(place, kind, formats[0], dict(declared), said["seed"], drawn)
    except BadDeclaration as wrong:
        raise Fail(f"--declare: {wrong}") from None
    except OSError as refused:
        raise Fail(f"{folder}: {refused.strerror or refused}") from None
    click.echo(f"{folder}: {count} cases in {files} files, listed in {_INDEX}")
    # Here, where a full disk is an error in a line, and not at Python's end.
    sys.stdout.flush()


@contextmanager
def _folder(folder: Path, force: bool) -> Iterator[Path]:
    """Where files are written: a folder beside, which becomes the one that is wanted once it is
    whole; with --force the one that is there.
    """
    if folder.exists() and not folder.is_dir():
        raise Fail(f"{folder}: is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise Fail(f"{folder} is there, and not empty: --force writes over its files")
        yield folder
        return
    if not folder.absolute().parent.is_dir():
        raise Fail(f"{folder}: there is no directory {folder.absolute().parent}")
    # Next to it, and so on the same disk: only there is renaming one step.
    aside = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        aside.mkdir()
        yield aside
        # It was there and empty; Windows renames onto nothing that exists.
        if folder.is_dir():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _mine(
    context: click.Context,
    weights: str | None,
    gru: str | None,
    layout: str | None,
    layers: str | None,
) -> Stack | None:
    """The GRU of --weights; None if cases are drawn with weights of their own."""
    given = {name for name in context.params if context.get_parameter_source(name) in _SAID}
    if weights is None:
        if wrong := given & {"gru", "layout", "layers"}:
            raise Fail(f"--{min(wrong)} says something of --weights, which is not given")
        return None
    if wrong := given & {"formats", "biases", "profile", "max_size"}:
        option = {"formats": "--format", "max_size": "--max-size"}.get(min(wrong))
        raise Fail(f"{option or f'--{min(wrong)}'} is not for --weights, which have their own")
    said = [context.params[name] if name in given else None for name in ("reset", "update")]
    found = only_gru(weights, gru, layout, *said, layers=layers)
    if found.backward:
        raise Fail(f"{found.name} runs backward alone: cases are of a GRU that runs forward")
    return found.stack


def _written(
    place: Path,
    kind: str,
    fmt: Format,
    declared: DeclaredValues,
    seed: Any,
    each: Iterable[tuple[Any, dict[str, bytes]]],
) -> tuple[int, int]:
    """How many files were written, and of how many cases."""
    from gruverify.exporting import CASE_SCHEMA, index_document

    index, files = list[Any](), dict[str, bytes]()
    total = 0
    for entry, contents in each:
        index.append(entry)
        total += len(contents)
        for name, data in contents.items():
            _write(place / name, data)
    files[_INDEX] = _as_json(index_document(fmt, seed, declared, index))
    if kind == "json":
        files[_SCHEMA] = _as_json(CASE_SCHEMA)
    for name, data in files.items():
        _write(place / name, data)
    return total + len(files), len(index)


def _drawn(
    kind: str,
    fmt: Format,
    profile: str,
    max_cases: int | None,
    declared: DeclaredValues,
    marks: Mapping[str, bool],
    **said: Any,
) -> Iterator[tuple[Any, dict[str, bytes]]]:
    """What the index says of each case, and its files."""
    from gruverify.engine import PROFILES

    count = PROFILES[profile].cases if max_cases is None else max_cases
    if kind in ("onnx", "webnn"):
        # Each kind of node test has that many: together there are about as many as of other files.
        few = count // 25 if max_cases is None else count
        return _node_tests(kind, fmt, few, declared, **said)
    return _cases(kind, fmt, count, declared, marks, **said)


def _own_cases(
    kind: str, stack: Stack, count: int, seed: Any, declared: DeclaredValues
) -> Iterator[tuple[Any, dict[str, bytes]]]:
    """The same of a GRU with weights of its own."""
    from gruverify.exporting import own_cases

    if kind in ("onnx", "webnn"):
        raise Fail(f"--as {kind}: cases of --weights are written as json, npz or safetensors")
    for one in own_cases(stack, count, seed=seed, declared=declared):
        yield _listed(kind, one)


def _cases(
    kind: str,
    fmt: Format,
    count: int,
    declared: DeclaredValues,
    marks: Mapping[str, bool],
    *,
    reset: Any,
    update: Any,
    biases: Any,
    seed: int,
    max_size: int | None,
) -> Iterator[tuple[Any, dict[str, bytes]]]:
    """The same of cases that the strategies draw."""
    from gruverify.cell import Variant
    from gruverify.exporting import exported_cases, masked_cases, masked_stack_cases

    variant = Variant(reset or "after", update, biases=biases or "both")
    options: Keywords = {"seed": seed, "max_size": max_size, "declared": declared}
    if marks["stack-masks"]:
        drawn = masked_stack_cases(fmt, variant, count, **options)
    elif any(marks.values()):
        of_layer = {"masks": marks["masks"], "restarts": marks["restarts"]}
        drawn = masked_cases(fmt, variant, count, **of_layer, **options)
    else:
        drawn = exported_cases(fmt, variant, count, **options)
    for one in drawn:
        yield _listed(kind, one)


def _listed(kind: str, one: Exported) -> tuple[Any, dict[str, bytes]]:
    """What the index says of a case, and its files."""
    from gruverify.exporting import files_of, listed

    files, found = files_of(one, kind), one.expected.values()
    entry = listed(
        one.name,
        list(files),
        one.about,
        one.case.variant,
        sizes=one.case.sizes,
        numbers=sum(each.values.size for each in found),
        claimed=sum(each.claimed for each in found),
    )
    return entry, files


def _node_tests(
    kind: str, fmt: Format, count: int, declared: DeclaredValues, *, update: str, **said: Any
) -> Iterator[tuple[Any, dict[str, bytes]]]:
    """The same of node tests."""
    from gruverify.exporting import listed, node_tests, webnn_files, webnn_tests

    tests = node_tests if kind == "onnx" else webnn_tests
    for one in tests(fmt, count, declared=declared, **said):
        if kind == "onnx":
            files = {f"{one.name}/{name}": data for name, data in one.files().items()}
        else:
            files = dict(webnn_files(one))
        yield (
            listed(
                one.name,
                list(files),
                one.about,
                one.variant,
                sizes=one.sizes,
                attributes=one.attributes,
            ),
            files,
        )


def _as_json(document: object) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _write(file: Path, data: bytes) -> None:
    from gruverify._files import write_bytes

    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, data)
