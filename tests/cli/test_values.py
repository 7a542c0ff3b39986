"""Option values read by a function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from gruverify import bfloat16, float16, float32
from gruverify.cli._files import write_aside
from gruverify.cli._options import Fail
from gruverify.cli._values import FORMATS, NUMBER, NUMBERS, PERCENT, SECONDS, WHOLE, Parsed, one_of

OPTION = click.Option(["--thing"])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        pytest.param(WHOLE, "-3", -3, id="whole"),
        pytest.param(NUMBER, "1e-3", 0.001, id="number"),
        pytest.param(NUMBERS, "4, 8,1.5", (4.0, 8.0, 1.5), id="numbers"),
        pytest.param(FORMATS, "f32", (float32,), id="format"),
        pytest.param(
            FORMATS, "bf16, float16,bfloat16", (bfloat16, float16), id="formats, each once"
        ),
        pytest.param(SECONDS, "0.5", 0.5, id="seconds"),
        pytest.param(PERCENT, "100", 100.0, id="percentage"),
        pytest.param(one_of("after", "before"), "before", "before", id="word"),
    ],
)
def test_a_text_is_read(kind: Parsed, text: str, value: Any) -> None:
    assert kind.convert(text, OPTION, None) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        pytest.param(WHOLE, "1.5", "--thing 1.5: must be a whole number", id="whole"),
        pytest.param(NUMBER, "", "--thing '': must be a number", id="number"),
        pytest.param(
            NUMBERS,
            "4,,8",
            "--thing 4,,8: must be numbers with commas between them, e.g. 4,8,12,16",
            id="list",
        ),
        pytest.param(
            FORMATS,
            "f32,f8",
            "--thing f32,f8: format='f8' is unknown: choose from float16 (f16), bfloat16 (bf16), "
            "float32 (f32), float64 (f64)",
            id="format",
        ),
        pytest.param(one_of("a", "b"), "c", "--thing c: must be a or b", id="word"),
        pytest.param(
            SECONDS,
            "nan",
            "--thing nan: must be a number of seconds above 0",
            id="no number of seconds",
        ),
        pytest.param(
            SECONDS, "0", "--thing 0: must be a number of seconds above 0", id="no seconds"
        ),
        pytest.param(
            SECONDS, "-1", "--thing -1: must be a number of seconds above 0", id="seconds below 0"
        ),
        pytest.param(
            PERCENT, "nan", "--thing nan: must be a percentage from 0 to 100", id="no percentage"
        ),
        pytest.param(
            PERCENT, "101", "--thing 101: must be a percentage from 0 to 100", id="too many"
        ),
    ],
)
def test_what_cannot_be_read_names_option_text_and_rule(
    kind: Parsed, text: str, message: str
) -> None:
    with pytest.raises(Fail) as caught:
        kind.convert(text, OPTION, None)

    assert caught.value.message == message
    assert caught.value.exit_code == 2


def test_a_value_that_was_read_already_is_kept() -> None:
    assert FORMATS.convert((float32,), OPTION, None) == (float32,)


def test_without_an_option_the_value_is_called_a_value() -> None:
    with pytest.raises(Fail) as caught:
        WHOLE.convert("x", None, None)

    assert caught.value.message == "value x: must be a whole number"


# -- files that are written ------------------------------------------------------------------------


def test_what_a_link_means_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, file = tmp_path / "known.txt", tmp_path / "there" / "known.txt"
    file.write_text("old")
    link.symlink_to(file)

    write_aside("--update-xfails", link, "new")

    assert link.is_symlink()
    assert file.read_text() == link.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]


def test_a_link_to_a_file_that_is_not_there_yet_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "result.json"
    link.symlink_to(tmp_path / "later.json")

    write_aside("--json", link, "{}")

    assert link.is_symlink()
    assert (tmp_path / "later.json").read_text() == "{}"
