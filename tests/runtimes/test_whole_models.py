"""Models whose GRU is a Loop, a Scan or steps one by one, and chains of nodes, as they are run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gruverify.cell import Cell, Stack, Variant
from gruverify.models import BadFile, Gru, OnnxFile, Port, WholeModel, onnx_nodes
from gruverify.reporting import MODEL_SCHEMA, file_document
from gruverify.runtimes import FileResult, Given, Whole, check_file
from gruverify.runtimes._parts import WrongForm
from gruverify.runtimes._ports import ports_of
from gruverify.runtimes._types import about_types
from gruverify.runtimes._whole import WholePart

from . import _models, _runtimes

H, I = _models.H, _models.I
FLOAT, INT64 = "float32", "int64"


def gru(reset: Any = "after") -> Gru:
    """The weights of the models, under a side of the reset gate."""
    return Gru("mine", "pytorch", Stack(((Cell(Variant(reset), **_models.WEIGHTS),),)))


def checked(path: Path, *, batch_first: bool = False, reset: str = "after", **options: Any) -> Any:
    """What becomes of a model in the reference evaluator, and of its one part."""
    named = options.pop("named", {})
    whole = Whole(gru(reset), named, batch_first)
    found = check_file(str(path), "onnx", whole=whole, declared=_declared(), **options)
    [part] = found.nodes
    return found, part


def _declared() -> dict[str, Any]:
    return {"kappa_sigma": 5}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize(
    ("write", "batch_first", "outputs"),
    [
        pytest.param(_models.scan, False, ("y", "hn"), marks=pytest.mark.uncounted),
        pytest.param(_models.loop, False, ("hn",), marks=pytest.mark.uncounted),
        (_models.unrolled, True, ("y",)),
    ],
)
def test_a_right_model_conforms_and_one_of_other_weights_is_explained(
    write: Callable[[Path], Path], batch_first: bool, outputs: tuple[str, ...], tmp_path: Path
) -> None:
    file = write(tmp_path / "a.onnx")

    right, part = checked(file, batch_first=batch_first)
    wrong, other = checked(file, batch_first=batch_first, reset="before")

    assert (right.verdict, part.kind, part.outputs) == ("conforms", "whole", outputs)
    assert part.judged[0].ruling is not None
    assert part.judged[0].ruling.claimed
    assert wrong.verdict == "falsified"
    assert other.witness is not None
    assert set(other.witness.arguments) == {"x", "h0"}
    ruling = other.witness.ruling
    assert ruling is not None
    assert ruling.cause is not None
    assert ruling.cause.words == "reset gate applied after the product"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_model_whose_axes_are_the_other_way_round_is_one_line(tmp_path: Path) -> None:
    file = _models.unrolled(tmp_path / "a.onnx")

    with pytest.raises(ValueError, match="begins with batch, and not, as was said, with time"):
        checked(file, batch_first=False, cases=0)
    assert checked(file, batch_first=False, reset="before", cases=0)[0].verdict == "falsified"


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_sizes_that_the_file_fixes_are_obeyed_and_the_result_keeps_to_its_schema(
    tmp_path: Path,
) -> None:
    fastjsonschema = pytest.importorskip("fastjsonschema")
    recorded = Given("mine", np.ones((3, 2, I)))

    found, part = checked(
        _models.unrolled(tmp_path / "a.onnx"), batch_first=True, recorded=[recorded]
    )

    assert {one.given.sizes["T"] for one in part.judged} == {3}
    assert {one.given.sizes["B"] for one in part.judged} >= {1, 2, 33}
    assert part.judged[0].given.inputs.dtype == np.float32
    assert "steps one by one" in found.notes[0]
    fastjsonschema.compile(MODEL_SCHEMA)(file_document(found))
    with pytest.raises(ValueError, match="with T=3, which the file fixes"):
        checked(tmp_path / "a.onnx", batch_first=True, recorded=[Given("m", np.ones((4, 2, I)))])


def chain(path: Path, run: Callable[..., Any], **options: Any) -> FileResult:
    """What becomes of two layers in one of the runtimes below."""
    name = f"{__name__}:{run.__name__}"
    return check_file(str(_models.layers(path, **options)), name, declared=_runtimes_declared())


def _runtimes_declared() -> dict[str, Any]:
    return {"kappa_sigma": 5}


def right(model: bytes, inputs: dict[str, Any]) -> Any:
    """Layer after layer, whatever the model shows."""
    shown = [port.name for port in _models.onnx.load_from_string(model).graph.output]
    made = _layer_by_layer(model, inputs)
    return [made[name] for name in shown]


def last_layer_differs(model: bytes, inputs: dict[str, Any]) -> Any:
    """Wrong where the model shows its last layer alone: as one that fuses layers may be."""
    found = right(model, inputs)
    if len(found) == 3:
        found[1] = found[1] + np.float32(0.01)
    return found


def inner_state_differs(model: bytes, inputs: dict[str, Any]) -> Any:
    """Wrong in the last state of the first layer."""
    found = right(model, inputs)
    place = 1 if len(found) == 4 else 0
    found[place] = found[place] + np.float32(0.01) * (len(found) > 2)
    return found


def wide(model: bytes, inputs: dict[str, Any]) -> Any:
    """In another type than the model says."""
    return [array.astype("f8") for array in right(model, inputs)]


def few(model: bytes, inputs: dict[str, Any]) -> Any:
    """Without the last states."""
    return right(model, inputs)[:1]


def _layer_by_layer(model: bytes, inputs: dict[str, Any]) -> dict[str, Any]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.onnx").write_bytes(model)
        nodes = onnx_nodes(Path(folder) / "a.onnx")
    xs, made = inputs["X"], dict[str, Any]()
    if len(nodes) == 1:
        Y, Y_h = _runtimes.right(model, inputs)
        return {"Y": Y, "Y_h": Y_h}
    for k, node in enumerate(nodes):
        given = {"X": xs, "initial_h": inputs[f"initial_h_{k}"]}
        if "sequence_lens" in inputs:
            given["sequence_lens"] = inputs["sequence_lens"]
        Y, made[f"Y_h_{k}"] = _runtimes.right(node.model, given)
        made[f"Y_{k}"] = Y
        xs = Y.transpose(0, 2, 1, 3).reshape(*xs.shape[:2], -1)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("lengths", ["", "lengths"])
def test_a_right_chain_conforms_beside_its_nodes(lengths: str, tmp_path: Path) -> None:
    found = chain(tmp_path / "a.onnx", right, lengths=lengths)

    assert [part.name for part in found.nodes] == ["gru0", "gru1", "gru0 → gru1"]
    assert [part.kind for part in found.nodes] == ["node", "node", "chain"]
    assert found.verdict == "conforms"
    assert found.stored == {"float32": 6, "int64": 1}


@pytest.mark.parametrize(
    ("run", "words"),
    [
        pytest.param(last_layer_differs, "", marks=pytest.mark.uncounted),
        (inner_state_differs, "Y_h of layer 0, of member"),
        (wide, "Y_0 is float64, expected float32"),
        (few, "1 outputs came back where 4 are wanted"),
    ],
)
def test_catches_a_chain_that_is_wrong_though_its_nodes_are_right(
    run: Callable[..., Any], words: str, tmp_path: Path
) -> None:
    found = chain(tmp_path / "a.onnx", run)

    part = found.nodes[-1]
    assert part.verdict == "falsified"
    assert part.witness is not None
    assert words in part.witness.trouble
    if run in (last_layer_differs, inner_state_differs):
        assert [node.verdict for node in found.nodes[:2]] == ["conforms", "conforms"]


def ports(
    inputs: list[Port], outputs: list[Port], /, *, batch_first: bool = False, **named: str
) -> dict[str, str]:
    """The names of ports by role."""
    whole = WholeModel(b"", inputs, outputs, "", {})  # type: ignore[arg-type]  # it is not looked at
    found = ports_of(whole, gru().stack, named, batch_first=batch_first)
    return {role: port.name for role, port in found.by_role.items()}


X = Port("x", FLOAT, (None, None, I))
Y = Port("y", FLOAT, (None, None, H))
STATE = Port("h", FLOAT, (1, None, H))


def test_ports_are_found_by_their_shapes() -> None:
    flat, lengths = Port("s", FLOAT, (None, H)), Port("n", INT64, (None,))

    assert ports([STATE, X, lengths], [STATE, Y]) == {
        "sequence": "x",
        "state": "h",
        "lengths": "n",
        "outputs": "y",
        "last": "h",
    }
    assert ports([X], [flat]) == {"sequence": "x", "last": "s"}
    open_ones = [Port("a", FLOAT, None), Port("b", FLOAT, None)]
    assert ports([X, STATE], [Y], state="h")["state"] == "h"
    of_one_length = Port("y", FLOAT, (17, None, H))
    assert ports([X], [of_one_length], outputs="y")["outputs"] == "y"
    assert ports(open_ones, [Y], sequence="b") == {"sequence": "b", "state": "a", "outputs": "y"}


@pytest.mark.parametrize(
    ("inputs", "outputs", "named", "words"),
    [
        ([Port("a", FLOAT, None)] * 1 + [Port("b", FLOAT, None)], [Y], {}, "say --port sequence="),
        ([X], [Port("z", FLOAT, (None, 9))], {}, r"none of the outputs z \(float32, \[\?, 9\]\)"),
        ([STATE], [Y], {}, "none of the inputs h .* is a sequence"),
        (
            [X, Port("mask", "bool", (None, None))],
            [Y],
            {},
            r"input mask \(bool, .*--port ROLE=mask",
        ),
        ([X], [Y], {"state": "q"}, r"--port state=q: the inputs are x \(float32"),
        ([X], [Y], {"last": "q"}, r"--port last=q: the outputs are y"),
        ([X], [Y], {"outputs": "y", "last": "y"}, "--port outputs=y: it is named twice"),
        ([X, STATE], [Y], {"sequence": "h"}, r"--port sequence=h: h \(float32, .* other axes"),
        (
            [X],
            [Port("y4", FLOAT, (None, 1, None, H))],
            {"outputs": "y4"},
            r"--port outputs=y4: y4 \(float32, .* other axes",
        ),
    ],
)
def test_catches_ports_that_are_not_clear(
    inputs: list[Port], outputs: list[Port], named: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        ports(inputs, outputs, **named)


def test_a_file_without_a_gru_node_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"it has Scan\): check it as a whole, with --weights"):
        check_file(str(_models.scan(tmp_path / "a.onnx")), "onnx")


def test_flat_states_and_lengths_reach_the_model_and_come_back() -> None:
    inputs = [X, Port("s", FLOAT, (None, H)), Port("n", INT64, (None,))]
    outputs = [
        Port("y", FLOAT, (None, None, H)),
        Port("hn", FLOAT, (None, H)),
        Port("q", "bool", None),
    ]
    whole = WholeModel(b"", inputs, outputs, "", {})  # type: ignore[arg-type]
    found = ports_of(whole, gru().stack, {}, batch_first=True)
    part = WholePart(whole, gru(), found)
    rng = np.random.default_rng(0)
    given = Given(
        "mine",
        rng.normal(size=(5, 2, I)).astype("f4"),
        rng.normal(size=(1, 2, H)).astype("f4"),
        np.array([5, 3]),
    )

    arguments = part.arguments(given)
    y = rng.normal(size=(2, 5, H)).astype("f4")
    answer = part.answer(given, [y, y[:, -1], y], 0)

    assert {name: array.shape for name, array in arguments.items()} == {
        "x": (2, 5, I),
        "s": (2, H),
        "n": (2,),
    }
    assert arguments["n"].dtype == np.int64
    assert answer.outputs is not None
    assert np.array_equal(answer.outputs, y.swapaxes(0, 1))
    assert np.array_equal(answer.last[0][0], y[:, -1])
    for wrong, words in (
        ([y], "1 outputs came back, and the model has 3"),
        ([y[:1], y[:, -1], y], r"y has shape \(1, 5, 4\), expected \(2, 5, 4\)"),
        ([y.astype("i4"), y[:, -1], y], "y is int32"),
    ):
        with pytest.raises(WrongForm, match=words):
            part.answer(given, wrong, 0)


def test_a_quantised_file_whose_grus_are_not_is_told() -> None:
    node = SimpleNamespace(name="gru", gru=gru(), stored=frozenset({"float32"}))
    stored = Counter({"float32": 3, "int8": 9})
    [told] = about_types(OnnxFile([node], [], stored))  # type: ignore[list-item]
    node.stored = frozenset({"int8", "float32"})
    [of_node] = about_types(OnnxFile([node], [], stored))  # type: ignore[list-item]

    assert told == (
        "parts of the file are quantised (int8); its GRUs are not: their weights are float32"
    )
    assert of_node == "gru: weights are stored in int8, and it computes in float32"
