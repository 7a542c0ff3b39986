"""What stands around the GRU nodes of a model: constants that are made of others, functions, data
in other files, chains of layers; and every attribute is modelled or refused by its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify.arithmetic import functions_named
from gruverify.models import BadFile, onnx_file, onnx_whole, read_grus
from gruverify.runtimes import check_file

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
H, I = 2, 3
RNG = np.random.default_rng(0)
SHAPES = {"W": (1, 3 * H, I), "R": (1, 3 * H, H), "B": (1, 6 * H)}
WEIGHTS = {name: RNG.normal(size=shape).astype("f4") for name, shape in SHAPES.items()}


def saved(
    path: Path,
    nodes: list[Any],
    constants: dict[str, Any] = WEIGHTS,  # it is not changed
    functions: tuple[Any, ...] = (),
    **options: Any,
) -> Path:
    """A model of these nodes."""
    tensors = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    outputs = [helper.make_tensor_value_info(nodes[-1].output[0], 1, None)]
    inputs = [helper.make_tensor_value_info("X", 1, options.pop("shape", None))]
    graph = helper.make_graph(nodes, "model", inputs, outputs, tensors)
    imports = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    model = helper.make_model(
        graph, opset_imports=imports, functions=list(functions), ir_version=10
    )
    onnx.save(model, path, **options)
    return path


def gru(*inputs: str, output: str = "Y", **attributes: Any) -> Any:
    """A GRU node."""
    return helper.make_node("GRU", list(inputs or ("X", "W", "R", "B")), [output], **attributes)


def arrays_of(path: Path) -> dict[str, Any]:
    """The parameters of the only GRU."""
    [found] = read_grus(path)
    return dict(found.stack.packed())


PLAIN = ["W", "R", "B"]


def test_constants_may_be_made_of_others_by_layout_and_casts(tmp_path: Path) -> None:
    W, R, B = (WEIGHTS[name] for name in PLAIN)
    nodes = [
        helper.make_node("Cast", ["wide"], ["W"], to=1),
        helper.make_node("Squeeze", ["nested", "axis"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["turned"], perm=[1, 0]),
        helper.make_node("Unsqueeze", ["turned", "axis"], ["R"]),
        helper.make_node("Slice", ["long", "starts", "ends", "axes"], ["half"]),
        helper.make_node("Reshape", ["half", "sizes"], ["shaped"]),
        helper.make_node("Concat", ["shaped", "rest"], ["B"], axis=1),
        gru(),
    ]
    constants = {
        "wide": W.astype("f8"),
        "nested": R.swapaxes(1, 2),
        "axis": np.array([0]),
        "long": np.concatenate([np.zeros(2, "f4"), B[0]]),
        "starts": np.array([2]),
        "ends": np.array([2 + 3 * H]),
        "axes": np.array([0]),
        "sizes": np.array([1, -1]),
        "rest": B[:, 3 * H :],
    }

    folded = arrays_of(saved(tmp_path / "a.onnx", nodes, constants))
    plain = arrays_of(saved(tmp_path / "b.onnx", [gru()]))

    assert all(np.array_equal(folded[name], array) for name, array in plain.items())


def test_constants_may_be_attributes_or_shapes_and_names_may_be_any(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Constant", [], ["flat"], value_floats=WEIGHTS["W"].ravel().tolist()),
        helper.make_node("Constant", [], ["sizes"], value_ints=[1, -1, I]),
        helper.make_node("Reshape", ["flat", "sizes"], ["W"]),
        helper.make_node("Constant", [], ["wide"], value_ints=SHAPES["B"]),
        helper.make_node(
            "ConstantOfShape", ["wide"], ["B"], value=numpy_helper.from_array(np.ones(1, "f4"))
        ),
        gru(name="one\nline.and/another"),
    ]

    made = arrays_of(saved(tmp_path / "a.onnx", nodes, {"R": WEIGHTS["R"]}))
    plain = arrays_of(
        saved(tmp_path / "b.onnx", [gru()], {**WEIGHTS, "B": np.ones((1, 6 * H), "f4")})
    )

    assert all(np.array_equal(made[name], array) for name, array in plain.items())


@pytest.mark.parametrize("axis", [None, 1])
def test_quantised_weights_are_what_they_stand_for(axis: int | None, tmp_path: Path) -> None:
    q = RNG.integers(-128, 128, SHAPES["W"]).astype("i1")
    scale = np.float32(0.1) if axis is None else RNG.uniform(0.1, 0.2, 3 * H).astype("f4")
    zero = np.int8(3) if axis is None else np.full(3 * H, 3, "i1")
    attributes = {} if axis is None else {"axis": axis}
    node = helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["W"], **attributes)
    constants = {**WEIGHTS, "q": q, "scale": scale, "zero": zero}
    del constants["W"]

    file = onnx_file(saved(tmp_path / "a.onnx", [node, gru()], constants))

    [found] = file.nodes
    assert found.stored == {"int8", "float32"}
    assert file.stored["int8"] == 2
    assert found.gru is not None
    wanted = (q.astype("f4") - 3) * (scale if axis is None else scale[:, None])
    z = found.gru.stack.cells[0][0].weight_ih[H : 2 * H]  # its gates come in another order
    assert np.array_equal(z, wanted[0, :H])


def test_a_node_inside_a_function_has_the_weights_and_attributes_of_the_call(
    tmp_path: Path,
) -> None:
    inner = gru("a", "b", "c", output="d")
    refers = onnx.AttributeProto(name="linear_before_reset", ref_attr_name="after", type=2)
    inner.attribute.append(refers)
    imports = [helper.make_opsetid("", 20)]
    function = helper.make_function(
        "own", "Layer", ["a", "b", "c"], ["d"], [inner], imports, ["after"]
    )
    call = helper.make_node("Layer", ["X", "W", "R"], ["Y"], domain="own", after=1)
    bare = helper.make_node("Layer", ["X", "W", "R"], ["Y"], domain="own")

    [found] = read_grus(saved(tmp_path / "a.onnx", [call], functions=(function,)))
    [node] = onnx_file(saved(tmp_path / "b.onnx", [bare], functions=(function,))).nodes

    assert (found.stack.variant.reset, found.stack.hidden_size) == ("after", H)
    assert "takes linear_before_reset from an attribute of a function" in node.refused


def test_a_branch_inside_a_function_has_the_attributes_of_the_call(tmp_path: Path) -> None:
    inner = gru("a", "b", "c", output="d")
    refers = onnx.AttributeProto(name="linear_before_reset", ref_attr_name="after", type=2)
    inner.attribute.append(refers)
    outputs = [helper.make_tensor_value_info("d", 1, None)]
    branch = helper.make_graph([inner], "branch", [], outputs)
    choice = helper.make_node("If", ["e"], ["d"], then_branch=branch, else_branch=branch)
    imports = [helper.make_opsetid("", 20)]
    function = helper.make_function(
        "own", "Layer", ["a", "b", "c", "e"], ["d"], [choice], imports, ["after"]
    )
    call = helper.make_node("Layer", ["X", "W", "R", "E"], ["Y"], domain="own", after=1)

    found = read_grus(saved(tmp_path / "a.onnx", [call], functions=(function,)))

    assert [each.stack.variant.reset for each in found] == ["after", "after"]


def test_a_gru_of_another_domain_is_none(tmp_path: Path) -> None:
    node = helper.make_node("GRU", ["X", "W", "R", "B"], ["Y"], domain="own")

    with pytest.raises(BadFile, match="not an ONNX model with a GRU node"):
        onnx_file(saved(tmp_path / "a.onnx", [node]))


def test_a_node_whose_weights_are_none_leaves_the_others_readable(tmp_path: Path) -> None:
    nodes = [gru("X", "W", "V", output="Z", name="other"), gru(name="mine")]
    file = saved(tmp_path / "a.onnx", nodes)

    assert [found.name for found in read_grus(file)] == ["mine"]
    with pytest.raises(BadFile, match="other takes R from 'V', which is not a constant"):
        read_grus(file, name="other")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"activations": ["Sigmoid"]}, "has 1 activations where 2 are wanted"),
        (
            {"activations": ["Sigmoid", "Swish"]},
            "has activations=['Sigmoid', 'Swish']: Swish is not modelled here: choose from",
        ),
        (
            {"activations": ["Sigmoid", "ScaledTanh"]},
            "has activations=['Sigmoid', 'ScaledTanh']: ScaledTanh has no default of "
            "activation_alpha",
        ),
        (
            {"activations": ["Sigmoid", "Elu"], "activation_alpha": [-1.0]},
            "elu has alpha=-1, which must be above 0",
        ),
        (
            {"activations": ["HardSigmoid", "Elu"], "activation_alpha": [0.2, 1.0, 0.3]},
            "has 3 of activation_alpha, and its activations=['HardSigmoid', 'Elu'] take 2",
        ),
        ({"activation_alpha": [0.2]}, "has 1 of activation_alpha, and its activations=['Sigmoid'"),
        ({"activation_beta": [0.2]}, "has 1 of activation_beta"),
        ({"layout": 2}, "has layout=2"),
        ({"clip": -1.0}, "has clip=-1, which must be above 0"),
        ({"direction": "bidirectional"}, "has a direction of 2, and its R has shape (1, 6, 2)"),
        ({"input_forget": 1}, "has the attribute input_forget, which is not modelled here"),
    ],
)
def test_catches_attributes_that_are_not_modelled(
    attributes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    [node] = onnx_file(saved(tmp_path / "a.onnx", [gru(**attributes)])).nodes

    assert node.gru is None
    assert words in node.refused


def test_usual_attributes_in_full_are_read(tmp_path: Path) -> None:
    usual = {"activations": ["Sigmoid", "tanh"], "direction": "forward", "hidden_size": H}
    [found] = read_grus(saved(tmp_path / "a.onnx", [gru(**usual, layout=1)]))

    assert found.stack.variant.reset == "before"  # what linear_before_reset is unless it is given


def test_a_clip_is_read_by_who_heeds_it_alone(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.onnx", [gru(clip=0.5)])

    [node] = onnx_file(file).nodes
    assert node.gru is not None
    assert node.gru.clip == 0.5
    assert ", clip=0.5" in str(node.gru)
    assert read_grus(file, attributes=True)[0].clip == 0.5
    with pytest.raises(BadFile, match=r"has clip=0.5, which judge and check model alone"):
        read_grus(file)


@pytest.mark.parametrize(
    ("attributes", "functions"),
    [
        ({"activations": ["HardSigmoid", "Tanh"]}, ["hard_sigmoid(0.2, 0.5)", "tanh"]),
        (
            {
                "activations": ["hardsigmoid", "LeakyRelu"],
                "activation_alpha": [0.25, 0.5],
                "activation_beta": [0.75],
            },
            ["hard_sigmoid(0.25, 0.75)", "leaky_relu(0.5)"],
        ),
        ({"activations": ["Sigmoid", "ThresholdedRelu"]}, ["sigmoid", "thresholded_relu(1)"]),
    ],
)
def test_activations_take_their_parameters_in_order(
    attributes: dict[str, Any], functions: list[str], tmp_path: Path
) -> None:
    file = saved(tmp_path / "a.onnx", [gru(**attributes)])

    [node] = onnx_file(file).nodes

    assert node.gru is not None
    assert node.gru.activations == functions_named(functions)
    assert str(functions_named(functions)[0]) in str(node.gru)
    with pytest.raises(BadFile, match="which judge and check model alone"):
        read_grus(file)


OUTSIDE = {"save_as_external_data": True, "location": "a.data", "size_threshold": 0}


def test_data_in_another_file_are_read_where_they_are_there(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.onnx", [gru()], **OUTSIDE)
    plain = arrays_of(saved(tmp_path / "b.onnx", [gru()]))

    found = arrays_of(file)
    whole = onnx_whole(file)
    (tmp_path / "a.data").unlink()

    assert all(np.array_equal(found[name], array) for name, array in plain.items())
    inside = {one.name: one for one in onnx.load_from_string(whole.model).graph.initializer}
    assert np.array_equal(numpy_helper.to_array(inside["R"]), WEIGHTS["R"])
    # No verdict on half a file, by whichever way it comes.
    for read in (read_grus, onnx_whole, lambda path: check_file(str(path), "onnx")):
        with pytest.raises(BadFile, match=r"W.* has its data in another file, .*a\.data: No such"):
            read(file)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("../a.data", "which is not below the model's folder"),
        ("/etc/passwd", "which is not a file next to the model"),
        ("short.data", "claims 72 bytes, and has 72 at 0 in short.data, a file of 4"),
    ],
)
def test_catches_data_in_other_places(location: str, words: str, tmp_path: Path) -> None:
    file = saved(tmp_path / "a.onnx", [gru()], **OUTSIDE)
    (tmp_path / "short.data").write_bytes(bytes(4))
    model = onnx.load(file, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = location if entry.key == "location" else entry.value
    file.write_bytes(model.SerializeToString())

    with pytest.raises(BadFile, match=words):
        read_grus(file)


@pytest.mark.filterwarnings("ignore:overflow")  # of the reference evaluator's exp
def test_one_node_that_lacks_its_data_or_does_not_fit_keeps_no_other_from_being_checked(
    tmp_path: Path,
) -> None:
    nodes = [gru(name="ends_in_"), gru("X", "V", "R", output="Z", name="other")]
    file = saved(tmp_path / "a.onnx", nodes, {**WEIGHTS, "V": np.ones((1, 5, I), "f4")})

    own, other = onnx_file(file).nodes

    assert own.gru is not None
    assert "5 rows of gates, expected 3H" in other.damaged
    with pytest.raises(BadFile, match="other, layer 0: 5 rows of gates"):
        check_file(str(file), "onnx")
    assert check_file(str(file), "onnx", only="ends_in_", cases=1).verdict == "conforms"


def layers(path: Path, *between: Any, second: Any = None, **constants: Any) -> Any:
    """The chains of a model of two layers with these nodes between."""
    upper = {"V": RNG.normal(size=(1, 3 * H, H)).astype("f4")}
    nodes = [gru(name="a", linear_before_reset=1), *between]
    nodes.append(second or gru("x", "V", "R", output="Z", name="b", linear_before_reset=1))
    return onnx_file(saved(path, nodes, {**WEIGHTS, "V": upper["V"], **constants})).chains


def test_nodes_with_layout_between_are_a_chain(tmp_path: Path) -> None:
    squeeze = helper.make_node("Squeeze", ["Y", "one"], ["x"])
    biased = gru("x", "V", "R", "B", output="Z", name="b", linear_before_reset=1)

    [chain] = layers(tmp_path / "a.onnx", squeeze, second=biased, one=np.array([1]))

    assert chain.name == "a → b"
    assert chain.gru is not None
    assert (chain.gru.stack.layers, chain.sizes) == (2, {})
    for model, outputs in ((chain.model, 4), (chain.whole, 3)):
        read = onnx.load_from_string(model)
        onnx.checker.check_model(read, full_check=True)
        assert len(read.graph.output) == outputs


@pytest.mark.parametrize(
    ("kind", "attributes", "operand", "words"),
    [
        ("Reshape", {}, [0, 0, -1], "not all of them"),
        ("Reshape", {}, [-1, 1, H], "its numbers are not those of (T, B, D·H)"),
        ("Reshape", {}, [5, 2, H], "cannot reshape"),
    ],
)
def test_catches_what_is_no_stack(
    kind: str, attributes: dict[str, Any], operand: list[int], words: str, tmp_path: Path
) -> None:
    node = helper.make_node(kind, ["Y", "operand"], ["x"], **attributes)
    second = gru("x", "V", "R", "B", output="Z", name="b", linear_before_reset=1)
    if "not all" in words:
        second.input.extend(["", "start"])

    [chain] = layers(tmp_path / "a.onnx", node, second=second, operand=np.array(operand))

    assert chain.gru is None
    assert words in chain.refused


def test_what_changes_numbers_is_no_layout(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Squeeze", ["Y", "one"], ["s"]),
        helper.make_node("Relu", ["s"], ["x"]),
    ]

    assert layers(tmp_path / "a.onnx", *nodes, one=np.array([1])) == []


def test_sizes_that_are_fixed_are_known(tmp_path: Path) -> None:
    [node] = onnx_file(saved(tmp_path / "a.onnx", [gru()], shape=[7, None, I])).nodes
    [turned] = onnx_file(saved(tmp_path / "b.onnx", [gru(layout=1)], shape=[7, "T", I])).nodes

    assert (node.sizes, turned.sizes) == ({"T": 7}, {"B": 7})


def test_tensors_without_raw_bytes_are_read(tmp_path: Path) -> None:
    """Floats as such; halves as whole numbers."""
    found = list[Any]()
    for kind, dtype in ((1, "f4"), (10, "f2"), (11, "f8")):
        tensors = [
            helper.make_tensor(name, kind, array.shape, array.astype(dtype).ravel())
            for name, array in WEIGHTS.items()
        ]
        graph = helper.make_graph([gru()], "model", [], [], tensors)
        file = tmp_path / f"{dtype}.onnx"
        file.write_bytes(helper.make_model(graph).SerializeToString())
        found.append(arrays_of(file))

    plain = arrays_of(saved(tmp_path / "plain.onnx", [gru()]))
    for arrays, dtype in zip(found, ("f4", "f2", "f8"), strict=True):
        assert all(np.array_equal(arrays[name], plain[name].astype(dtype)) for name in plain)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([helper.make_node("Transpose", ["W"], ["W"], perm=[0])], "is made of itself"),
        ([helper.make_node("Cast", ["R"], ["W"], to=8)], "Cast to ONNX data type 8"),
        ([helper.make_node("Relu", ["R"], ["W"])], "which is not a constant of the model: Relu"),
        (
            [
                helper.make_node("Constant", [], ["long"], value_ints=[2**40]),
                helper.make_node("ConstantOfShape", ["long"], ["W"]),
            ],
            "makes (1099511627776,) of what there is",
        ),
        ([helper.make_node("Constant", [], ["W"], value_string="x")], "has no numbers"),
        ([helper.make_node("Transpose", ["R"], ["W"], perm=[7, 8, 9])], "W of Y"),
        ([helper.make_node("Transpose", [""], ["W"])], "has no input"),
        ([helper.make_node("Concat", ["R"] * 9, ["W"], axis=0)], "makes too much of what there is"),
        ([helper.make_node("Cast", ["R"], ["W"], to=7)], "is int64: floating-point weights"),
    ],
)
def test_catches_weights_that_layout_does_not_make(
    nodes: list[Any], words: str, tmp_path: Path
) -> None:
    constants = {name: array for name, array in WEIGHTS.items() if name != "W"}
    file = saved(tmp_path / "a.onnx", [*nodes, gru(name="Y")], constants)

    [node] = onnx_file(file).nodes

    assert words in node.refused


def test_layers_of_different_kinds_are_no_chain(tmp_path: Path) -> None:
    squeeze = helper.make_node("Squeeze", ["Y", "one"], ["x"])
    for second, words in (
        (gru("x", "V", "R", output="Z", direction="reverse"), "another backward alone"),
        (gru("x", "V", "R", output="Z", clip=1.0), "they have different clips"),
        (gru("x", "V", "R", "", "n", output="Z"), "they take different lengths"),
    ):
        [chain] = layers(tmp_path / "a.onnx", squeeze, second=second, one=np.array([1]))
        assert words in chain.refused


def test_a_concat_of_two_values_is_no_chain(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Squeeze", ["Y", "one"], ["s"]),
        helper.make_node("Concat", ["s", "s"], ["x"], axis=0),
    ]

    assert layers(tmp_path / "a.onnx", *nodes, one=np.array([1])) == []


def test_no_node_takes_the_place_of_another_by_its_name(tmp_path: Path) -> None:
    nodes = [gru(name=name, output=f"Y{n}") for n, name in enumerate(("a_2", "a", "a"))]

    found = onnx_file(saved(tmp_path / "a.onnx", nodes)).nodes

    assert [node.name for node in found] == ["a_2", "a", "a_3"]


def test_catches_a_scale_that_is_left_out(tmp_path: Path) -> None:
    node = helper.make_node("DequantizeLinear", ["q", ""], ["W"], name="wide")
    constants = {"q": WEIGHTS["W"].astype("i1"), "R": WEIGHTS["R"], "B": WEIGHTS["B"]}

    [found] = onnx_file(saved(tmp_path / "a.onnx", [node, gru()], constants)).nodes

    assert "DequantizeLinear 'wide' has no scale" in found.refused


def test_catches_operators_without_end(tmp_path: Path) -> None:
    casts = [helper.make_node("Cast", [f"c{n}"], [f"c{n + 1}"], to=1) for n in range(3000)]
    constants = {"c0": WEIGHTS["W"], "R": WEIGHTS["R"], "B": WEIGHTS["B"]}
    node = gru("X", "c3000", "R", "B")

    [found] = onnx_file(saved(tmp_path / "a.onnx", [*casts, node], constants)).nodes

    assert "'c3000' is made by too many operators in a row" in found.refused


def test_catches_sizes_between_nodes_that_no_memory_holds(tmp_path: Path) -> None:
    steps = 2**33
    reshape = helper.make_node("Reshape", ["Y", "sizes"], ["x"])
    second = gru("x", "V", "R", "B", output="Z")
    constants = {**WEIGHTS, "V": np.zeros((1, 3 * H, H), "f4"), "sizes": np.array([steps, 2, H])}
    file = saved(tmp_path / "a.onnx", [gru(), reshape, second], constants, shape=[steps, 2, I])

    [chain] = onnx_file(file).chains

    assert f"T={steps} and B=2 are more than is followed" in chain.refused


def test_a_whole_model_has_the_data_of_its_bodies_and_constants_inside(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(WEIGHTS["W"], "w")
    leaky = helper.make_node("LeakyRelu", ["w"], ["v"], alpha=0.25)
    outputs = [helper.make_tensor_value_info("v", 1, None)]
    body = helper.make_graph([leaky], "body", [], outputs, [weight])
    nodes = [
        helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(WEIGHTS["R"])),
        helper.make_node("If", ["X"], ["Y"], then_branch=body, else_branch=body),
    ]
    file = saved(tmp_path / "a.onnx", nodes, {}, **{**OUTSIDE, "convert_attribute": True})

    whole = onnx.load_from_string(onnx_whole(file).model)

    assert (tmp_path / "a.data").stat().st_size >= WEIGHTS["W"].nbytes
    constant, choice = whole.graph.node
    assert np.array_equal(numpy_helper.to_array(constant.attribute[0].t), WEIGHTS["R"])
    for branch in choice.attribute:
        assert np.array_equal(numpy_helper.to_array(branch.g.initializer[0]), WEIGHTS["W"])
        assert branch.g.node[0].attribute[0].f == 0.25
