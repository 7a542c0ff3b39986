"""Lines of what a result covers and doubts."""

from __future__ import annotations

from gruverify.reporting import by_formats

FORMATS = ("float16", "float32", "float64")


def test_formats_of_which_the_same_is_true_share_a_line() -> None:
    lines = [
        "float16: 3 of 3",
        "float16: late",
        "float32: 3 of 3",
        "values: float16 3%",
        "float64: 2 of 3",
    ]

    assert by_formats(lines, FORMATS) == [
        "float16, float32: 3 of 3",
        "float16: late",
        "values: float16 3%",
        "float64: 2 of 3",
    ]


def test_what_is_of_no_format_stays_as_it_is() -> None:
    lines = ["declared: kappa=3.0", "no colon", "float8: not one of ours", "claims: float16: once"]

    assert by_formats(lines, FORMATS) == lines


def test_a_line_that_only_says_what_a_format_says_is_another() -> None:
    assert by_formats(["late", "float16: late", "float64: late"], FORMATS) == [
        "late",
        "float16, float64: late",
    ]
