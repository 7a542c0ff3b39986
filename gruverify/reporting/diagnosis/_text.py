"""A diagnosis on a terminal: how long it remembers and by what, then the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from rich.console import Console
from rich.table import Table

from gruverify.diagnosis import (
    PARTS_IN_WORDS,
    Diagnosis,
    Layer,
    advice,
    claim_in_words,
    format_in_words,
    verdict,
)

#: How many units and lags are shown.
_UNITS, _LAGS = 12, 9


def print_diagnosis(console: Console, d: Diagnosis) -> None:
    """Model, inputs, and each layer and direction."""
    console.print(str(d.model), markup=False, soft_wrap=True)
    console.print(f"inputs: {d.inputs}, T={d.steps}, B={d.members}", markup=False, soft_wrap=True)
    for layer in d.layers:
        if len(d.layers) > 1:
            way = "backward" if layer.direction else "forward"
            directions = len({each.direction for each in d.layers})
            where = f"layer {layer.number}" + f", {way}" * (directions > 1)
            console.print(f"\n{where}", style="bold", markup=False)
        _print_layer(console, layer, d.recorded)


def _print_layer(console: Console, layer: Layer, recorded: bool) -> None:
    console.print(f"\n{verdict(layer)}", style="bold green", markup=False, soft_wrap=True)
    claims = [claim_in_words(claim) for claim in layer.claims]
    _lines(console, "What the gates have to do with it", [*claims, _variance(layer)])
    _lines(console, "In formats", [format_in_words(found, layer) for found in layer.formats])
    _lines(console, "What to do", advice(layer, recorded))
    _lags(console, layer)
    _units(console, layer)


def _variance(layer: Layer) -> str:
    shares = {"z": layer.variance.z_between, "r": layer.variance.r_between}
    said = (
        f"{gate} does not vary" if math.isnan(share) else f"{share:.0%} of {gate}'s"
        for gate, share in shares.items()
    )
    return f"variance between units: {', '.join(said)}; the rest is in time and between members"


def _lines(console: Console, heading: str, lines: Iterable[str]) -> None:
    listed = list(lines)
    if listed:
        console.print(f"\n{heading}", style="bold", markup=False)
    for line in listed:
        console.print(f"  {line}", markup=False, soft_wrap=True)


def _lags(console: Console, layer: Layer) -> None:
    lags = layer.by_lag.lags
    # Evenly over the list of lags, which is even on a logarithmic scale; the longest is among
    # them.
    shown = np.unique(np.linspace(0, len(lags) - 1, min(_LAGS, len(lags))).round().astype(int))
    console.print("\nWhat is left of a state after k steps", style="bold", markup=False)
    count = len(layer.windows.ends)
    of = "1 stretch" if count == 1 else f"{count} stretches"
    console.print(
        f"‖∂h_t/∂h_(t-k)‖, the spectral norm; the median of {of} of up to {layer.windows.longest} "
        f"steps, of {layer.steps}",
        style="dim",
        markup=False,
        soft_wrap=True,
    )
    table = Table("k", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for lag in lags[shown]:
        table.add_column(str(lag), justify="right")
    for part, name in PARTS_IN_WORDS.items():
        table.add_row(name, *map(_exponential, layer.by_lag.median(part)[shown]))
    terms = layer.terms.sizes
    largest = float(terms.max())
    shares = [terms[lag] / largest if lag < len(terms) and largest else math.nan for lag in lags]
    table.add_row("term of dL/dU_z, of the largest", *(_number(shares[i]) for i in shown))
    console.print(table)


def _units(console: Console, layer: Layer) -> None:
    memory, u, H = layer.memory, layer.units, len(layer.memory.units)
    shown = memory.order[:_UNITS]
    console.print("\nUnits, the longest memory first", style="bold", markup=False)
    console.print(
        "memory, by z: steps until 1/e is left, and of what z keeps alone; z, r: mean ± standard "
        "deviation;\ncarry: share of steps that keep over 0.9; forget, Elman: that keep under 0.1 "
        "with r under 0.1, over 0.9",
        style="dim",
        markup=False,
    )
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    dead = [_dead(int(u.z_dead[i]), int(u.r_dead[i])) for i in shown]
    columns = "unit memory by_z z r carry forget Elman between longest_carry"
    # A column only where a gate is dead: most GRUs have none.
    for name in [*columns.split(), *["dead"] * any(dead)]:
        table.add_column(name.replace("_", " "), justify="right", vertical="bottom")
    for i, ends in zip(shown, dead, strict=True):
        at_least = "≥ " if memory.units_at_least[i] else ""
        shares = (u.carry[i], u.forget[i], u.elman[i], u.between[i])
        table.add_row(
            str(i),
            f"{at_least}{_number(float(memory.units[i]))}",
            _number(float(memory.carried[i])),
            f"{u.z_mean[i]:.2f}±{u.z_spread[i]:.2f}",
            f"{u.r_mean[i]:.2f}±{u.r_spread[i]:.2f}",
            *(f"{share:.0%}" for share in shares),
            str(u.longest_carry[i]),
            *[ends] * any(dead),
        )
    console.print(table)
    if len(shown) < H:
        console.print(f"and {H - len(shown)} more units: --json and --report have them")


def _dead(z: int, r: int) -> str:
    """Gates within 0.01 of the same end at every step."""
    ends = {1: "1", -1: "0"}
    return " ".join(f"{gate}={ends[side]}" for gate, side in (("z", z), ("r", r)) if side)


def _exponential(log: float) -> str:
    """The number of this logarithm, which may be too large or small for a float."""
    if math.isnan(log):
        return "–"
    if log == -math.inf:
        return "0"
    if abs(log) < 600:
        return _number(math.exp(log))
    return f"1e{log / math.log(10):.0f}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2g}"
