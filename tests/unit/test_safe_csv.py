"""Cells are not formulas, and are read back unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.safe_csv import neutral, original


@pytest.mark.parametrize("first", "=+-@\t\r\n\0")
def test_a44_a_cell_that_could_be_a_formula_gets_a_quote(first: str) -> None:
    assert neutral(f"{first}1+1") == f"'{first}1+1"


@pytest.mark.parametrize("cell", ["", "ana", "O'Hara", "'tis", "a=b", " =1"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert neutral(cell) == cell
    assert original(cell) == cell


def test_a_number_from_a_foreign_file_stays() -> None:
    assert original("+420601123456") == "+420601123456"


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\n\0ab,\"")))
def test_a44_every_cell_round_trips(cell: str) -> None:
    assert original(neutral(cell)) == cell
