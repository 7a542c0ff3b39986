"""gruverify explain."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from gruverify._named import Keywords
from gruverify.cli._complete import files
from gruverify.cli._files import exit_code_of, kept_in, tell
from gruverify.cli._options import Fail
from gruverify.cli._plots import picture, plotted
from gruverify.cli._values import FORMATS, NUMBER, NUMBERS, WHOLE, one_of

if TYPE_CHECKING:
    from gruverify.reporting.explain import Setting


@click.command("explain", short_help="Show where gradients go when the gates close.")
@click.option(
    "--hidden",
    type=WHOLE,
    metavar="N",
    default=4,
    show_default=True,
    help="H, the size of the state.",
)
@click.option(
    "--input",
    "inputs",
    type=WHOLE,
    metavar="N",
    default=3,
    show_default=True,
    help="I, the size of the inputs.",
)
@click.option(
    "--steps",
    type=WHOLE,
    metavar="N",
    default=8,
    show_default=True,
    help="T, the length of the sequence.",
)
@click.option(
    "--seed",
    type=WHOLE,
    metavar="N",
    default=0,
    show_default=True,
    help="Draws the weights, inputs and state.",
)
@click.option(
    "--z", type=NUMBER, metavar="0..1", help="Look at this update gate instead of the three cases."
)
@click.option(
    "--r",
    type=NUMBER,
    metavar="0..1",
    help="The same for the reset gate. Of --z and --r, the one not given is 0.5.",
)
@click.option(
    "--bias",
    "biases",
    type=NUMBERS,
    metavar="a,...",
    default="4,8,12,16",
    show_default=True,
    help="Biases a: a gate goes to 0 by -a and to 1 by +a, as a real cell's does.",
)
@click.option(
    "--reset",
    type=one_of("after", "before"),
    metavar="after|before",
    default="after",
    show_default=True,
    help="Which side of the recurrent product the reset is on: after (PyTorch) or before (Cho "
    "et al. 2014).",
)
@click.option(
    "--update",
    type=one_of("keep", "replace"),
    metavar="keep|replace",
    default="keep",
    show_default=True,
    help="What z multiplies: the old state (keep, PyTorch) or the candidate (replace, Chung et "
    "al. 2014).",
)
@click.option(
    "--format",
    "formats",
    type=FORMATS,
    metavar="f32,...",
    default="f16,bf16,f32,f64",
    show_default=True,
    help="Formats to compare.",
)
@click.option(
    "--plot",
    metavar="FILE",
    shell_complete=files,
    help="Draw the terms against k, too: a .png, .svg or .pdf.",
)
def command(reset: str, update: str, plot: str | None, **values: object) -> None:
    """Show where gradients go when the gates close.

    The update gate z decides how much of the old state a GRU keeps, h = z h' + (1-z) c; the reset
    gate r how much of it the candidate c sees. The gradient of the update gate's input weights U_z
    is a sum over the steps k,

    \b
        dL_T/dU_z = Σ_k dL_T/dh_T (J_T ... J_{k+1}) d+h_k/dU_z,      J_i = dh_i/dh_{i-1}

    and three extreme cases say where it goes:

    \b
        carry    z = 1          J is I: the state, and its gradient, pass unchanged
        forget   z = 0, r = 0   J is 0: why does dL_T/dU_z not shrink to zero with T?
        Elman    z = 0, r = 1   J is D(1-c^2) W_hc: a plain recurrent unit

    For a cell drawn from the seed the command shows, as the biases drive its gates there: how far J
    is from its limit, and theory's bound of that; the gradients, in exact mathematics and in each
    floating-point format; the terms of the sum, and where a format returns exactly 0; and the
    answer in words, read off these numbers. `gruverify diagnose` asks the same of trained weights.

    \b
    gruverify explain
    gruverify explain --steps 20 --bias 2,4,8 --plot gradients.png
    gruverify explain --z 0.9 --r 0.5 --format f32
    gruverify explain --reset before --update replace

    Exit codes: 0 done, 2 usage error, or the plot cannot be written, 3 matplotlib is missing.
    """  # noqa: D301  # click reads the backspaces
    from gruverify.reporting import console_for
    from gruverify.reporting.explain import explain, print_explanation

    file = picture(plot)
    explanation = explain(_setting(reset, update, values))
    refused = list[Fail]()
    if file is not None:
        from gruverify.reporting.explain import plot_explanation

        with kept_in(refused):
            plotted(file, partial(plot_explanation, explanation))
    console = console_for()
    print_explanation(console, explanation)
    if file is not None and not refused:
        console.print(f"\nplot: {file}", markup=False, soft_wrap=True)
    tell(refused)
    sys.exit(exit_code_of(refused))


def _setting(reset: Any, update: Any, values: Keywords) -> Setting:
    from gruverify.cell import Variant
    from gruverify.reporting.explain import Setting

    try:
        return Setting(variant=Variant(reset, update), **values)
    except ValueError as wrong:
        raise Fail(str(wrong)) from None
