"""What notebooks show of cells and cases."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from gruverify import Case, Cell, Variant


def test_a_notebook_shows_the_fields_of_a_case_and_its_cell_and_spares_many_numbers() -> None:
    zeros = np.zeros
    cell = Cell(Variant(), zeros((6, 1)), zeros((6, 2)), zeros(6), np.arange(6.0))
    case = Case(cell, zeros((1, 1, 1)), zeros((1, 2)), zeros((1, 1, 2)), zeros((1, 2)))

    table = ElementTree.fromstring(case._repr_html_())
    names = [each.text for each in table.findall("tr/th")]
    long = replace(case, inputs=zeros((2000, 1, 1)), d_outputs=zeros((2000, 1, 2)))._repr_html_()

    assert names[:5] == ["cell", "inputs", "state", "d_outputs", "d_last"]
    assert [each.text for each in table.iter("caption")][:2] == ["Case", "Cell"]
    assert "float64 (6,)<pre>[0. 1. 2. 3. 4. 5.]</pre>" in cell._repr_html_()
    assert "float64 (2000, 1, 1)</td>" in long
