"""A program that is none: the bytes of the protocol go round in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from gruverify.backends.exec._backend import ExecBackend, backend_of
from gruverify.backends.exec._conversation import Conversation

from . import served


class Loopback:
    """Stands for `Process`."""

    place = "line ? of the program's output"

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def greeting(self, most: int) -> bytes:
        return json.dumps(served.greeting_of(self._backend)).encode()

    def exchange(self, request: bytes, most: int) -> bytes:
        found = json.dumps(served.answer(self._backend, request)).encode()
        assert len(found) <= most
        return found

    def kill(self) -> None: ...

    close = kill


def behind(backend: Any) -> ExecBackend:
    """The backend as a program."""
    with _standing_in(backend):
        return backend_of(Conversation(["served"]))


@contextmanager
def _standing_in(backend: Any) -> Iterator[None]:
    process = "gruverify.backends.exec._conversation.Process"
    with mock.patch(process, return_value=Loopback(backend)):
        yield
