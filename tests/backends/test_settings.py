"""Settings that a program shares, and a target leaves changed."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import float32
from gruverify.backends import NumpyBackend, noticing_settings
from gruverify.backends._settings import settings


@pytest.fixture(autouse=True)
def left_as_they_were() -> Iterator[None]:
    before = settings()
    yield
    after = settings()
    # What was loaded meanwhile was not set to anything before.
    assert {name: after[name] for name in before} == before


def _of_torch(change: Callable[[Any], object]) -> Callable[[], object]:
    return lambda: change(pytest.importorskip("torch"))


CHANGES: dict[str, Callable[[], object]] = {
    "os.chdir": lambda: os.chdir(".."),
    "gc.enable": gc.disable,
    "sys.setrecursionlimit": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 1),
    "np.seterr": lambda: np.seterr(under="print"),
    "np.seterrcall": lambda: np.seterrcall(lambda *_: None),
    "np.set_printoptions": lambda: np.set_printoptions(precision=3),
    "torch.set_default_dtype": _of_torch(lambda torch: torch.set_default_dtype(torch.float64)),
    "torch.set_grad_enabled": _of_torch(lambda torch: torch.set_grad_enabled(False)),
    "torch.set_num_threads": _of_torch(
        lambda torch: torch.set_num_threads(torch.get_num_threads() + 1)
    ),
    "torch.use_deterministic_algorithms": _of_torch(
        lambda torch: torch.use_deterministic_algorithms(True)
    ),
    "torch.autograd.set_detect_anomaly": _of_torch(
        lambda torch: torch.autograd.set_detect_anomaly(True)
    ),
    "the processor's rounding": _of_torch(lambda torch: torch.set_flush_denormal(True)),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_a_setting_left_changed_is_named_and_set_back(name: str) -> None:
    if "torch" in name or "processor" in name:
        pytest.importorskip("torch")
    found = dict[str, str]()

    with noticing_settings(found):
        CHANGES[name]()

    assert list(found) == [name]
    assert " to " in found[name]


def test_a_processor_that_flushed_before_a_call_flushes_after_it() -> None:
    torch = pytest.importorskip("torch")
    found = dict[str, str]()

    torch.set_flush_denormal(True)
    try:
        with noticing_settings(found):
            torch.set_flush_denormal(False)
        flushes = settings()["the processor's rounding"]["flushes"]
    finally:
        torch.set_flush_denormal(False)

    assert list(found) == ["the processor's rounding"]
    assert flushes


def test_a_setting_is_set_back_where_the_call_raises() -> None:
    found = dict[str, str]()

    with suppress(ZeroDivisionError), noticing_settings(found):
        np.seterr(over="print")
        raise ZeroDivisionError

    assert list(found) == ["np.seterr"]


def test_a_folder_that_was_removed_is_none_to_go_back_to(tmp_path: Path) -> None:
    gone, found = tmp_path / "gone", dict[str, str]()
    gone.mkdir()

    with chdir(gone):
        gone.rmdir()
        with noticing_settings(found):
            os.chdir(tmp_path)

    assert list(found) == ["os.chdir"]


def test_what_is_set_back_by_who_changed_it_is_not_found() -> None:
    found = dict[str, str]()

    with noticing_settings(found), np.errstate(all="raise"), np.printoptions(precision=2):
        pass

    assert found == {}


class Silencing(NumpyBackend):
    """Right numbers, and no warnings for anybody from then on."""

    def step(self, *arguments: Any) -> Any:
        np.seterr(all="ignore")
        return super().step(*arguments)


class WithinBounds(NumpyBackend):
    """Silences the warnings of its own numbers alone."""

    def step(self, *arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return super().step(*arguments)


def test_a_target_that_silences_numpy_is_told_which_setting_it_left() -> None:
    result = gruverify.check(Silencing(), formats=[float32], max_cases=2)

    [witness] = result.witnesses.values()
    assert witness.invariant == "contract/settings-step"
    assert "np.seterr left changed by step, " in witness.residual.where


class Moving(NumpyBackend):
    """Goes to another folder, and leaves the program there."""

    def step(self, *arguments: Any) -> Any:
        os.chdir("/")
        return super().step(*arguments)


def test_a_setting_is_found_in_every_call(tmp_path: Path) -> None:
    with chdir(tmp_path):
        result = gruverify.check(Moving(), formats=[float32], max_cases=2)

        assert Path.cwd() == tmp_path.resolve()
    assert {id for id, _ in result.witnesses} == {"contract/settings-step"}
    assert not result.flaky


def test_a_target_that_silences_its_own_numbers_conforms() -> None:
    result = gruverify.check(
        WithinBounds(), formats=[float32], max_cases=2, only=["contract/settings-step"]
    )

    assert not result.witnesses
