"""One thread for PyTorch, where the user has not said otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gruverify.backends import one_thread

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_there_is_one_inside_and_what_there_was_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    with one_thread():
        assert torch.get_num_threads() == 1

    assert torch.get_num_threads() == 2


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    with one_thread():
        assert torch.get_num_threads() == 2
