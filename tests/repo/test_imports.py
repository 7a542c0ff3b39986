"""What importing loads, seen from a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "torch", "hypothesis", "rich", "sympy", "flint", "matplotlib")


def loaded_by(statement: str) -> set[str]:
    """The heavy packages that a statement loads."""
    code = f"{statement}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import gruverify", set[str]()),
        ("import gruverify.cli; gruverify.cli.main", set[str]()),
        ("import gruverify; gruverify.Cell; gruverify.backend", {"numpy"}),
        ("from gruverify import strategies", {"numpy", "hypothesis"}),
        ("import gruverify; gruverify.check", {"numpy"}),
        # What follows a run and shows its result draws nothing.
        ("import gruverify.engine, gruverify.reporting", {"numpy", "rich"}),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(statement: str, allowed: set[str]) -> None:
    assert loaded_by(statement) <= allowed


EVERYTHING_ASKED = """
from gruverify.backends import resolve
from gruverify.arithmetic import float32
from gruverify.engine import draw, judge, streams_for
from gruverify.invariants import INVARIANTS
backend, asked = resolve("torch"), [i for i in INVARIANTS.values() if not i.deep]
for stream in streams_for(backend, float32, 0, 1):
    draw(stream.strategy, 1, stream.seed, lambda case: len(list(judge(case, backend, asked))))
import sys
assert not {"torch._dynamo", "torch.fx.experimental.symbolic_shapes"} & set(sys.modules)
"""


@pytest.mark.slow
@pytest.mark.uncounted
def test_no_derivative_needs_the_compiler_of_pytorch() -> None:
    pytest.importorskip("torch")
    assert loaded_by(EVERYTHING_ASKED) == {"numpy", "hypothesis", "torch"}


def test_catches_a_heavy_import() -> None:
    assert loaded_by("import numpy") == {"numpy"}


def test_every_public_name_resolves_and_is_listed() -> None:
    import gruverify

    assert set(gruverify.__all__) == set(gruverify._HOME_OF) <= set(dir(gruverify))
    assert all(getattr(gruverify, name) is not None for name in gruverify.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    import gruverify

    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = gruverify.chekc
