"""What gruverify's default cases are worth: shares, levels of the ladder and bins of gate space in
1,000 draws.

    python tests/benchmarks/strategies_quality.py

prints the tables of docs/evidence.md. The draws are the same every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gruverify import FORMATS, Case
from gruverify import strategies as gst

sys.path.insert(
    0, str(Path(__file__).parents[2])
)  # a script sees the folder it lies in, and no other

from tests.strategies._debug import drawn
from tests.strategies._quality import COUNT, LEVELS, SHARES, bins, missing_levels, share


def main() -> None:
    """Print the tables."""
    cases = drawn(gst.cases(), COUNT)
    print(f"| of {len(cases):,} cases | share |\n|---|---:|")
    for name in SHARES:
        print(f"| {name} | {share(cases, name):.1%} |")
    levels = sum(map(len, LEVELS.values()))
    print(
        f"\n| {COUNT:,} cases in | levels driven to, of {levels} | bins z×r×c visited, of 384 | "
        "share |"
    )
    print("|---|---:|---:|---:|")
    print(line("all formats", cases))
    for fmt in FORMATS:
        print(line(fmt.name, drawn(gst.cases(formats=[fmt]), COUNT)))


def line(name: str, cases: list[Case]) -> str:
    """A row: levels that units were driven to, and bins that some unit visited."""
    visited = bins(cases) > 0
    reached = sum(map(len, LEVELS.values())) - len(missing_levels(cases, least=1))
    return f"| {name} | {reached} | {visited.sum()} | {visited.mean():.1%} |"


if __name__ == "__main__":
    main()
