"""gruverify certify FILE."""

from __future__ import annotations

import json
import math
import shlex
import sys
from typing import TYPE_CHECKING

import click

from gruverify._named import JsonObject
from gruverify.cli._complete import files
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._files import kept_in, tell, writable, write_aside
from gruverify.cli._gru import LAYERS, gru_options, only_gru
from gruverify.cli._options import EXIT_INCONCLUSIVE, EXIT_UNAVAILABLE, Fail

if TYPE_CHECKING:
    from gruverify.cell import Cell
    from gruverify.certifying import Certificate, Floats
    from gruverify.models import Gru


@click.command("certify")
@click.argument("file", shell_complete=files)
@click.option(
    "--inputs-within",
    type=float,
    default=1.0,
    show_default=True,
    metavar="X",
    help="Every input of the first layer lies in [-X, X].",
)
@gru_options
@click.option("--layers", **LAYERS)
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write the certificates as JSON; - is standard output.",
)
def command(
    file: str,
    inputs_within: float,
    name: str | None,
    layout: str | None,
    reset: str | None,
    update: str | None,
    layers: str | None,
    json_path: str | None,
) -> None:
    """Certify that a GRU forgets where it started.

    A certificate is a rate below 1 and a weight for each unit: in these weights a step leaves at
    most that share of the distance of any two states, whatever the inputs within the bound. From it
    follow the steps after which the start no longer shows in a format and after which
    back-propagation may be cut, how far inputs that differ can drive two runs apart, and how far
    rounding can move a state, however long the run. Each is confirmed by a second checker, in ball
    arithmetic (python-flint), from the weights alone. No certificate means that none was found:
    trained GRUs seldom have one.

    \b
    gruverify certify model.pt
    gruverify certify model.npz --inputs-within 3 --json certificate.json

    Exit codes: 0 certified, 2 usage error, 3 python-flint is missing, 6 not certified.
    """  # noqa: D301  # click reads the backspaces
    if not 0 <= inputs_within < math.inf:
        raise Fail(f"--inputs-within {inputs_within:g} must be a number of 0 or more")
    json_file = writable("--json", json_path)
    gru = only_gru(file, name, layout, reset, update, layers=layers)
    found = _certified(gru, inputs_within)
    text = json.dumps({"model": str(gru), "layers": found}, indent=1, ensure_ascii=False) + "\n"
    refused = list[Fail]()
    if json_file is not None:
        with kept_in(refused):
            write_aside("--json", json_file, text)
    with whatever_becomes_of_the_console():
        if json_path == "-":
            print_json(text)
        else:
            _print(gru, found)
            if not all(one["certified"] for one in found):
                click.echo(_next(file, inputs_within))
    tell(refused)
    sys.exit(0 if all(one["certified"] for one in found) else EXIT_INCONCLUSIVE)


def _certified(gru: Gru, inputs_within: float) -> list[JsonObject]:
    """Each layer and direction, as JSON values; a layer is given states of the one below."""
    import numpy as np

    from gruverify.arithmetic import FORMATS, Rounding
    from gruverify.certifying import rounding_bound

    found = list[JsonObject]()
    off = {fmt.name: np.zeros(gru.stack.input_size) for fmt in FORMATS}
    for layer, row in enumerate(gru.stack.cells):
        # States lie in [-1, 1] (theory 5, "the box is exact"): those are the inputs of a layer
        # above.
        largest = 1.0 if layer else inputs_within
        certificates = [_confirmed(cell, largest) for cell in row]
        # What rounding does to a layer is added to what it does to the inputs, which the layer
        # below gives.
        for fmt in FORMATS:
            mode, below = Rounding(fmt), off[fmt.name]
            bounds = [
                rounding_bound(cell, certificate, mode, below)
                for cell, certificate in zip(row, certificates, strict=True)
            ]
            off[fmt.name] = np.concatenate(bounds)
        for direction, certificate in enumerate(certificates):
            rounding = {name: np.split(bounds, len(row))[direction] for name, bounds in off.items()}
            found.append(
                {"layer": layer, "direction": direction, **_described(certificate, rounding)}
            )
    return found


def _confirmed(cell: Cell, largest_input: float) -> Certificate:
    from gruverify.certifying import certificate_of, check_certificate

    certificate = certificate_of(cell, largest_input)
    if certificate.certifies:
        try:
            # By other means, from the weights alone: a mistake of the search cannot prove itself.
            check_certificate(cell, certificate)
        except ImportError as missing:
            raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    return certificate


def _described(certificate: Certificate, rounding: dict[str, Floats]) -> JsonObject:
    return {
        "inputs_within": certificate.largest_input,
        "certified": certificate.certifies,
        "rate": certificate.rate,
        "weights": certificate.weights.tolist(),
        "gain": certificate.gain,
        "input_gain": _claimed(certificate.input_gain),
        "steps": _steps(certificate),
        "rounding": {
            name: _claimed(float(bounds.max(initial=0.0))) for name, bounds in rounding.items()
        },
    }


def _claimed(number: float) -> float | None:
    """JSON has no infinity: where nothing is claimed there is nothing."""
    if number < math.inf:
        return number
    return None


def _steps(certificate: Certificate) -> dict[str, int]:
    """After how many steps two states are as good as equal in each format."""
    from gruverify.arithmetic import FORMATS

    if not certificate.certifies:
        return {}
    return {fmt.name: certificate.steps_in(fmt) for fmt in FORMATS}


def _amount(most: float | None) -> str:
    if most is None:
        return "(nothing claimed)"
    return f"{most:.2g}"


def _print(gru: Gru, found: list[JsonObject]) -> None:
    click.echo(gru)
    for one in found:
        way = ", backward" * one["direction"]
        rate = f"{one['rate']:.4g}"
        inputs = f"inputs within {one['inputs_within']:g}"
        click.echo(f"\nlayer {one['layer']}{way}, {inputs}:")
        if not one["certified"]:
            click.echo(f"  not certified: the smallest rate found is {rate}, and below 1 is wanted")
            continue
        click.echo(f"  certified: a step leaves at most {rate} of the distance of two states")
        told = ", ".join(f"{steps} in {name}" for name, steps in one["steps"].items())
        click.echo(f"  steps after which no start shows: {told}")
        click.echo(
            f"  inputs that differ by d drive two runs at most {one['input_gain']:.4g} d apart"
        )
        lost = ", ".join(f"{_amount(most)} in {name}" for name, most in one["rounding"].items())
        click.echo("  rounding moves no state that started from zeros, ever, by more than")
        click.echo(f"    {lost}")
        click.echo("  confirmed by the second checker, in ball arithmetic")
    certified = sum(one["certified"] for one in found)
    click.echo(f"\n{certified} of {len(found)} certified")


def _next(file: str, inputs_within: float) -> str:
    """What to do where no certificate was found."""
    own, smaller = shlex.quote(file), f"{inputs_within / 2:g}"
    return (
        "none found is no proof that it remembers: trained GRUs seldom have one, and smaller "
        "inputs or weights help\n"
        f"next: gruverify certify {own} --inputs-within {smaller}, or gruverify diagnose {own}, "
        "which measures how long it remembers"
    )
