"""Every GRU of a file, run in place and held against the mathematics."""

from __future__ import annotations

import runpy
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gruverify.models import BadFile, onnx_nodes
from gruverify.runtimes import FileResult, Given, NodePart, Runtime, check_file, check_part
from gruverify.runtimes._check import Judged, NodeResult
from gruverify.runtimes._runtime import runtime_named

from . import _runtimes

FUZZ = runpy.run_path(str(Path(__file__).parents[1] / "campaigns" / "reader_fuzz.py"))
H, I = 3, 2
FULL = ["x", "w", "r", "b", "lens", "h"]
#: What NumPy's functions are worth: see `NumpyBackend`.
DECLARED = {"kappa_sigma": 5}


def model(
    path: Path, inputs: list[str] = FULL, directions: int = 1, **attributes: int | bytes
) -> Path:
    """A file with one GRU node over random weights."""
    rng = np.random.default_rng(0)
    shapes = {"w": (3 * H, I), "r": (3 * H, H), "b": (6 * H,)}
    tensors = [
        FUZZ["onnx_tensor"](name, rng.normal(size=(directions, *shape)).astype("f4"))
        for name, shape in shapes.items()
    ]
    if directions == 2:
        attributes["direction"] = b"bidirectional"
    node = FUZZ["onnx_node"]("GRU", inputs, "y", **{"linear_before_reset": 1, **attributes})
    path.write_bytes(FUZZ["onnx_model"]([node], tensors))
    return path


def checked(path: Path, run: Any, **options: Any) -> FileResult:
    """What becomes of a file in one of the runtimes here."""
    name = f"{_runtimes.__name__}:{run.__name__}"
    return check_file(str(path), name, declared=DECLARED, **options)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layout", [0, 1])
def test_a_right_runtime_conforms(tmp_path: Path, directions: int, layout: int) -> None:
    file = model(tmp_path / "a.onnx", directions=directions, layout=layout)

    found = checked(file, _runtimes.right)

    assert found.verdict == "conforms"
    [node] = found.nodes
    assert {one.given.sizes["B"] for one in node.judged} >= {1, 2, 3, 33}
    assert {one.given.sizes["T"] for one in node.judged} >= {1, 2, 17, 200}
    lengths = [one.given.lengths for one in node.judged if one.given.lengths is not None]
    assert any(len(set(each.tolist())) > 1 for each in lengths)
    assert all(one.ruling is not None and one.ruling.claimed for one in node.judged)


@pytest.mark.uncounted
def test_a_node_that_runs_backward_conforms(tmp_path: Path) -> None:
    file = model(tmp_path / "a.onnx", ["x", "w", "r", "b"], direction=b"reverse")

    assert checked(file, _runtimes.right).verdict == "conforms"


@pytest.mark.parametrize(
    ("run", "words"),
    [
        pytest.param(
            _runtimes.before, "reset gate applied before the product", marks=pytest.mark.uncounted
        ),
        pytest.param(_runtimes.late, "", marks=pytest.mark.uncounted),
        pytest.param(_runtimes.all_as_long, "Y_h of member", marks=pytest.mark.uncounted),
        pytest.param(
            _runtimes.unknown_at_the_end,
            "Y at its last step, t=0, nan",
            marks=pytest.mark.uncounted,
        ),
        (_runtimes.raises, "the runtime raised RuntimeError: one at a time"),
        (_runtimes.leaves, "the runtime raised SystemExit: 3"),
        (_runtimes.misshapen, "Y has shape (1, 3, 1, 3), expected (1, 1, 3, 3)"),
        (_runtimes.alone, "1 outputs came back where Y and Y_h are wanted"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_catches_a_wrong_runtime_on_a_small_input(tmp_path: Path, run: Any, words: str) -> None:
    found = checked(model(tmp_path / "a.onnx"), run)

    [node] = found.nodes
    assert found.verdict == node.verdict == "falsified"
    assert node.witness is not None
    assert node.witness.failed
    sizes = node.witness.given.sizes
    assert max(sizes["T"], sizes["B"]) <= 3
    said = node.witness.trouble or str(node.witness.ruling)
    assert words in said


def test_inputs_that_were_recorded_come_first(tmp_path: Path) -> None:
    mine = Given("mine", np.ones((4, 2, I), np.float32))
    file = model(tmp_path / "a.onnx", ["x", "w", "r", "b"])

    [node] = checked(file, _runtimes.right, recorded=[mine]).nodes

    assert node.judged[0].given.about == "mine"
    assert np.array_equal(node.judged[0].given.inputs, mine.inputs)
    assert node.judged[0].decided


def test_of_a_member_without_steps_there_is_no_last_output(tmp_path: Path) -> None:
    none = Given(
        "none",
        np.ones((4, 2, I), np.float32),
        np.full((1, 2, H), 0.5, np.float32),
        np.array([0, 4]),
    )

    [node] = checked(model(tmp_path / "a.onnx"), _runtimes.right, recorded=[none]).nodes

    assert node.judged[0].given.about == "none"
    assert not node.judged[0].trouble


def test_a_package_of_another_name_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    reported = metadata.version

    def version(package: str) -> str:
        if package == "onnx":
            raise metadata.PackageNotFoundError(package)
        return reported(package)

    monkeypatch.setattr(metadata, "version", version)

    assert "onnx" not in runtime_named("onnx").versions


def test_inputs_of_another_width_are_named_with_their_shape(tmp_path: Path) -> None:
    file = model(tmp_path / "a.onnx", ["x", "w", "r", "b"])
    wide = Given("wide", np.ones((4, 2, I + 1), np.float32))

    with pytest.raises(ValueError, match=r"wide: shape \(4, 2, 3\), expected \(T, B, I\) with I=2"):
        checked(file, _runtimes.right, recorded=[wide])


@pytest.mark.uncounted
def test_the_same_seed_draws_the_same_inputs(tmp_path: Path) -> None:
    file = model(tmp_path / "a.onnx")
    runs = [checked(file, _runtimes.right, seed=seed).nodes[0] for seed in (0, 0, 1)]
    first, again, other = ([one.given.inputs.tobytes() for one in run.judged] for run in runs)

    assert first == again != other


@pytest.mark.uncounted
def test_what_is_not_modelled_is_refused_by_name_and_the_rest_is_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tensors = [
        FUZZ["onnx_tensor"](name, rng.normal(size=(1, 3 * H, size)).astype("f4"))
        for name, size in (("w", I), ("r", H))
    ]
    nodes = [
        FUZZ["onnx_node"]("GRU", ["x", "w", "r"], "y"),
        FUZZ["onnx_node"]("GRU", ["x", "w", "r"], "z", output_sequence=1),
    ]
    (tmp_path / "a.onnx").write_bytes(FUZZ["onnx_model"](nodes, tensors))

    found = checked(tmp_path / "a.onnx", _runtimes.right)

    assert [node.verdict for node in found.nodes] == ["conforms", "inconclusive"]
    assert "output_sequence" in found.nodes[1].refused
    assert found.verdict == "inconclusive"
    assert checked(tmp_path / "a.onnx", _runtimes.right, only="gru_of_y").verdict == "conforms"


def test_a_runtime_that_does_not_load_a_node_decides_nothing(tmp_path: Path) -> None:
    def load(model: bytes) -> Any:
        raise RuntimeError("no kernel")

    [node] = onnx_nodes(model(tmp_path / "a.onnx"))
    assert node.gru is not None
    found = check_part(NodePart(node, node.gru), Runtime("mine", load, {}), [], {})

    assert found.verdict == "inconclusive"
    assert found.refused == "the runtime does not load it: RuntimeError: no kernel"


def test_weights_that_are_no_constants_are_refused(tmp_path: Path) -> None:
    node = FUZZ["onnx_node"]("GRU", ["x", "w", "r"], "y")
    (tmp_path / "a.onnx").write_bytes(FUZZ["onnx_model"]([node], []))

    [found] = checked(tmp_path / "a.onnx", _runtimes.right).nodes

    assert "takes W from 'w', which is not a constant of the model" in found.refused


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an ONNX model with a GRU node"),
        (b"\x3a\x7f", "not an ONNX model, or a damaged one"),
    ],
)
def test_a_file_without_a_gru_is_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.onnx").write_bytes(data)

    with pytest.raises(BadFile, match=words):
        onnx_nodes(tmp_path / "a.onnx")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file"):
        onnx_nodes(tmp_path / "a.onnx")


def judged(verdict: str, *, drawn: bool) -> Judged:
    """An input of which everything is claimed, or nothing."""
    claimed = 4 * (verdict == "rounding")
    ruling: Any = SimpleNamespace(verdict=verdict, claimed=claimed, entries=4, beyond=0)
    return Judged(Given("", np.zeros((1, 1, 1)), drawn=drawn), ruling)


@pytest.mark.parametrize(
    ("drawn", "undecided", "verdict"),
    [(True, 2, "conforms"), (True, 3, "inconclusive"), (False, 1, "inconclusive")],
)
def test_one_of_the_cases_may_be_undecided_and_nothing_that_is_always_asked(
    drawn: bool, undecided: int, verdict: str
) -> None:
    decided = [judged("rounding", drawn=number < 10) for number in range(20)]
    others = [judged("undecidable", drawn=drawn)] * undecided

    assert NodeResult("", "", judged=(*decided, *others)).verdict == verdict
