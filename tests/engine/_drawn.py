"""Tallies and results of any content, and results as plain values."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st

from gruverify import FORMATS, Result, Witness
from gruverify import strategies as gst
from gruverify.engine import Drawn, Tally, encode_witness
from gruverify.invariants import INVARIANTS, Residual

HEADER: dict[str, Any] = {
    "target": "t",
    "seed": 0,
    "formats": [fmt.name for fmt in FORMATS],
    "methods": ["step"],
    "declarations": {},
}
NOTHING = Result(HEADER, {}, {}, True, 0.0)
IDS = sorted(INVARIANTS)[:3]

counts = st.integers(0, 3)
margins = st.sampled_from([0.0, 0.25, 1.0, 1.5, float("inf")])
reasons = st.sampled_from(["", "step raised", "dtype"])
histograms = st.dictionaries(st.integers(-9, 9), st.integers(1, 5)).map(Counter)
causes = st.sampled_from(["", "contract/shape-step"])
marks = st.sampled_from(["", "skip", "xfail"])
tallies = st.builds(
    Tally,
    *(counts, counts, counts, counts, margins, histograms, reasons, counts, causes, marks),
    *(counts, counts, counts),
    failed=st.booleans(),
)
sizes = st.dictionaries(st.sampled_from("HIBT"), st.tuples(counts, counts).map(sorted).map(tuple))
drawn = st.builds(Drawn, counts, counts, sizes)
formats = st.sampled_from([fmt.name for fmt in FORMATS])
keys = st.tuples(st.sampled_from(IDS), formats, st.sampled_from(["reset after, keep", "-"]))
residuals = st.builds(Residual, st.just("h[b=0, i=0]"), margins, margins, margins, margins, margins)
witnesses = st.builds(
    Witness,
    st.just("t"),
    st.sampled_from(IDS),
    gst.cases(max_H=2, max_I=2, max_B=2, max_T=2),
    residuals,
)


@st.composite
def results(draw: st.DrawFn) -> Result:
    """A part of one run."""
    return Result(
        HEADER,
        draw(st.dictionaries(keys, tallies, max_size=3)),
        {(w.invariant, w.case.format.name): w for w in draw(st.lists(witnesses, max_size=2))},
        draw(st.booleans()),
        draw(st.sampled_from([0.0, 1.5, 2.5])),
        tuple(draw(st.sets(st.sampled_from(["died in float16", "died in float32"])))),
        drawn=draw(
            st.dictionaries(
                st.tuples(formats, st.sampled_from(["cells", "stacks"])), drawn, max_size=3
            )
        ),
    )


def plain(result: Result) -> Any:
    """Everything a result says, as values that compare."""
    witnesses = {place: encode_witness(witness) for place, witness in result.witnesses.items()}
    crashes = sorted(result.crashes)
    return (
        result.header,
        result.tallies,
        witnesses,
        result.complete,
        result.seconds,
        crashes,
        result.drawn,
    )
