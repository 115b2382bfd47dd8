"""What there is to know about one user, in plain words, and what to tell them on the phone."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.model import BindingStatus, FactorState, Flag, PolicyMode
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
        rows.append("  A second factor is required of this user whatever the policy says.")
    rows += ["", ("What to tell the caller", "bold"), *_tell(detail, policy, now)]
    return lines(*rows)


def _status(detail: UserDetail, now: datetime) -> str:
    if detail.user.status is BindingStatus.BOUND:
        names = [say.factor_name(f.kind, f.label) for f in detail.factors if f.state is FactorState.ACTIVE]
        return f"Signs in with password and {' or '.join(names)}."
    if detail.user.status is BindingStatus.PENDING:
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
        told += [
            "  Open the authenticator app, and enter the six digits it shows for us.",
            "  Codes refused? Set the phone's clock to automatic, try the next one.",
            "  Lost the phone? I unbind it; bind the new one at the next sign-in.",
        ]
    elif (policy is not None and policy.policy is PolicyMode.REQUIRED) or detail.mfa_required:
        told += [
            "  Install an authenticator app: Aegis, 2FAS, Google Authenticator.",
            "  Then sign in. Scan the QR code you see, enter the six digits.",
        ]
    else:
        told.append("  The password is enough. You may bind a phone in your own account.")
    return told
