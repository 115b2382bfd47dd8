"""One's own account as rows to walk over: factors, recovery codes, contact, password, sessions, tokens."""

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
from secconsole.tui.safe_text import Part, join, safe
from secconsole.tui.user_words import KINDS
from secconsole.tui.widgets.board import Cell, Panel
from secconsole.tui.widgets.columns import cut
from secconsole.tui.words import ago, glyph, left, plural

FEW = 3  # recovery codes left, from which on new ones are advised
CODES, CONTACT, PASSWORD = "codes", "contact", "password"
NO_FACTOR, NO_TOKEN = "factors", "tokens"
_WIDEST = 92  # cells of a row: more only pulls it apart
_LEAST = 24  # of its name

CHANNELS = {"console": "console", "command": "command", "api": "over the network"}


@dataclass(frozen=True, slots=True)
class Own:
    """All that one may know of one's own account. `more_sessions`: there are more than those listed."""

    me: Identity
    detail: UserDetail
    rules: OwnRules
    sessions: tuple[SessionRow, ...]
    more_sessions: bool
    tokens: tuple[TokenRow, ...]

    @property
    def active(self) -> list[FactorRow]:
        """The factors that count."""
        return [factor for factor in self.detail.factors if factor.state is FactorState.ACTIVE]

    def factor(self, row: str) -> FactorRow | None:
        """The factor that a row stands for, if it does for one."""
        return next((factor for factor in self.detail.factors if factor_row(factor) == row), None)

    def session(self, row: str) -> SessionRow | None:
        """The session that a row stands for."""
        return next((session for session in self.sessions if session_row(session) == row), None)

    def token(self, row: str) -> TokenRow | None:
        """The token that a row stands for."""
        return next((token for token in self.tokens if token_row(token.id) == row), None)

    def is_last(self, factor: FactorRow) -> bool:
        """Whether it is the only one that counts."""
        return self.active == [factor]


def factor_row(factor: FactorRow) -> str:
    """What its row is called."""
    return f"factor:{factor.id}"


def session_row(session: SessionRow) -> str:
    return f"session:{session.id}"


def token_row(id: str) -> str:
    return f"token:{id}"


# ---- names ---------------------------------------------------------------------------------------------------------


def factor_name(factor: FactorRow, *, short: bool = False) -> str:
    """`authenticator app "Pixel 8"`, `SMS "work" ••• 009`; in short `app "Pixel 8"`."""
    app = factor.kind is FactorKind.TOTP
    kind = "app" if app and short and factor.label else KINDS[factor.kind]
    return kind + (f' "{factor.label}"' if factor.label else "") + ("" if app else f" {factor.masked}")


def session_name(session: SessionRow) -> str:
    """`console from 203.0.113.9`."""
    channel = CHANNELS.get(session.channel, session.channel)
    return f"{channel} {f'from {session.address}' if session.address else 'on this machine'}"


def codes_words(own: Own) -> tuple[str, bool]:
    """How many recovery codes are left, and whether that wants doing something about."""
    number = own.me.recovery_left
    if not own.active:
        return "none, since no factor is bound", False
    if not number:
        return f"none: without your {_means(own)} you could not sign in", True
    if number <= FEW:
        return f"only {number} left: make new ones", True
    if own.me.renew_recovery:
        return f"{number} left, one was used: make new ones", True
    return f"{number} left", False


def _means(own: Own) -> str:
    """What somebody has at hand when a code is asked for."""
    return "phone" if any(factor.kind is not FactorKind.EMAIL for factor in own.active) else "mailbox"


# ---- rows ----------------------------------------------------------------------------------------------------------


def panels(own: Own, now: datetime, *, utf8: bool) -> list[Panel]:
    """The whole account, a panel for each kind of thing."""
    factors = [_factor(factor, now, utf8) for factor in own.detail.factors]
    if not own.active:
        none = _plain(glyph("unbound", utf8=utf8), "none is bound", "e adds one", NO_FACTOR, "$status-unbound")
        factors = [none, *factors]
    sessions = [_session(session, now) for session in own.sessions]
    if own.more_sessions:
        sessions.append(Cell(lambda width: safe("and more, which X ends, too", "$muted")))
    tokens = [_token(token, now) for token in own.tokens]
    no_token = _plain(" ", "none", "T makes one, for a program that acts as you", NO_TOKEN, "$muted")
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
    return _plain(sign, "Contact e-mail", "none: nobody can tell you of changes", CONTACT, "$status-pending")


def _session(session: SessionRow, now: datetime) -> Cell:
    seen = "this one" if session.current else f"seen {ago(session.last_seen, now)}"
    facts = [(f"since {ago(session.created, now)}", "", 19), (seen, "bold" if session.current else "$muted", 17)]
    return _cell("*" if session.current else " ", session_name(session), "", facts, session_row(session))


def _token(token: TokenRow, now: datetime) -> Cell:
    used = f"used {ago(token.last_used, now)}" if token.last_used else "never used"
    facts = [(" ".join(token.scopes), "", 11), (left(token.expires, now), "", 13), (used, "$muted", 17)]
    return _cell(" ", token.name, "", facts, token_row(token.id))


def _plain(sign: str, name: str, words: str, target: str, style: str = "") -> Cell:
    """A row of one thing and what there is to say of it."""

    def content(width: int) -> Content:
        return join((f"{sign} ", style), f"{name:<15} ", (words, style))

    return Cell(content, target)


def _cell(sign: str, name: str, style: str, facts: Sequence[tuple[str, str, int]], target: str) -> Cell:
    """A row of a name and (words, style, cells) beside it, the last of which go where there is no room."""

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
    """How many sessions end with one's own left: `3 other sessions end`."""
    others = len([session for session in own.sessions if not session.current])
    end = plural(others, "other session ends", "other sessions end")
    return f"more than {end}" if own.more_sessions else end
