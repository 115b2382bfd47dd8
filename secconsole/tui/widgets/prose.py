"""Text that wraps with the indent of each line, at any width."""

from __future__ import annotations

from textual.content import Content
from textual.css.styles import RulesMap
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual, VisualType
from textual.widgets import Static

from secconsole.tui.text.hanging import hung


class _Hanging(Visual):
    def __init__(self, content: Content) -> None:
        self._content = content

    def __str__(self) -> str:
        return self._content.plain

    def at(self, width: int) -> Content:
        return hung(self._content, width)

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        return self.at(width).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return self._content.get_optimal_width(rules, container_width)

    def get_height(self, rules: RulesMap, width: int) -> int:
        return self.at(width).plain.count("\n") + 1 if self._content else 0


class Prose(Static):
    """Shows content whose labels and signs stay in a column to themselves."""

    def __init__(self, content: Content | str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(_hanging(content), id=id, classes=classes)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        super().update(_hanging(content) if isinstance(content, Content | str) else content, layout=layout)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        shown = self.visual
        return (
            (selection.extract(shown.at(self.content_size.width).plain), "\n") if isinstance(shown, _Hanging) else None
        )


def _hanging(content: Content | str) -> _Hanging:
    return _Hanging(Content(content) if isinstance(content, str) else content)
