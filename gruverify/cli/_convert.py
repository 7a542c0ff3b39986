"""gruverify convert FROM TO."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gruverify.cli._complete import files
from gruverify.cli._files import writable
from gruverify.cli._gru import LAYOUTS, names_of_layers
from gruverify.cli._options import EXIT_FALSIFIED, Fail
from gruverify.cli._values import one_of

if TYPE_CHECKING:
    from gruverify.models import Converted, Gru

_LAYOUTS = (*LAYOUTS, "cudnn")


@click.command("convert")
@click.argument("source", metavar="FROM", shell_complete=files)
@click.argument("target", metavar="TO")
@click.option(
    "--to-layout",
    type=one_of(*_LAYOUTS),
    metavar="|".join(_LAYOUTS),
    help="The layout of TO (default: keras for .weights.h5, pytorch for .pt).",
)
@click.option(
    "--layout",
    "--from-layout",
    "layout",
    type=one_of(*_LAYOUTS),
    metavar="pytorch|...",
    help="The layout of FROM, where names do not tell it.",
)
@click.option("--gru", "name", metavar="NAME", help="Which GRU of FROM (default: all of them).")
@click.option(
    "--layers",
    metavar="all|NAME,...",
    help="These GRUs of FROM are the layers of one, in this order; all: by the numbers in their "
    "names.",
)
@click.option("--as", "called", metavar="NAME", help="What it is called in TO.")
@click.option(
    "--reset",
    type=one_of("after", "before"),
    metavar="after|before",
    help="Which side of the recurrent product the reset gate is on in FROM, where that does not "
    "say.",
)
@click.option(
    "--update",
    type=one_of("keep", "replace"),
    metavar="keep|replace",
    help="What z multiplies in FROM: the old state (keep) or the candidate (replace).",
)
@click.option(
    "--to-update",
    type=one_of("keep", "replace"),
    metavar="keep|replace",
    help="What z multiplies in TO, for a kernel of your own with PyTorch's names.",
)
@click.option(
    "--hidden-size", type=click.IntRange(min=1), metavar="H", help="H, for cuDNN's packing."
)
@click.option(
    "--input-size", type=click.IntRange(min=1), metavar="I", help="I, for cuDNN's packing."
)
@click.option(
    "--num-layers",
    type=click.IntRange(min=1),
    metavar="L",
    help="Layers, for cuDNN's packing (default: 1).",
)
@click.option("--bidirectional", is_flag=True, help="cuDNN's packing has both directions.")
@click.option("--force", is_flag=True, help="Write over TO if it is there.")
def command(source: str, target: str, to_layout: str | None, force: bool, **said: Any) -> None:
    """Convert the weights of a GRU to another library's layout, with a proof.

    Gates change their order, matrices are transposed, z changes its sign where it multiplies the
    other one of state and candidate, and biases that the other side lacks are added to those that
    it has. What cannot be the same function is refused with its reason: a reset gate on the other
    side of the product, or a recurrent bias of the candidate in flax.nnx. TO is read again, and
    both sides are run in our formulas before it gets its name.

    FROM is whatever gruverify judge reads. TO ends in .npz, .safetensors, .pt, .json or
    .weights.h5. Names become those of the layout; a layer or direction that the layout does not
    know is a GRU of its own, NAME_0, NAME_1, NAME/forward, NAME/backward.

    \b
    gruverify convert model.pt keras.weights.h5
    gruverify convert model.keras model.pt --layers all --as rnn
    gruverify convert flat.npy model.pt --layout cudnn --hidden-size 128 --input-size 64
    gruverify convert model.onnx flax.safetensors --to-layout flax

    Exit codes: 0 written, 1 it would not have been the same function, 2 usage error.
    """  # noqa: D301  # click reads the backspaces
    from gruverify.models import BadFile, NotTheSame, convert, layout_of

    # Seen before FROM is read, which may be large.
    file = writable("TO", target)
    if file is None:
        raise Fail("TO -: name a file, whose ending says what is written")
    if file.exists() and not force:
        raise Fail(f"{target} is there: --force writes over it")
    layout = to_layout or layout_of(file)
    if layout is None:
        raise Fail(f"{target}: say its layout, --to-layout {'|'.join(_LAYOUTS)}")
    try:
        grus = _grus(source, **said)
        found = convert(grus, file, layout, name=said["called"], update=said["to_update"])
    except NotTheSame as wrong:
        raise Fail(str(wrong), EXIT_FALSIFIED) from None
    except BadFile as wrong:
        raise Fail(str(wrong)) from None
    except (ValueError, ImportError) as wrong:
        told = str(wrong)
        raise Fail(told if told.startswith(target) else f"{source} to {target}: {told}") from None
    except OSError as refused:
        raise Fail(f"{target}: {refused.strerror or refused}") from None
    for each in found:
        click.echo(_in_words(each, target, layout))
    sys.stdout.flush()


def _grus(source: str, *, layout: str | None, name: str | None, **said: Any) -> list[Gru]:
    """The GRUs of FROM, as layers of one if that is asked for."""
    from gruverify.models import FlatSizes, as_layers, read_flat, read_grus

    sizes = {key: said[key] for key in ("hidden_size", "input_size", "num_layers")}
    if layout != "cudnn":
        if (
            given := [key for key in sizes if sizes[key]]
            or ["bidirectional"] * said["bidirectional"]
        ):
            raise Fail(
                f"--{given[0].replace('_', '-')} is of cuDNN's packing, which does not tell its "
                "sizes: leave it out, or say --layout cudnn"
            )
        found = read_grus(
            source, name=name, layout=layout, reset=said["reset"], update=said["update"]
        )
    elif sizes["hidden_size"] is None or sizes["input_size"] is None:
        raise Fail("--layout cudnn: say --hidden-size and --input-size, which the array does not")
    else:
        flat = FlatSizes(
            sizes["hidden_size"],
            sizes["input_size"],
            sizes["num_layers"] or 1,
            1 + said["bidirectional"],
        )
        found = read_flat(source, flat, name)
    if said["layers"] is None:
        return found
    return [as_layers(found, names_of_layers(said["layers"]))]


def _in_words(found: Converted, target: str, layout: str) -> str:
    """What became of a GRU, in a few lines."""
    arrays = ", ".join(f"{name} {array.shape}" for name, array in list(found.arrays.items())[:4])
    if len(found.arrays) > 4:
        more = f" and {len(found.arrays) - 4} more"
    else:
        more = ""
    lines = [
        str(found.source),
        f"{Path(target).name}: {found.stack.variant} ({layout}): {arrays}{more}",
    ]
    if found.turned:
        lines.append("z changed its sign: it multiplies the other one of state and candidate there")
    if found.folded:
        if found.rounded:
            rounded = f"{found.rounded:,} of these sums were rounded"
        else:
            rounded = "exactly"
        lines.append(f"{found.folded:,} recurrent biases were added to the others: {rounded}")
    return "\n  ".join([*lines, str(found.proof)])
