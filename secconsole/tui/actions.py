"""The one registry of what keys do: bindings, footer, palette, help, read-only mode and cheat-sheet come from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secconsole.operations.base import Operation


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a key does in a place.

    `keys`: Textual's names, comma separated, the one to show first. `priority`: 0 stays longest in a narrow footer, 9
    is never there. `command`: the same thing on the command line.
    """

    id: str
    title: str
    keys: str
    help: str
    operation: type[Operation[Any]] | None = None
    dangerous: bool = False
    priority: int = 5
    command: str = ""

    @property
    def is_dangerous(self) -> bool:
        """Whether it says so itself or its operation does."""
        return self.dangerous or (self.operation is not None and self.operation.spec.dangerous)

    @property
    def method(self) -> str:
        """Name of the method of a place that does it: `do_unbind` for `users.unbind`."""
        return "do_" + self.id.rpartition(".")[2].replace("-", "_")

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(key.strip() for key in self.keys.split(","))

    @property
    def key(self) -> str:
        """The first key as people call it."""
        return key_words(self.key_names[0])

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """All its keys as people call them."""
        return tuple(key_words(key) for key in self.key_names)


_WORDS = {
    "question_mark": "?", "slash": "/", "colon": ":", "full_stop": ".", "comma": ",", "asterisk": "*", "plus": "+",
    "minus": "-", "space": "space", "enter": "enter", "escape": "esc", "left_square_bracket": "[",
    "right_square_bracket": "]", "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip


def key_words(key: str) -> str:
    """A key as people call it: `?` for `question_mark`, `shift+u` as `U`."""
    rest, plus, last = key.rpartition("+")
    word = _WORDS.get(last, last)
    if rest == "shift" and len(word) == 1:
        return word.upper()
    return f"{rest}{plus}{word}"


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A place as the row at the top names it, and where its screen is: module and class, loaded when gone to.

    `narrow` is what it is called there where columns are few; `own`: everybody may see it, since it shows only
    themselves.
    """

    name: str
    number: str
    title: str
    screen: str
    short: str = ""
    narrow: str = ""
    own: bool = False

    def words(self, *, narrow: bool) -> str:
        """The name in the row at the top."""
        return (self.narrow if narrow else "") or self.short or self.title


PLACES: tuple[PlaceName, ...] = (
    PlaceName("overview", "1", "Overview", "overview:Overview", narrow="Over"),
    PlaceName("users", "2", "Users", "users.users:Users"),
    PlaceName("whitelist", "3", "Whitelist", "whitelist.whitelist:Whitelist", narrow="List"),
    PlaceName("settings", "4", "Settings", "settings.settings:Settings", narrow="Set"),
    PlaceName("audit", "5", "Audit", "audit.audit:Audit"),
    PlaceName("incident", "6", "Incident", "", narrow="Inc"),
    PlaceName("account", "7", "My account", "account.account:Account", short="Me", own=True),
)

INBOX = PlaceName("inbox", "8", "Inbox", "inbox:Inbox", own=True)  # in demos only

_HELP = {
    "overview": "How many are bound, who is missing, and what wants a look today.",
    "users": "Who is bound and who is not; find, unbind, undo.",
    "whitelist": "Who need not use a second factor, why and until when.",
    "settings": "Whether a second factor is off, optional or required, and what a change would do.",
    "audit": "What was done, by whom, to whom and when.",
    "incident": "What to do after a breach, step by step.",
    "account": "Your own factors and password.",
}

EVERYWHERE: tuple[Action, ...] = (
    *(Action(f"go.{p.name}", p.title, p.number, _HELP[p.name], priority=9) for p in PLACES),
    Action("everywhere.help", "Help", "question_mark,f1", "Help for the place you are in.", priority=1),
    Action("everywhere.search", "Search", "slash", "Find by a part of a name.", priority=2),
    Action("everywhere.palette", "Commands", "ctrl+p,colon", "Everything that can be done here, by name.", priority=3),
    Action("everywhere.tenant", "Tenant", "t", "Work in another organisation.", priority=8),
    Action("everywhere.lock", "Lock", "ctrl+l", "Cover everything until password and factor are given.", priority=9),
    Action("everywhere.back", "Back", "q", "Back to the place you came from.", priority=6),
)
IN_DEMOS = (Action("go.inbox", INBOX.title, INBOX.number, "What came by mail and SMS in this demo.", priority=9),)


def find(actions: Sequence[Action], id: str) -> Action:
    """The action of that id; raises KeyError."""
    for action in actions:
        if action.id == id:
            return action
    raise KeyError(id)
