"""Aligned text."""

from __future__ import annotations

from secconsole.cli.table import Table, cells, fit, pairs


def test_columns_are_aligned_by_cells_not_characters() -> None:
    lines = list(Table(["Login", "Users"], [False, True]).lines([["日本", "1"], ["ana", "1,204"]]))
    assert lines == ["Login  Users", "日本       1", "ana    1,204"]


def test_later_batches_have_no_titles_and_keep_the_widths() -> None:
    table = Table(["Login", "Name"], [False, False])
    assert list(table.lines([["anastasia", "A"]])) == ["Login      Name", "anastasia  A"]
    assert list(table.lines([["bob", "B"], ["maximilian", "M"]])) == ["bob         B", "maximilian  M"]
    assert list(table.lines([])) == []


def test_the_widest_column_is_cut_first_on_a_terminal_only() -> None:
    row = ["ana", "x" * 100]
    assert list(Table(["Login", "Name"], [False, False]).lines([row]))[1] == f"ana    {'x' * 100}"
    assert list(Table(["Login", "Name"], [False, False], 20).lines([row]))[1] == f"ana    {'x' * 12}…"


def test_cutting_never_splits_a_wide_character() -> None:
    assert fit("日本語", 4) == "日…"
    assert cells(fit("日本語", 4)) == 3
    assert fit("日本語", 6) == "日本語"


def test_names_and_values_are_aligned() -> None:
    assert list(pairs([("Id", "1"), ("Login", "ana"), ("Name", "")])) == ["Id     1", "Login  ana", "Name"]
