"""GRU nodes with other activation functions than σ and tanh, in runtimes that heed them or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify.runtimes import FileResult, check_file

from . import _activated

onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.uncounted
helper, numpy_helper = onnx.helper, onnx.numpy_helper
H, I = 4, 3
#: What NumPy's functions are worth: see `NumpyBackend`.
DECLARED = {"kappa_sigma": 5}


def model(
    path: Path, activations: list[str], *, dtype: str = "f4", scale: float = 0.6, **attributes: Any
) -> Path:
    """A file with one GRU node that has these activations."""
    rng, ways = np.random.default_rng(3), len(activations) // 2
    shapes = {"W": (ways, 3 * H, I), "R": (ways, 3 * H, H), "B": (ways, 6 * H)}
    tensors = [
        numpy_helper.from_array((scale * rng.standard_normal(shape)).astype(dtype), name)
        for name, shape in shapes.items()
    ]
    kind = tensors[0].data_type
    if ways == 2:
        attributes["direction"] = "bidirectional"
    inputs = ["X", "W", "R", "B", "", "initial_h"]
    node = helper.make_node(
        "GRU", inputs, ["Y", "Y_h"], hidden_size=H, activations=activations, **attributes
    )
    given = [helper.make_tensor_value_info(name, kind, None) for name in ("X", "initial_h")]
    returned = [helper.make_tensor_value_info(name, kind, None) for name in ("Y", "Y_h")]
    graph = helper.make_graph([node], "g", given, returned, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)]), path)
    return path


def checked(path: Path, run: Any) -> FileResult:
    """What becomes of a file in one of the runtimes here."""
    return check_file(str(path), f"{_activated.__name__}:{run.__name__}", declared=DECLARED)


#: Every function, as a candidate's and, where that leaves something to be claimed, the gates'.
PAIRS: list[tuple[list[str], dict[str, Any]]] = [
    (["HardSigmoid", "Tanh"], {}),
    (["HardSigmoid", "Tanh"], {"activation_alpha": [1 / 6], "activation_beta": [0.5]}),
    (["Sigmoid", "Relu"], {}),
    (["HardSigmoid", "Relu"], {}),
    (["Sigmoid", "Affine"], {"activation_alpha": [0.7], "activation_beta": [-0.1]}),
    (["HardSigmoid", "LeakyRelu"], {"activation_alpha": [0.3, 0.1], "activation_beta": [0.4]}),
    (["Sigmoid", "ThresholdedRelu"], {"activation_alpha": [0.5]}),
    (["Sigmoid", "ScaledTanh"], {"activation_alpha": [1.7159], "activation_beta": [0.6667]}),
    (["Sigmoid", "Elu"], {}),
    (["Softsign", "Softsign"], {}),
    (["Sigmoid", "Softplus"], {}),
    (["Tanh", "Sigmoid"], {}),
    (["HardSigmoid", "Tanh", "Sigmoid", "Relu"], {}),
]


@pytest.mark.thinned
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize(("activations", "attributes"), PAIRS, ids=str)
def test_a_right_runtime_conforms(
    tmp_path: Path, activations: list[str], attributes: dict[str, Any], dtype: str
) -> None:
    lbr = PAIRS.index((activations, attributes)) % 2
    file = model(
        tmp_path / "a.onnx", activations, dtype=dtype, linear_before_reset=lbr, **attributes
    )

    found = checked(file, _activated.right)

    [node] = found.nodes
    assert not [one for one in node.judged if one.failed]
    if "Softplus" in activations and dtype == "f2":  # exponentials of large inputs overflow
        assert "large inputs" in [one.given.about for one in node.judged if not one.decided]
    else:
        assert found.verdict == "conforms"


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("run", "activations", "attributes", "words"),
    [
        (_activated.ignores, ["HardSigmoid", "Tanh"], {}, "its activations are ignored"),
        (_activated.ignores, ["Sigmoid", "Relu"], {}, "its activations are ignored"),
        (_activated.exchanges, ["HardSigmoid", "Tanh"], {}, "gates and candidate are exchanged"),
        (_activated.exchanges, ["Sigmoid", "Tanh"], {}, "gates and candidate are exchanged"),
        (_activated.swaps, ["HardSigmoid", "Tanh"], {}, "alpha and beta are exchanged"),
        (
            _activated.swaps,
            ["Sigmoid", "ScaledTanh"],
            {"activation_alpha": [1.5], "activation_beta": [0.5]},
            "alpha and beta are exchanged",
        ),
        (
            _activated.first_alone,
            ["HardSigmoid", "Tanh", "Sigmoid", "Relu"],
            {},
            "both directions have the functions of the first",
        ),
    ],
)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_catches_a_runtime_that_heeds_them_not(
    tmp_path: Path,
    run: Any,
    activations: list[str],
    attributes: dict[str, Any],
    words: str,
    dtype: str,
) -> None:
    file = model(tmp_path / "a.onnx", activations, dtype=dtype, **attributes)

    found = checked(file, run)

    [node] = found.nodes
    assert found.verdict == "falsified"
    reasons = [one.ruling.reasons for one in node.judged if one.failed and one.ruling]
    assert any(words in reason for each in reasons for reason in each)


@pytest.mark.parametrize("activations", [["HardSigmoid", "Tanh"], ["Sigmoid", "Relu"]])
def test_catches_the_reference_evaluator_which_ignores_them(
    tmp_path: Path, activations: list[str]
) -> None:
    found = check_file(str(model(tmp_path / "a.onnx", activations)), "onnx")

    assert found.verdict == "falsified"
    assert "its activations are ignored: it has sigmoid and tanh" in str(found.nodes[0].judged)


def test_a_clip_comes_before_the_functions(tmp_path: Path) -> None:
    file = model(tmp_path / "a.onnx", ["HardSigmoid", "Relu"], clip=0.25)

    found = checked(file, _activated.right)

    assert found.verdict == "falsified"
    assert "clip=0.25 is not applied" in str(found.nodes[0])
