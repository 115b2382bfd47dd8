"""The top of every screen: context, policy and user, the row of places, and a rule with the connection state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from secconsole.config.contexts import COLOURS
from secconsole.domain.model import PolicyMode
from secconsole.domain.text import visible
from secconsole.operations.policy import Policy
from secconsole.tui.text.format import day, glyph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secconsole.tui.actions import PlaceName
    from secconsole.tui.console import Console

Piece = tuple[str, str]  # text, and the part of the header whose style it takes


def policy_words(policy: Policy | None) -> str:
    """Return the policy in short: `MFA required since 12 Mar 2026`."""
    if policy is None:
        return ""
    if policy.frozen_since is not None:
        return f"SIGN-INS FROZEN since {day(policy.frozen_since)}"
    if policy.policy is PolicyMode.OFF:
        return "MFA off"
    if policy.policy is PolicyMode.OPTIONAL:
        return "MFA optional"
    since = f" since {day(policy.required_since)}" if policy.required_since else ""
    return f"MFA required{since}"


@dataclass(frozen=True, slots=True)
class ContextStyles:
    """Styles of the first line in the colour of a context: two colours, with its name and badges reversed."""

    plain: Style
    badge: Style

    def look(self, part: str) -> Style:
        if part == "badge":
            return self.badge
        return self.plain + Style(bold=True) if part in ("product", "tenant") else self.plain


@lru_cache
def context_styles(colour: str, *, ansi: bool) -> ContextStyles | None:
    """Return the styles for a context's colour, or None without one.

    `ansi`: use the terminal's own sixteen colours.
    """
    paint = COLOURS.get(colour)
    if paint is None:
        return None
    names = (paint.ansi_ink, paint.ansi_ground) if ansi else (paint.ink, paint.ground)
    ink, ground = (name.removeprefix("ansi_") for name in names)
    return ContextStyles(Style(color=ink, bgcolor=ground), Style(color=ground, bgcolor=ink, bold=True))


class Header(Widget):
    """Draws the state of the console.

    Call `refresh()` when that has changed.
    """

    COMPONENT_CLASSES = {  # noqa: RUF012
        "header--product",
        "header--tenant",
        "header--badge",
        "header--policy",
        "header--who",
        "header--place",
        "header--here",
        "header--dim",
        "header--live",
        "header--trouble",
        "header--rule",
        "header--waiting",
    }
    DEFAULT_CSS = """
    Header {
        height: 3;
        background: $background;

        & > .header--product { color: $heading; text-style: bold; }
        & > .header--tenant { color: $foreground; text-style: bold; }
        & > .header--badge { color: $danger-text; background: $danger; text-style: bold; }
        & > .header--policy { color: $foreground; }
        & > .header--who { color: $muted; }
        & > .header--place { color: $foreground; }
        & > .header--here { color: $cursor-row-text; background: $cursor-row; text-style: $cursor-row-style; }
        & > .header--dim { color: $muted; }
        & > .header--live { color: $status-bound; }
        & > .header--waiting { color: $status-pending; }
        & > .header--trouble { color: $danger; text-style: bold; }
        & > .header--rule { color: $rule; }
    }
    """

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here
        self._spans: list[tuple[int, int, str]] = []

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._first(width)
        if y == 1:
            return self._second(width)
        return self._rule(width)

    def _first(self, width: int) -> Strip:
        app = self.app
        left: list[Piece] = [(" secconsole", "product"), (" · ", "dim"), (visible(app.tenant), "tenant")]
        left += [piece for badge in app.badges for piece in ((" ", "dim"), (f" {badge} ", "badge"))]
        who = f"{app.identity.role} {visible(app.identity.login)} "
        policy = policy_words(app.policy)
        used = sum(cell_len(text) for text, _ in left)
        if used + 2 + cell_len(policy) + 2 + cell_len(who) > width:
            policy = policy.partition(" since ")[0]
        room = width - cell_len(policy) - cell_len(who) - 4
        if used > room:
            left[2] = (_cut(left[2][0], max(4, cell_len(left[2][0]) - (used - room))), "tenant")
            used = sum(cell_len(text) for text, _ in left)
        gap = max(2, width - used - cell_len(policy) - cell_len(who))
        before = max(1, min(gap - 1, (width - cell_len(policy)) // 2 - used)) if policy else gap
        pieces = [*left, (" " * before, "dim"), (policy, "policy"), (" " * (gap - before), "dim"), (who, "who")]
        return self._strip(pieces, width, context_styles(app.context.colour, ansi=app.current_theme.ansi))

    def _second(self, width: int) -> Strip:
        app = self.app
        state, look = ("live", "live") if app.connection.is_current else ("stale", "trouble")
        places = app.places.named
        self._spans = []
        pieces: list[Piece] = []
        at = 0
        for place, words in zip(places, _labels(places, width - cell_len(state) - 2), strict=True):
            part = "here" if place.name == self._here else "place"
            self._spans.append((at, at + cell_len(words), place.name))
            pieces.append((words, part))
            at += cell_len(words)
        gap = max(1, width - at - cell_len(state) - 1)
        return self._strip([*pieces, (" " * gap, "dim"), (state, look), (" ", "dim")], width)

    def _rule(self, width: int) -> Strip:
        """Return the rule, with the connection state at its left and the server at its right end."""
        app = self.app
        rule = glyph("rule", utf8=app.terminal.utf8)
        words = app.connection.words(room=width - 6)
        left: list[Piece] = (
            [(rule * 2, "rule"), (f" {words} ", "waiting" if app.connection.is_current else "trouble")] if words else []
        )
        used = sum(cell_len(text) for text, _ in left)
        server = visible(app.backend.title) if not app.local and app.has_backend else ""
        right: list[Piece] = [(f" {server} ", "dim"), (rule * 2, "rule")] if server else []
        if jobs := app.jobs.words() if app.signed_in else "":
            right = [(f" {jobs} ", "live"), *(right or [(rule * 2, "rule")])]
        if used + sum(cell_len(text) for text, _ in right) + 1 > width:
            right = []
        gap = width - used - sum(cell_len(text) for text, _ in right)
        return self._strip([*left, (rule * gap, "rule"), *right], width)

    def _strip(self, pieces: list[Piece], width: int, paint: ContextStyles | None = None) -> Strip:
        look = self._look if paint is None else paint.look
        segments = [Segment(text, look(part)) for text, part in pieces if text]
        return Strip(segments).adjust_cell_length(width, self.rich_style if paint is None else paint.look(""))

    def _look(self, part: str) -> Style:
        return self.get_component_rich_style(f"header--{part}")

    def on_click(self, event: events.Click) -> None:
        if event.y == 1:
            for start, end, name in self._spans:
                if start <= event.x < end:
                    self.app.places.go(name)


def _labels(places: Sequence[PlaceName], width: int) -> list[str]:
    """Return the labels of the places: closer together, and then shortened from the right, until they fit."""
    labels = [f" {place.number} {place.words(narrow=False)} " for place in places]
    if sum(map(cell_len, labels)) > width:
        labels = [label.rstrip() for label in labels]
    for at in reversed(range(len(places))):
        if sum(map(cell_len, labels)) <= width:
            break
        labels[at] = f" {places[at].number} {places[at].words(narrow=True)}"
    return labels


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)).rstrip() + "…"
