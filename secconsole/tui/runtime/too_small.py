"""The notice shown in a window that is too small for the console."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

LEAST_COLUMNS, LEAST_ROWS = 60, 16


class TooSmall(Widget):
    """Covers the screen and shows both sizes."""

    DEFAULT_CSS = """
    TooSmall {
        overlay: screen;
        position: absolute;
        offset: 0 0;
        width: 100vw;
        height: 100vh;
        background: $background;
        color: $foreground;
        content-align: center middle;
        text-align: center;
    }
    """

    @staticmethod
    def needed(columns: int, rows: int) -> bool:
        return columns < LEAST_COLUMNS or rows < LEAST_ROWS

    def render(self) -> Content:
        columns, rows = self.app.size
        return Content(
            f"This window is too small.\nIt needs {LEAST_COLUMNS}×{LEAST_ROWS}, this is {columns}×{rows}.\n"
            "Enlarge it, or press ctrl+q to leave."
        )
