"""What somebody signs in and acts with: their factors, open sessions and tokens; seen, and taken away one by one."""

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
from secconsole.tui import user_words as say
from secconsole.tui.actions import Action, find
from secconsole.tui.key_order import KeyHold
from secconsole.tui.safe_text import join, lines, safe
from secconsole.tui.screens.users.access_dialogs import EndSessionsDialog, RemoveDialog, RenameDialog
from secconsole.tui.widgets.hints import Hint, Hints
from secconsole.tui.widgets.table import Column, Row, WindowedTable
from secconsole.tui.words import ago, glyph, left, plural

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

_COLUMNS = (
    Column("what", "What", 27, min_width=20, grow=30),
    Column("state", "State", 18, min_width=14, grow=14),
    Column("since", "Since", 12, priority=2),
    Column("used", "Last used", 12, priority=1),
)
REMOVE = Action(
    "access.remove", "Remove", "r", "Remove the factor, end the session or revoke the token under the cursor.",
    RemoveFactor, dangerous=True, priority=0, command="secconsole factor remove FACTOR",
)  # fmt: skip
END_SESSION = Action("access.end", "End", "r", "End the session.", EndSession, command="secconsole session end SESSION")
REVOKE = Action("access.revoke", "Revoke", "r", "Revoke the token.", RevokeToken, command="secconsole token revoke ID")
RENAME = Action(
    "access.rename", "Rename", "n", "Give the factor under the cursor a name.", RenameFactor,
    priority=2, command="secconsole factor rename FACTOR LABEL",
)  # fmt: skip
END_ALL = Action(
    "access.end-all", "End all sessions", "a", "Sign this user out everywhere; their tokens end, too.",
    EndOtherSessions, dangerous=True, priority=1, command="secconsole session end --others --user LOGIN",
)  # fmt: skip
ACTIONS = (REMOVE, RENAME, END_ALL, Action("access.close", "Back", "escape,q,i", "Back to the list.", priority=3))

_AROUND = 10  # lines of the window that are not the list: the card's own, and some of what lies below it
_HEADER = 2  # of the list: its head, and a line that says that there is nothing

Thing = FactorRow | SessionRow | TokenRow


@dataclass(frozen=True, slots=True)
class Access:
    """All that one user has, as it was read at one moment."""

    detail: UserDetail
    sessions: Sequence[SessionRow]
    tokens: Sequence[TokenRow]

    @property
    def things(self) -> dict[str, Thing]:
        """Each by its id, in the order they are shown in."""
        found: list[Thing] = [*self.detail.factors, *self.sessions, *self.tokens]
        return {thing.id: thing for thing in found}


async def read_access(app: SecConsole, user: str) -> Access:
    """Read it anew; raises `NotFound` if there is no such user any more."""
    tenant = app.tenant
    return Access(
        await app.perform(ShowUser(tenant=tenant, user=user)),
        (await app.perform(ListSessions(tenant=tenant, user=user, limit=MOST_PER_PAGE))).items,
        (await app.perform(ListTokens(tenant=tenant, user=user))).items,
    )


@dataclass(slots=True)
class _Rows:
    """The rows of what was read last."""

    rows: Sequence[Row] = field(default=())

    @property
    def total(self) -> int | None:
        return len(self.rows)

    async def load(self, first: int, count: int) -> Sequence[Row]:
        return self.rows[first : first + count]


class AccessScreen(ModalScreen[None]):
    """A list with a cursor; what is taken away is asked about first, and the list stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.key_names), f"act('{action.id}')", action.title, show=False) for action in ACTIONS
    ]
    DEFAULT_CSS = """
    AccessScreen Static { height: auto; }
    AccessScreen WindowedTable { margin: 1 0; }
    """

    def __init__(self, access: Access, why_not: Callable[[Action, UserRow], str]) -> None:
        """`why_not`: why whoever is at work here may not do something to this user; empty if they may."""
        super().__init__()
        self._access = access
        self._why_not = why_not
        self._source = _Rows()

    @property
    def app(self) -> SecConsole:  # type: ignore[override]
        return cast("SecConsole", super().app)

    @property
    def table(self) -> WindowedTable:
        return self.query_one(WindowedTable)

    @property
    def thing(self) -> Thing | None:
        """What is under the cursor."""
        return self._access.things.get(self.table.cursor_key or "")

    def compose(self) -> ComposeResult:
        self._source.rows = self._rows()
        with Vertical(classes="card") as card:
            card.border_title = safe(f"What {self._access.detail.user.login} signs in and acts with")
            yield Static(self._head(), id="head")
            yield WindowedTable(_COLUMNS, self._source, empty="Nothing: no factor, no open session, no token.")
            yield Hints(lambda action: self.action_act(action.id))

    # ---- what is shown ---------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """As high as what it lists, as far as the window has room."""
        room = self.app.size.height - _AROUND
        self.table.styles.height = max(2, min(len(self._source.rows) + _HEADER, room))

    def _head(self) -> Content:
        detail, user = self._access.detail, self._access.detail.user
        utf8, now = self.app.terminal.utf8, self.app.clock()
        mark = glyph(str(user.status), utf8=utf8)
        facts = [say.binding_words(detail, now) if not detail.factors else str(user.status)]
        if detail.mfa_required:
            facts.append("a second factor is required of this user")
        codes = join(("Recovery codes  ", "$muted"), (say.recovery_words(detail), self._codes_style()))
        return lines(
            join((user.login, "bold"), "   ", user.name, "   ", (f"{user.role}   id {user.id}", "$muted")),
            join((f"{mark} ", f"$status-{user.status}"), ", ".join(facts), "   ", codes),
        )

    def _codes_style(self) -> str:
        detail = self._access.detail
        return "$status-pending" if detail.factors and not detail.recovery_left else ""

    def _rows(self) -> list[Row]:
        now, utf8 = self.app.clock(), self.app.terminal.utf8
        return [_row(thing, now, utf8=utf8) for thing in self._access.things.values()]

    async def reload(self) -> None:
        """Show what there is now; the cursor stays on what it is on."""
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
        """Why an action cannot be done to what is under the cursor, in words; empty if it can."""
        if action.operation is None:
            return ""
        user, thing = self._access.detail.user, self.thing
        if action is REMOVE:
            action = {SessionRow: END_SESSION, TokenRow: REVOKE}.get(type(thing), REMOVE)
        if reason := self._why_not(action, user):
            return reason
        if action is END_ALL:
            return "" if self._access.sessions or self._access.tokens else f"{user.login} is signed in nowhere."
        if thing is None:
            return "Nothing is under the cursor."
        if action is RENAME and not isinstance(thing, FactorRow):
            return "Only a factor can be given another name."
        return ""

    def action_act(self, id: str) -> None:
        self.app.clear_notifications()
        action = find(ACTIONS, id)
        if reason := self.why_not(action):
            self.app.say_why(reason)
        elif action.operation is None:
            self.dismiss()
        else:
            self.run_worker(self._act(action, self.app.hold_keys()), exit_on_error=False)

    async def _act(self, action: Action, hold: KeyHold) -> None:
        async with hold:
            said = await self._asked(action)
            if said:
                self.app.say(said)
                await self.reload()

    async def _asked(self, action: Action) -> str:
        """What was done, or nothing."""
        user, thing, now = self._access.detail.user, self.thing, self.app.clock()
        if action is END_ALL:
            dialog_for_all = EndSessionsDialog(self._access.detail, own=user.id == self.app.identity.id)
            ended = await self.app.ask(dialog_for_all)
            return "" if ended is None else f"{plural(ended, 'session')} of {user.login} ended."
        if thing is None:
            return ""
        if action is RENAME and isinstance(thing, FactorRow):
            return "It is called so now." if await self.app.ask(RenameDialog(user, thing)) else ""
        active = [f for f in self._access.detail.factors if f.state is FactorState.ACTIVE]
        last = isinstance(thing, FactorRow) and active == [thing]
        what, own = thing_words(thing), user.id == self.app.identity.id
        dialog = RemoveDialog(self._access.detail, thing, what, now, last=last, own=own)
        return f"{what[:1].upper()}{what[1:]}: {_DONE[type(thing)]}." if await self.app.ask(dialog) else ""


_DONE: dict[type, str] = {FactorRow: "removed", SessionRow: "ended", TokenRow: "revoked"}


def thing_words(thing: Thing) -> str:
    """`SMS to ••• 009`, `session from 203.0.113.9 (console)`, `token "ci"`."""
    if isinstance(thing, FactorRow):
        return say.factor_name(thing.kind, thing.label, thing.masked)
    if isinstance(thing, TokenRow):
        return f'token "{thing.name}"'
    where = f" from {thing.address}" if thing.address else ""
    return f"session{where} ({thing.channel})"


def _row(thing: Thing, now: datetime, *, utf8: bool) -> Row:
    what = thing_words(thing)
    if isinstance(thing, FactorRow):
        mark = glyph("bound" if thing.state is FactorState.ACTIVE else "pending", utf8=utf8)
        state = "active" if thing.state is FactorState.ACTIVE else "not verified yet"
        if thing.exhausted:
            state = "bind anew"  # a hundred wrong codes: takes none any more
        return Row(
            thing.id, (what, f"{mark} {state}", ago(thing.bound or thing.created, now), ago(thing.last_used, now))
        )
    if isinstance(thing, TokenRow):
        scopes = ", ".join(thing.scopes)
        state = f"{scopes}, {left(thing.expires, now)}"
        return Row(thing.id, (what, state, ago(thing.created, now), ago(thing.last_used, now)))
    state = "this one" if thing.current else left(thing.expires, now)
    return Row(thing.id, (what, state, ago(thing.created, now), ago(thing.last_seen, now)))
