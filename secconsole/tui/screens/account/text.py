"""Texts of My account: the user, what is asked of them, and the row under the cursor."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.model import FactorKind, FactorState, PolicyMode
from secconsole.domain.policy import is_always_asked
from secconsole.domain.scope import scope_phrase
from secconsole.operations.sessions import SessionRow
from secconsole.operations.signin import Identity
from secconsole.operations.tokens import TokenRow
from secconsole.operations.users import FactorRow
from secconsole.tui.screens.account.rows import (
    CODES,
    CONTACT,
    NO_FACTOR,
    NO_TOKEN,
    PASSWORD,
    Own,
    codes_words,
    factor_name,
    session_name,
)
from secconsole.tui.text.format import exact, left, moment, until
from secconsole.tui.text.safe import join, lines, safe
from secconsole.tui.widgets.columns import cut


def who(me: Identity, own: Own | None, now: datetime) -> Content:
    """Return who the user is, and if they are asked for a factor."""
    first = join((me.name or me.login, "bold"), f"   {me.login}   {me.role} in {me.tenant}")
    return lines(first, requirement(own, now)) if own is not None else first


def requirement(own: Own, now: datetime) -> str:
    """Return if the user is asked for a factor at sign-in, and why."""
    entry, bound = own.detail.whitelist, bool(own.active)
    if is_always_asked(own.me.role, own.detail.user.status):
        return "Platform administrators are asked for their factor at every sign-in, whatever the policy."
    if own.rules.policy is PolicyMode.OFF:
        return "No user is asked for a factor here now. Yours is kept for when that changes."
    if entry is not None:
        listed = f"You are on the whitelist, {left(entry.until, now)} ({_cut(entry.reason)})"
        if bound and own.detail.keeps_factor:
            return f"{listed}, but chose to be asked for your factor. w: no longer be asked."
        return f"{listed}: you are not asked for a factor." + (" w: be asked anyway." if bound else "")
    if bound:
        return "You are asked for your factor at every sign-in and for sensitive actions."
    if own.rules.required:
        end = own.detail.must_bind_from
        when = f"by {until(end, now)}" if end is not None and end > now else "soon"
        return f"You have to bind a factor {when}: {own.rules.why}. e does it now."
    return "You are not asked for a factor, since none is bound. e adds one."


def about(row: str, own: Own, now: datetime) -> Content:
    """Return three lines about a row: its name, advice, and facts."""
    if (factor := own.factor(row)) is not None:
        return _three(factor_name(factor), *_factor(factor, own))
    if (session := own.session(row)) is not None:
        return _three(session_name(session), *_session(session, own.me, now))
    if (token := own.token(row)) is not None:
        return _three(*_token(token, now))
    return _three(*_RARE[row](own)) if row in _RARE else safe("")


def _cut(text: str, most: int = 40) -> str:
    return cut(text, most).rstrip(" ")


def _three(name: str, facts: str, advice: str) -> Content:
    return lines((name, "bold"), advice, (facts, "$muted"))  # only facts are cut in a narrow window


def _factor(factor: FactorRow, own: Own) -> tuple[str, str]:
    if factor.state is FactorState.PENDING:
        begun = f"begun {exact(factor.created)}; it does not count until it is verified"
        if factor.kind is FactorKind.TOTP:
            return begun, "A key is shown only once: v creates another one. r removes this one."
        return begun, "v sends a code there and asks for it. r removes it."
    used = exact(factor.last_used) if factor.last_used else "never"
    facts = f"added {exact(factor.bound) if factor.bound else 'before'}, last used {used}"
    if factor.exhausted:
        return facts, "Too many wrong codes in a row. Bind it again with e, or remove it with r."
    if own.is_last(factor) and own.rules.required:
        how = "Another way to sign in: e." if factor.kind is FactorKind.EMAIL else "A new phone: e."
        return facts, f"{how} It is your only one, and required: r cannot remove it."
    if factor.kind is FactorKind.TOTP:
        return facts, "A new phone, or a new key: e. This one works until the new one is confirmed."
    return facts, "n renames it, r removes it, e adds another."


def _session(session: SessionRow, me: Identity, now: datetime) -> tuple[str, str]:
    seen = f"since {moment(session.created, now)}, last seen {moment(session.last_seen, now)}"
    facts = f"{seen}, {left(session.expires, now)}"
    if not session.current:
        return facts, "Not yours? x ends it, then p changes your password."
    proved, what = me.step_up_until, "password and factor" if me.bound else "password"
    if proved is not None and proved > now:
        return facts, f"Your current session. Sensitive actions are open until {until(proved, now)}."
    return facts, f"Your current session. Sensitive actions ask for your {what} again."


def _token(token: TokenRow, now: datetime) -> tuple[str, str, str]:
    name = f"{_cut(token.name)}: may {scope_phrase(token.scopes)}, last used {moment(token.last_used, now)}"
    facts = f"created {exact(token.created)}, ends {exact(token.expires)}"
    return name, facts, f"d revokes it. The audit calls it {token.id}."


def _codes(own: Own) -> tuple[str, str, str]:
    words, _ = codes_words(own)
    name, facts = f"Recovery codes, {words}", "Each works once, after your password, instead of a code from your phone."
    if not own.active:
        return name, facts, "They replace a lost factor: bind one first, with e."
    again = " s shows those that are left." if own.rules.recovery_view and own.me.recovery_left else ""
    return name, facts, f"c creates ten new ones; older ones then stop working.{again}"


def _contact(own: Own) -> tuple[str, str, str]:
    facts = "Notices go there when your account changes, and say who changed it."
    return f"Contact e-mail: {own.me.email or 'none'}", facts, "a changes it; the current address is notified."


def _password(own: Own) -> tuple[str, str, str]:
    return "Password", "Changing it ends your other sessions; tokens keep working.", "p changes it."


def _no_factor(own: Own) -> tuple[str, str, str]:
    return "No factor is bound", "Anyone who learns your password can act as you.", "e adds one."


def _no_token(own: Own) -> tuple[str, str, str]:
    facts = "A program with it acts as you, as far as you allow, without your password."
    return "No token", facts, "T creates one. It can never change factors, passwords or tokens."


_RARE = {CODES: _codes, CONTACT: _contact, PASSWORD: _password, NO_FACTOR: _no_factor, NO_TOKEN: _no_token}
