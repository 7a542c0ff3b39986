"""Targets of other libraries: each is what docs/world.md says of it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from gruverify.backends import TARGETS, Target
from gruverify.reporting import write_targets_report
from gruverify.reporting.targets import load_outcomes

from ._processors import openvino_computes_in_bfloat16
from .families import FAMILIES, family_asked

XFAILS = Path(__file__).with_name("xfails")
WORLD = [target for target in TARGETS if target.install]
FAMILY = family_asked()
ASKED = [target for target in WORLD if target.name in FAMILIES.get(FAMILY, (target.name,))]
#: Where results are kept, for one page of what several environments found.
RESULTS = os.environ.get("GRUVERIFY_WORLD_RESULTS", "")
#: Of a step alone, 25 cases claim too little of the gradients in float64. In those of seed 0 no
#: product of TensorFlow's in bfloat16 is cut off so far that it is beyond a bound. A scan is
#: compiled anew for each format.
OPTIONS = {
    "paddle:cell": ("--max-cases", "39"),
    "keras:tensorflow": ("--seed", "1"),
    "torchrl:scan": ("--format", "f32"),
}


@pytest.mark.parametrize("target", ASKED, ids=lambda target: target.name)
def test_a_target_has_the_faults_that_are_known_and_no_others(
    target: Target, tmp_path: Path
) -> None:
    """Those that are mended are noticed too: then its xfails file and docs/world.md are to be
    changed. Each has a process of its own: Keras has one backend in each.
    """
    if missing := packages_missing(target):
        # The environment of a family has all that its targets need.
        assert not FAMILY
        pytest.skip(f"needs {', '.join(missing)}")
    known = known_faults(target.name)
    options = ["--xfails-file", str(known), "--strict"] if known.exists() else []
    options += OPTIONS.get(target.name, ())
    command = [sys.executable, "-m", "gruverify", "check", target.name, "--profile", "quick"]

    result = subprocess.run(
        [*command, "--jobs", "1", "--json", "result.json", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    if RESULTS:
        keep(tmp_path / "result.json", Path(RESULTS, target.name.replace(":", "-")))
    assert result.returncode == 0, result.stdout[-3000:]


def keep(file: Path, folder: Path) -> None:
    """Write the report of a target, for one page of all, with its date, which no result has."""
    date = datetime.now(UTC).date().isoformat()
    found = [replace(each, row=replace(each.row, date=date)) for each in load_outcomes(file)]
    write_targets_report(found, folder)


def known_faults(name: str) -> Path:
    """The xfails file of a target. As it comes OpenVINO computes in bfloat16 where the processor
    can.
    """
    if name == "openvino" and openvino_computes_in_bfloat16():
        return XFAILS / "openvino-bf16.txt"
    return XFAILS / f"{name.replace(':', '-')}.txt"


def packages_missing(target: Target) -> list[str]:
    """The packages of its install command that are not here. None is imported: Keras would look
    for the package of a backend that the target does not choose.
    """
    found = list[str]()
    for pin in str(target.install).split():
        name = pin.partition("==")[0]
        try:
            version(name)
        except PackageNotFoundError:
            found.append(name)
    return found


def test_every_xfails_file_is_of_a_target() -> None:
    names = {target.name.replace(":", "-") for target in WORLD} | {"openvino-bf16"}

    assert {file.stem for file in XFAILS.glob("*.txt")} <= names
