"""Exported cases are what other languages need: complete, the same every time, and true."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Variant, bfloat16, float16, float32, float64
from gruverify.backends import NumpyBackend, rounding_of
from gruverify.cell import StackCase
from gruverify.exporting import (
    CASE_SCHEMA,
    Exported,
    boundary_cases,
    case_document,
    expected,
    exported_cases,
    files_of,
    masked_cases,
    masked_stack_cases,
    node_tests,
    webnn_document,
    webnn_files,
    webnn_tests,
)
from gruverify.faults import FAULTS
from gruverify.judging import Declared, record, rule
from gruverify.models import grus_among, read_arrays, read_grus

DOCS = Path(__file__).parents[2] / "docs" / "export-cases.md"
VARIANTS = [Variant(), Variant("before", "replace", False), Variant(biases="input+candidate")]
NUMPY = {"kappa_sigma": 5}


def few(fmt: Any = float32, variant: Variant = VARIANTS[0], count: int = 2) -> list[Exported]:
    return list(exported_cases(fmt, variant, count, declared=NUMPY))


def beyond(exported: Exported, case: StackCase | None = None) -> set[str]:
    """The quantities of which NumPy's answers, to this case or another, are beyond the bounds."""
    c = case or exported.case
    outputs, last = NumpyBackend().stack(c.stack, c.inputs, c.states, c.lengths, False)
    back = NumpyBackend().stack_vjp(
        c.stack, c.inputs, c.states, c.lengths, False, c.d_outputs, c.d_last
    )
    found = {"outputs": outputs, "last": last, "gradients.inputs": back.inputs}
    for name, array in back.parameters.items():  # of biases that the variant lacks nothing is said
        there = np.repeat(c.variant.mask(name), c.stack.hidden_size)
        found[f"gradients.{name}"] = np.where(
            there if array.ndim == 1 else there[:, None], array, 0
        )
    return {
        name
        for name, array in found.items()
        if name in exported.expected
        and not (
            np.abs(array.astype("f8") - exported.expected[name].values)
            <= exported.expected[name].bounds
        ).all()
    }


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fmt", "variant"), [*((float32, variant) for variant in VARIANTS), (float64, VARIANTS[1])]
)
def test_a_right_implementation_is_within_every_bound(fmt: Any, variant: Variant) -> None:
    for exported in few(fmt, variant, 1):
        assert beyond(exported) == set(), exported.about


def test_catches_a_gradient_and_an_output_that_are_off() -> None:
    [one] = [each for each in few() if each.about == "no two sizes the same"]
    x = one.case.inputs.copy()
    x[-1, 0, 0] += 2**-12

    found = beyond(one, replace(one.case, inputs=x))

    assert {"outputs", "last", "gradients.inputs"} <= found


def test_catches_numbers_of_the_padding_that_are_read() -> None:
    [one] = [each for each in few() if "padding" in each.about]
    assert one.case.lengths is not None

    assert "last" in beyond(one, replace(one.case, lengths=None))
    assert len(set(one.case.lengths.tolist())) > 2
    assert one.case.inputs[~one.case.real].any()


def masked(fmt: Any, variant: Variant, count: int = 1) -> list[Exported]:
    return list(masked_cases(fmt, variant, count, declared=NUMPY))


def beyond_with(keep: Any, exported: Exported) -> set[str]:
    """The quantities of which NumPy's answers with this mask are beyond the bounds."""
    c = exported.case
    given = c.stack.cells[0][0], c.inputs, c.states[0], keep.astype(bool)
    outputs, last = NumpyBackend().sequence_masked(*given)
    back = NumpyBackend().sequence_masked_vjp(*given, c.d_outputs, c.d_last[0])
    found = {"outputs": outputs, "last": last[None], "gradients.inputs": back.inputs}
    assert back.state is not None
    found["gradients.states"] = back.state[None]
    for name in ("weight_ih", "weight_hh"):
        found[f"gradients.{name}_l0"] = getattr(back, name)
    each = exported.expected
    return {
        name
        for name, array in found.items()
        if not (np.abs(array.astype("f8") - each[name].values) <= each[name].bounds).all()
    }


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fmt", "variant"), [*((float32, variant) for variant in VARIANTS), (float16, VARIANTS[0])]
)
def test_with_masks_a_right_implementation_is_within_every_bound_and_others_are_not(
    fmt: Any, variant: Variant
) -> None:
    each = masked(fmt, variant)
    for exported in each:
        assert exported.keep is not None
        assert len({member.tobytes() for member in exported.keep.T}) == 7
        assert beyond_with(exported.keep, exported) == set(), exported.about

    [one] = [exported for exported in each if "no two sizes the same" in exported.about]
    assert one.keep is not None
    everything = {
        "outputs",
        "last",
        "gradients.inputs",
        "gradients.states",
        "gradients.weight_ih_l0",
    }
    for wrong in (np.zeros_like(one.keep), 1 - one.keep, one.keep[::-1]):
        assert beyond_with(wrong, one) >= everything
    assert len(each) == 10


def beyond_in_stack(keep: Any, exported: Exported, backend: Any = None) -> set[str]:
    """The quantities of which answers with this mask are beyond the bounds."""
    c = exported.case
    given = c.stack, c.inputs, c.states, keep.astype(bool), False
    asked = backend or NumpyBackend()
    outputs, last = asked.stack_masked(*given)
    back = asked.stack_masked_vjp(*given, c.d_outputs, c.d_last)
    found = {"outputs": outputs, "last": last}
    found |= {"gradients.inputs": back.inputs, "gradients.states": back.states}
    found |= {f"gradients.{name}": array for name, array in back.parameters.items()}
    each = exported.expected
    return {
        name
        for name, array in found.items()
        if name in each
        and not (np.abs(array.astype("f8") - each[name].values) <= each[name].bounds).all()
    }


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fmt", "variant"), [(float32, VARIANTS[0]), (float32, VARIANTS[1]), (float16, VARIANTS[0])]
)
def test_with_masks_of_stacks_a_right_implementation_is_within_every_bound_and_others_are_not(
    fmt: Any, variant: Variant
) -> None:
    each = list(masked_stack_cases(fmt, variant, 1, declared=NUMPY))
    for exported in each:
        assert exported.keep is not None
        assert len({member.tobytes() for member in exported.keep.T}) == 7
        assert beyond_in_stack(exported.keep, exported) == set(), exported.about

    assert len(each) == 12
    for about in ("both directions", "two layers"):
        [one] = [exported for exported in each if about in exported.about]
        assert one.keep is not None
        for wrong in (np.zeros_like(one.keep), one.keep[::-1]):
            found = beyond_in_stack(wrong, one)
            assert found >= {"outputs", "last", "gradients.inputs", "gradients.states"}


@pytest.mark.parametrize(
    ("fault", "about"),
    [
        ("stack-mask-in-the-first-layer-alone", "two layers"),
        ("backward-mask-not-reversed", "both directions"),
        ("skipped-steps-teach-a-stack", "two layers"),
    ],
)
def test_catches_a_stack_that_masks_its_layers_otherwise(fault: str, about: str) -> None:
    each = masked_stack_cases(float32, Variant(), 0, declared=NUMPY)
    [one] = [exported for exported in each if about in exported.about]

    assert one.keep is not None
    assert beyond_in_stack(one.keep, one, FAULTS[fault].build())


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("fmt", [float16, bfloat16, float32, float64], ids=lambda fmt: fmt.name)
def test_boundary_cases_exist_in_every_format_and_claim_something(
    fmt: Any, variant: Variant
) -> None:
    each = list(boundary_cases(fmt, variant))

    assert len({about for about, _ in each}) == len(each) == 12
    case = each[6][1]
    gates = expected(case, rounding_of(Declared({}), fmt))["outputs"]
    assert gates.claimed > gates.values.size / 2


def test_the_same_seed_gives_the_same_bytes_and_another_other_cases() -> None:
    def drawn(seed: int) -> list[bytes]:
        each = exported_cases(float32, Variant(), 2, seed=seed, boundary=False)
        return [data for one in each for data in files_of(one, "npz").values()]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("fmt", [float16, bfloat16, float32], ids=lambda fmt: fmt.name)
def test_every_kind_of_file_holds_the_same_numbers(fmt: Any, tmp_path: Path) -> None:
    one = few(fmt, count=0)[5]
    for kind in ("json", "npz", "safetensors"):
        for name, data in files_of(one, kind).items():
            (tmp_path / name).write_bytes(data)
    document = json.loads((tmp_path / f"{one.name}.json").read_text())
    npz = read_arrays(tmp_path / f"{one.name}.npz")

    assert document["lengths"] == npz["lengths"].tolist() == [5, 1, 3, 4]
    for name in ("inputs", "weight_hh_l1_reverse"):
        said = document.get(name) or document["parameters"][name]
        array = np.reshape(said["data"], said["shape"])
        assert np.array_equal(array, npz[name].astype("f8"))
    gradients = document["expected"]["gradients"]["weight_ih_l0"]["data"]
    assert gradients == npz["expected.gradients.weight_ih_l0"].ravel().tolist()
    pytest.importorskip("safetensors")
    tensors = read_arrays(tmp_path / f"{one.name}.safetensors")
    assert tensors.keys() == npz.keys()
    assert all(np.array_equal(tensors[n].astype("f8"), a.astype("f8")) for n, a in npz.items())
    [gru] = read_grus(tmp_path / f"{one.name}.safetensors", name="")
    assert gru.stack == one.case.stack


@pytest.mark.uncounted
@pytest.mark.parametrize("masks", [False, True])
def test_with_restarts_a_right_implementation_is_within_every_bound_and_others_are_not(
    masks: bool,
) -> None:
    for one in masked_cases(float32, Variant(), 1, masks=masks, restarts=True, declared=NUMPY):
        assert one.restart is not None
        assert (one.keep is not None) == masks
        none = np.zeros_like(one.restart)
        keep = none if one.keep is None else one.keep
        assert is_within(keep, one.restart, one), one.about
        if "no two sizes the same" in one.about:
            for wrong in (none, np.roll(one.restart, 1, axis=0), one.restart[:, ::-1]):
                assert not is_within(keep, wrong, one)


def is_within(keep: Any, restart: Any, one: Exported) -> bool:
    """Whether outputs of NumPy's step, skipped and started so, are within their bounds."""
    cell, h = one.case.stack.cells[0][0], one.case.states[0]
    outputs = []
    for x, kept, anew in zip(one.case.inputs, keep[..., None], restart[..., None], strict=True):
        begun = np.where(anew, np.zeros_like(h), h)
        h = np.where(kept, begun, NumpyBackend().step(cell, x, begun))
        outputs.append(h)
    expected = one.expected["outputs"]
    off = np.abs(np.asarray(outputs, np.float64) - expected.values)
    return bool((off <= expected.bounds).all())


def test_every_kind_of_file_holds_the_mask_and_json_keeps_to_its_schema(tmp_path: Path) -> None:
    fastjsonschema = pytest.importorskip("fastjsonschema")
    one = masked(bfloat16, VARIANTS[0], 0)[1]
    for kind in ("json", "npz", "safetensors"):
        for name, data in files_of(one, kind).items():
            (tmp_path / name).write_bytes(data)
    document = json.loads((tmp_path / f"{one.name}.json").read_text())

    assert fastjsonschema.compile(CASE_SCHEMA)(document)
    assert "keep" not in case_document(few(count=0)[1])
    assert one.keep is not None
    assert document["keep"] == {"shape": [5, 7], "data": one.keep.ravel().tolist()}
    assert np.array_equal(read_arrays(tmp_path / f"{one.name}.npz")["keep"], one.keep)
    pytest.importorskip("safetensors")
    assert np.array_equal(read_arrays(tmp_path / f"{one.name}.safetensors")["keep"], one.keep)
    [gru] = read_grus(tmp_path / f"{one.name}.safetensors", name="")
    assert gru.stack == one.case.stack


def test_json_keeps_to_its_schema_and_an_infinite_bound_is_null() -> None:
    fastjsonschema = pytest.importorskip("fastjsonschema")
    valid = fastjsonschema.compile(CASE_SCHEMA)
    document = case_document(few(count=0)[5])
    large = replace(few(float16, count=0)[4].case)
    stack = replace(large, inputs=np.full_like(large.inputs, 60000))

    assert valid(json.loads(json.dumps(document)))
    with pytest.raises(fastjsonschema.JsonSchemaException):
        valid({**document, "lengths": [-1]})
    unknown = case_document(Exported("x", "large", stack, rounding_of(Declared({}), float16)))
    assert valid(json.loads(json.dumps(unknown, allow_nan=False)))
    assert None in unknown["bounds"]["gradients"]["weight_ih_l0"]["data"]


def listings() -> dict[str, str]:
    """The files that the page shows."""
    page = DOCS.read_text()
    return dict(re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("name", "program", "command", "fault"),
    [
        ("check.c", "cc", ["cc", "-Wall", "-Wextra", "-Werror", "check.c", "-lm", "-o", "check"],
         ("r * of_h[2]", "0 * r + of_h[2]")),
        ("check.c", "cc", ["cc", "-Wall", "-Wextra", "-Werror", "check.c", "-lm", "-o", "check"],
         ("keep && keep[t * B + m]", "keep && keep[t * B + m] && !m")),
        ("check.mjs", "node", [], ("f(r * ofH[2])", "ofH[2]")),
        ("check.c", "cc", ["cc", "-Wall", "-Wextra", "-Werror", "check.c", "-lm", "-o", "check"],
         ("restart && restart[t * B + m]", "restart && restart[t * B + m] && t")),
        ("check.mjs", "node", [], ("!keep?.(t, m)", "true || keep")),
        ("check.mjs", "node", [], ("if (restart?.(t, m)) h = h", "h")),
    ],
)  # fmt: skip
def test_the_readers_of_the_page_pass_a_right_step_and_catch_a_wrong_one(
    name: str, program: str, command: list[str], fault: tuple[str, str], tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here")
    kind, run = ("safetensors", ["./check"]) if program == "cc" else ("json", ["node", name])
    for one in [
        *exported_cases(float32, Variant(), 0),
        *masked_cases(float32, Variant(), 0, restarts=True),
    ]:
        for file, data in files_of(one, kind).items():
            (tmp_path / file).write_bytes(data)
    cases = sorted(path.name for path in tmp_path.iterdir())
    text = listings()[name]
    assert fault[0] in text
    for source, code in ((text, 0), (text.replace(*fault), 1)):
        (tmp_path / name).write_text(source)
        if command:
            subprocess.run(command, cwd=tmp_path, check=True)

        found = subprocess.run([*run, *cases], cwd=tmp_path, capture_output=True, text=True)

        assert found.returncode == code, found.stdout + found.stderr
        assert re.fullmatch(r"[1-9]\d{2,} numbers, \d+ beyond their bounds\n", found.stdout)


def test_the_readers_are_about_forty_lines() -> None:
    reader = listings()["check.c"].partition("/* What is tested")[0]

    assert reader.count("\n") <= 40


@pytest.mark.uncounted
def test_node_tests_meet_every_combination_and_onnx_reads_and_runs_them(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    evaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator
    met, ran = set[tuple[str, ...]](), 0
    for one in node_tests(float32, 1, declared=NUMPY, max_size=3):
        met.add(tuple(one.name.split("_")[2:6]))
        if not one.name.endswith(("boundary_001", "boundary_003", "drawn_000")):
            continue
        files = one.files()
        model = onnx.load_from_string(files["model.onnx"])
        onnx.checker.check_model(model)
        given = {name: array for name, array in one.inputs.items() if array is not None}
        stored = onnx.TensorProto.FromString(files["test_data_set_0/output_0.pb"])
        assert np.array_equal(onnx.numpy_helper.to_array(stored), one.outputs["Y"])
        # ONNX' own evaluator has neither lengths nor directions, nor a clip.
        if "_forward_full_" in one.name and "clip" not in one.name:
            found = evaluator(model).run(None, given)
            ran += 1
            for array, output in zip(found, one.outputs, strict=True):
                error = np.abs(array.astype("f8") - one.outputs[output])
                assert (error <= one.bounds[output]).all(), one.name

    assert len(met) == 24
    assert ran >= 4


def test_a_node_that_runs_backward_has_its_time_reversed() -> None:
    each = {one.name: one for one in node_tests(float64, 0, reset="after", biases="both")}
    there = each["test_gru_lbr1_forward_full_bias_boundary_001"]
    back = each["test_gru_lbr1_reverse_full_bias_boundary_001"]

    x, y = there.inputs["X"], there.outputs["Y"]
    assert x is not None
    assert np.array_equal(back.inputs["X"], x[::-1])  # type: ignore[arg-type]
    assert np.array_equal(back.outputs["Y"], y[::-1])
    assert np.array_equal(back.outputs["Y_h"], there.outputs["Y_h"])
    assert np.array_equal(back.outputs["Y"][0], back.outputs["Y_h"])


def standard_tests() -> dict[str, Any]:
    """ONNX' own node tests of GRU: the node, its inputs and its outputs, by name."""
    module = importlib.import_module("onnx.backend.test.case.node.gru")
    found = dict[str, Any]()

    def expect(node: Any, inputs: Any, outputs: Any, name: str) -> None:
        found[name] = (node, inputs, outputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "expect", expect)
        for name, export in vars(module.GRU).items():
            if name.startswith("export"):
                export.__func__()
    return found


@pytest.mark.filterwarnings("ignore")
def test_the_standards_own_tests_are_right_and_claim_nothing_of_lengths() -> None:
    onnx = pytest.importorskip("onnx")
    tests = standard_tests()

    assert len(tests) == 6
    for name, (node, inputs, outputs) in tests.items():
        given = dict(zip(node.input, inputs, strict=True))
        said = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        assert "sequence_lens" not in given, name
        assert "linear_before_reset" not in said, name
        arrays = {leaf: given[leaf].astype("f4") for leaf in "WRB" if leaf in given}
        [gru] = grus_among(arrays, reset="before")
        x = given["X"].swapaxes(0, 1) if said.get("layout") else given["X"]
        x = x[::-1] if said.get("direction") == b"reverse" else x
        last = outputs[-1].swapaxes(0, 1) if said.get("layout") else outputs[-1]
        zeros = np.zeros_like(last, dtype="f4")
        T, B, _ = x.shape
        d_outputs = np.zeros((T, B, len(last) * last.shape[-1]), "f4")
        case = StackCase(gru.stack, x.astype("f4"), zeros, d_outputs, zeros)
        bound = expected(case, rounding_of(Declared(NUMPY), float32))["last"]

        assert (np.abs(last - bound.values) <= bound.bounds).all(), name


@pytest.mark.uncounted
def test_node_tests_with_a_clip_differ_and_their_bounds_are_right() -> None:
    each = {one.name: one for one in node_tests(float32, 0, reset="before", biases="both")}
    name = "test_gru_lbr0_forward_full_bias{}_boundary_001"
    free, clipped = each[name.format("")], each[name.format("_clip")]
    given = {leaf: clipped.inputs[leaf] for leaf in "WRB"}
    [gru] = grus_among(given, reset="before")  # type: ignore[arg-type]  # these are there
    found = record(
        gru.stack,
        clipped.inputs["X"],  # type: ignore[arg-type]
        clipped.outputs["Y"],
        state=clipped.inputs["initial_h"],
        clip=0.5,
    )

    assert clipped.attributes["clip"] == 0.5
    assert not np.array_equal(free.outputs["Y"], clipped.outputs["Y"])
    assert rule(found, NUMPY).verdict == "rounding"
    assert rule(replace(found, clip=None), NUMPY).verdict == "bug"
    model = onnx_file_of(clipped.files()["model.onnx"])
    assert model.number("clip", 7) == 7  # it is no whole number
    assert "clip" in model.attributes


def onnx_file_of(data: bytes) -> Any:
    """The GRU node of a model."""
    import tempfile

    from gruverify.models._onnx_graphs import read_graphs

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.onnx").write_bytes(data)
        [node] = read_graphs(Path(folder) / "a.onnx").grus.values()
    return node


@pytest.mark.uncounted
def test_webnns_form_has_the_same_numbers_and_what_its_operator_lacks_is_left_out() -> None:
    tests = {one.name: one for one in webnn_tests(float32, 0, reset="after")}
    one = tests["test_gru_lbr1_bidirectional_full_bias_boundary_003"]
    document = webnn_document(one)
    graph = document["graph"]
    [operator] = graph["operators"]
    options = operator["arguments"][-1]["options"]

    assert not any("_clip_" in name or "_lengths_" in name for name in tests)
    assert {name.split("_")[3] for name in tests} == {"forward", "reverse", "bidirectional"}
    assert (options["direction"], options["resetAfter"], options["layout"]) == ("both", True, "zrn")
    assert set(graph["inputs"]) == {
        "gruInput",
        "gruWeight",
        "gruRecurrentWeight",
        "gruBias",
        "gruRecurrentBias",
        "gruInitialHiddenState",
    }
    for leaf, name in (("Y_h", "gruOutput1"), ("Y", "gruOutput2")):
        expected = graph["expectedOutputs"][name]
        assert expected["descriptor"] == {
            "shape": list(one.outputs[leaf].shape),
            "dataType": "float32",
        }
        assert expected["data"] == one.outputs[leaf].ravel().tolist()
        assert document["bounds"][name] == one.bounds[leaf].ravel().tolist()
    assert json.loads(next(iter(webnn_files(one).values()))) == document
    none = tests["test_gru_lbr1_forward_full_nobias_boundary_001"]
    assert "bias" not in webnn_document(none)["graph"]["operators"][0]["arguments"][-1]["options"]


def test_webnn_has_two_formats() -> None:
    with pytest.raises(ValueError, match="WebNN has float16 and float32, not float64"):
        next(webnn_tests(float64, 0))
