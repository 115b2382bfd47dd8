"""A user explained in plain words, and what to tell them on the phone."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag, PolicyMode
from secconsole.domain.policy import is_always_asked
from secconsole.domain.throttling.throttle import Bucket
from secconsole.operations.policy import Policy
from secconsole.operations.users import Hold, UserDetail
from secconsole.tui.screens.dialog import TextDialog
from secconsole.tui.text import users as texts
from secconsole.tui.text.format import glyph, plural, status_words, until
from secconsole.tui.text.safe import Part, join, lines


class ExplainDialog(TextDialog):
    """Text only.

    Any button or Escape closes it.
    """

    def __init__(self, detail: UserDetail, policy: Policy | None, now: datetime, *, utf8: bool) -> None:
        super().__init__(f"About {detail.user.login}", explain(detail, policy, now, utf8=utf8))


def explain(detail: UserDetail, policy: Policy | None, now: datetime, *, utf8: bool) -> Content:
    """Return status, flags and warnings, a short paragraph each, then what to tell the user."""
    user = detail.user
    mark, word = status_words(user.status, utf8=utf8)
    rows: list[Part] = [
        join((user.login, "bold"), "   ", user.name, "   ", (str(user.role), "$muted")),
        (f"id {user.id}", "$muted"),
        "",
    ]
    warn = glyph("warning", utf8=utf8)
    rows += [(f"{warn} {text}", "$status-pending") for text in texts.doubts(detail.suspicions, detail.look_alikes)]
    if detail.suspicions or detail.look_alikes:
        rows += ["  Is this the right user? Ask for the e-mail address on record first.", ""]
    rows.append(join((f"{mark} {word}", f"bold $status-{user.status}"), f"  {_status(detail, now)}"))
    rows += [join((f"  {texts.FLAGS[flag]}", "bold"), f"  {_flag(flag, detail, now)}") for flag in user.flags]
    if detail.mfa_required:
        rows.append(f"  {texts.REQUIRED}")
    rows += ["", ("What to tell the caller", "bold"), *_advice(detail, policy, now)]
    return lines(*rows)


def _status(detail: UserDetail, now: datetime) -> str:
    if detail.user.status is BindingStatus.BOUND:
        names = [texts.factor_name(f.kind, f.label, f.masked) for f in detail.factors if f.state is FactorState.ACTIVE]
        return f"Signs in with password and {' or '.join(names)}."
    if detail.user.status is BindingStatus.PENDING:
        waiting = [f.masked for f in detail.factors if f.kind is not FactorKind.TOTP]
        if waiting:
            return f"{' and '.join(waiting)}: not verified until a code sent there is entered."
        return "Started to bind a phone but has not confirmed it with a code. It does not count yet."
    if detail.undo is not None:
        words = texts.undo_words(detail.undo, now)
        return f"{words[:1].upper()}{words[1:]}. {texts.undo_until(detail.undo, now)}."
    return "Has no second factor."


def _flag(flag: Flag, detail: UserDetail, now: datetime) -> str:
    if flag is Flag.LOCKED:
        return _locked(detail, now)
    if flag is Flag.DISABLED:
        return "Cannot sign in until an administrator enables the account."
    if flag is Flag.MUST_RESET:
        return "The next sign-in asks for a new one."
    if flag is Flag.WEAK_ONLY:
        return "A number can be hijacked, and a mailbox proves no device: add an app if possible."
    entry = texts.whitelist_words(detail.whitelist, now)
    if is_always_asked(detail.user.role, detail.user.status):
        return f"Still asked for the factor, as a platform administrator: {entry}."
    return f"Needs no second factor: {entry}."


def _locked(detail: UserDetail, now: datetime) -> str:
    """Return where nothing is accepted, and where sign-ins still work."""
    if len(detail.holds) == len(Bucket):
        wrong = plural(detail.failures, "wrong entry", "wrong entries")
        return f"{wrong}: nothing is accepted from anywhere until l unlocks it."
    locks = [_hold(hold, now) for hold in detail.holds]
    if [hold.bucket for hold in detail.holds] == [Bucket.STRANGERS]:
        known = plural(detail.known_networks, "network", "networks")
        locks.append(
            f"Sign-ins from the {known} they used in the last 90 days still work."
            if detail.known_networks
            else "They have used no other network in the last 90 days."
        )
    return " ".join(locks)


def _hold(hold: Hold, now: datetime) -> str:
    wrong = plural(hold.failures, "wrong entry", "wrong entries")
    end = f"until {until(hold.until, now)}" if hold.until else "until l unlocks it"
    where = "networks they have not signed in from" if hold.bucket is Bucket.STRANGERS else "their known networks"
    return f"{wrong} from {where}: nothing is accepted from there {end}."


def _advice(detail: UserDetail, policy: Policy | None, now: datetime) -> list[Part]:
    user, flags = detail.user, detail.user.flags
    if Flag.DISABLED in flags:
        return ["  Your account is disabled. I cannot change that; an administrator can."]
    advice: list[Part] = []
    if Flag.LOCKED in flags:
        if [hold.bucket for hold in detail.holds] == [Bucket.STRANGERS] and detail.known_networks:
            advice.append("  You can sign in from where you did before: at work, or at home.")
        advice.append("  Too many wrong entries. Wait, or let me unlock it once I know it is you.")
    if any(factor.exhausted for factor in detail.factors):
        advice.append("  Codes from your phone are no longer accepted. It has to be bound again.")
    if Flag.MUST_RESET in flags:
        advice.append("  Sign in with the one-time password; you are then asked for a new one.")
    always = is_always_asked(user.role, user.status)
    if Flag.WHITELISTED in flags and not (detail.keeps_factor or always):
        advice.append("  You are not asked for a code at the moment: the password is enough.")
    elif user.status is BindingStatus.BOUND:
        advice += [*_codes(detail), *_no_phone(detail)]
    elif _is_required(detail, policy) and user.status is BindingStatus.PENDING and _sent(detail):
        advice += [
            f"  Sign in. A code is sent to {_sent(detail)} on request.",
            "  Its four letters are on the screen too; type the six digits.",
        ]
    elif _is_required(detail, policy):
        advice += [
            "  Install an authenticator app: Aegis, 2FAS, Google Authenticator.",
            "  Then sign in, scan the QR code you see, and enter the six digits.",
        ]
    else:
        advice.append("  The password is enough. You may bind a phone in your own account.")
    if detail.bypass is not None and detail.bypass.starts <= now < detail.bypass.until:
        advice.append("  Type the bypass code that you were given where the code is asked for.")
    return advice


def _is_required(detail: UserDetail, policy: Policy | None) -> bool:
    return detail.mfa_required or (policy is not None and policy.policy is PolicyMode.REQUIRED)


def _sent(detail: UserDetail) -> str:
    """Return the addresses and numbers for codes: the bound ones, or all if none is bound."""
    bound = detail.user.status is BindingStatus.BOUND
    sent = [factor for factor in detail.factors if factor.kind is not FactorKind.TOTP]
    return " or ".join(factor.masked for factor in sent if factor.state is FactorState.ACTIVE or not bound)


def _codes(detail: UserDetail) -> list[Part]:
    """Return where the code comes from, for each bound kind."""
    kinds = {factor.kind for factor in detail.factors if factor.state is FactorState.ACTIVE}
    advice: list[Part] = []
    if FactorKind.TOTP in kinds:
        advice += [
            "  Open the authenticator app, and enter the six digits it shows for us.",
            "  Codes refused? Set the phone's clock to automatic, try the next one.",
        ]
    if kinds - {FactorKind.TOTP}:
        ask = "Check spam; ask" if FactorKind.EMAIL in kinds else "Ask"
        advice += [
            f"  {'Or have' if advice else 'Have'} a code sent to {_sent(detail)}, and enter its six digits.",
            "  The four letters before them are the ones on your screen.",
            f"  None arrives? {ask} for another after 40 seconds.",
            "  Still none? I check if it was sent (4, then d).",
        ]
    waiting = [f.masked for f in detail.factors if f.state is FactorState.PENDING and f.kind is not FactorKind.TOTP]
    if waiting:  # one that an administrator added is offered, one that the user added is not
        advice.append(f"  {' or '.join(waiting)} is not verified: if it is offered, its first code does that.")
    return advice


def _no_phone(detail: UserDetail) -> list[Part]:
    left = detail.recovery_left
    active = [factor for factor in detail.factors if factor.state is FactorState.ACTIVE]
    if all(factor.kind is FactorKind.EMAIL for factor in active):
        away, lost = "Not at your mail?", "Mailbox gone? I unbind it; you bind something else at the next sign-in."
    else:
        away, lost = "Phone at home?", "Lost the phone? I unbind it; you bind the new one at the next sign-in."
    return [
        f"  {away} Use a recovery code instead, each works once ({left} left)."
        if left
        else f"  {away} There is no recovery code left to use instead.",
        f"  {lost}",
    ]
