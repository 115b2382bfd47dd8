"""What one can do to one's own account, on which rows, and why some of it cannot be done right now."""

from __future__ import annotations

from secconsole.domain.limits import MOST_TOKENS
from secconsole.domain.model import FactorState
from secconsole.operations.account import CancelMfa, ChangePassword, KeepFactor, SetContact
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, RemoveFactor, RenameFactor
from secconsole.operations.recovery import CreateRecoveryCodes, ViewRecoveryCodes
from secconsole.operations.sessions import EndOtherSessions, EndSession
from secconsole.operations.tokens import CreateToken, RevokeToken
from secconsole.tui.actions import Action
from secconsole.tui.screens.account.rows import CODES, CONTACT, PASSWORD, Own

ACTIONS: tuple[Action, ...] = (
    Action("account.confirm", "Verify", "v", "Have a code sent to the address or number under the cursor, and take it.",
           ConfirmFactor, priority=1, command="secconsole factor confirm ENROLLMENT"),
    Action("account.enroll", "Add factor", "e", "Bind a phone by QR code, or another kind that is allowed. The app "
           "bound now works until the new one is confirmed.",
           EnrollFactor, priority=4, command="secconsole factor enroll LOGIN --kind totp"),
    Action("account.rename", "Rename", "n", "Call the factor under the cursor something else.",
           RenameFactor, priority=2, command="secconsole factor rename FACTOR LABEL"),
    Action("account.remove", "Remove", "r", "Make the factor under the cursor stop working.",
           RemoveFactor, dangerous=True, priority=2, command="secconsole factor remove FACTOR"),
    Action("account.codes", "New codes", "c", "Make ten new recovery codes for a lost phone; older ones end.",
           CreateRecoveryCodes, priority=4, command="secconsole recovery-codes LOGIN"),
    Action("account.view-codes", "See codes", "s", "Look again at the recovery codes that are left, where that is "
           "allowed.", ViewRecoveryCodes, priority=2, command="secconsole recovery-codes --view"),
    Action("account.contact", "Set e-mail", "a", "Say where you are told of changes to your account.",
           SetContact, priority=2, command="secconsole account contact EMAIL"),
    Action("account.password", "Change password", "p", "Choose another password.",
           ChangePassword, priority=5, command="secconsole account password"),
    Action("account.end", "End", "x", "End the session under the cursor.",
           EndSession, dangerous=True, priority=1, command="secconsole session end SESSION"),
    Action("account.end-others", "End others", "X", "End all your sessions but this one.",
           EndOtherSessions, dangerous=True, priority=2, command="secconsole session end --others"),
    Action("account.new-token", "New token", "T", "Make a token with which a program acts as you.",
           CreateToken, priority=5, command="secconsole token create --name NAME"),
    Action("account.revoke", "Revoke", "d", "Make the token under the cursor stop working.",
           RevokeToken, dangerous=True, priority=1, command="secconsole token revoke TOKEN"),
    Action("account.cancel-mfa", "Cancel MFA", "m", "Remove all your factors and recovery codes.",
           CancelMfa, dangerous=True, priority=7, command="secconsole account cancel-mfa"),
    Action("account.keep", "Stay asked", "w", "Be asked for your factor although the whitelist spares you it, or no "
           "longer.", KeepFactor, priority=8, command="secconsole account keep-factor"),
    Action("account.sign-out", "Sign out", "o", "End your session and go back to the sign-in.", priority=6),
    Action("account.row", "Go on", "enter", "Do what the line under the cursor calls for first.", priority=9),
)  # fmt: skip

# What acts on rows of one kind only; elsewhere its key would be in the way of those that act.
_ON_FACTORS = frozenset({"account.confirm", "account.rename", "account.remove"})
_ON_SESSIONS = frozenset({"account.end", "account.end-others"})


def is_hinted(id: str, row: str, own: Own | None) -> bool:
    """Whether the line of keys names an action while the cursor is on a row."""
    factor = own.factor(row) if own is not None else None
    if id == "account.confirm":
        return factor is not None and factor.state is FactorState.PENDING
    if id in _ON_FACTORS:
        return factor is not None
    if id in _ON_SESSIONS:
        return row.startswith("session:")
    if id == "account.revoke":
        return row.startswith("token:")
    if id in ("account.codes", "account.view-codes"):
        return row == CODES or (id == "account.codes" and factor is not None)
    if id == "account.contact":
        return row in (CONTACT, PASSWORD)
    if id == "account.keep":
        return own is not None and own.detail.whitelist is not None
    return True


def first_of(row: str, own: Own) -> str:
    """The action that a row calls for first; empty if there is none."""
    if (factor := own.factor(row)) is not None:
        return "account.confirm" if factor.state is FactorState.PENDING else "account.rename"
    if row == CODES:
        return "account.view-codes" if own.rules.recovery_view and own.me.recovery_left else "account.codes"
    if own.session(row) is not None:
        return "account.end"
    if own.token(row) is not None:
        return "account.revoke"
    return {
        CONTACT: "account.contact", PASSWORD: "account.password", "factors": "account.enroll",
        "tokens": "account.new-token",
    }.get(row, "")  # fmt: skip


def why_not_to(action: Action, row: str, own: Own) -> str:
    """Why an action cannot be done while the cursor is on a row, in words; empty if it can."""
    name = action.id.removeprefix("account.")
    if action.id in _ON_FACTORS:
        return _why_not_to_factor(name, row, own)
    if name == "end":
        session = own.session(row)
        if session is None:
            return "Go to the session to end first."
        return "You are in this one: o signs you out." if session.current else ""
    if name == "end-others" and not any(not session.current for session in own.sessions):
        return "You have no other session."
    if name == "revoke" and own.token(row) is None:
        return "Go to the token to revoke first." if own.tokens else "You have no token."
    if name == "new-token" and len(own.tokens) >= MOST_TOKENS:
        return f"You have {MOST_TOKENS} tokens, and there may be no more. Revoke one first: d."
    return _why_not_now(name, own)


def _why_not_to_factor(name: str, row: str, own: Own) -> str:
    factor = own.factor(row)
    if factor is None:
        return "Go to one of your factors first." if own.detail.factors else "No factor is bound. e adds one."
    if name == "confirm" and factor.state is FactorState.ACTIVE:
        return "It is verified already."
    if name == "remove" and own.is_last(factor) and own.rules.required:
        return f"You cannot be without a factor: {own.rules.why}. To change phones, press e."
    return ""


def _why_not_now(name: str, own: Own) -> str:
    bound, left = bool(own.active), own.me.recovery_left
    if name == "codes" and not bound:
        return "Recovery codes stand in for a factor. Bind one first: e."
    if name == "view-codes" and not own.rules.recovery_view:
        return f"{own.me.tenant} shows recovery codes only once. c makes new ones."
    if name == "view-codes" and not left:
        return "You have none left. c makes new ones."
    if name == "cancel-mfa":
        if not bound:
            return "No factor is bound, so there is nothing to cancel."
        return f"You cannot be without a factor: {own.rules.why}." if own.rules.required else ""
    if name == "keep" and not own.detail.keeps_factor:
        if own.detail.whitelist is None:
            return "You are not on the whitelist, so you are asked for your factor anyway."
        return "" if bound else "Bind a factor first: e."
    return ""
