"""gruverify diagnose MODEL --inputs X."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gruverify.cli._complete import files, targets
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._files import exit_code_of, kept_in, tell, writable, write_aside
from gruverify.cli._gru import gru_options, mistakes_about_a_model
from gruverify.cli._inputs import INPUT_NAMES, STATE_NAMES, begins_with_batch
from gruverify.cli._options import Fail
from gruverify.cli._values import FOLDER, FORMATS, WHOLE

if TYPE_CHECKING:
    from gruverify.arithmetic import Format
    from gruverify.diagnosis import Diagnosis, Given, Model

#: What --inputs says instead of a file.
_NORMAL = "normal"


@click.command("diagnose", short_help="What the gates of your GRU have to do with its memory.")
@click.argument("model", metavar="FILE|TARGET", shell_complete=targets)
@click.option(
    "--inputs",
    metavar="FILE",
    shell_complete=files,
    help="What the GRU is given: (T, B, I), or (T, I). normal, or "
    "no --inputs: standard normal numbers.",
)
@click.option(
    "--state",
    metavar="FILE",
    shell_complete=files,
    help="The initial state, (L·D, B, H) or (B, H) (default: zeros).",
)
@click.option(
    "--batch-first/--time-first",
    "batch_first",
    default=None,
    help="Whether three-dimensional inputs begin with the batch, (B, T, I), or with time, "
    "(T, B, I).",
)
@click.option(
    "--steps",
    type=WHOLE,
    metavar="N",
    default=200,
    show_default=True,
    help="T of normal inputs.",
)
@click.option(
    "--members",
    type=WHOLE,
    metavar="N",
    default=16,
    show_default=True,
    help="B of normal inputs.",
)
@click.option(
    "--seed", type=WHOLE, metavar="N", default=0, show_default=True, help="Draws normal inputs."
)
@gru_options
@click.option(
    "--format",
    "formats",
    type=FORMATS,
    metavar="f16,...",
    default="f16,bf16,f32",
    show_default=True,
    help="Formats to compare with float64.",
)
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write it as JSON; - is standard output.",
)
@click.option(
    "--report",
    type=FOLDER,
    metavar="DIR",
    help="Make a page of it in this folder.",
)
def command(
    model: str,
    inputs: str | None,
    name: str | None,
    formats: tuple[Format, ...],
    json_path: str | None,
    report: Path | None,
    **values: Any,
) -> None:
    """Tell what the gates of your GRU have to do with its memory.

    How many steps does it remember, and by what: by units that carry their state, through the
    candidate, or by several paths together? Are long memories in active update gates, and short
    ones in active reset gates? How long may it run in float16 or bfloat16, and which units latch
    there? All of it is measured on the inputs given, from the exact products of its Jacobians.

    FILE holds weights, as gruverify judge reads them; TARGET is pkg.module:object, an nn.Module
    with its weights.

    \b
    gruverify diagnose model.pt --inputs x.npy --time-first
    gruverify diagnose model.keras --inputs x.npy --batch-first --report reports/memory
    gruverify diagnose mypkg.models:trained.encoder --json memory.json

    Exit codes: 0 done, 2 usage error, or a file cannot be written, 3 a package is missing.
    """  # noqa: D301  # click reads the backspaces
    json_file = writable("--json", json_path)
    if report is not None:
        _require_report(report)
    said = {key: values.pop(key) for key in ("layout", "reset", "update")}
    with mistakes_about_a_model():
        found = _diagnosis(model, inputs, {"gru": name, **said}, formats, **values)
    sys.exit(_write(found, json_path, json_file, report))


def _diagnosis(
    model: str,
    inputs: str | None,
    said: dict[str, Any],
    formats: tuple[Format, ...],
    **values: Any,
) -> Diagnosis:
    from gruverify.diagnosis import diagnosed, model_of

    named = model_of(model, **said)
    return diagnosed(named, _inputs_given(named, inputs, **values), formats)


def _inputs_given(
    model: Model,
    inputs: str | None,
    *,
    state: str | None,
    batch_first: bool | None,
    steps: int,
    members: int,
    seed: int,
) -> Given:
    from gruverify.diagnosis import drawn_inputs, given_inputs, require_no_embedding
    from gruverify.models import array_of

    if inputs is None or inputs == _NORMAL:
        if inputs is None:
            # Normal numbers are no inputs of a GRU that is given embeddings: figures would mean
            # nothing.
            require_no_embedding(model)
        if state is not None:
            raise Fail("--state goes with recorded inputs: give --inputs, too")
        return drawn_inputs(model, steps, members, seed)
    xs = array_of(inputs, INPUT_NAMES)
    first = begins_with_batch(xs.shape, batch_first)
    h = None if state is None else array_of(state, STATE_NAMES)
    from gruverify.diagnosis import CannotDiagnose

    try:
        return given_inputs(model, xs, state=h, batch_first=first, source=inputs)
    except CannotDiagnose as wrong:
        file = state if str(wrong).startswith("state") else inputs
        raise Fail(f"{file}: {wrong}") from None


def _require_report(folder: Path) -> None:
    from gruverify.cli._report import failures, require

    with failures("--report"):
        require(folder)


def _write(
    found: Diagnosis, json_path: str | None, json_file: Path | None, report: Path | None
) -> int:
    """Write every file, then print; the exit code."""
    from gruverify.reporting import console_for
    from gruverify.reporting.diagnosis import diagnosis_document, print_diagnosis

    document = diagnosis_document(found)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    refused, how = list[Fail](), ""
    if json_file is not None:
        with kept_in(refused):
            write_aside("--json", json_file, text)
    if report is not None:
        from gruverify.cli._report import failures, how_to_read
        from gruverify.reporting import write_diagnosis

        with kept_in(refused), failures("--report"):
            write_diagnosis(document, report)
            how = how_to_read(report)
    with whatever_becomes_of_the_console():
        if json_path == "-":
            print_json(text)
        else:
            print_diagnosis(console_for(), found)
            if how:
                click.echo(f"\n{how}")
    tell(refused)
    return exit_code_of(refused)
