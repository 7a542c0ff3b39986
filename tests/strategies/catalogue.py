"""Writes docs/strategies.md and its picture: every strategy with a drawn and a shrunk example.

    python tests/strategies/catalogue.py

A test holds the page against what this script writes. It needs matplotlib and torch.
"""

from __future__ import annotations

import inspect
import io
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, find, given, settings
from hypothesis.vendor.pretty import pretty

import gruverify
from gruverify import strategies as gst
from gruverify.arithmetic import gate_bands

DOCS = Path(__file__).parents[2] / "docs"
WIDTH = 118

quiet = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))

#: What the snippets of the page may name.
NAMES: dict[str, Any] = {
    "gst": gst,
    "np": np,
    **{name: getattr(gruverify, name) for name in gruverify.__all__},
}


@dataclass(frozen=True)
class Entry:
    """A strategy's name, a call of it, and a condition that its shrunk example meets."""

    name: str
    call: str
    condition: str


ENTRIES = {
    "Which GRU, in which format, how large": [
        Entry("variants", "gst.variants(bias=False)", 'lambda variant: variant.reset == "before"'),
        Entry("formats", "gst.formats()", "lambda format: format.precision < 12"),
        Entry("sizes", 'gst.sizes(relations=["I=H", "B=3H"])', "lambda size: size.H > 2"),
        Entry("floats_near", "gst.floats_near(float16)", "lambda a: a < -17"),
    ],
    "Cells and what they are fed": [
        Entry("cells", "gst.cells(max_H=2, max_I=2)", "lambda cell: cell.weight_hh.any()"),
        Entry("inputs", "gst.inputs(max_T=2, max_B=2, max_I=3)", "lambda x: x.max() > 1"),
        Entry("states", "gst.states(max_B=2, max_H=3)", "lambda h: h.min() < 0"),
        Entry(
            "cotangents", "gst.cotangents(max_T=2, max_B=1, max_H=2)", "lambda pair: pair[0].any()"
        ),
    ],
    "Regimes and whole cases": [
        Entry(
            "regimes",
            'gst.regimes(regimes=["carry", "forget", "elman"])',
            'lambda placed: placed.name == "elman"',
        ),
        Entry(
            "cases",
            "gst.cases(max_H=2, max_I=1, max_B=1, max_T=2)",
            "lambda case: case.state.any()",
        ),
        Entry(
            "controls",
            'gst.controls(reasons=["equal-resets"], min_H=2, max_H=2, max_I=1, max_B=1, max_T=1)',
            "lambda control: True",
        ),
    ],
    "Sequences, stacks, layouts": [
        Entry("lengths", "gst.lengths(max_length=6, min_B=3)", "lambda lengths: lengths.min() < 6"),
        Entry("masks", "gst.masks(min_T=4, min_B=3)", "lambda masks: masks.any()"),
        Entry(
            "mask_pairs",
            "gst.mask_pairs(min_T=3, min_B=2)",
            "lambda pair: (pair[0] & pair[1]).any()",
        ),
        Entry(
            "unit_masks", "gst.unit_masks(max_B=1, min_H=2, max_H=3)", "lambda found: found.any()"
        ),
        Entry(
            "sequences",
            "gst.sequences(max_T=2, max_B=2, max_I=2, max_H=1)",
            "lambda batch: 0 in batch.lengths",
        ),
        Entry(
            "stacks",
            "gst.stacks(max_layers=2, max_H=1, max_I=1)",
            "lambda stack: stack.layers == 2",
        ),
        Entry(
            "stack_cases",
            "gst.stack_cases(max_layers=1, max_H=1, max_I=1, max_B=2, max_T=2)",
            "lambda case: case.lengths is not None",
        ),
        Entry(
            "layouts",
            'gst.layouts(layouts=["keras"], max_H=1, max_I=1)',
            "lambda laid: laid.cell.weight_ih.any()",
        ),
    ],
    "Awkward arrays": [
        Entry("views", 'gst.views(np.eye(2), kinds=["strided"])', "lambda array: True"),
        Entry(
            "specials",
            'gst.specials(np.ones((2, 3)), kinds=["nan", "infinite"])',
            "lambda x: np.isinf(x).any()",
        ),
    ],
    "Modules of PyTorch": [
        Entry("torch_cells", "gst.torch_cells(max_H=3, formats=[bfloat16])", ""),
        Entry("torch_grus", "gst.torch_grus(bidirectional=True)", ""),
    ],
}

HEAD = """# The strategies

`from gruverify import strategies as gst`: data for tests of recurrent networks, with or without the rest of gruverify.
All arguments are keywords, bounds come first, and a wrong one raises Hypothesis' `InvalidArgument`. `st.from_type`
knows `gruverify.Cell`, `Case`, `Variant`, `Format`, `Stack` and `StackCase` without an import of ours. Shapes are
written with H hidden, I input, B batch, T time. `gst.drawn_from(random.Random(0), gst.cases, max_H=8)` is one case, outside of
any test: in a fifth of the time, and it does not shrink. It draws `cells`, `cases`, `stacks` and `stack_cases`.

This page is written by `tests/strategies/catalogue.py`. Below each strategy stand an example as it is drawn, and what
Hypothesis shrinks the examples of a condition to. Printed values can be pasted back. To try it:

```python
import numpy as np
from hypothesis import find

from gruverify import bfloat16, float16
from gruverify import strategies as gst
```
"""

PICTURE = """
Where the units of 300 cells were driven, the pre-activations of z and r in float32; the lines are the thresholds of the
format (theory.md 5), and between them lie the levels of the ladder.

![Pre-activations by regime: carry right, forget lower left, elman upper left, mixed and near all over](strategies.svg)
"""


def page() -> str:
    """docs/strategies.md."""
    return "\n".join(
        [
            HEAD,
            *(part for heading, entries in ENTRIES.items() for part in section(heading, entries)),
        ]
    )


def section(heading: str, entries: list[Entry]) -> Iterator[str]:
    """A heading and its strategies."""
    yield f"## {heading}\n"
    for entry in entries:
        yield f"### {entry.name}\n\n{described(entry.name)}\n"
        yield drawn_only(entry) if not entry.condition else drawn_and_shrunk(entry)
        if entry.name == "regimes":
            yield f"{PICTURE.strip()}\n"


def described(name: str) -> str:
    """The docstring without what it raises; arguments as a list."""
    text = inspect.cleandoc(getattr(gst, name).__doc__).partition("\n\nRaises:")[0]
    return re.sub(r"^(\w+): (?=\S)", r"* `\1`: ", text, flags=re.MULTILINE).replace(
        "\n    ", "\n  "
    )


def drawn_and_shrunk(entry: Entry) -> str:
    """Both examples, and the snippet that finds the second."""
    strategy, condition = (eval(source, dict(NAMES)) for source in (entry.call, entry.condition))
    found = find(strategy, condition, settings=quiet, random=Random(0))
    snippet = f"```python\nfind({entry.call}, {entry.condition})\n```\n"
    return f"{block(shown(drawn(strategy)))}\n{snippet}\n{block(shown(found))}"


def drawn_only(entry: Entry) -> str:
    """A drawn example; the snippet only makes the strategy, and so runs without PyTorch."""
    return f"```python\n{entry.call}\n```\n\n{block(shown(drawn(eval(entry.call, dict(NAMES)))))}"


def drawn(strategy: Any) -> Any:
    """An example that is the same everywhere: made from bytes, not from constants of the modules
    that are loaded.
    """
    seen: list[Any] = []

    @quiet
    @given(strategy)
    def see(value: Any) -> None:
        seen.append(value)

    random = Random(4)
    while not seen:
        see.hypothesis.fuzz_one_input(random.randbytes(8192))
    return seen[0]


def shown(value: Any) -> str:
    """What Hypothesis prints, in lines that fit."""
    text = pretty(value)
    return "\n".join(
        wrapped
        for line in text.splitlines()
        for wrapped in textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False)
        or [""]
    )


def block(text: str) -> str:
    """A block that is shown, not run."""
    return f"```text\n{text}\n```\n"


def picture() -> bytes:
    """The pre-activations of z and r of many drawn units, in float32."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "gruverify"
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    thresholds = [high for _, high in gate_bands(gruverify.float32).values()][:-1]
    for at in thresholds:
        axes.axvline(at, color="0.8", linewidth=0.7, zorder=0)
        axes.axhline(at, color="0.8", linewidth=0.7, zorder=0)
    for name, units in sorted(placements().items()):
        axes.scatter(*np.array(units).T, s=9, label=name)
    axes.set(
        xscale="symlog", yscale="symlog", xlabel="pre-activation of z", ylabel="pre-activation of r"
    )
    figure.legend(loc="outside right upper", title="regime")
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def placements() -> dict[str, list[tuple[float, float]]]:
    """By regime, the pre-activations that z and r of its units are driven to."""
    units: dict[str, list[tuple[float, float]]] = {}

    @quiet
    @given(
        gst.regimes(
            formats=[gruverify.float32], regimes=["mixed", "carry", "forget", "elman", "near"]
        )
    )
    def see(placed: gst.Regimes) -> None:
        units.setdefault(placed.name, []).extend(
            (unit.update.at, unit.reset.at) for unit in placed.units
        )

    random = Random(0)
    for _ in range(300):
        see.hypothesis.fuzz_one_input(random.randbytes(8192))
    return units


def write() -> None:
    """Both files."""
    (DOCS / "strategies.md").write_text(page(), encoding="utf-8")
    (DOCS / "strategies.svg").write_bytes(picture())


if __name__ == "__main__":
    write()
    print(f"written: {DOCS / 'strategies.md'} and strategies.svg")
