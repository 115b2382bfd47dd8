"""What a person cannot see or read on the screen on top: cut labels, hidden focus, overlapping, who out of sight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from secconsole.tui.widgets.board import Board
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.header import Header
from secconsole.tui.widgets.table import WindowedTable
from secconsole.tui.widgets.table_view import HEAD
from tests.tui.conftest import screen_text

CUT_WORD = re.compile(r"\w…")
ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
MAY_BE_CUT = {"UserPane"}  # recent events come last there


def problems(app: App[Any]) -> list[str]:
    """Return what is wrong with the screen on top, one line for each."""
    screen = app.screen
    found = [
        *_hidden_focus(screen),
        *_cut_labels(screen),
        *_overflowing(screen),
        *_overlapping(screen),
        *_touching_scroll_bars(app),
        *_who_out_of_sight(app),
    ]
    return [f"{type(screen).__name__}: {problem}" for problem in found]


def _shown(screen: Screen[Any]) -> dict[Widget, Region]:
    """Return the widgets in sight, with the part of each that is."""
    seen = screen._compositor.visible_widgets
    return {w: part for w, (region, clip) in seen.items() if (part := region.intersection(clip))}


def _leaves(screen: Screen[Any]) -> list[Widget]:
    return [w for w in screen.walk_children(Widget) if not any(child.display for child in w.children)]


# ---- focus -----------------------------------------------------------------------------------------------------------


def _hidden_focus(screen: Screen[Any]) -> Iterator[str]:
    focused = screen.focused
    if focused is None or getattr(focused, "from_top", False):  # the text above is read first
        return
    shown = _shown(screen)
    part = shown.get(focused)
    if part is None:
        yield f"{focused!r} has the focus and is out of sight"
        return
    inside = focused.content_region
    for y in _focused_lines(focused):
        at = inside.x, inside.y + y
        below = any(
            w.styles.is_docked and w not in focused.ancestors_with_self and shown[w].contains(*at) for w in shown
        )
        if below or not part.contains(*at):
            yield f"line {y} of {focused!r} has the focus and is out of sight"


def _focused_lines(widget: Widget) -> list[int]:
    """Return the lines that the person acts on, counted from the top of the widget."""
    if isinstance(widget, Form):
        rows = widget._rows.rows(widget.content_size.width, widget._errors)
        name = widget.focused_name
        for at, (kind, index) in enumerate(rows):
            if kind == "field" and widget._fields[index].name == name:
                return [at]
            if kind == "buttons":
                row = widget._rows.button_rows(widget.content_size.width)[index]
                if any(button.name == name for button, _, _ in row):
                    return [at]
        raise AssertionError(f"{name} has no row")
    if isinstance(widget, WindowedTable):
        return [0, HEAD + widget.view.cursor - widget.view.top]
    if isinstance(widget, Board):
        return [spot.y for spot in widget._spots if spot.target and spot.target == widget.target][:1]
    if isinstance(widget, OptionList) and widget.highlighted is not None:
        return [widget._index_to_line[widget.highlighted] - widget.scroll_offset.y]
    return [0]


# ---- cut -------------------------------------------------------------------------------------------------------------


def _cut_labels(screen: Screen[Any]) -> Iterator[str]:
    for widget in _shown(screen):
        if isinstance(widget, WindowedTable):
            head = "".join(segment.text for segment in widget.render_line(0))
            if "…" in head:
                yield f"cut heads: {head.strip()}"
        elif isinstance(widget, Form):
            yield from _cut_in_form(widget)
        elif isinstance(widget, Header) and screen.size.width >= 80:
            line = "".join(segment.text for segment in widget.render_line(1))
            if re.search(r"\d (Over|List|Set|Inc)\b", line):
                yield f"short places: {line.strip()}"
        if widget.border_title and cell_len(str(widget.border_title)) > widget.size.width - 4 + 2:
            yield f"cut title: {widget.border_title}"


def _cut_in_form(form: Form) -> Iterator[str]:
    width = form.content_size.width
    for y, (kind, index) in enumerate(form._rows.rows(width, form._errors)):
        if kind == "field":
            segments = form._draw_field(form._fields[index], y, width)
        elif kind == "buttons":
            segments = form._draw_buttons(form._rows.button_rows(width)[index])
        else:
            continue
        if sum(segment.cell_length for segment in segments) > width:
            yield f"cut in form: {''.join(segment.text for segment in segments).strip()}"


def _overflowing(screen: Screen[Any]) -> Iterator[str]:
    """Text and widgets that are larger than their place, where nothing scrolls to the rest."""
    shown = _shown(screen)
    for widget in screen.walk_children(Widget):
        if not widget.display or not widget.size or widget.has_class("-textual-system"):
            continue
        region = widget.virtual_region if widget.parent is None else widget.region
        if not _scrolls(widget):
            part = shown.get(widget)
            if part is None:
                if _says_something(widget):
                    yield f"{widget!r} is out of sight and nothing scrolls to it"
                continue
            if part.size != region.size:
                yield f"{widget!r} is cut: {part.size} of {region.size} in sight"
        if isinstance(widget, Static) and type(widget).__name__ not in MAY_BE_CUT:
            yield from _cut_text(widget)


def _says_something(widget: Widget) -> bool:
    return not isinstance(widget, Static) or bool(str(widget.render()))


def _scrolls(widget: Widget) -> bool:
    """Return True if something around the widget scrolls up and down."""
    return any(isinstance(w, Widget) and w.allow_vertical_scroll for w in widget.ancestors)


def _cut_text(widget: Static) -> Iterator[str]:
    width, height = widget.content_size
    if not width:
        return
    content = widget.visual
    needed = content.get_height(widget.styles, width)
    if needed > height:
        yield f"{widget!r} shows {height} of {needed} lines"
    if widget.styles.text_wrap == "nowrap" and content.get_optimal_width(widget.styles, width) > width:
        yield f"{widget!r} has cut lines"


# ---- one over the other ----------------------------------------------------------------------------------------------


def _overlapping(screen: Screen[Any]) -> Iterator[str]:
    shown = _shown(screen)
    leaves = [w for w in _leaves(screen) if w in shown and w.styles.overlay != "screen"]
    for one, other in combinations(leaves, 2):
        fixed = one.styles.is_docked != other.styles.is_docked  # the other one scrolls below it
        if not one.has_class("-textual-system") and not fixed and shown[one].intersection(shown[other]):
            yield f"{one!r} and {other!r} overlap"


def _touching_scroll_bars(app: App[Any]) -> Iterator[str]:
    lines = screen_text(app).split("\n")
    for widget, part in _shown(app.screen).items():
        if not widget.show_vertical_scrollbar:
            continue
        inside = widget.region.shrink(widget.styles.gutter).intersection(part)
        x = inside.right - widget.scrollbar_size_vertical - 1
        for y in range(inside.y, inside.bottom):
            if y < len(lines) and not lines[y][x : x + 1].isspace() and lines[y][x : x + 1]:
                yield f"touches the scroll bar of {widget!r}: {lines[y].strip()}"
                break


# ---- who -------------------------------------------------------------------------------------------------------------


def _who_out_of_sight(app: App[Any]) -> Iterator[str]:
    """Users named by their id in a dialog, or in the heading of a binding, have to be in sight."""
    shown = _shown(app.screen)
    yield from (f"{w!r} is out of sight" for w in app.screen.query("#words > .heading") if w not in shown)
    text = screen_text(app)
    for static in app.screen.query(Static):
        if not static.is_on_screen and not static.region:
            continue
        for line in str(static.render()).split("\n"):
            if line.startswith("id ") and (found := ULID.search(line)) and found.group() not in text:
                yield f"{found.group()} is out of sight"


__all__ = ["CUT_WORD", "Input", "problems"]
