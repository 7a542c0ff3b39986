"""What a target says cannot be taken for what we say, nor for a command of a CI system."""

from __future__ import annotations

import pytest

from gruverify._visible import LONGEST, error_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a plain σ, (b) [c]", "a plain σ, (b) [c]", id="plain"),
        pytest.param("one\r\ntwo\u2028three", r"one\r\ntwo\u2028three", id="lines"),
        pytest.param("\x1b[31mred\x07", r"\x1b[31mred\x07", id="escapes"),
        pytest.param("\u202eright\u200b", r"\u202eright\u200b", id="bidi"),
        pytest.param("half \ud800", r"half \ud800", id="surrogate"),
        pytest.param("::error file=a::b", r"\x3a:error file=a::b", id="GitHub"),
        pytest.param(
            "it said  ::warning::b", r"it said  \x3a:warning::b", id="GitHub, after a blank"
        ),
        pytest.param("at::native::gru", "at::native::gru", id="C++"),
        pytest.param("x ##[error]y ##vso[task.x]", r"x \x23#[error]y \x23#vso[task.x]", id="Azure"),
        pytest.param("##teamcity[x]", r"\x23#teamcity[x]", id="TeamCity"),
        pytest.param("## a heading", "## a heading", id="Markdown"),
    ],
)
def test_text_is_on_one_line_and_commands_nothing(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_an_exception_is_told_whatever_it_does() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert error_line(ZeroDivisionError("no\ngate")) == r"ZeroDivisionError: no\ngate"
    assert error_line(MemoryError()) == "MemoryError"
    assert error_line(Mute()) == "Mute: (its text cannot be read: ValueError)"
    assert error_line(ValueError("x" * 5000)).endswith(
        f"... and {5000 + len('ValueError: ') - LONGEST:,} characters more"
    )
