"""gruverify reach FILE --inputs X --radius R."""

from __future__ import annotations

import io
import json
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gruverify._files import write_bytes
from gruverify.cli._complete import files, targets
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._declared import DECLARE
from gruverify.cli._files import kept_in, tell, writable, write_aside
from gruverify.cli._gru import gru_options, mistakes_about_a_model
from gruverify.cli._inputs import INPUT_NAMES, STATE_NAMES, begins_with_batch
from gruverify.cli._options import EXIT_FALSIFIED, EXIT_INCONCLUSIVE, Fail
from gruverify.cli._plots import picture, plotted
from gruverify.cli._values import FORMATS, WHOLE, number_within

if TYPE_CHECKING:
    from gruverify.arithmetic import Format
    from gruverify.diagnosis import Model as Named
    from gruverify.reaching import Boxes, Counterexample, Reach

_EXIT = {"proved": 0, "refuted": EXIT_FALSIFIED, "unknown": EXIT_INCONCLUSIVE}
_RADIUS = number_within("a number of 0 or more", lambda value: 0 <= value < float("inf"))
_GIB = number_within("a number of GiB above 0", lambda value: 0 < value < 2**20)


@click.command("reach", short_help="Where the states may be, for every input in a box: proved.")
@click.argument("model", metavar="FILE|TARGET", shell_complete=targets)
@click.option(
    "--inputs",
    metavar="FILE",
    shell_complete=files,
    help="What the GRU was given, (T, B, I) or (T, I): each member is the middle of a box.",
)
@click.option(
    "--radius", type=_RADIUS, metavar="R", help="How far inputs may be from these (default: 0)."
)
@click.option(
    "--box",
    nargs=2,
    metavar="LOW HIGH",
    help="Instead of --inputs: the ends of the box, each a number, or a file of (I,), the same at "
    "every step, (T, I) or (T, B, I).",
)
@click.option(
    "--state",
    metavar="FILE",
    shell_complete=files,
    help="The initial state, (L·D, B, H) or (B, H) (default: zeros).",
)
@click.option(
    "--state-radius", type=_RADIUS, default=0.0, metavar="R", help="How far states may be from it."
)
@click.option("--state-box", nargs=2, metavar="LOW HIGH", help="Instead of both: its ends.")
@click.option("--steps", type=WHOLE, metavar="T", help="How many steps (default: all inputs).")
@click.option(
    "--batch-first/--time-first",
    "batch_first",
    default=None,
    help="Whether three-dimensional inputs begin with the batch, (B, T, I), or with time, "
    "(T, B, I).",
)
@click.option(
    "--property",
    "properties",
    multiple=True,
    metavar="TEXT",
    help="What is to be proved: 'h[3] > 0.2' after the last step, 'h[3] stays > 0.2' after every "
    "step, '|h| <= 0.9 for ever', 'y[1] wins'. Several times: several.",
)
@click.option("--head", metavar="NAME", help="The linear layer of the model whose outputs are y.")
@click.option(
    "--format",
    "fmt",
    type=FORMATS,
    metavar="f32|...",
    help="What it is computed in (default: as weights).",
)
@click.option("--declare", "declared", **DECLARE)
@gru_options
@click.option(
    "--split",
    type=WHOLE,
    default=1,
    show_default=True,
    metavar="N",
    help="Cut each box into N pieces, a power of 2, where outputs depend on it most.",
)
@click.option(
    "--generators",
    type=WHOLE,
    metavar="N",
    help="Noise symbols of a number (default: 2,048; 0: plain intervals).",
)
@click.option(
    "--roots",
    type=WHOLE,
    metavar="N",
    help="Symbols whose products are followed (default: 64; 0: plain affine forms).",
)
@click.option(
    "--max-memory",
    type=_GIB,
    default=4.0,
    show_default=True,
    metavar="GIB",
    help="What it may take.",
)
@click.option(
    "--seed",
    type=WHOLE,
    default=0,
    show_default=True,
    metavar="N",
    help="Draws the starts of the search for what breaks a property.",
)
@click.option(
    "--witness", metavar="FILE.npz", shell_complete=files, help="Write what refutes a property."
)
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write it as JSON; - is standard output.",
)
@click.option(
    "--plot",
    metavar="FILE",
    shell_complete=files,
    help="Draw the enclosure over time (.png, .svg, .pdf).",
)
def command(
    model: str,
    name: str | None,
    properties: tuple[str, ...],
    fmt: tuple[Format, ...] | None,
    declared: tuple[tuple[str, Any], ...],
    head: str | None,
    witness: str | None,
    json_path: str | None,
    plot: str | None,
    **values: Any,
) -> None:
    """Enclose what a GRU can do: its states and outputs for every input in a box.

    The enclosure is proved: no input of the box and no initial state of its box leaves it, whatever
    the format rounds on the way, in any order of evaluation. Properties are proved of it, refuted
    by an input that breaks them, which was run in the format, or left unknown. A GRU behind an
    embedding is given what the GRU itself was given: see gruverify diagnose.

    \b
    gruverify reach model.pt --inputs x.npy --time-first --radius 0.01
    gruverify reach model.npz --box -1 1 --steps 50 --property '|h| <= 0.9 for ever'
    gruverify reach model.pt --inputs x.npy --radius 0.05 --head fc --property 'y[1] wins'

    Exit codes: 0 proved (or, without --property, enclosed), 1 refuted, 2 usage error, 3 a package
    is missing, 6 unknown (or nothing claimed).
    """  # noqa: D301  # click reads the backspaces
    if fmt is not None and len(fmt) != 1:
        raise Fail(f"--format {','.join(f.short for f in fmt)}: it is computed in one format")
    if witness is not None and not witness.endswith(".npz"):
        raise Fail(f"--witness {witness}: name a file that ends in .npz")
    files = {
        "--json": writable("--json", json_path),
        "--plot": picture(plot),
        "--witness": writable("--witness", witness),
    }
    said = {key: values.pop(key) for key in ("layout", "reset", "update")}
    from gruverify.backends import BadDeclaration
    from gruverify.reaching import CannotReach

    with mistakes_about_a_model(CannotReach, BadDeclaration):
        found = _reached(
            model,
            {"gru": name, **said},
            fmt[0] if fmt else None,
            {"declared": dict(declared), "asked": properties, "head": head},
            **values,
        )
    _write(
        found, json_path, files, [model, *_as_said({"gru": name, **said, "head": head}, declared)]
    )
    sys.exit(_EXIT[_verdict_of(found)])


def _reached(
    model: str,
    said: dict[str, Any],
    fmt: Format | None,
    asked: dict[str, Any],
    *,
    split: int,
    generators: int | None,
    roots: int | None,
    max_memory: float,
    seed: int,
    **given: Any,
) -> Reach:
    from gruverify.arithmetic import GENERATORS, ROOTS
    from gruverify.diagnosis import model_of
    from gruverify.reaching import Settings, reach_of

    # Processor time: a figure that means the same on a machine that does something else besides.
    started = time.process_time()
    named = model_of(model, **said)
    settings = Settings(
        GENERATORS if generators is None else generators,
        ROOTS if roots is None else roots,
        split,
        max_memory,
        seed,
    )
    boxes = _boxes(named, **given)
    with _progress() as seen:
        found = reach_of(
            model,
            named,
            boxes,
            fmt,
            asked["declared"],
            asked["asked"],
            asked["head"],
            settings,
            seen,
        )
    return replace(found, seconds=time.process_time() - started)


def _boxes(
    named: Named,
    *,
    inputs: str | None,
    radius: float | None,
    box: tuple[str, str] | None,
    state: str | None,
    state_radius: float,
    state_box: tuple[str, str] | None,
    steps: int | None,
    batch_first: bool | None,
) -> Boxes:
    from gruverify.models import array_of
    from gruverify.reaching import boxes_of

    xs, first = None, bool(batch_first)
    if inputs is not None:
        xs = array_of(inputs, INPUT_NAMES)
        first = begins_with_batch(xs.shape, batch_first)
        source = f"inputs within {radius or 0:g} of {inputs}"
    else:
        source = f"inputs in [{', '.join(box)}]" if box else ""
    return boxes_of(
        named,
        xs,
        radius=radius or 0.0,
        box=_ends("--box", box, INPUT_NAMES),
        state=None if state is None else array_of(state, STATE_NAMES),
        state_radius=state_radius,
        between=_ends("--state-box", state_box, STATE_NAMES),
        steps=steps,
        batch_first=first,
        source=source,
    )


def _ends(option: str, box: tuple[str, str] | None, names: tuple[str, ...]) -> Any:
    """LOW and HIGH, each a number or the array of a file."""
    from gruverify.models import BadFile, array_of

    if not box:
        return None
    ends = list[Any]()
    for end in box:
        try:
            ends.append(float(end))
        except ValueError:
            try:
                ends.append(array_of(end, names))
            except BadFile as wrong:
                raise Fail(f"{option} {end}: is not a number, and {wrong}") from None
    return tuple(ends)


@contextmanager
def _progress() -> Iterator[Any]:
    """How far it is, on a terminal, after a second."""
    started, shown = time.monotonic(), sys.stderr.isatty()

    def seen(step: int, steps: int) -> None:
        if shown and time.monotonic() - started > 1:
            click.echo(f"\rstep {step} of {steps} ", err=True, nl=False)

    yield seen
    # Only what was shown has to be wiped out.
    if shown and time.monotonic() - started > 1:
        click.echo("\r" + " " * 40 + "\r", err=True, nl=False)


def _verdict_of(found: Reach) -> str:
    from gruverify.reporting.reach import verdict_of

    return verdict_of(found)


def _as_said(
    options: Mapping[str, str | None], declared: tuple[tuple[str, Any], ...]
) -> Iterator[str]:
    """The options that say which GRU is meant and what it declares, as words of a command."""
    for option, value in options.items():
        if value is not None:
            yield f"--{option}={value}"
    for name, value in declared:
        yield f"--declare={name}={value}"


def _write(
    found: Reach, json_path: str | None, files: dict[str, Path | None], said: Sequence[str]
) -> None:
    """Write every file, then print; said: the model and the options that it needs once more."""
    from gruverify.reporting import console_for
    from gruverify.reporting.reach import print_reach, reach_document

    text = json.dumps(reach_document(found), indent=1, ensure_ascii=False) + "\n"
    refused = list[Fail]()
    if (json_file := files["--json"]) is not None:
        with kept_in(refused):
            write_aside("--json", json_file, text)
    if (plot := files["--plot"]) is not None:
        from gruverify.reporting.reach import plot_reach

        with kept_in(refused):
            plotted(plot, partial(plot_reach, found))
    refuted = [answer for answer in found.answers if answer.witness is not None]
    again = ""
    if refuted and refuted[0].witness is not None and (file := files["--witness"]) is not None:
        with kept_in(refused):
            _write_witness(file, refuted[0].witness)
            again = _how_to_replay(said, found, file, refuted[0].property.text)
    with whatever_becomes_of_the_console():
        if json_path == "-":
            print_json(text)
        else:
            print_reach(console_for(), found)
            if again:
                click.echo(f"\n{again}")
    tell(refused)


def _write_witness(file: Path, one: Counterexample) -> None:
    """Inputs, state and outputs as .npz; bfloat16, which it has not, as float32."""
    import numpy as np

    arrays: dict[str, Any] = {"inputs": one.inputs, "state": one.state, "outputs": one.outputs}
    for key, array in arrays.items():
        # Exact: float32 has every number of bfloat16. NumPy's files know no other name for its
        # type.
        arrays[key] = array.astype(np.float32) if array.dtype.name == "bfloat16" else array
    written = io.BytesIO()
    np.savez(written, **arrays)
    try:
        write_bytes(file, written.getvalue())
    except OSError as refused:
        raise Fail(f"--witness {file}: {refused.strerror}") from None


def _how_to_replay(said: Sequence[str], found: Reach, file: Path, text: str) -> str:
    """The command that runs a counterexample again, for a shell to read."""
    arrays = ("--inputs", f"{file}:inputs", "--state", f"{file}:state", "--time-first")
    words = (*said, *arrays, "--format", found.format.short, "--property", text)
    return f"again: gruverify reach {shlex.join(words)}"
