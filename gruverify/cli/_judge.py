"""gruverify judge WEIGHTS --inputs X --outputs Y."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gruverify._files import is_there
from gruverify._named import DeclaredValues, Keywords
from gruverify.cli._complete import files
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._declared import DECLARE
from gruverify.cli._files import kept_in, tell, writable, write_aside
from gruverify.cli._gru import LAYERS, gru_options, only_gru
from gruverify.cli._inputs import INPUT_NAMES, LENGTH_NAMES, STATE_NAMES, begins_with_batch
from gruverify.cli._options import EXIT_CODES, Fail
from gruverify.cli._plots import picture, plotted
from gruverify.cli._values import FORMATS

if TYPE_CHECKING:
    from gruverify.arithmetic import Format
    from gruverify.judging import Distance, Record, Ruling
    from gruverify.models import Gru

#: What arrays of a file with several are looked for under.
_NAMES = {
    "--inputs": INPUT_NAMES,
    "--outputs": ("outputs", "output", "y", "Y"),
    "--state": STATE_NAMES,
    "--lengths": LENGTH_NAMES,
    "--keep": ("keep", "zoneout"),
    "--restart": ("restart", "is_init"),
}
_VERDICTS = ("bug", "undecidable", "rounding")


@click.command("judge")
@click.argument("weights", shell_complete=files)
@click.option(
    "--inputs",
    required=True,
    metavar="FILE",
    shell_complete=files,
    help="What the GRU was given: (T, B, I), or (T, I).",
)
@click.option(
    "--outputs",
    multiple=True,
    required=True,
    metavar="FILE",
    shell_complete=files,
    help="What it returned at every step: (T, B, D·H); or (L, T, B, D·H) of every layer. "
    "Twice: two runs.",
)
@click.option(
    "--state",
    metavar="FILE",
    shell_complete=files,
    help="The initial state, (L·D, B, H) or (B, H) (default: what --inputs also holds, or zeros).",
)
@click.option(
    "--lengths",
    metavar="FILE|N,...",
    shell_complete=files,
    help="The length of each member: what stands behind is not judged (default: what --inputs has "
    "beside them).",
)
@click.option(
    "--keep",
    metavar="FILE",
    shell_complete=files,
    help="1 where a step is masked and the state stays, (T, B); or zoneout's share, per unit.",
)
@click.option(
    "--restart",
    metavar="FILE",
    shell_complete=files,
    help="1 where a step starts from zeros, (T, B), as is_init says.",
)
@click.option(
    "--zero-outputs", is_flag=True, help="0 is returned of masked steps (zero_output_for_mask)."
)
@click.option(
    "--ignore-leaning",
    is_flag=True,
    help="Do not look for what the errors of all steps have in common.",
)
@gru_options
@click.option("--layers", **LAYERS)
@click.option(
    "--activations",
    metavar="GATES,CANDIDATE",
    help="What stands in place of σ and tanh, as hard_sigmoid(0.2,0.5),relu.",
)
@click.option(
    "--batch-first/--time-first",
    "batch_first",
    default=None,
    help="Whether three-dimensional inputs and outputs begin with the batch, (B, T, I), or "
    "with time, (T, B, I).",
)
@click.option(
    "--format",
    "fmt",
    type=FORMATS,
    metavar="f32|...",
    help="What it was computed in (default: as weights).",
)
@click.option("--declare", "declared", **DECLARE)
@click.option(
    "--plot",
    metavar="FILE",
    shell_complete=files,
    help="Draw how far two outputs are apart (.png, .svg, .pdf).",
)
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write the verdict as JSON; - is standard output.",
)
def command(
    weights: str,
    inputs: str,
    outputs: tuple[str, ...],
    state: str | None,
    lengths: str | None,
    keep: str | None,
    restart: str | None,
    zero_outputs: bool,
    ignore_leaning: bool,
    name: str | None,
    layout: str | None,
    reset: str | None,
    update: str | None,
    layers: str | None,
    activations: str | None,
    batch_first: bool | None,
    fmt: tuple[Format, ...] | None,
    declared: tuple[tuple[str, Any], ...],
    plot: str | None,
    json_path: str | None,
) -> None:
    """Tell rounding from a bug, for your weights, inputs and recorded outputs.

    Every number at every step is held against a bound derived for it, from the state that was
    recorded before: nothing adds up along time. The verdict is rounding, with the accuracy that it
    implies; bug, with the first step, member and unit, and the reading of the GRU that explains it;
    or undecidable, with what would decide. With two --outputs it also tells where they part, and
    how far rounding may take two right runs apart.

    WEIGHTS is .npz, .safetensors, a PyTorch state_dict, .keras, .weights.h5, .onnx, Flax' msgpack
    or JSON; arrays are .npy, too. Nothing in them is executed. Of a file with several arrays,
    FILE:NAME picks one. Record all outputs, in evaluation mode (no dropout).

    \b
    gruverify judge model.pt --inputs x.npy --outputs y.npy --time-first
    gruverify judge w.npz --inputs run.npz:x --outputs torch.npy --outputs onnx.npy --batch-first
    gruverify judge keras.npz --reset before --inputs x.npy --outputs y.npy --batch-first

    Exit codes: 0 rounding, 1 bug, 2 usage error, 3 matplotlib is missing, 6 undecidable.
    """  # noqa: D301  # click reads the backspaces
    _require(outputs, plot, fmt)
    masks = {"keep": keep, "restart": restart}
    _require_one_run(outputs, masks)
    json_file, plot_file = writable("--json", json_path), picture(plot)
    with _users_mistakes():
        gru = only_gru(
            weights,
            name,
            layout,
            reset,
            update,
            attributes=True,
            activations=activations,
            layers=layers,
        )
        given = _masks(masks) | {"zero_outputs": zero_outputs}
        records = _records(
            gru, inputs, outputs, state, lengths, batch_first, fmt[0] if fmt else None, given
        )
        rulings, apart = _ruled(records, dict(declared), leaning=not ignore_leaning)
    _write(gru, outputs, rulings, apart, json_path, json_file, plot_file)
    # Of two runs the graver one decides, in the order of `_VERDICTS`.
    sys.exit(EXIT_CODES[min((ruling.verdict for ruling in rulings), key=_VERDICTS.index)])


def _require(outputs: tuple[str, ...], plot: str | None, fmt: tuple[Format, ...] | None) -> None:
    """Raise Fail if options contradict each other."""
    if len(outputs) > 2:
        raise Fail(
            f"--outputs was given {len(outputs)} times: one run is judged, or two are compared"
        )
    if plot is not None and len(outputs) != 2:
        raise Fail("--plot draws how far two outputs are apart: give --outputs twice")
    if fmt is not None and len(fmt) != 1:
        raise Fail(f"--format {','.join(f.short for f in fmt)}: a run is computed in one format")


def _require_one_run(outputs: tuple[str, ...], masks: Mapping[str, str | None]) -> None:
    """Raise Fail if two runs with masks are to be compared: what a rate of error becomes there is
    not known.
    """
    named = [name for name, file in masks.items() if file is not None]
    if named and len(outputs) > 1:
        raise Fail(f"--{named[0]} is about one run: give --outputs once")


def _masks(files: Mapping[str, str | None]) -> Keywords:
    """The arrays of the files that were named."""
    from gruverify.models import array_of

    return {
        name: array_of(file, _NAMES[f"--{name}"])
        for name, file in files.items()
        if file is not None
    }


@contextmanager
def _users_mistakes() -> Iterator[None]:
    """What is wrong with files, arrays or declarations, on one line."""
    from gruverify.backends import BadDeclaration
    from gruverify.judging import BadRecord
    from gruverify.models import BadFile

    try:
        yield
    except (BadFile, BadRecord, BadDeclaration) as wrong:
        raise Fail(str(wrong)) from None


def _records(
    gru: Gru,
    inputs: str,
    outputs: tuple[str, ...],
    state: str | None,
    lengths: str | None,
    batch_first: bool | None,
    fmt: Format | None,
    masks: Keywords,
) -> list[Record]:
    from gruverify.judging import BadRecord, record
    from gruverify.models import array_beside, array_of

    xs = array_of(inputs, _NAMES["--inputs"])
    first = begins_with_batch(xs.shape, batch_first)
    # What a file of several arrays has of the same run is taken with its inputs.
    if state is None:
        h = array_beside(inputs, STATE_NAMES)
    else:
        h = array_of(state, _NAMES["--state"])
    if lengths is None:
        n = array_beside(inputs, LENGTH_NAMES)
    else:
        n = _lengths(lengths)
    found: list[Record] = []
    for path in outputs:
        ys = array_of(path, _NAMES["--outputs"])
        try:
            found.append(
                record(
                    gru.stack,
                    xs,
                    ys,
                    state=h,
                    lengths=n,
                    format=fmt,
                    batch_first=first,
                    backward=gru.backward,
                    clip=gru.clip,
                    activations=gru.activations,
                    **masks,
                )
            )
        except BadRecord as wrong:
            files = {"inputs": inputs, "outputs": path, "state": state or inputs}
            # The message begins with the name of the array; a user knows it by its file.
            file = files.get(str(wrong).partition(" ")[0])
            raise Fail(f"{file}: {wrong}" if file else str(wrong)) from None
    return found


def _lengths(text: str) -> Any:
    """Numbers with commas between them, or a file."""
    from gruverify.models import array_of

    # What is not a list of numbers may still be the name of a file.
    with suppress(ValueError):
        return [int(part) for part in text.split(",")]
    if "," in text and not is_there(text):
        raise Fail(f"--lengths {text}: neither whole numbers with commas between them nor a file")
    return array_of(text, _NAMES["--lengths"])


def _ruled(
    records: list[Record], declared: DeclaredValues, *, leaning: bool
) -> tuple[list[Ruling], Distance | None]:
    from gruverify.judging import distance, rule

    rulings = [rule(record, declared, leaning=leaning) for record in records]
    if len(records) < 2:
        return rulings, None
    return rulings, distance(records[0], records[1], declared, (rulings[0], rulings[1]))


def _write(
    gru: Gru,
    outputs: tuple[str, ...],
    rulings: list[Ruling],
    apart: Distance | None,
    json_path: str | None,
    json_file: Path | None,
    plot_file: Path | None,
) -> None:
    """Write every file, then print."""
    from gruverify.reporting import console_for, print_rulings, rulings_document

    text = (
        json.dumps(
            rulings_document(str(gru), outputs, rulings, apart), indent=1, ensure_ascii=False
        )
        + "\n"
    )
    refused = list[Fail]()
    if json_file is not None:
        with kept_in(refused):
            write_aside("--json", json_file, text)
    if plot_file is not None and apart is not None:
        from gruverify.reporting import plot_distance

        with kept_in(refused):
            plotted(plot_file, partial(plot_distance, apart))
    with whatever_becomes_of_the_console():
        if json_path == "-":
            print_json(text)
        else:
            print_rulings(console_for(), str(gru), outputs, rulings, apart)
    tell(refused)
