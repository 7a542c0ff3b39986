"""Packages that an extra brings."""

from __future__ import annotations

import math

import pytest

from gruverify.arithmetic._optional import optional


def test_what_is_there_is_imported() -> None:
    assert optional("math", "math", "none") is math


def test_what_is_not_there_is_told_with_the_extra_that_brings_it() -> None:
    with pytest.raises(ImportError) as raised:
        optional("no_such_module", "no-such-package", "extra")

    assert str(raised.value) == (
        "gruverify.arithmetic.extra needs no-such-package, which is not installed: pip install "
        "'gruverify[extra]'"
    )
    assert raised.value.name == "no_such_module"
