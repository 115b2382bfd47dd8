"""What there is to know about one user, in plain words, and what to tell them on the phone."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag, PolicyMode
from secconsole.operations.policy import Policy
from secconsole.operations.users import UserDetail
from secconsole.tui import user_words as say
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.words import glyph, plural, status_words, until


class ExplainDialog(Dialog[None]):
    """Words only; any button or Escape closes it."""

    def __init__(self, detail: UserDetail, policy: Policy | None, now: datetime, *, utf8: bool) -> None:
        super().__init__(f"About {detail.user.login}", explain(detail, policy, now, utf8=utf8))


def explain(detail: UserDetail, policy: Policy | None, now: datetime, *, utf8: bool) -> Content:
    """Status, flags and doubts, a short paragraph each, and then what the user is to be told."""
    user = detail.user
    mark, word = status_words(user.status, utf8=utf8)
    rows: list[Part] = [
        join((user.login, "bold"), "   ", user.name, "   ", (str(user.role), "$muted")),
        (f"id {user.id}", "$muted"),
        "",
    ]
    warn = glyph("warning", utf8=utf8)
    rows += [(f"{warn} {text}", "$status-pending") for text in say.doubts(detail.suspicions, detail.look_alikes)]
    if detail.suspicions or detail.look_alikes:
        rows += ["  Is it this one? Ask for the e-mail address on record first.", ""]
    rows.append(join((f"{mark} {word}", f"bold $status-{user.status}"), f"  {_status(detail, now)}"))
    rows += [join((f"  {say.FLAGS[flag]}", "bold"), f"  {_flag(flag, detail, now)}") for flag in user.flags]
    if detail.mfa_required:
        rows.append(f"  {say.REQUIRED}")
    rows += ["", ("What to tell the caller", "bold"), *_tell(detail, policy, now)]
    return lines(*rows)


def _status(detail: UserDetail, now: datetime) -> str:
    if detail.user.status is BindingStatus.BOUND:
        names = [say.factor_name(f.kind, f.label, f.masked) for f in detail.factors if f.state is FactorState.ACTIVE]
        return f"Signs in with password and {' or '.join(names)}."
    if detail.user.status is BindingStatus.PENDING:
        waiting = [f.masked for f in detail.factors if f.kind is not FactorKind.TOTP]
        if waiting:
            return f"{' and '.join(waiting)}: not verified until a code that was sent there is typed."
        return "Began to bind a phone and has not confirmed it with a code. It does not count yet."
    if detail.undo is not None:
        words = say.undo_words(detail.undo, now)
        return f"{words[:1].upper()}{words[1:]}. {say.undo_until(detail.undo, now)}."
    return "Has no second factor."


def _flag(flag: Flag, detail: UserDetail, now: datetime) -> str:
    if flag is Flag.LOCKED:
        end = f"until {until(detail.locked_until, now)}" if detail.locked_until else "until l unlocks it"
        return f"{plural(detail.failures, 'wrong entry', 'wrong entries')}: nothing is accepted {end}."
    if flag is Flag.DISABLED:
        return "May not sign in at all until an administrator enables the account."
    if flag is Flag.MUST_RESET:
        return "The next sign-in asks for a new one."
    if flag is Flag.WEAK_ONLY:
        return "A number can be taken over, and a mailbox proves no device: an app beside it is better."
    return f"Need not use a second factor: {say.whitelist_words(detail.whitelist, now)}."


def _tell(detail: UserDetail, policy: Policy | None, now: datetime) -> list[Part]:
    user, flags = detail.user, detail.user.flags
    if Flag.DISABLED in flags:
        return ["  Your account is switched off. I cannot change that; an administrator can."]
    told: list[Part] = []
    if Flag.LOCKED in flags:
        told.append("  Too many wrong entries. Wait, or let me unlock it once I know it is you.")
    if any(factor.exhausted for factor in detail.factors):
        told.append("  Your phone's codes are no longer taken. It has to be bound anew.")
    if Flag.MUST_RESET in flags:
        told.append("  Sign in with the one-time password; you are then asked for a new one.")
    if Flag.WHITELISTED in flags and not detail.keeps_factor:
        told.append("  You are not asked for a code at the moment: the password is enough.")
    elif user.status is BindingStatus.BOUND:
        told += [*_codes(detail), *_no_phone(detail)]
    elif _is_required(detail, policy) and user.status is BindingStatus.PENDING and _sent(detail):
        told += [
            f"  Sign in. A code is sent to {_sent(detail)} on request.",
            "  Its four letters stand on the screen too; type the six digits.",
        ]
    elif _is_required(detail, policy):
        told += [
            "  Install an authenticator app: Aegis, 2FAS, Google Authenticator.",
            "  Then sign in. Scan the QR code you see, enter the six digits.",
        ]
    else:
        told.append("  The password is enough. You may bind a phone in your own account.")
    return told


def _is_required(detail: UserDetail, policy: Policy | None) -> bool:
    return detail.mfa_required or (policy is not None and policy.policy is PolicyMode.REQUIRED)


def _sent(detail: UserDetail) -> str:
    """The addresses and numbers that codes are sent to: once one is bound, those that count."""
    bound = detail.user.status is BindingStatus.BOUND
    sent = [factor for factor in detail.factors if factor.kind is not FactorKind.TOTP]
    return " or ".join(factor.masked for factor in sent if factor.state is FactorState.ACTIVE or not bound)


def _codes(detail: UserDetail) -> list[Part]:
    """Where the code comes from, for each kind that is bound."""
    kinds = {factor.kind for factor in detail.factors if factor.state is FactorState.ACTIVE}
    told: list[Part] = []
    if FactorKind.TOTP in kinds:
        told += [
            "  Open the authenticator app, and enter the six digits it shows for us.",
            "  Codes refused? Set the phone's clock to automatic, try the next one.",
        ]
    if kinds - {FactorKind.TOTP}:
        ask = "Look in spam; ask" if FactorKind.EMAIL in kinds else "Ask"
        told += [
            f"  {'Or have' if told else 'Have'} a code sent to {_sent(detail)}, and enter its six digits.",
            "  The four letters before them are the ones on your screen.",
            f"  None arrives? {ask} for another after 40 seconds.",
            "  Still none? I look whether it left (4, then d).",
        ]
    waiting = [f.masked for f in detail.factors if f.state is FactorState.PENDING and f.kind is not FactorKind.TOTP]
    if waiting:  # one that an administrator entered is offered, one that the user did is not
        told.append(f"  {' or '.join(waiting)} is not verified: if it is offered, its first code does that.")
    return told


def _no_phone(detail: UserDetail) -> list[Part]:
    left = detail.recovery_left
    active = [factor for factor in detail.factors if factor.state is FactorState.ACTIVE]
    if all(factor.kind is FactorKind.EMAIL for factor in active):
        away, lost = "Not at your mail?", "Mailbox gone? I unbind it; bind something else at the next sign-in."
    else:
        away, lost = "Phone at home?", "Lost the phone? I unbind it; bind the new one at the next sign-in."
    return [
        f"  {away} A recovery code does in its place, once ({left} left)."
        if left
        else f"  {away} There is no recovery code left that would do instead.",
        f"  {lost}",
    ]
