"""The examples of docs/exec.md: they stand on the page as they are, and conform."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import float32, float64

from .._cases import case

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples/exec"
PAGE = (ROOT / "docs/exec.md").read_text()
ONLY = ("agreement", "contract/shape", "contract/no-members", "conventions/reset-probe")


def verdict(target: str, *, formats: tuple[Any, ...] = (float32,)) -> str:
    result = gruverify.check(target, max_cases=3, only=ONLY, formats=formats, shrink=False)
    return result.verdict


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler, cc")
    return compile_c(compiler, (EXAMPLES / "gru.c").read_text(), tmp_path_factory.mktemp("c"))


def compile_c(compiler: str, source: str, folder: Path) -> Path:
    file, program = folder / "gru.c", folder / "gru"
    file.write_text(source)
    command = [compiler, "-O1", "-Wall", "-Werror", "-o", str(program), str(file), "-lm"]
    subprocess.run(command, check=True)
    return program


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")


def test_plain_python_conforms() -> None:
    target = f"exec:{sys.executable} -S -E {EXAMPLES / 'gru.py'}"

    assert verdict(target, formats=(float32, float64)) == "conforms"


def test_c_conforms(compiled: Path) -> None:
    assert verdict(f"exec:{compiled}") == "conforms"


@pytest.mark.uncounted
@needs_node
def test_javascript_conforms() -> None:
    assert verdict(f"exec:node {EXAMPLES / 'gru.mjs'}", formats=(float32, float64)) == "conforms"


@pytest.mark.usefixtures("compiled")  # skipped where nothing can be
def test_catches_an_update_gate_the_wrong_way_in_c(tmp_path: Path) -> None:
    source = (EXAMPLES / "gru.c").read_text()
    wrong = source.replace("(1 - update) * candidate + update * h[r]", "update * candidate")
    assert wrong != source

    program = compile_c(str(shutil.which("cc")), wrong, tmp_path)

    assert verdict(f"exec:{program}") == "falsified"


def test_an_array_in_c_is_that_of_numpy(compiled: Path) -> None:
    """At sizes that leave each remainder of base64's threes."""
    found: Any = gruverify.backends.resolve(f"exec:{compiled}")
    numpy = gruverify.backends.NumpyBackend()
    for H in (1, 2, 3, 4):
        one = case(format=float32, H=H, I=3, B=1)
        expected = numpy.step(one.cell, one.inputs[0], one.state)
        given = found.step(one.cell, one.inputs[0], one.state)
        assert np.abs(given - expected).max() <= 8 * float32.unit_roundoff
    found.close()


# -- the page --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gru.py", "gru.c", "gru.mjs"])
def test_the_page_shows_the_example(name: str) -> None:
    shown = re.search(rf"^```\w+ file={re.escape(name)}\n(.*?)^```$", PAGE, re.M | re.S)

    assert shown is not None
    assert shown[1] == (EXAMPLES / name).read_text()


def test_the_page_shows_what_the_example_answers() -> None:
    request, answer = (
        json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)
    )
    run = subprocess.run(
        [sys.executable, "-S", "-E", str(EXAMPLES / "gru.py")],
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(run.stdout.splitlines()[1]) == answer
    [h] = np.frombuffer(base64.b64decode(answer["arrays"]["h"]["data"]), "<f4")
    z = 1 / (1 + np.exp(-1.5))
    assert h == np.float32((1 - z) * np.tanh(1 + z * 0.5) + z * 0.5)
