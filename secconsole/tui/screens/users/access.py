"""Access of a user: factors, open sessions and tokens, each of which can be removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from secconsole.domain.errors import NotFound
from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.model import FactorState
from secconsole.operations.factors import RemoveFactor, RenameFactor
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions, SessionRow
from secconsole.operations.tokens import ListTokens, RevokeToken, TokenRow
from secconsole.operations.users import FactorRow, ShowUser, UserDetail, UserRow
from secconsole.tui.actions import Action, find
from secconsole.tui.runtime.key_queue import KeyHold
from secconsole.tui.screens.users.access_dialogs import EndSessionsDialog, RemoveDialog, RenameDialog
from secconsole.tui.text import users as texts
from secconsole.tui.text.format import ago, glyph, left, plural
from secconsole.tui.text.safe import join, lines, safe
from secconsole.tui.widgets.hints import Hint, Hints
from secconsole.tui.widgets.prose import Prose
from secconsole.tui.widgets.table import Column, Row, WindowedTable

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_COLUMNS = (
    Column("what", "What", 27, min_width=20, grow=30),
    Column("state", "State", 18, min_width=14, grow=14),
    Column("since", "Since", 12, priority=2),
    Column("used", "Last used", 12, priority=1),
)
REMOVE = Action(
    "access.remove",
    "Remove",
    "r",
    "Remove the factor, end the session or revoke the token under the cursor.",
    RemoveFactor,
    dangerous=True,
    priority=0,
    command="secconsole factor remove FACTOR",
)
END_SESSION = Action("access.end", "End", "r", "End the session.", EndSession, command="secconsole session end SESSION")
REVOKE = Action("access.revoke", "Revoke", "r", "Revoke the token.", RevokeToken, command="secconsole token revoke ID")
RENAME = Action(
    "access.rename",
    "Rename",
    "n",
    "Give the factor under the cursor a name.",
    RenameFactor,
    priority=2,
    command="secconsole factor rename FACTOR LABEL",
)
END_ALL = Action(
    "access.end-all",
    "End all sessions",
    "a",
    "Sign this user out everywhere; their tokens end too.",
    EndOtherSessions,
    dangerous=True,
    priority=1,
    command="secconsole session end --others --user LOGIN",
)
ACTIONS = (REMOVE, RENAME, END_ALL, Action("access.close", "Back", "escape,q,i", "Back to the list.", priority=3))

_AROUND = 10  # lines of the window around the list: the card's own, and some of what lies below it
_HEADER = 2  # lines of the list besides its rows: the header, and a note that it is empty

Entry = FactorRow | SessionRow | TokenRow


@dataclass(frozen=True, slots=True)
class Access:
    """Access of one user, as read at one moment."""

    detail: UserDetail
    sessions: Sequence[SessionRow]
    tokens: Sequence[TokenRow]

    @property
    def entries(self) -> dict[str, Entry]:
        """All entries by id, in display order."""
        found: list[Entry] = [*self.detail.factors, *self.sessions, *self.tokens]
        return {entry.id: entry for entry in found}


async def read_access(app: Console, user: str) -> Access:
    """Read the access again.

    Raise `NotFound` if the user is gone.
    """
    tenant = app.tenant
    return Access(
        await app.perform(ShowUser(tenant=tenant, user=user)),
        (await app.perform(ListSessions(tenant=tenant, user=user, limit=MOST_PER_PAGE))).items,
        (await app.perform(ListTokens(tenant=tenant, user=user))).items,
    )


@dataclass(slots=True)
class _Rows:
    """Rows of what was read last."""

    rows: Sequence[Row] = field(default=())

    @property
    def total(self) -> int | None:
        return len(self.rows)

    async def load(self, first: int, count: int) -> Sequence[Row]:
        return self.rows[first : first + count]


class AccessScreen(ModalScreen[None]):
    """A list with a cursor.

    Removing anything asks first, and the list stays open.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.key_names), f"act('{action.id}')", action.title, show=False) for action in ACTIONS
    ]
    DEFAULT_CSS = """
    AccessScreen Static { height: auto; }
    AccessScreen WindowedTable { margin: 1 0; }
    """

    def __init__(self, access: Access, why_not: Callable[[Action, UserRow], str]) -> None:
        """`why_not`: returns why the signed-in user may not do something to this user, or an empty string."""
        super().__init__()
        self._access = access
        self._why_not = why_not
        self._source = _Rows()

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    @property
    def table(self) -> WindowedTable:
        return self.query_one(WindowedTable)

    @property
    def entry(self) -> Entry | None:
        """The entry under the cursor."""
        return self._access.entries.get(self.table.cursor_key or "")

    def compose(self) -> ComposeResult:
        self._source.rows = self._rows()
        with Vertical(classes="card") as card:
            card.border_title = safe(f"Access of {self._access.detail.user.login}")
            yield Prose(self._head(), id="head")
            yield WindowedTable(_COLUMNS, self._source, empty="Nothing: no factor, no open session, no token.")
            yield Hints(lambda action: self.action_act(action.id))

    # ---- display ---------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """Make the card as high as its list, as far as the window allows."""
        room = self.app.size.height - _AROUND
        self.table.styles.height = max(2, min(len(self._source.rows) + _HEADER, room))

    def _head(self) -> Content:
        detail, user = self._access.detail, self._access.detail.user
        utf8, now = self.app.terminal.utf8, self.app.clock()
        mark = glyph(str(user.status), utf8=utf8)
        facts = [texts.binding_words(detail, now) if not detail.factors else str(user.status)]
        if detail.mfa_required:
            facts.append("a second factor is required of this user")
        codes = join(("Recovery codes  ", "$muted"), (texts.recovery_words(detail), self._codes_style()))
        return lines(
            join((user.login, "bold"), "   ", user.name, "   ", (f"{user.role}   id {user.id}", "$muted")),
            join((f"{mark} ", f"$status-{user.status}"), ", ".join(facts), "   ", codes),
        )

    def _codes_style(self) -> str:
        detail = self._access.detail
        return "$status-pending" if detail.factors and not detail.recovery_left else ""

    def _rows(self) -> list[Row]:
        now, utf8 = self.app.clock(), self.app.terminal.utf8
        return [_row(entry, now, utf8=utf8) for entry in self._access.entries.values()]

    async def reload(self) -> None:
        """Reload the list.

        The cursor stays on its entry.
        """
        try:
            self._access = await read_access(self.app, self._access.detail.user.id)
        except NotFound:
            self.dismiss()
            return
        if self.is_mounted:
            self._source.rows = self._rows()
            self._fit()
            self.query_one("#head", Static).update(self._head())
            self.table.refresh_rows()
            self._refresh_hints()

    def on_windowed_table_cursor_moved(self) -> None:
        self._refresh_hints()

    def on_windowed_table_rows_loaded(self) -> None:
        self._refresh_hints()

    def _refresh_hints(self) -> None:
        self.query_one(Hints).show([Hint(action, bool(self.why_not(action))) for action in ACTIONS])

    # ---- keys ------------------------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        """Return why an action is unavailable on the entry under the cursor.

        Empty if it is available.
        """
        if action.operation is None:
            return ""
        user, entry = self._access.detail.user, self.entry
        if action is REMOVE:
            action = {SessionRow: END_SESSION, TokenRow: REVOKE}.get(type(entry), REMOVE)
        if reason := self._why_not(action, user):
            return reason
        if action is END_ALL:
            return "" if self._access.sessions or self._access.tokens else f"{user.login} has no open sessions."
        if entry is None:
            return "Nothing is under the cursor."
        if action is RENAME and not isinstance(entry, FactorRow):
            return "Only factors can be renamed."
        return ""

    def action_act(self, id: str) -> None:
        self.app.clear_notifications()
        action = find(ACTIONS, id)
        if reason := self.why_not(action):
            self.app.forget_typed()
            self.app.notify_refused(reason)
        elif action.operation is None:
            self.dismiss()
        else:
            self.run_worker(self._act(action, self.app.hold_keys()), exit_on_error=False)

    async def _act(self, action: Action, hold: KeyHold) -> None:
        async with hold:
            message = await self._ask_and_perform(action)
            if message:
                self.app.notify_done(message)
                await self.reload()

    async def _ask_and_perform(self, action: Action) -> str:
        """Ask, do it, and return a message.

        Empty if cancelled.
        """
        user, entry, now = self._access.detail.user, self.entry, self.app.clock()
        if action is END_ALL:
            dialog_for_all = EndSessionsDialog(self._access.detail, own=user.id == self.app.identity.id)
            ended = await self.app.ask(dialog_for_all)
            return "" if ended is None else f"{plural(ended, 'session')} of {user.login} ended."
        if entry is None:
            return ""
        if action is RENAME and isinstance(entry, FactorRow):
            return "The factor was renamed." if await self.app.ask(RenameDialog(self._access.detail, entry)) else ""
        active = [f for f in self._access.detail.factors if f.state is FactorState.ACTIVE]
        last = isinstance(entry, FactorRow) and active == [entry]
        what, own = entry_words(entry), user.id == self.app.identity.id
        dialog = RemoveDialog(self._access.detail, entry, what, now, last=last, own=own)
        return f"{what[:1].upper()}{what[1:]}: {_DONE[type(entry)]}." if await self.app.ask(dialog) else ""


_DONE: dict[type, str] = {FactorRow: "removed", SessionRow: "ended", TokenRow: "revoked"}


def entry_words(entry: Entry) -> str:
    """Return the name of an entry: `SMS to ••• 009`, `session from 203.0.113.9 (console)`, `token "ci"`."""
    if isinstance(entry, FactorRow):
        return texts.factor_name(entry.kind, entry.label, entry.masked)
    if isinstance(entry, TokenRow):
        return f'token "{entry.name}"'
    where = f" from {entry.address}" if entry.address else ""
    return f"session{where} ({entry.channel})"


def _row(entry: Entry, now: datetime, *, utf8: bool) -> Row:
    what = entry_words(entry)
    if isinstance(entry, FactorRow):
        mark = glyph("bound" if entry.state is FactorState.ACTIVE else "pending", utf8=utf8)
        state = "active" if entry.state is FactorState.ACTIVE else "not verified yet"
        if entry.exhausted:
            state = "bind again"  # after a hundred wrong codes it accepts none
        return Row(
            entry.id, (what, f"{mark} {state}", ago(entry.bound or entry.created, now), ago(entry.last_used, now))
        )
    if isinstance(entry, TokenRow):
        scopes = ", ".join(entry.scopes)
        state = f"{scopes}, {left(entry.expires, now)}"
        return Row(entry.id, (what, state, ago(entry.created, now), ago(entry.last_used, now)))
    state = "this one" if entry.current else left(entry.expires, now)
    return Row(entry.id, (what, state, ago(entry.created, now), ago(entry.last_seen, now)))
