"""Plot of a value over time."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from secconsole.tui.widgets.plot import at_columns, ceiling, plot

FIRST = date(2026, 1, 1)
DAYS = st.lists(st.integers(0, 10**6), min_size=1, max_size=400).map(
    lambda values: [(FIRST + timedelta(number), value) for number, value in enumerate(values)]
)


@given(DAYS, st.integers(12, 190), st.integers(3, 15), st.booleans())
def test_a_plot_fits_its_room(days: list[tuple[date, int]], width: int, height: int, utf8: bool) -> None:
    drawn = plot(days, width, height, top=max(value for _, value in days), utf8=utf8)
    assert len(drawn) == height + 1
    assert all(len(row) <= max(width, 14) for row in drawn)
    assert utf8 or "".join(drawn).isascii()


@given(st.integers(1, 10**9))
def test_the_ceiling_is_round_and_not_far_above(value: int) -> None:
    assert value <= ceiling(value) <= max(2.5 * value, 2)
    assert len(str(ceiling(value)).rstrip("0")) <= 2


def test_columns_have_the_latest_known_value() -> None:
    days = [(FIRST, 1), (FIRST + timedelta(8), 9)]
    assert at_columns(days, 9) == [1] * 8 + [9]


def test_a_rise_and_a_fall_are_drawn_as_steps() -> None:
    days = [(FIRST + timedelta(number), value) for number, value in enumerate((0, 0, 4, 4, 0))]
    assert plot(days, 8, 3, top=4) == ["5 ┤  ╭─╮", "  │  │ │", "0 ┼──╯ ╰", "   1 Jan"]
    assert plot(days, 8, 3, top=4, utf8=False)[0] == "5 +  +-+"
