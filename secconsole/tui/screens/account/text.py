"""What there is to say of one's own account: who one is, what is asked of one, and of the row under the cursor."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.model import FactorKind, FactorState, PolicyMode
from secconsole.domain.scope import scope_phrase
from secconsole.operations.sessions import SessionRow
from secconsole.operations.signin import Identity
from secconsole.operations.tokens import TokenRow
from secconsole.operations.users import FactorRow
from secconsole.tui.safe_text import join, lines, safe
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
from secconsole.tui.widgets.columns import cut
from secconsole.tui.words import exact, left, moment, until


def who(me: Identity, own: Own | None, now: datetime) -> Content:
    """Who one is, and whether one is asked for a factor."""
    first = join((me.name or me.login, "bold"), f"   {me.login}   {me.role} in {me.tenant}")
    return lines(first, asked(own, now)) if own is not None else first


def asked(own: Own, now: datetime) -> str:
    """Whether one is asked for a factor when signing in, and why."""
    entry, bound = own.detail.whitelist, bool(own.active)
    if own.rules.policy is PolicyMode.OFF:
        return "Nobody is asked for a factor here now. Yours is kept for when it is switched on again."
    if entry is not None:
        listed = f"You are on the whitelist, {left(entry.until, now)} ({_cut(entry.reason)})"
        if bound and own.detail.keeps_factor:
            return f"{listed}, and chose to be asked for your factor all the same. w: be spared it."
        return f"{listed}: you are not asked for a factor." + (" w: be asked all the same." if bound else "")
    if bound:
        return "You are asked for your factor at every sign-in, and before what matters."
    if own.rules.required:
        return f"You have to bind a factor soon: {own.rules.why}. e does it now."
    return "You are asked for no factor, since none is bound. e adds one."


def about(row: str, own: Own, now: datetime) -> Content:
    """Three lines on the row under the cursor: what it is, what can be done, the facts."""
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
    return lines((name, "bold"), advice, (facts, "$muted"))  # where a narrow window cuts, only facts go


def _factor(factor: FactorRow, own: Own) -> tuple[str, str]:
    if factor.state is FactorState.PENDING:
        begun = f"begun {exact(factor.created)}; it counts for nothing until it is verified"
        if factor.kind is FactorKind.TOTP:
            return begun, "A key is shown only once: v makes another one. r takes this one away."
        return begun, "v has a code sent there and takes it. r takes it away."
    used = exact(factor.last_used) if factor.last_used else "never"
    facts = f"added {exact(factor.bound) if factor.bound else 'before'}, last used {used}"
    if factor.exhausted:
        return facts, "Too many wrong codes in a row. Bind it anew with e, or remove it with r."
    if own.is_last(factor) and own.rules.required:
        how = "Another way in: e." if factor.kind is FactorKind.EMAIL else "A new phone: e."
        return facts, f"{how} It is your only one, and required: r cannot remove it."
    if factor.kind is FactorKind.TOTP:
        return facts, "A new phone, or a new key: e. This one works until the new one is confirmed."
    return facts, "n calls it something else, r removes it, e adds another."


def _session(session: SessionRow, me: Identity, now: datetime) -> tuple[str, str]:
    seen = f"since {moment(session.created, now)}, last seen {moment(session.last_seen, now)}"
    facts = f"{seen}, {left(session.expires, now)}"
    if not session.current:
        return facts, "Do you know it? If not: x ends it, then p changes your password."
    proved, what = me.step_up_until, "password and factor" if me.bound else "password"
    if proved is not None and proved > now:
        return facts, f"You are in it. Your {what} count for what matters until {until(proved, now)}."
    return facts, f"You are in it. What matters asks for your {what} again."


def _token(token: TokenRow, now: datetime) -> tuple[str, str, str]:
    name = f"{_cut(token.name)}: may {scope_phrase(token.scopes)}, last used {moment(token.last_used, now)}"
    facts = f"made {exact(token.created)}, ends {exact(token.expires)}"
    return name, facts, f"d revokes it. The audit calls it {token.id}."


def _codes(own: Own) -> tuple[str, str, str]:
    words, _ = codes_words(own)
    name, facts = f"Recovery codes, {words}", "Each signs in once, after your password, in place of a phone's code."
    if not own.active:
        return name, facts, "They stand in for a factor: bind one first, with e."
    again = " s shows those that are left." if own.rules.recovery_view and own.me.recovery_left else ""
    return name, facts, f"c makes ten new ones; older ones end then.{again}"


def _contact(own: Own) -> tuple[str, str, str]:
    facts = "You are told there of what changes in your account, and by whom."
    return f"Contact e-mail: {own.me.email or 'none'}", facts, "a sets another one; the one before is told of it."


def _password(own: Own) -> tuple[str, str, str]:
    return "Password", "Changing it ends your other sessions; tokens work on.", "p changes it."


def _no_factor(own: Own) -> tuple[str, str, str]:
    return "No factor is bound", "Whoever learns your password can act as you.", "e adds one."


def _no_token(own: Own) -> tuple[str, str, str]:
    facts = "With one a program acts as you, as far as you allow, without your password."
    return "No token", facts, "T makes one. It cannot change anybody's factors, passwords or tokens."


_RARE = {CODES: _codes, CONTACT: _contact, PASSWORD: _password, NO_FACTOR: _no_factor, NO_TOKEN: _no_token}
