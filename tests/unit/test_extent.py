"""A reduced matrix still contains every value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.extent import ALL, EXTENTS, HANDFUL, matrix, select

ROOT = Path(__file__).parents[2]
AXES = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), min_size=1, max_size=3)


@given(AXES)
def test_a_matrix_has_every_combination_once_and_each_value_in_the_usual_run(axes: list[list[int]]) -> None:
    cases = matrix(*axes)
    values = [case.values for case in cases]
    assert len(values) == len(set(values))
    count = 1
    for axis in axes:
        count *= len(axis)
    assert len(values) == count
    usual = [case.values for case in cases if not case.marks]
    assert len(usual) == max(map(len, axes))
    for at, axis in enumerate(axes):
        assert {case[at] for case in usual} == set(axis)


@pytest.mark.parametrize("extent", EXTENTS)
def test_a_function_with_further_cases_only_is_an_error(
    pytestconfig: pytest.Config, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, extent: str
) -> None:
    monkeypatch.setattr(pytestconfig.option, "extent", extent)
    own = request.node
    monkeypatch.setattr(own, "own_markers", [*own.own_markers, pytest.mark.further.mark])
    items = [own]
    if extent == ALL:
        select(pytestconfig, items)
        assert items == [own]
    else:
        with pytest.raises(pytest.UsageError, match=r"never run in make test.*test_a_function_with_further_cases_only"):
            select(pytestconfig, items)


def test_named_files_exist() -> None:
    named = re.findall(r"tests/\S+\.py", (ROOT / ".ci" / "as_ordinary_user").read_text())
    assert named
    assert [name for name in (*HANDFUL, *named) if not (ROOT / name).exists()] == []


def test_make_runs_every_test_that_runs_alone() -> None:
    (line,) = (line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("ALONE :="))
    folders = [ROOT / word for word in line.split() if word.startswith("tests")]
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if "@pytest.mark." + "alone" in path.read_text()]
    assert marked
    assert [path for path in marked if not any(path.is_relative_to(folder) for folder in folders)] == []
