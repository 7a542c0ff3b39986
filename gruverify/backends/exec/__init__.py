"""`exec:COMMAND`: a program in any language as a target, asked line by line (docs/exec.md)."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from gruverify.backends.exec._backend import ExecBackend, backend_of
from gruverify.backends.exec._conversation import Conversation
from gruverify.backends.exec._rules import GivenUp as GivenUp
from gruverify.backends.exec._rules import ProtocolBroken as ProtocolBroken

#: What a TARGET begins with that is a program.
PREFIX = "exec:"


class BadCommand(ValueError):
    """A command that has no words, or of which a quotation has no end."""


class CannotRun(RuntimeError):
    """A program that is not there, cannot be started, or does not greet as it must."""


def words_of(target: str) -> list[str]:
    """The words of the command of a TARGET: it is run without a shell.

    Raises:
        BadCommand: there are none, or a quotation has no end.
    """
    try:
        words = shlex.split(target.removeprefix(PREFIX))
    except ValueError as wrong:
        raise BadCommand(f"{wrong}: the command is split into words as a shell would") from None
    if not words or not words[0]:
        raise BadCommand("it names no command: exec:./my_gru, exec:python3 my_gru.py")
    return words


def files_of(target: str) -> list[Path]:
    """The files that a command names: the program, and those among its arguments."""
    words = words_of(target)
    found = [shutil.which(words[0]) or words[0], *words[1:]]
    return [Path(word) for word in found if Path(word).is_file()]


def program(target: str) -> ExecBackend:
    """The backend of the program that a TARGET names, which is started to hear its greeting.

    Raises:
        BadCommand: the TARGET names no command.
        CannotRun: there is no such program, or it does not greet.
    """
    words = words_of(target)
    if os.name != "posix":
        raise CannotRun("programs are run where the system is POSIX")
    # No system takes a null byte in a command: Python raises a ValueError of its own for one.
    if "\0" in target or shutil.which(words[0]) is None:
        raise CannotRun(
            f"there is no command {words[0]!r} that can be run (in {os.getcwd()} or on the PATH)"
        )
    try:
        return backend_of(Conversation(words))
    except OSError as refused:
        raise CannotRun(f"{words[0]!r} cannot be run: {refused.strerror}") from None
    except ProtocolBroken as broken:
        raise CannotRun(f"{broken} (docs/exec.md has the rules)") from None
