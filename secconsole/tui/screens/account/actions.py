"""Actions on the user's own account: the rows they belong to, and why one is unavailable."""

from __future__ import annotations

from secconsole.domain.limits import MOST_TOKENS
from secconsole.domain.model import FactorState
from secconsole.domain.policy import is_always_asked
from secconsole.operations.account import CancelMfa, ChangePassword, KeepFactor, SetContact
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, RemoveFactor, RenameFactor
from secconsole.operations.recovery import CreateRecoveryCodes, ViewRecoveryCodes
from secconsole.operations.sessions import EndOtherSessions, EndSession
from secconsole.operations.tokens import CreateToken, RevokeToken
from secconsole.tui.actions import Action
from secconsole.tui.screens.account.rows import CODES, CONTACT, PASSWORD, Own

ACTIONS: tuple[Action, ...] = (
    Action(
        "account.confirm",
        "Verify",
        "v",
        "Send a code to the address or number under the cursor and enter it.",
        ConfirmFactor,
        priority=1,
        command="secconsole factor confirm ENROLLMENT",
    ),
    Action(
        "account.enroll",
        "Add factor",
        "e",
        "Bind a phone by QR code, or another kind that is allowed. The app "
        "bound now works until the new one is confirmed.",
        EnrollFactor,
        priority=4,
        command="secconsole factor enroll LOGIN --kind totp",
    ),
    Action(
        "account.rename",
        "Rename",
        "n",
        "Rename the factor under the cursor.",
        RenameFactor,
        priority=2,
        command="secconsole factor rename FACTOR LABEL",
    ),
    Action(
        "account.remove",
        "Remove",
        "r",
        "Remove the factor under the cursor; its codes stop working.",
        RemoveFactor,
        dangerous=True,
        priority=2,
        command="secconsole factor remove FACTOR",
    ),
    Action(
        "account.codes",
        "New codes",
        "c",
        "Create ten recovery codes for a lost phone; older ones stop working.",
        CreateRecoveryCodes,
        priority=4,
        command="secconsole recovery-codes LOGIN",
    ),
    Action(
        "account.view-codes",
        "See codes",
        "s",
        "Show the recovery codes that are left, where that is allowed.",
        ViewRecoveryCodes,
        priority=2,
        command="secconsole recovery-codes --view",
    ),
    Action(
        "account.contact",
        "Set e-mail",
        "a",
        "Set the address for notices about your account.",
        SetContact,
        priority=2,
        command="secconsole account contact EMAIL",
    ),
    Action(
        "account.password",
        "Change password",
        "p",
        "Choose a new password.",
        ChangePassword,
        priority=5,
        command="secconsole account password",
    ),
    Action(
        "account.end",
        "End",
        "x",
        "End the session under the cursor.",
        EndSession,
        dangerous=True,
        priority=1,
        command="secconsole session end SESSION",
    ),
    Action(
        "account.end-others",
        "End others",
        "X",
        "End all your sessions but this one.",
        EndOtherSessions,
        dangerous=True,
        priority=2,
        command="secconsole session end --others",
    ),
    Action(
        "account.new-token",
        "New token",
        "T",
        "Create a token with which a program acts as you.",
        CreateToken,
        priority=5,
        command="secconsole token create --name NAME",
    ),
    Action(
        "account.revoke",
        "Revoke",
        "d",
        "Revoke the token under the cursor; it stops working.",
        RevokeToken,
        dangerous=True,
        priority=1,
        command="secconsole token revoke TOKEN",
    ),
    Action(
        "account.cancel-mfa",
        "Cancel MFA",
        "m",
        "Remove all your factors and recovery codes.",
        CancelMfa,
        dangerous=True,
        priority=7,
        command="secconsole account cancel-mfa",
    ),
    Action(
        "account.keep",
        "Stay asked",
        "w",
        "Be asked for your factor even though you are on the whitelist, or stop that.",
        KeepFactor,
        priority=8,
        command="secconsole account keep-factor",
    ),
    Action("account.sign-out", "Sign out", "o", "End your session and go back to the sign-in.", priority=6),
    Action("account.row", "Go on", "enter", "Do what the line under the cursor needs first.", priority=9),
)

# Actions for rows of one kind; elsewhere their keys would crowd out those that apply.
_ON_FACTORS = frozenset({"account.confirm", "account.rename", "account.remove"})
_ON_SESSIONS = frozenset({"account.end", "account.end-others"})


def is_hinted(id: str, row: str, own: Own | None) -> bool:
    """Return True if the line of keys shows an action while the cursor is on a row."""
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
        always = own is not None and is_always_asked(own.me.role, own.detail.user.status)
        return own is not None and own.detail.whitelist is not None and not always
    return True


def first_of(row: str, own: Own) -> str:
    """Return the first action of a row.

    Empty if it has none.
    """
    if (factor := own.factor(row)) is not None:
        return "account.confirm" if factor.state is FactorState.PENDING else "account.rename"
    if row == CODES:
        return "account.view-codes" if own.rules.recovery_view and own.me.recovery_left else "account.codes"
    if own.session(row) is not None:
        return "account.end"
    if own.token(row) is not None:
        return "account.revoke"
    return {
        CONTACT: "account.contact",
        PASSWORD: "account.password",
        "factors": "account.enroll",
        "tokens": "account.new-token",
    }.get(row, "")


def why_not_to(action: Action, row: str, own: Own) -> str:
    """Return why an action is unavailable on a row.

    Empty if it is available.
    """
    name = action.id.removeprefix("account.")
    if action.id in _ON_FACTORS:
        return _why_not_to_factor(name, row, own)
    if name == "end":
        session = own.session(row)
        if session is None:
            return "Go to the session to end first."
        return "This is your current session: press o to sign out." if session.current else ""
    if name == "end-others" and not any(not session.current for session in own.sessions):
        return "You have no other session."
    if name == "revoke" and own.token(row) is None:
        return "Go to the token to revoke first." if own.tokens else "You have no tokens."
    if name == "new-token" and len(own.tokens) >= MOST_TOKENS:
        return f"You have {MOST_TOKENS} tokens, which is the limit. Revoke one first: d."
    return _why_not_now(name, own)


def _why_not_to_factor(name: str, row: str, own: Own) -> str:
    factor = own.factor(row)
    if factor is None:
        return "Go to one of your factors first." if own.detail.factors else "No factor is bound. e adds one."
    if name == "confirm" and factor.state is FactorState.ACTIVE:
        return "It is already verified."
    if name == "remove" and own.is_last(factor) and own.rules.required:
        return f"You need a factor: {own.rules.why}. To change phones, press e."
    return ""


def _why_not_now(name: str, own: Own) -> str:
    bound, left = bool(own.active), own.me.recovery_left
    if name == "codes" and not bound:
        return "Recovery codes replace a factor when you lose it. Bind one first: e."
    if name == "view-codes" and not own.rules.recovery_view:
        return f"{own.me.tenant} shows recovery codes only once. Press c to create new ones."
    if name == "view-codes" and not left:
        return "You have none left. Press c to create new ones."
    if name == "cancel-mfa":
        if not bound:
            return "No factor is bound, so there is nothing to cancel."
        return f"You need a factor: {own.rules.why}." if own.rules.required else ""
    if name == "keep" and is_always_asked(own.me.role, own.detail.user.status):
        return "Platform administrators are always asked for their factor, even on the whitelist."
    if name == "keep" and not own.detail.keeps_factor:
        if own.detail.whitelist is None:
            return "You are not on the whitelist, so you are asked for your factor anyway."
        return "" if bound else "Bind a factor first: e."
    return ""
