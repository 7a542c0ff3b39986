"""Witnesses as data, as files and as snippets."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given

import gruverify
from gruverify import Case, Variant, Witness, float32, float64
from gruverify import strategies as gst
from gruverify.arithmetic import Ball, Rounding
from gruverify.cell import PARTLY_BIASED
from gruverify.engine import BadWitness, decode_witness, encode_witness, load_witness, save_witness
from gruverify.engine._witness import MOST_ENTRIES
from gruverify.invariants import INVARIANTS, Entries, Residual
from gruverify.invariants.core._residual import compare

from ._drawn import witnesses

pytestmark = pytest.mark.uncounted

RESIDUAL = Residual("h[b=0, i=0]", 0.5, 0.25, 0.25, 0.125, 2.0)


def bits(case: Case) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Everything in a case, exactly."""
    return {
        name: (array.dtype.name, array.shape, array.tobytes())
        for name, array in case.arrays().items()
    }


@given(gst.cases())
def test_every_bit_of_a_case_survives_json(case: Case) -> None:
    witness = Witness("target", "agreement/step", case, RESIDUAL)

    read = decode_witness(json.loads(json.dumps(encode_witness(witness), allow_nan=False)))

    assert (read.target, read.invariant, read.residual) == ("target", "agreement/step", RESIDUAL)
    assert read.case.cell.variant == case.cell.variant
    assert read.case.regimes == case.regimes
    assert bits(read.case) == bits(case)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 1 / 3], ids=str)
def test_numbers_that_json_lacks_survive_it_too(value: float) -> None:
    case = next_case()
    written = encode_witness(
        Witness("t", "agreement/step", case, Residual("h", value, value, 1.0, 0.0, math.inf))
    )

    residual = decode_witness(json.loads(json.dumps(written, allow_nan=False))).residual

    assert repr(residual.actual) == repr(residual.expected) == repr(value)
    assert residual.margin == math.inf


@pytest.mark.parametrize(
    ("size", "written"), [(2, True), (MOST_ENTRIES, True), (MOST_ENTRIES + 1, False)]
)
def test_the_entries_around_the_worst_survive_it_unless_they_are_too_many(
    size: int, written: bool
) -> None:
    margins = np.array([[math.inf, *[0.5] * (size - 1)]])
    residual = Residual("h", 1.0, 0.0, 1.0, 0.0, math.inf, entries=Entries("bi", margins))

    text = json.dumps(
        encode_witness(Witness("t", "agreement/step", next_case(), residual)), allow_nan=False
    )
    read = decode_witness(json.loads(text)).residual.entries

    assert (read is not None) == written
    assert read is None or (read.letters, read.margins.tolist()) == ("bi", margins.tolist())


def test_a_falsified_comparison_has_its_entries() -> None:
    residual = compare(
        "h", "bi", np.array([[1.0, 3.0]]), Ball.exact(Rounding(float64), [[1.0, 2.0]])
    )

    assert residual.where == "h[b=0, i=1]"
    assert residual.entries is not None
    assert residual.entries.margins.tolist() == [[0.0, math.inf]]


def next_case() -> Case:
    """A small case."""
    ones = [[1.0]]
    weights = [float32.cast(values) for values in ([[1.0]] * 3, [[2.0]] * 3, [0.5] * 3, [1.5] * 3)]
    cell = gruverify.Cell(gruverify.Variant(), *weights)
    return Case(cell, *(float32.cast(v) for v in ([ones], ones, [ones], ones)), regimes=("z=1",))


def test_a_file_reads_back_and_its_folder_is_made(tmp_path: Path) -> None:
    witness, path = (
        Witness("t", "agreement/step", next_case(), RESIDUAL),
        tmp_path / "some" / "where" / "w.json",
    )

    save_witness(witness, path)
    read = load_witness(path)

    assert encode_witness(read) == encode_witness(witness)
    assert path.read_text().endswith("}\n")


@given(witnesses, witnesses)
def test_of_two_different_witnesses_one_is_the_smaller(a: Witness, b: Witness) -> None:
    assert (a.order() == b.order()) == (encode_witness(a) == encode_witness(b))


def test_fewer_entries_come_first() -> None:
    small = Witness("t", "agreement/step", next_case(), RESIDUAL)
    two = np.repeat(next_case().inputs, 2, axis=0)
    longer = Case(small.case.cell, two, small.case.state, two, small.case.d_last)

    assert small.order() < Witness("t", "agreement/step", longer, RESIDUAL).order()


# -- snippets --------------------------------------------------------------------------------------


def test_a_snippet_raises_the_failure_when_pasted(planted: str) -> None:
    result = gruverify.check(
        f"{planted}:inverted", formats=[float32], max_cases=4, only=["agreement", "bounds"]
    )

    assert result.witnesses
    for (id, _), witness in result.witnesses.items():
        with pytest.raises(AssertionError) as caught:
            exec(witness.snippet, {})
        assert str(caught.value).startswith(
            f"{id}: {INVARIANTS[id].statement}\n  {witness.residual.where}\n"
        )


def test_a_snippet_of_what_holds_does_not_raise() -> None:
    snippet = Witness("numpy", "agreement/step", next_case(), RESIDUAL).snippet
    namespace: dict[str, Any] = {}

    exec(snippet, namespace)

    assert namespace["case"] == next_case()


@given(gst.cases(max_H=2, max_I=2))
def test_a_snippet_holds_the_case_to_the_bit(case: Case) -> None:
    definition = Witness("numpy", "agreement/step", case, RESIDUAL).snippet.rpartition(
        "gruverify.assert_holds"
    )[0]
    namespace: dict[str, Any] = {}

    exec(definition, namespace)

    assert bits(namespace["case"]) == bits(case)


# -- damage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is not JSON", id="empty"),
        pytest.param(b"once upon a time", "is not JSON", id="prose"),
        pytest.param(b"\xff\xfe\x00", "is not JSON", id="bytes"),
        pytest.param(b"[" * 100_000, "is nested too deeply", id="deep"),
        pytest.param(
            b"[]", "this is not a gruverify witness: expected a JSON object with kind", id="a list"
        ),
        pytest.param(b'{"schema": 1}', "this is not a gruverify witness", id="another object"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "w.json"
    path.write_bytes(content)

    with pytest.raises(BadWitness) as caught:
        load_witness(path)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.json", "."], ids=["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadWitness, match=r"cannot be read: (No such file|Is a directory)"):
        load_witness(tmp_path / name)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    save_witness(Witness("t", "agreement/step", next_case(), RESIDUAL), path)
    whole = path.read_text().rstrip()

    for length in range(0, len(whole), 17):
        path.write_text(whole[:length])
        with pytest.raises(BadWitness, match="is not JSON"):
            load_witness(path)


def tampered(path: str, value: Any) -> dict[str, Any]:
    """A witness's document with one value replaced, named as a.b.c."""
    document = encode_witness(Witness("t", "agreement/step", next_case(), RESIDUAL))
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(
            "schema", 2, "schema=2 cannot be read: this version reads schema 1", id="newer"
        ),
        pytest.param("schema", "1", "schema='1' cannot be read", id="schema text"),
        pytest.param("target", None, "target=None must be a string", id="no target"),
        pytest.param("invariant", ["agreement/step"], "must be a string", id="invariant list"),
        pytest.param("format", "float8", "format='float8' is unknown", id="format"),
        pytest.param("format", [], "is unknown", id="format list"),
        pytest.param("variant", {"reset": "sideways"}, "reset='sideways' must be", id="variant"),
        pytest.param(
            "variant", {"rest": "after"}, "unexpected keyword argument 'rest'", id="variant key"
        ),
        pytest.param("variant.bias", False, "bias=False contradicts biases='both'", id="bias"),
        pytest.param("sizes", {}, "KeyError: 'H'", id="no sizes"),
        pytest.param("sizes.T", 0, "'T': 0} must each be at least 1", id="no steps"),
        pytest.param("sizes.T", 2, "cannot reshape", id="size"),
        pytest.param("sizes.H", "one", "TypeError", id="size text"),
        pytest.param("sizes.B", 10**30, "damaged", id="size huge"),
        pytest.param("regimes", 5, "not iterable", id="regimes"),
        pytest.param("arrays", [], "damaged", id="arrays"),
        pytest.param(
            "arrays.weight_hh", [[1.0]], "weight_hh has shape (1, 1), expected (3H, H)", id="shape"
        ),
        pytest.param("arrays.weight_hh", [[1.0], [2.0, 3.0]], "inhomogeneous shape", id="ragged"),
        pytest.param("arrays.state", [["one"]], "could not convert string to float", id="text"),
        pytest.param(
            "arrays.state",
            [[float("nan")]],
            "state[0, 0] is nan: every entry must be finite",
            id="nan",
        ),
        pytest.param(
            "arrays.state", [[1e300]], "state[0, 0] is inf", id="too large for the format"
        ),
        pytest.param("arrays.state", [[10**400]], "damaged", id="too large for any"),
        pytest.param("arrays.state", None, "damaged", id="null"),
        pytest.param("residual", {}, "missing 6 required positional arguments", id="no residual"),
        pytest.param(
            "residual.actua", 1.0, "unexpected keyword argument 'actua'", id="residual key"
        ),
        pytest.param("residual.entries", {"letters": "i"}, "KeyError: 'margins'", id="entries"),
    ],
)
def test_a_tampered_document_is_refused(path: str, value: Any, message: str) -> None:
    with pytest.raises(BadWitness) as caught:
        decode_witness(tampered(path, value))

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_format_is_read_as_that() -> None:
    assert decode_witness(tampered("format", "float64")).case.format is float64


def test_a_witness_from_before_there_were_forms_of_biases_is_read() -> None:
    whole, earlier = (
        encode_witness(Witness("t", "agreement/step", next_case(), RESIDUAL)) for _ in range(2)
    )
    assert earlier["variant"].pop("biases") == "both"

    assert earlier["variant"]["bias"] is True
    assert decode_witness(earlier).case == decode_witness(whole).case


@pytest.mark.slow
@pytest.mark.parametrize("variant", PARTLY_BIASED, ids=str)
def test_a_witness_of_a_partly_biased_cell_survives_json(variant: Variant) -> None:
    case = find(
        gst.cases(variants=[variant], formats=[float32], max_H=2),
        lambda case: case.cell.weight_hh.all(),
    )
    document = json.loads(
        json.dumps(encode_witness(Witness("t", "agreement/step", case, RESIDUAL)))
    )

    assert decode_witness(document).case == case
    assert decode_witness(document).case.variant == variant


def test_large_cases_are_put_in_order_without_being_spelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A million numbers take seconds to write as text; whoever is compared decides nothing."""

    def refuse(_: Any) -> Any:
        raise AssertionError("spelled")

    monkeypatch.setattr("gruverify.engine._witness.encode_witness", refuse)
    monkeypatch.setattr("gruverify.engine._witness._SPELLED", 0)
    case = next_case()
    one, other = (
        Witness("t", "agreement/step", replace(case, state=case.state + k), RESIDUAL)
        for k in (0, 1)
    )

    assert min(one, one, key=Witness.order) is one
    assert min(one, other, key=Witness.order) is min(other, one, key=Witness.order)
