"""What can be done in the users place, and why some of it cannot be done to somebody right now."""

from __future__ import annotations

from datetime import datetime

from secconsole.domain.model import BindingStatus, Flag
from secconsole.domain.roles import Role, may, may_act_on, may_phrase
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.sessions import ListSessions
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.users import (
    ChangeRole,
    CreateUser,
    DisableUser,
    EnableUser,
    RequireMfa,
    ResetPassword,
    UnlockUser,
    UserDetail,
    UserRow,
)
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.actions import Action
from secconsole.tui.words import until

ACTIONS: tuple[Action, ...] = (
    Action("users.unbind", "Unbind", "u", "Unbind whoever lost a phone: the marked users, or the one under the cursor.",
           Unbind, dangerous=True, priority=0, command="secconsole unbind LOGIN --reason TEXT"),
    Action("users.undo", "Undo", "x", "Take an unbinding back within ten minutes: the same phone works again.",
           UndoUnbind, priority=1, command="secconsole undo EVENT"),
    Action("users.unlock", "Unlock", "l", "Forget the wrong entries that hold an account back.",
           UnlockUser, priority=5, command="secconsole user unlock LOGIN"),
    Action("users.whitelist", "Whitelist", "w", "Let the marked users, or the one under the cursor, sign in without a "
           "second factor; or take them off that list.",
           AddToWhitelist, priority=3, command="secconsole whitelist add LOGIN --reason TEXT"),
    Action("users.enroll", "Enroll", "e", "Bind a phone for somebody who sits beside you, or "
           "enter a number or address that their next sign-in proves.",
           EnrollFactor, priority=3, command="secconsole factor enroll LOGIN --qr"),
    Action("users.access", "Details", "enter,i", "The factors, open sessions and tokens of this user; remove or rename "
           "a factor, end a session, revoke a token.", ListSessions, priority=4,
           command="secconsole session list LOGIN"),
    Action("users.mark", "Mark", "space", "Mark the user under the cursor and go to the next.", priority=3),
    Action("users.filter", "Filter", "f", "Show only the unbound, the locked and so on.", priority=4),
    Action("users.sort", "Sort", "s", "Sort by login, by name, by last sign-in.", priority=6),
    Action("users.explain", "About", "h", "What there is to know about this user, in plain words, and what to tell the "
           "caller.", priority=4),
    Action("users.reset-password", "Reset password", "r", "Give a one-time password that must be changed at the next "
           "sign-in.", ResetPassword, dangerous=True, priority=8, command="secconsole user reset-password LOGIN"),
    Action("users.disable", "Disable", "d", "Keep this user from signing in.",
           DisableUser, dangerous=True, priority=9, command="secconsole user disable LOGIN"),
    Action("users.enable", "Enable", "D", "Let a disabled user sign in again.",
           EnableUser, priority=9, command="secconsole user enable LOGIN"),
    Action("users.require-mfa", "Require factor", "m", "Require a second factor of the marked users, or the "
           "one under the cursor, whatever the policy; or no longer.",
           RequireMfa, priority=9, command="secconsole user require-mfa LOGIN"),
    Action("users.role", "Role", "o", "Give this user another role.",
           ChangeRole, priority=9, command="secconsole user role LOGIN ROLE"),
    Action("users.new", "New user", "n", "Make a user.",
           CreateUser, priority=8, command="secconsole user create LOGIN"),
    Action("users.reverse", "Reverse", "S", "Sort the other way round.", priority=9),
    Action("users.mark-range", "Mark up to here", "v", "Mark everybody from the one marked last to the cursor.",
           priority=9),
    Action("users.mark-all", "Mark all", "a", "Mark everybody whom the search finds.", priority=9),
    Action("users.clear-marks", "Unmark all", "A", "Unmark everybody.", priority=9),
    Action("users.clear", "Clear", "escape", "Unmark everybody; when nobody is marked, show everybody again.",
           priority=9),
)  # fmt: skip

# What is done to the user under the cursor, and what to all marked ones.
_TO_ONE = frozenset(
    {"users.undo", "users.unlock", "users.enroll", "users.reset-password", "users.disable", "users.enable",
     "users.require-mfa", "users.role", "users.explain", "users.unbind", "users.whitelist", "users.access"}
)  # fmt: skip
_TO_MARKED = frozenset({"users.unbind", "users.whitelist", "users.require-mfa"})


def why_not_to(
    action: Action, person: UserRow | None, detail: UserDetail | None, *, marked: int, role: Role, own: str,
    now: datetime, bulk_undo: bool,
) -> str:  # fmt: skip
    """Why an action cannot be done to the user under the cursor, in words; empty if it can.

    `detail` is of the same user, if it is there yet. `own`: the id of whoever acts. `bulk_undo`: whether an unbinding
    of many can still be undone.
    """
    if action.id not in _TO_ONE or (marked and action.id in _TO_MARKED) or (bulk_undo and action.id == "users.undo"):
        return ""
    if person is None:
        return "Nobody is under the cursor."
    if reason := why_not_on(action, person, role=role, own=own):
        return reason
    if action.id == "users.enroll" and person.id == own:
        return "Your own factors are in My account: press 7, then e."
    if action.id in ("users.disable", "users.role") and person.id == own:
        return "Not to your own account. Ask another administrator."
    return _why_state_forbids(action.id, person, detail, now)


def why_not_on(action: Action, person: UserRow, *, role: Role, own: str) -> str:
    """Why a role may not do this to somebody, in words; empty if it may."""
    spec = action.operation.spec if action.operation is not None else None
    if spec is None or (spec.own and person.id == own):
        return ""
    if not may(role, spec.permission):
        return (
            f"Your role, {role}, may do this for your own account only. Those who may: {may_phrase(spec.permission)}."
        )
    if spec.writes and not may_act_on(role, person.role):
        return f"A {role} may not act on a {person.role}, and {person.login} is one."
    return ""


def _why_state_forbids(id: str, person: UserRow, detail: UserDetail | None, now: datetime) -> str:
    login = person.login
    undo = detail.undo if detail is not None else None
    if id == "users.unbind" and person.status is BindingStatus.UNBOUND:
        if undo is not None:
            return f"Already unbound at {until(undo.at, now)} by {undo.by}. Press x to undo."
        return f"{login} has no factor bound. The next sign-in asks to bind one, if the policy wants it."
    if id == "users.undo" and detail is not None and undo is None:
        if person.status is BindingStatus.UNBOUND:
            return f"{login} was not unbound within the last ten minutes: there is nothing left to undo."
        return f"{login} is {person.status}: there is nothing to undo."
    if id == "users.unlock" and Flag.LOCKED not in person.flags and detail is not None and not detail.failures:
        return f"{login} is not locked."
    if id == "users.enable" and Flag.DISABLED not in person.flags:
        return f"{login} is not disabled."
    if id == "users.disable" and Flag.DISABLED in person.flags:
        return f"{login} is disabled already. Press D to enable."
    return ""
