"""The registry of all keys: bindings, footer, palette, help, read-only mode and cheat-sheet come from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation
from secconsole.operations.jobs import ListJobs

READ_ONLY = "This console is read-only: nothing can be changed here. Start it without --read-only to change things."

ActsOn = Literal["none", "one", "marked"]


@dataclass(frozen=True, slots=True)
class Action:
    """An action that a key runs in a place.

    `keys`: Textual's names, comma-separated, the one to show first. `priority`: 0 stays longest in a narrow footer, 9
    is never there. `command`: the same on the command line. `acts_on`: the row under the cursor, all marked rows (the
    one under the cursor if none is marked), or no row. `run`: runs it where the place has no method for it.
    """

    id: str
    title: str
    keys: str
    help: str
    operation: type[Operation[Any]] | None = None
    dangerous: bool = False
    priority: int = 5
    command: str = ""
    acts_on: ActsOn = "none"
    run: Callable[[Any], Awaitable[None]] | None = None

    @property
    def is_dangerous(self) -> bool:
        """True if the action or its operation is declared dangerous."""
        return self.dangerous or (self.operation is not None and self.operation.spec.dangerous)

    @property
    def method(self) -> str:
        """Name of the method of a place that runs it: `do_unbind` for `users.unbind`."""
        return "do_" + self.id.rpartition(".")[2].replace("-", "_")

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(key.strip() for key in self.keys.split(","))

    @property
    def key(self) -> str:
        """The first key as shown to users."""
        return key_words(self.key_names[0])

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """All keys as shown to users."""
        return tuple(key_words(key) for key in self.key_names)


_WORDS = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "full_stop": ".",
    "comma": ",",
    "asterisk": "*",
    "plus": "+",
    "minus": "-",
    "space": "space",
    "enter": "enter",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


def key_words(key: str) -> str:
    """Return a key as shown to users: `?` for `question_mark`, `shift+u` as `U`."""
    rest, plus, last = key.rpartition("+")
    word = _WORDS.get(last, last)
    if rest == "shift" and len(word) == 1:
        return word.upper()
    return f"{rest}{plus}{word}"


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A place: its name in the row at the top, and module and class of its screen, imported on first use.

    `narrow`: its name in narrow windows. `own`: open to every user, since it shows only their own account.
    `permission`: needed to open it. A place for which that is more than seeing is not named to others.
    """

    name: str
    number: str
    title: str
    screen: str
    short: str = ""
    narrow: str = ""
    own: bool = False
    permission: Permission = Permission.SEE

    def words(self, *, narrow: bool) -> str:
        """Return the name in the row at the top."""
        return (self.narrow if narrow else "") or self.short or self.title


PLACES: tuple[PlaceName, ...] = (
    PlaceName("overview", "1", "Overview", "overview.overview:Overview", narrow="Over"),
    PlaceName("users", "2", "Users", "users.users:Users"),
    PlaceName("whitelist", "3", "Whitelist", "whitelist.whitelist:Whitelist", narrow="List"),
    PlaceName("settings", "4", "Settings", "settings.settings:Settings", narrow="Set"),
    PlaceName("audit", "5", "Audit", "audit.audit:Audit"),
    PlaceName(
        "incident",
        "6",
        "Incident",
        "incident.incident:IncidentPlace",
        narrow="Inc",
        permission=Permission.HANDLE_INCIDENTS,
    ),
    PlaceName("account", "7", "My account", "account.account:Account", short="Me", own=True),
)

INBOX = PlaceName("inbox", "8", "Inbox", "inbox:Inbox", own=True)  # in demos only

_HELP = {
    "overview": "See how many users are bound, who is missing, and what needs attention.",
    "users": "See who is bound and who is not; search, unbind, undo.",
    "whitelist": "See who needs no second factor, why and until when.",
    "settings": "Set the second factor to off, optional or required, and preview a change.",
    "audit": "See what was done, when, by and to which users.",
    "incident": "Handle a breach, step by step.",
    "account": "Manage your own factors and password.",
}

EVERYWHERE: tuple[Action, ...] = (
    *(Action(f"go.{p.name}", p.title, p.number, _HELP[p.name], priority=9) for p in PLACES),
    Action("everywhere.help", "Help", "question_mark,f1", "Show help for this place.", priority=1),
    Action("everywhere.search", "Search", "slash", "Search by part of a name.", priority=2),
    Action("everywhere.palette", "Commands", "ctrl+p,colon", "Find everything you can do here by name.", priority=3),
    Action(
        "everywhere.jobs",
        "Jobs",
        "J",
        "Follow, pause, cancel and resume acts on many users.",
        ListJobs,
        priority=9,
        command="secconsole job list",
    ),
    Action(
        "everywhere.history",
        "History",
        "H",
        "See what you did, in this session and before it; undo it, or copy it as a command.",
        priority=9,
        command="secconsole audit list --actor LOGIN",
    ),
    Action("everywhere.tenant", "Tenant", "t", "Work in another organisation.", priority=8),
    Action("everywhere.lock", "Lock", "ctrl+l", "Cover the screen until password and factor are entered.", priority=9),
    Action("everywhere.back", "Back", "q", "Go back to the previous place.", priority=6),
)
IN_DEMOS = (Action("go.inbox", INBOX.title, INBOX.number, "Read the mail and SMS of this demo.", priority=9),)


def with_keys(actions: Sequence[Action], chosen: Mapping[str, str]) -> tuple[Action, ...]:
    """Return the actions with the keys chosen for their ids."""
    if not chosen:
        return tuple(actions)
    return tuple(replace(action, keys=chosen[action.id]) if action.id in chosen else action for action in actions)


def find(actions: Sequence[Action], id: str) -> Action:
    """Return the action with that id.

    Raise KeyError if there is none.
    """
    for action in actions:
        if action.id == id:
            return action
    raise KeyError(id)
