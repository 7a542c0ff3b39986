"""Who breaks the protocol is told which line breaks which rule, and is asked again."""

from __future__ import annotations

import errno
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify.arithmetic import float32
from gruverify.backends import (
    Limits,
    ProtocolBroken,
    TargetUnavailable,
    UnknownTarget,
    limits,
    offers,
    resolve,
    set_limits,
)
from gruverify.backends.exec._conversation import MOST_LATE
from gruverify.backends.exec._process import Process
from gruverify.backends.exec._rules import Late, ProgramError, Rule
from gruverify.cell import Cell, Variant
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS

from .._cases import case

PROGRAM = Path(__file__).with_name("misbehaving.py")
PAGE = Path(__file__).parents[3] / "docs/exec.md"
CELL = Cell(Variant(), *(np.zeros(s, np.float32) for s in ((6, 3), (6, 2), 6, 6)))
X, H = np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32)


def target(how: str = "") -> str:
    return f"exec:{shlex.join([sys.executable, '-S', '-E', str(PROGRAM), how])}"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On a machine that is busy, a program may take long to answer, and to end."""
    monkeypatch.setattr("gruverify.backends.exec._process.GRACE", 60.0)
    before = limits()
    set_limits(Limits(patience=60.0))
    yield
    set_limits(before)


@contextmanager
def backend(how: str = "") -> Iterator[Any]:
    found: Any = resolve(target(how))
    try:
        yield found
    finally:
        found.close()


def broken(how: str) -> str:
    """What the second answer of such a program is told."""
    with backend(how) as zeros:
        zeros.step(CELL, X, H)
        with pytest.raises(ProtocolBroken) as caught:
            zeros.step(CELL, X, H)
        return str(caught.value)


def test_what_breaks_the_protocol_passes_from_process_to_process() -> None:
    for kind in (ProtocolBroken, Late):
        there = pickle.loads(pickle.dumps(kind(Rule.ID, "the answer's id is 3", "line 2")))

        assert type(there) is kind
        assert str(there) == "line 2: rule 5: the answer's id is 3"


def test_a_line_is_too_long_by_one_byte() -> None:
    program = [sys.executable, "-S", "-E", "-c", "print('x' * 11)"]
    process = Process(program, limits())
    try:
        with pytest.raises(ProtocolBroken, match="rule 1: it is longer than 10 bytes"):
            process.greeting(10)
    finally:
        process.kill()


def test_a_program_that_cannot_be_guarded_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def refused(pid: int) -> None:
        started.append(pid)
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr("gruverify.backends.exec._process._guard_of", refused)

    with pytest.raises(OSError, match="no more processes"):
        Process(["sleep", "600"], limits())
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


DIED = "after line 2 of the program's output: rule 10: the program ended with code 7"
LINE_3 = "line 3 of the program's output: rule"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("garbage", f"{LINE_3} 1: it is not a JSON object but 'h = 0'"),
        ("latin-1", f"{LINE_3} 1: it is not UTF-8: invalid start byte"),
        ("deep", f"{LINE_3} 1: it is not a JSON object but '[["),
        ("list", f"{LINE_3} 1: it is not a JSON object but '[{{"),
        (
            "unquoted",
            f"{LINE_3} 1: it is not JSON: Expecting property name enclosed in double quotes at "
            "character 2, where 'id: 2}' begins",
        ),
        ("deep-object", f"{LINE_3} 1: it is not JSON: maximum recursion depth exceeded"),
        ("nan", f"{LINE_3} 1: it is not JSON: NaN is no number there (numbers belong into arrays)"),
        ("endless", f"{LINE_3} 1: it is longer than 1,048,704 bytes"),
        (
            "twice",
            "line 4 of the program's output: rule 4: the program printed it in addition to the "
            "answer to the same request",
        ),
        ("wrong-id", f"{LINE_3} 5: the answer's id is 1, and the request's 2"),
        ("id-text", f"{LINE_3} 5: the answer's id is '2', and the request's 2"),
        ("id-bool", f"{LINE_3} 5: the answer's id is true, and the request's 2"),
        ("no-id", f"{LINE_3} 5: the answer's id is null, and the request's 2"),
        (
            "no-form",
            f'{LINE_3} 6: an answer has one of "arrays", "refused" and "error"; this one has '
            "'id'",
        ),
        (
            "two-forms",
            f'{LINE_3} 6: an answer has one of "arrays", "refused" and "error"; this one has '
            "'id', 'arrays', 'error'",
        ),
        ("form", f'{LINE_3} 6: "arrays" must be an object, not []'),
        ("text", f"{LINE_3} 6: 'refused' must be a text, not null"),
        ("no-h", f"{LINE_3} 7: \"arrays\" lacks 'h': it has 'y'"),
        ("null-h", f"{LINE_3} 7: \"arrays\" lacks 'h': it is null"),
        ("bare", f"{LINE_3} 7: 'h' must be an object of dtype, shape and data, not [[0.0]]"),
        (
            "dtype",
            f"{LINE_3} 8: 'h' has dtype 'float64', expected 'float32', the request's format",
        ),
        ("shape", f"{LINE_3} 8: 'h' has shape [2, 4], expected [4, 2]"),
        ("base64", f"{LINE_3} 9: the data of 'h' is not base64: '?'"),
        ("short", f"{LINE_3} 9: 'h' has 4 bytes, expected 32: 8 numbers in float32"),
        ("dies", DIED),
        (
            "aborts",
            "after line 2 of the program's output: rule 10: the program was killed by signal 6 "
            "(SIGABRT)",
        ),
        (
            "half",
            "after line 2 of the program's output: rule 10: the program ended with code 0 in the "
            "middle of a line",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_line(how: str, told: str) -> None:
    assert broken(how).startswith(told)


def test_closing_the_output_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruverify.backends.exec._process.GRACE", 0.1)

    assert broken("closes") == (
        "after line 2 of the program's output: rule 10: the program closed its output"
    )


def test_who_closes_the_output_and_lives_on_is_waited_for_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gruverify.backends.exec._process.GRACE", 0.1)
    with backend("closes") as zeros:
        # Another request each time: that of one which is late twice is known.
        for request in range(MOST_LATE):
            zeros.step(CELL, X, H)
            with pytest.raises(ProtocolBroken, match="closed its output"):
                zeros.step(CELL, X + request, H)
        with pytest.raises(NotImplementedError, match="it was late 6 times"):
            zeros.step(CELL, X, H)


def test_closing_the_input_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruverify.backends.exec._process.GRACE", 0.1)
    with backend("deaf") as zeros:
        zeros.step(CELL, X, H)
        zeros.step(CELL, X, H)  # its answer comes before its input is closed
        with pytest.raises(ProtocolBroken, match="rule 10: the program closed its input"):
            zeros.step(CELL, X, H)


def test_who_ends_after_an_answer_is_told_at_the_next_request() -> None:
    with backend("leaves") as zeros:
        zeros.step(CELL, X, H)
        zeros.step(CELL, X, H)
        with pytest.raises(ProtocolBroken, match=r"after line 3 .* rule 10: .* ended with code 0"):
            zeros.step(CELL, X, H)


def test_nothing_is_said_unasked() -> None:
    unasked = pytest.raises(ProtocolBroken, match=r"line 2 .* rule 4: .* without a request")
    with backend("eager") as zeros, unasked:
        zeros.step(CELL, X, H)


def test_it_is_started_again() -> None:
    with backend("dies") as zeros:
        for _ in range(2):
            assert zeros.step(CELL, X, H).tolist() == np.zeros((4, 2)).tolist()
            with pytest.raises(ProtocolBroken, match="after line 2"):
                zeros.step(CELL, X, H)


def test_a_wrong_answer_does_not_end_it() -> None:
    with backend("shape") as zeros:
        zeros.step(CELL, X, H)
        for line in (3, 4):
            with pytest.raises(ProtocolBroken, match=f"line {line} of"):
                zeros.step(CELL, X, H)


def test_it_greets_as_it_did() -> None:
    with backend("another") as zeros:
        zeros.step(CELL, X, H)
        with pytest.raises(ProtocolBroken, match="rule 10"):
            zeros.step(CELL, X, H)
        with pytest.raises(ProtocolBroken, match=r"line 1 .* rule 3: the greeting is not the one"):
            zeros.step(CELL, X, H)


def test_patience_has_an_end() -> None:
    with backend("late") as zeros:
        set_limits(Limits(patience=0.1))
        zeros.close()  # the next one is started with that patience
        for request in range(MOST_LATE):
            x = np.full_like(X, request)
            set_limits(Limits(patience=60.0))
            zeros.step(CELL, x, H)  # the first answer of a process is right
            zeros.conversation._process._allowed = Limits(patience=0.1)
            with pytest.raises(ProtocolBroken) as caught:
                zeros.step(CELL, x, H)
            assert str(caught.value) == (
                "after line 2 of the program's output: rule 4: no answer within 0.1 s"
            )
        with pytest.raises(NotImplementedError, match="it was late 6 times"):
            zeros.step(CELL, np.full_like(X, -1.0), H)


def test_who_breaks_off_too_often_is_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruverify.backends.exec._conversation.MOST_BROKEN", 1)
    with backend("dies") as zeros:
        zeros.step(CELL, X, H)
        one = case(format=float32)
        shape, again = (INVARIANTS[f"contract/{id}"] for id in ("shape-step", "same-bits-step"))
        [broke] = judge(one, zeros, [shape])
        [given_up] = judge(one, zeros, [again])

    assert broke.tally.falsified
    assert broke.tally.reason == f"step: {DIED}"
    assert given_up.tally.declined
    assert given_up.tally.reason == "step: no longer called: it broke the protocol off 1 times"


def test_a_refusal_and_an_error_are_answers() -> None:
    with backend("refuses") as zeros, backend("fails") as other:
        for one in (zeros, other):
            one.step(CELL, X, H)
        with pytest.raises(NotImplementedError, match="odd batches"):
            zeros.step(CELL, X, H)
        with pytest.raises(ProgramError, match="not today"):
            other.step(CELL, X, H)


def test_what_it_says_on_standard_error_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with backend("cries") as zeros:
        zeros.step(CELL, X, H)
        zeros.step(CELL, X, H)

    assert capfd.readouterr().err == "oh dear\n"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_it_has_so_much_memory_and_no_more() -> None:
    set_limits(Limits(patience=60.0, memory=1 << 26))
    assert "rule 10: the program ended with code 3" in broken("memory")

    set_limits(Limits(patience=60.0, memory=1 << 32))
    with backend("memory") as zeros:
        zeros.step(CELL, X, H)
        with pytest.raises(ProgramError, match="there was memory"):
            zeros.step(CELL, X, H)


LINE_1 = "line 1 of the program's output: rule"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("gone", "before any output of the program: rule 10: the program ended with code 3"),
        ("shouts", f"{LINE_1} 1: it is not a JSON object but 'Welcome to zeros 1.2'"),
        ("not-one", f'{LINE_1} 2: the first line lacks "protocol": 1: it is not a greeting'),
        ("old", f'{LINE_1} 2: "protocol" is 0: gruverify speaks 1'),
        ("nameless", f"{LINE_1} 3: the greeting lacks 'name'"),
        ("name", f"{LINE_1} 3: name=' ' must be a text that is not empty"),
        ("version", f"{LINE_1} 3: version=1 must be a text"),
        ("unknown-key", f"{LINE_1} 3: a greeting has no 'method': did you mean 'methods'?"),
        ("method", f"{LINE_1} 3: methods has 'steps': there are step, "),
        ("no-method", f"{LINE_1} 3: methods=[] must be a list of some of step, "),
        ("format", f"{LINE_1} 3: formats has 'float8', which is unknown: choose from float16"),
        ("variant", f'{LINE_1} 3: variants has {{"gates": 3}}: each is an object with reset'),
        ("reset", f'{LINE_1} 3: reset=\'never\' must be "after" or "before"'),
        ("declaration", f"{LINE_1} 3: there is no declaration 'kapa': did you mean kappa?"),
        ("declared", f"{LINE_1} 3: kappa='much' must be a number"),
        ("declarations", f"{LINE_1} 3: declarations=[] must be an object"),
    ],
)
def test_who_does_not_greet_cannot_be_used(how: str, told: str) -> None:
    with pytest.raises(TargetUnavailable) as caught:
        resolve(target(how))

    said = str(caught.value)
    assert said.startswith(f"target {target(how)!r} cannot be used here: {told}")
    assert said.endswith(" (docs/exec.md has the rules)")


def test_who_says_nothing_cannot_be_used() -> None:
    set_limits(Limits(patience=0.1))
    with pytest.raises(TargetUnavailable, match=r"before any .* rule 2: no greeting within 0.1 s"):
        resolve(target("no-greeting"))


def test_what_contradicts_its_methods_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="min_length=3 is about sequences"):
        resolve(target("lengthy"))


@pytest.mark.parametrize(
    ("wrong", "kind", "told"),
    [
        ("exec:", UnknownTarget, "it names no command"),
        ("exec:  ", UnknownTarget, "it names no command"),
        ("exec:''", UnknownTarget, "it names no command"),
        ("exec:sh 'a", UnknownTarget, "No closing quotation: the command is split"),
        ("exec:no-such-gru -v", TargetUnavailable, "there is no command 'no-such-gru' that can"),
        (f"exec:{PROGRAM}", TargetUnavailable, "there is no command"),
        ("exec:/", TargetUnavailable, "there is no command"),
        ("exec:sh\0", TargetUnavailable, "there is no command"),
    ],
)
def test_a_command_that_is_none(wrong: str, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=re.escape(told)):
        resolve(wrong)


def test_what_no_system_runs_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "gru"
    file.write_bytes(b"\x7fELF and no more")
    file.chmod(0o755)

    with pytest.raises(TargetUnavailable, match="cannot be run: Exec format error"):
        resolve(f"exec:{file}")


def test_there_is_no_shell(tmp_path: Path) -> None:
    made = tmp_path / "made"
    with pytest.raises(TargetUnavailable):
        resolve(f"exec:echo hello; touch {made}")

    assert not made.exists()


def test_the_greeting_is_what_it_claims() -> None:
    with backend() as zeros:
        assert (zeros.name, zeros.program_version) == ("zeros", "1.2")
        assert [fmt.name for fmt in zeros.formats] == ["float32"]
        assert zeros.variants == (Variant(),)
        assert offers(zeros, "step")
        assert not offers(zeros, "sequence")


# -- the end ---------------------------------------------------------------------------------------


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "(zombie)" not in _status(pid)


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_there(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_there(pid)


def pid_of(backend: Any) -> int:
    return int(backend.conversation._process._program.pid)


def test_it_ends_when_it_is_closed_and_begins_again() -> None:
    with backend() as zeros:
        first = pid_of(zeros)
        zeros.close()
        assert gone(first)
        zeros.step(CELL, X, H)
        assert pid_of(zeros) != first


def test_who_stays_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruverify.backends.exec._process.GRACE", 0.05)
    with backend("stays") as zeros:
        pid = pid_of(zeros)

    assert gone(pid)


def test_it_ends_when_nobody_holds_it() -> None:
    zeros: Any = resolve(target("stays"))
    pid = pid_of(zeros)
    del zeros

    assert gone(pid)


@pytest.mark.uncounted
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=lambda how: how.name)
def test_it_does_not_outlive_us(how: signal.Signals) -> None:
    ours = (
        "import signal, time\nfrom gruverify.backends import resolve\n"
        # What starts the tests may ignore it, and so would all that they start.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"zeros = resolve({target('late')!r})\n"
        "print(zeros.conversation._process._program.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", ours],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_there(pid)
        process.send_signal(how)
        process.wait()

    assert gone(pid)


def test_an_interrupted_request_is_not_answered_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with backend() as zeros:

        def interrupt() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("gruverify.backends._flight.RECORDER.beat", interrupt)
        with pytest.raises(KeyboardInterrupt):
            zeros.step(CELL, X, H)
        monkeypatch.undo()
        zeros.step(CELL, X + 1, H)


# -- the page --------------------------------------------------------------------------------------


def test_every_rule_stands_on_the_page() -> None:
    page = PAGE.read_text()
    rules = re.findall(r"^(\d+)\. \*\*", page, re.MULTILINE)

    assert [int(rule) for rule in rules] == [rule.value for rule in Rule]
