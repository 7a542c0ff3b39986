"""What a full disk, or a folder in the way, costs: the file that cannot be written, and no more."""

from __future__ import annotations

import errno
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from gruverify import Cell, Variant
from gruverify.backends import NumpyBackend

from ..runtimes.test_check_file import model
from ._invoke import QUICK, check, gruverify, one_line

pytestmark = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="the system has no device that is full"
)

WEIGHTS = {"weight_ih": (9, 2), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)}
RUN = ("--inputs", "x.npy", "--time-first")
BOX = ("--box", "-1", "1", "--steps", "2", "--generators", "50", "--roots", "8")
JSON = ("--json", "/dev/full")
NO_SPACE = "No space left on device"


@pytest.fixture
def files(planted: str, here: Path) -> Path:
    """Weights, a run of them and a model; full.svg and full.npz, that take nothing; and a file
    where a folder is wanted.
    """
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=shape, scale=0.1) for name, shape in WEIGHTS.items()}
    cell = Cell(Variant(), **{name: array.astype(np.float32) for name, array in arrays.items()})
    x, h = np.ones((4, 1, 2), np.float32), np.zeros((1, 3), np.float32)
    np.savez("w.npz", **{f"{name}_l0": getattr(cell, name) for name in WEIGHTS})
    np.save("x.npy", x)
    np.save("y.npy", NumpyBackend().sequence(cell, x, h)[0])
    np.save("wrong.npy", np.zeros_like(np.load("y.npy")))
    shutil.copy(Path(__file__).parents[1] / "runtimes/_runtimes.py", "mine.py")
    model(Path("a.onnx"))
    for name in ("full.svg", "full.npz"):
        Path(name).symlink_to("/dev/full")
    (here / "file").touch()
    return here


def judge(outputs: str) -> tuple[str, ...]:
    return ("judge", "w.npz", *RUN, "--outputs", outputs, "--declare", "kappa_sigma=5")


@pytest.mark.parametrize(
    ("command", "unwritable", "code"),
    [
        pytest.param(judge("y.npy"), JSON, 0, id="judge-rounding"),
        pytest.param(
            (*judge("y.npy"), "--outputs", "wrong.npy"),
            (*JSON, "--plot", "full.svg"),
            1,
            id="judge-bug",
        ),
        pytest.param(("certify", "w.npz", "--inputs-within", "0.1"), JSON, 0, id="certify"),
        pytest.param(("certify", "w.npz", "--inputs-within", "99"), JSON, 6, id="certify-not"),
        pytest.param(("reach", "w.npz", *BOX), (*JSON, "--plot", "full.svg"), 0, id="reach"),
        pytest.param(
            ("reach", "w.npz", *BOX, "--property", "h[0] > 1"),
            ("--witness", "full.npz", *JSON),
            1,
            id="reach-refuted",
        ),
        pytest.param(
            ("check", "a.onnx@mine:right", "--declare", "kappa_sigma=5"), JSON, 0, id="runtime"
        ),
        pytest.param(
            ("check", "a.onnx@mine:before", "--declare", "kappa_sigma=5", "--max-cases", "3"),
            ("--witnesses", "file", *JSON),
            1,
            id="runtime-wrong",
        ),
        # What has no verdict did not do all that it was asked for.
        pytest.param(("diagnose", "w.npz", *RUN, "--format", "bf16"), JSON, 2, id="diagnose"),
        pytest.param(
            ("explain", "--steps", "2", "--bias", "4", "--format", "f32"),
            ("--plot", "full.svg"),
            2,
            id="explain",
        ),
        pytest.param(
            ("accuracy", "numpy", "--format", "bf16", "--cases", "1"),
            ("--witnesses", "file", "--plot", "full.svg", *JSON),
            2,
            id="accuracy",
        ),
    ],
)
def test_all_but_the_file_is_as_it_would_be(
    files: Path, command: tuple[str, ...], unwritable: tuple[str, ...], code: int
) -> None:
    whole = gruverify(*command)
    done = gruverify(*command, *unwritable)

    assert done.exit_code == code, done.output
    # The command that runs a witness again is missing, if it could not be saved.
    assert lines(done) == [line for line in lines(whole) if "reports/witnesses" not in line]
    told = done.stderr.splitlines()
    assert len(told) == len(unwritable) // 2
    assert all(line.startswith("Error: ") for line in told)
    assert not [path for path in files.rglob("*") if path.suffix == ".part"]


def lines(result: Result) -> list[str]:
    """What was printed, but for how long it took."""
    return re.sub(r"[\d.]+ s\b", "", result.stdout).splitlines()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("check", "planted:right", *QUICK, "--only", "agreement"), 0),
        (("check", "planted:half", *QUICK, "--only", "agreement"), 1),
        (("check", "planted:right", "planted:half", *QUICK, "--only", "agreement"), 1),
        (("diagnose", "w.npz", *RUN, "--format", "bf16"), 2),
    ],
    ids=["check", "falsified", "two", "diagnose"],
)
def test_of_a_report_and_json_one_is_written_without_the_other(
    files: Path, command: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = gruverify(*command, *JSON, "--report", "report")
    assert (done.exit_code, done.stderr) == (code, f"Error: --json /dev/full: {NO_SPACE}\n")
    assert "next: open report/index.html" in done.stdout

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, NO_SPACE)

    monkeypatch.setattr("gruverify.reporting._folder._move", full)
    done = gruverify(*command, "--json", "found.json", "--report", "other")
    said = f"Error: --report other cannot be written: {NO_SPACE}\n"
    assert (done.exit_code, done.stderr) == (code, said)
    assert "next: open" not in done.stdout
    assert (files / "found.json").exists()


def test_of_two_outputs_of_a_comparison_one_is_written(files: Path) -> None:
    check("planted:right", "--json", "right.json")
    check("planted:half", "--json", "half.json", "--no-replay")
    compare = ("compare", "right.json", "half.json", *JSON, "--markdown", "a.md")

    shown = gruverify(*compare)
    failed = gruverify(*compare, "--fail-on", "new-failure")
    passed = gruverify("compare", "right.json", "right.json", *JSON, "--fail-on", "new-failure")

    assert (shown.exit_code, failed.exit_code, passed.exit_code) == (2, 1, 0)
    assert shown.stderr == f"Error: --json /dev/full: {NO_SPACE}\n"
    assert all(done.stderr.endswith(shown.stderr) for done in (failed, passed))
    assert "new failure" in shown.stdout
    assert (files / "a.md").exists()


def test_a_matrix_is_written_as_it_can_be(files: Path) -> None:
    only = ("--only", "swapped-reset-and-update", "--max-cases", "1", "--columns", "1")
    done = gruverify("faults", *only, "--jobs", "1", *JSON, "--markdown", "a.md")

    assert (done.exit_code, done.stderr) == (0, f"Error: --json /dev/full: {NO_SPACE}\n")
    assert "pairs caught" in done.stdout
    assert (files / "a.md").exists()


def test_of_several_targets_those_that_are_there_are_measured(files: Path) -> None:
    options = ("--format", "bf16", "--cases", "1", "--json", "found.json")
    done = gruverify("accuracy", "nmpy", "numpy", *options)

    assert done.exit_code == 2
    assert re.fullmatch("Error: .*did you mean numpy.*\n", done.stderr)
    assert "step_jacobian" in done.stdout
    assert (files / "found.json").exists()


@pytest.mark.parametrize(
    "command",
    [
        (*judge("y.npy"), "--outputs", "y.npy"),
        ("reach", "w.npz", *BOX),
        ("accuracy", "numpy"),
        ("explain",),
    ],
    ids=lambda command: command[0],
)
def test_that_there_can_be_no_plot_is_said_before_anything_is_read(
    here: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "folder.png").mkdir()

    assert one_line(gruverify(*command, "--plot", "a.gif")).startswith(
        "--plot a.gif: the name must"
    )
    assert one_line(gruverify(*command, "--plot", "folder.png")).startswith("--plot folder.png: is")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install" in one_line(gruverify(*command, "--plot", "a.png"), 3)
