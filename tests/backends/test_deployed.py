"""PyTorch's modules as they are put to use: each conforms, and what PyTorch does not do is not
applicable.
"""

from __future__ import annotations

from typing import Any

import pytest

import gruverify
from gruverify import Case, StackCase, TargetUnavailable, Variant, float32
from gruverify.backends import METHODS, offers, resolve
from gruverify.engine import judge
from gruverify.engine._search import streams_for
from gruverify.engine._stream import draw
from gruverify.invariants import INVARIANTS

from ._cases import falsified

uncounted = pytest.mark.uncounted

torch = pytest.importorskip("torch")

CELL = ["step", "step_jacobian", "step_vjp", "sequence", "sequence_vjp"]
STACKS = ["stack", "stack_vjp"]
#: What released PyTorch does wrongly with scripted modules: findings/torch-script-*.sh.
WRONG = {
    "torch:script": {
        "contract/weights-load-state-dict-assign",
        "contract/weights-setattr",
        "contract/weights-deepcopy",
        "contract/weights-script-after-functional-call",
    }
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "methods"),
    [
        pytest.param("torch:GRU", [*CELL, *STACKS], marks=uncounted),
        pytest.param("torch:GRUCell", CELL, marks=uncounted),
        ("torch:func", [*CELL, *STACKS]),
        pytest.param("torch:script", [*CELL, *STACKS], marks=uncounted),
        pytest.param("torch:export", CELL, marks=uncounted),
    ],
)
def test_each_is_right_in_what_it_has(name: str, methods: list[str]) -> None:
    found = resolve(name)

    assert found.name == name
    assert [
        method for method in METHODS if method in [*CELL, *STACKS] and offers(found, method)
    ] == methods
    assert tuple(found.variants) == (Variant(), Variant(bias=False))
    for stream in streams_for(found, float32, 0, 3):
        cases: list[Any] = []
        stream.draw(cases.append)
        cells = any(isinstance(one, Case) for one in cases)
        assert falsified(found, *cases) == (WRONG.get(name, set()) if cells else set())


@uncounted
def test_sixty_invariants_at_least_are_asked_of_the_layer() -> None:
    result = gruverify.check("torch:GRU", formats=[float32], max_cases=1)

    assert result.verdict == "conforms"
    assert len({id for (id, _, _), tally in result.tallies.items() if tally.passed}) >= 60


@uncounted
def test_what_torch_func_does_not_do_is_not_applicable_for_its_own_reason() -> None:
    found = resolve("torch:func")
    ragged = INVARIANTS["stack/padding-gradients"]

    (judgement,) = judge(a_stack_case(), found, [ragged])

    assert judgement.tally.status == "not applicable"
    assert (
        "stack_vjp is not implemented: Cannot access data pointer of Tensor"
        in judgement.tally.reason
    )


@uncounted
def test_without_a_compiler_the_compiled_cell_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch._inductor.cpp_builder as builder

    def none() -> str:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(builder, "get_cpp_compiler", none)

    with pytest.raises(
        TargetUnavailable,
        match=r"target 'torch:compile' cannot be used here: No working C\+\+ comp",
    ):
        resolve("torch:compile")


@pytest.mark.slow
@uncounted
def test_the_compiled_cell_is_right() -> None:
    try:
        found = resolve("torch:compile")
    except TargetUnavailable as missing:
        pytest.skip(str(missing))

    result = gruverify.check(
        found, formats=[float32], max_cases=2, only=["agreement/step", "agreement/step-vjp"]
    )

    assert result.verdict == "conforms"
    assert {id for (id, _, _), tally in result.tallies.items() if tally.passed} == {
        "agreement/step",
        "agreement/step-vjp",
    }


def a_stack_case() -> StackCase:
    cases: list[StackCase] = []
    draw(streams_for(resolve("torch:func"), float32, 0, 3)[-1].strategy, 1, 0, cases.append)
    return cases[0]
