"""Requests and answers: a program is started when it is needed, and again when it broke off."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from gruverify._named import JsonObject
from gruverify.backends._limits import limits
from gruverify.backends.exec._codec import line_of, object_in
from gruverify.backends.exec._greeting import Greeting, greeting_in
from gruverify.backends.exec._process import Process
from gruverify.backends.exec._rules import (
    GivenUp,
    Late,
    ProgramError,
    ProtocolBroken,
    Rule,
    at,
    clipped,
)

Read = TypeVar("Read")

#: So many bytes may a greeting have.
_LONGEST_GREETING = 1 << 20
#: So often a method may be waited for in vain, and so often break off the conversation, before it
#: is not asked any more: a run goes on, and has an end.
MOST_LATE, MOST_BROKEN = 6, 50
#: After that many waits for the answer to the same request it is known that there is none.
_SURELY_LATE = 2


class Conversation:
    """What is checked on a program, in one process at a time, and from any thread.

    Raises:
        OSError: the program cannot be started.
        ProtocolBroken: it does not greet as it must.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        # One request at a time: a program answers in order, and the trial asks from a second
        # thread, too.
        self._lock = threading.RLock()
        self._said: JsonObject | None = None
        self._process: Process | None = None
        self._number = 0
        self._broken: Counter[str] = Counter()
        self._late: Counter[str] = Counter()
        self._waits: dict[bytes, list[Late]] = {}
        self.greeting: Greeting = greeting_in(self._started()[1])

    def ask(
        self,
        method: str,
        request: JsonObject,
        most: int,
        read: Callable[[JsonObject], Read],
    ) -> Read:
        """What `read` makes of the answer to a request, a line of at most that many bytes.

        Raises:
            NotImplementedError: the program refuses it; GivenUp: the method is not asked any more.
            ProgramError: it says that it failed.
            ProtocolBroken: it breaks the protocol; `read` may raise that, too.
        """
        with self._lock:
            self._require_hope(method, request)
            try:
                process, answer = self._answered(method, request, most)
            except Late as late:
                self._late[method] += 1
                self._waits.setdefault(_key_of(method, request), []).append(late)
                raise
            except ProtocolBroken:
                self._broken[method] += 1
                raise
            # Whatever `read` finds wrong, the program is in step: it is asked again, and not
            # started again.
            with at(process.place):
                return read(_granted(answer))

    def close(self) -> None:
        """Let the program end; the next request starts it again."""
        with self._lock:
            process, self._process = self._process, None
            if process is not None:
                process.close()

    def _require_hope(self, method: str, request: JsonObject) -> None:
        """Raise at once where the answer is known to be late, or the method is called no more."""
        if self._waits:
            waits = self._waits.get(_key_of(method, request), [])
        else:
            waits = []
        if len(waits) >= _SURELY_LATE:
            # Known without waiting again: the reducer asks the same many times.
            raise waits[-1].with_traceback(None)
        if self._late[method] >= MOST_LATE:
            raise GivenUp(f"no longer called: it was late {MOST_LATE} times")
        if self._broken[method] >= MOST_BROKEN:
            raise GivenUp(f"no longer called: it broke the protocol off {MOST_BROKEN} times")

    def _answered(self, method: str, request: JsonObject, most: int) -> tuple[Process, JsonObject]:
        """The program, in step with us, and its answer; it is ended if it is not in step."""
        process = self._running_process()
        self._number += 1
        line = line_of({"id": self._number, "method": method, **request})
        try:
            said = process.exchange(line, most)
            with at(process.place):
                answer = object_in(said)
                _require_id(answer, self._number)
        except BaseException:  # Ctrl-C too: the answer would be taken for the next one
            self._process = None
            process.kill()
            raise
        return process, answer

    def _running_process(self) -> Process:
        if self._process is None:
            try:
                self._process, said = self._started()
            except OSError as refused:
                raise ProtocolBroken(
                    Rule.ALIVE, f"the program cannot be started again: {refused.strerror}"
                ) from None
            # Answers of another program, or of another version, must not be mixed into one result.
            if said != self._said:
                process, self._process = self._process, None
                process.kill()
                raise ProtocolBroken(
                    Rule.CLAIMS, "the greeting is not the one that it began with", process.place
                )
        return self._process

    def _started(self) -> tuple[Process, JsonObject]:
        """The program, started, and what it greets with."""
        process = Process(self._words, limits())
        try:
            line = process.greeting(_LONGEST_GREETING)
            with at(process.place):
                said = object_in(line)
                greeting_in(said)
        except BaseException:
            process.kill()
            raise
        # The one that was started to hear its greeting is the one that is asked.
        if self._said is None:
            self._said, self._process = said, process
        return process, said


def _key_of(method: str, request: JsonObject) -> bytes:
    """A request without its id, by which repeated ones are recognised."""
    return line_of({"method": method, **request})


def _require_id(answer: JsonObject, number: int) -> None:
    # In Python True equals 1.
    if answer.get("id") != number or isinstance(answer["id"], bool):
        raise ProtocolBroken(
            Rule.ID, f"the answer's id is {clipped(answer.get('id'))}, and the request's {number}"
        )


#: What an answer may be.
_FORMS = ("arrays", "refused", "error")


def _granted(answer: JsonObject) -> JsonObject:
    """An answer that has arrays; else the exception that it stands for is raised."""
    forms = [form for form in _FORMS if form in answer]
    if len(forms) != 1:
        has = ", ".join(map(clipped, answer))
        raise ProtocolBroken(
            Rule.FORM, f'an answer has one of "arrays", "refused" and "error"; this one has {has}'
        )
    if forms == ["arrays"]:
        return answer
    reason = answer[forms[0]]
    if not isinstance(reason, str):
        raise ProtocolBroken(Rule.FORM, f"{forms[0]!r} must be a text, not {clipped(reason)}")
    raise NotImplementedError(reason) if forms == ["refused"] else ProgramError(reason)
