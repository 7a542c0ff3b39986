"""An enclosure on a terminal: how wide it is as steps go by, what was asked, and the verdict."""

from __future__ import annotations

import math

import numpy as np
from rich.console import Console
from rich.table import Table

from gruverify.reaching import Answer, Reach
from gruverify.reporting.reach._document import verdict_of

#: So many steps and outputs are shown.
_STEPS, _OUTPUTS = 9, 8


def print_reach(console: Console, found: Reach) -> None:
    """Model, boxes, widths, outputs, answers, and the verdict last."""

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, emoji=False, soft_wrap=True, highlight=False)

    boxes = f"{found.members} box" + "es" * (found.members > 1)
    pieces = f", each in {found.settings.pieces} pieces" * (found.settings.pieces > 1)
    say(str(found.model))
    say(f"{found.source}: {boxes}{pieces}, T={found.steps}, computed in {found.format.name}\n")
    console.print(_widths(found))
    if outputs := _outputs(found):
        say("\n" + "\n".join(outputs))
    if found.answers:
        say("")
    for answer in found.answers:
        say(f"{answer.verdict:8} {answer.property.text}{in_words(answer)}")
    if found.silent_from is not None:
        say(
            f"\nnothing is claimed from step {found.silent_from + 1} on: no state is known to "
            "within 1/8; a smaller box, --split or more --roots claim more"
        )
    say(f"\n{_verdict(found)}", style="bold")


def in_words(answer: Answer) -> str:
    """What a verdict rests on."""
    where = "" if answer.member is None else f"box {answer.member}"
    match answer.verdict:
        case "proved":
            how = f"; {answer.how}" * bool(answer.how)
            return f": by at least {answer.least:.4g}{how}"
        case "refuted":
            assert answer.witness is not None
            step = answer.witness.step + 1
            return f": {where}, after step {step}, by {_beyond(answer.witness.margin)}"
        case _:
            return f": {where}, where it may be missed by {_beyond(answer.least)}"


def _beyond(margin: float) -> str:
    if math.isfinite(margin):
        return f"{-margin:.4g}"
    return "anything"


def _verdict(found: Reach) -> str:
    verdict = verdict_of(found)
    if not found.answers:
        if verdict == "unknown":
            return "nothing claimed"
        return f"enclosed: {found.steps} steps"
    number = sum(answer.verdict == verdict for answer in found.answers)
    return f"{verdict}: {number} of {len(found.answers)}"


def _widths(found: Reach) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("after step", "widest", "median", "known to within 1/8"):
        table.add_column(heading, justify="right")
    for t in _steps_shown(found.steps):
        width = found.width[t]
        row = f"{t + 1}", f"{width.max():.3g}", f"{np.median(width):.3g}"
        table.add_row(*row, f"{found.claims[t]:.0%}")
    return table


def _steps_shown(steps: int) -> list[int]:
    """Steps that are shown: more of the first, and the last."""
    if steps <= _STEPS:
        return list(range(steps))
    # Evenly on a logarithmic scale: widths change most in the first steps.
    return sorted({round((steps ** (i / (_STEPS - 1))) - 1) for i in range(_STEPS)} | {steps - 1})


def _outputs(found: Reach) -> list[str]:
    """The linear layer's outputs at the end, of the first box, line by line."""
    if found.y_low is None or found.y_high is None:
        return []
    ends = list(zip(found.y_low[-1, 0], found.y_high[-1, 0], strict=True))
    lines = [f"y[{i}] in [{low:.6g}, {high:.6g}]" for i, (low, high) in enumerate(ends[:_OUTPUTS])]
    if len(ends) > _OUTPUTS:
        lines.append(f"… and {len(ends) - _OUTPUTS} more")
    return lines
