"""The likely cause of a stack whose runs with a mask alone are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Variant, check, float64
from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, backend, resolve
from gruverify.engine._misread_masks import MISREADINGS, Misreading, misread_in_stack
from gruverify.engine._small_cases import stacks_drawn_for
from gruverify.formulas import as_it_is, masked_stack

NUMPY: Any = resolve("numpy")


def floating(array: NDArray) -> NDArray:
    return array.astype(np.float64)


def misreading_stack(misreading: Misreading) -> Backend:
    """Right stacks that misread their mask so, over arrays with the time first."""

    def run(of: Any, inputs: Any, states: Any, keep: Any, batch_first: bool) -> Any:
        rows = of.each(lambda cell: cell.parameters(floating))
        given = list(floating(inputs)), list(floating(states)), keep
        found = masked_stack(of.variant, rows, *given, misreading.read)
        end = masked_stack(of.variant, rows, *given, misreading.last or misreading.read)
        return np.stack(found.outputs), np.stack(end.last)

    return backend(stack=NUMPY.stack, stack_masked=run, batch_first=False, masked_outputs="state")


def misread(misreading: Misreading) -> tuple[str, ...]:
    target = misreading_stack(misreading)
    return misread_in_stack(target, stacks_drawn_for(target, float64, [Variant()], 0, 8))


@pytest.mark.uncounted
@pytest.mark.thinned
@pytest.mark.parametrize("words", MISREADINGS)
def test_how_a_mask_is_misread_is_named(words: str) -> None:
    assert misread(MISREADINGS[words]) == (words,)


def test_a_mask_that_is_read_as_it_should_be_is_not_misread() -> None:
    assert misread(Misreading(as_it_is)) == ()


def test_the_page_lists_every_misreading() -> None:
    page = (Path(__file__).parents[2] / "docs" / "likely-causes.md").read_text("utf-8")
    rows = [line.strip("| ") for line in page.splitlines() if line.startswith("| ")]

    said = [words for words in MISREADINGS if "every" not in words and "above" not in words]
    assert [row for row in rows if row in MISREADINGS] == said


def test_a_mask_that_is_misread_is_the_likely_cause() -> None:
    target = misreading_stack(
        MISREADINGS["reads the mask from its last step to its first, in the backward direction"]
    )
    found = check(target, formats=["float64"], max_cases=6, only=["masks/stack*"])
    assert found.verdict == "falsified"
    assert found.explanation == (
        "reads the mask from its last step to its first, in the backward direction "
        "(float64, every case)"
    )
