"""The user's own account as rows: factors, recovery codes, contact, password, sessions, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from secconsole.domain.model import FactorKind, FactorState
from secconsole.operations.account import OwnRules
from secconsole.operations.sessions import SessionRow
from secconsole.operations.signin import Identity
from secconsole.operations.tokens import TokenRow
from secconsole.operations.users import FactorRow, UserDetail
from secconsole.tui.text.format import ago, glyph, left, plural
from secconsole.tui.text.safe import Part, join, safe
from secconsole.tui.text.users import KINDS
from secconsole.tui.widgets.board import Cell, Panel
from secconsole.tui.widgets.columns import cut

FEW = 3  # recovery codes left at which new ones are advised
CODES, CONTACT, PASSWORD = "codes", "contact", "password"
NO_FACTOR, NO_TOKEN = "factors", "tokens"
_WIDEST = 92  # cells of a row: more would only pull it apart
_LEAST = 24  # cells of its name

CHANNELS = {"console": "console", "command": "command", "api": "over the network"}


@dataclass(frozen=True, slots=True)
class Own:
    """All data about the user's own account. `more_sessions`: there are more than those listed."""

    me: Identity
    detail: UserDetail
    rules: OwnRules
    sessions: tuple[SessionRow, ...]
    more_sessions: bool
    tokens: tuple[TokenRow, ...]

    @property
    def active(self) -> list[FactorRow]:
        """Active factors."""
        return [factor for factor in self.detail.factors if factor.state is FactorState.ACTIVE]

    def factor(self, row: str) -> FactorRow | None:
        """Return the factor of a row, if it is one of a factor."""
        return next((factor for factor in self.detail.factors if factor_row(factor) == row), None)

    def session(self, row: str) -> SessionRow | None:
        """Return the session of a row."""
        return next((session for session in self.sessions if session_row(session) == row), None)

    def token(self, row: str) -> TokenRow | None:
        """Return the token of a row."""
        return next((token for token in self.tokens if token_row(token.id) == row), None)

    def is_last(self, factor: FactorRow) -> bool:
        """Return True if it is the only active factor."""
        return self.active == [factor]


def factor_row(factor: FactorRow) -> str:
    """Return the target of a factor's row."""
    return f"factor:{factor.id}"


def session_row(session: SessionRow) -> str:
    return f"session:{session.id}"


def token_row(id: str) -> str:
    return f"token:{id}"


# ---- names ---------------------------------------------------------------------------------------------------------


def factor_name(factor: FactorRow, *, short: bool = False) -> str:
    """Return the name of a factor: `authenticator app "Pixel 8"`, `SMS "work" ••• 009`.

    Short: `app "Pixel 8"`.
    """
    app = factor.kind is FactorKind.TOTP
    kind = "app" if app and short and factor.label else KINDS[factor.kind]
    return kind + (f' "{factor.label}"' if factor.label else "") + ("" if app else f" {factor.masked}")


def session_name(session: SessionRow) -> str:
    """Return the name of a session: `console from 203.0.113.9`."""
    channel = CHANNELS.get(session.channel, session.channel)
    return f"{channel} {f'from {session.address}' if session.address else 'on this machine'}"


def codes_words(own: Own) -> tuple[str, bool]:
    """Return how many recovery codes are left, and True if that needs attention."""
    number = own.me.recovery_left
    if not own.active:
        return "none, since no factor is bound", False
    if not number:
        return f"none: without your {_means(own)} you could not sign in", True
    if number <= FEW:
        return f"only {number} left: create new ones", True
    if own.me.renew_recovery:
        return f"{number} left, one was used: create new ones", True
    return f"{number} left", False


def _means(own: Own) -> str:
    """Return what the user has at hand when a code is asked for."""
    return "phone" if any(factor.kind is not FactorKind.EMAIL for factor in own.active) else "mailbox"


# ---- rows ----------------------------------------------------------------------------------------------------------


def panels(own: Own, now: datetime, *, utf8: bool) -> list[Panel]:
    """Return the whole account, a panel for each kind of row."""
    factors = [_factor(factor, now, utf8) for factor in own.detail.factors]
    if not own.active:
        none = _plain(glyph("unbound", utf8=utf8), "none bound", "e adds one", NO_FACTOR, "$status-unbound")
        factors = [none, *factors]
    sessions = [_session(session, now) for session in own.sessions]
    if own.more_sessions:
        sessions.append(Cell(lambda width: safe("and more; X ends them too", "$muted")))
    tokens = [_token(token, now) for token in own.tokens]
    no_token = _plain(" ", "none", "T creates one for a program that acts as you", NO_TOKEN, "$muted")
    return [
        Panel("Second factor", [*factors, _codes(own, utf8)]),
        Panel("Account", [_contact(own, utf8), _plain(" ", "Password", "p changes it", PASSWORD)]),
        Panel("Sessions", sessions),
        Panel("Tokens", tokens or [no_token]),
    ]


def _factor(factor: FactorRow, now: datetime, utf8: bool) -> Cell:
    name, used = (
        factor_name(factor, short=True),
        f"used {ago(factor.last_used, now)}" if factor.last_used else "never used",
    )
    if factor.state is FactorState.PENDING:
        words, style = "not verified yet", "$status-pending"
        return _cell(glyph("pending", utf8=utf8), name, style, [(words, style, 19), ("", "", 17)], factor_row(factor))
    if factor.exhausted:
        words, style = "takes no more codes", "$danger"
        return _cell(glyph("warning", utf8=utf8), name, style, [(words, style, 19), ("", "", 17)], factor_row(factor))
    facts = [(f"added {ago(factor.bound, now)}", "", 19), (used, "$muted", 17)]
    return _cell(glyph("bound", utf8=utf8), name, "$status-bound", facts, factor_row(factor))


def _codes(own: Own, utf8: bool) -> Cell:
    words, warns = codes_words(own)
    sign = glyph("warning", utf8=utf8) if warns else " "
    return _plain(sign, "Recovery codes", words, CODES, "$status-pending" if warns else "")


def _contact(own: Own, utf8: bool) -> Cell:
    if own.me.email:
        return _plain(" ", "Contact e-mail", own.me.email, CONTACT)
    sign = glyph("warning", utf8=utf8)
    return _plain(sign, "Contact e-mail", "none: no notices of changes", CONTACT, "$status-pending")


def _session(session: SessionRow, now: datetime) -> Cell:
    seen = "this one" if session.current else f"seen {ago(session.last_seen, now)}"
    facts = [(f"since {ago(session.created, now)}", "", 19), (seen, "bold" if session.current else "$muted", 17)]
    return _cell("*" if session.current else " ", session_name(session), "", facts, session_row(session))


def _token(token: TokenRow, now: datetime) -> Cell:
    used = f"used {ago(token.last_used, now)}" if token.last_used else "never used"
    facts = [(" ".join(token.scopes), "", 11), (left(token.expires, now), "", 13), (used, "$muted", 17)]
    return _cell(" ", token.name, "", facts, token_row(token.id))


def _plain(sign: str, name: str, words: str, target: str, style: str = "") -> Cell:
    """Return a row with a name and its text."""

    def content(width: int) -> Content:
        return join((f"{sign} ", style), f"{name:<15} ", (words, style))

    return Cell(content, target)


def _cell(sign: str, name: str, style: str, facts: Sequence[tuple[str, str, int]], target: str) -> Cell:
    """Return a row with a name and (text, style, cells) beside it, the last of which are left out in narrow windows."""

    def content(width: int) -> Content:
        shown = list(facts)
        room = min(width, _WIDEST) - 2
        while shown and room - sum(cells + 2 for _, _, cells in shown) < _LEAST:
            shown.pop()
        room -= sum(cells + 2 for _, _, cells in shown)
        parts: list[Part] = [(f"{sign} ", style), cut(name, room)]
        for words, look, cells in shown:
            text = cut(words, cells)
            parts += ["  ", (text, look) if look else text]
        return join(*parts)

    return Cell(content, target)


def others_end(own: Own) -> str:
    """Return how many other sessions end with a change: `3 other sessions end`."""
    others = len([session for session in own.sessions if not session.current])
    end = plural(others, "other session ends", "other sessions end")
    return f"more than {end}" if own.more_sessions else end
