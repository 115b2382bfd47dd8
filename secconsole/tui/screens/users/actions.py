"""Actions of the users place, and why one is unavailable for a user."""

from __future__ import annotations

from datetime import datetime

from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.model import BindingStatus, Flag
from secconsole.domain.roles import Ranks, Role, may, may_act_on, may_phrase, outranked_words
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.invitations import InviteUsers
from secconsole.operations.jobs import StartJob
from secconsole.operations.sessions import ListSessions
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import (
    ChangeRole,
    DisableUser,
    EnableUser,
    RenameUser,
    RequireMfa,
    ResetPassword,
    UnlockUser,
)
from secconsole.operations.user_import import ImportUsers
from secconsole.operations.users import CreateUser, UserChanged, UserDetail, UserRow
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.actions import Action
from secconsole.tui.screens.choose_columns import columns_action
from secconsole.tui.screens.named_filters import named_filters_action
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users import bypass, caller_check, explain, export, reset
from secconsole.tui.screens.users.import_keys import IMPORT_KEYS
from secconsole.tui.screens.users.import_people import import_into
from secconsole.tui.screens.users.invite import invite
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text.about import about
from secconsole.tui.text.format import until
from secconsole.tui.text.users import doubts
from secconsole.tui.widgets.form_fields import Button, PhoneField, TextField, cancel

UNREAD = "The user under the cursor is not loaded yet. Press the key again in a moment."


class RenameDialog(SubmitDialog["UserChanged | None"]):
    """Corrects login, name and addresses of a user."""

    def __init__(self, detail: UserDetail) -> None:
        self._user = user = detail.user
        fields = [
            TextField(name="login", label="Login", needed=True, value=user.login, max_length=128),
            TextField(name="name", label="Name", value=user.name),
            TextField(name="email", label="E-mail", value=user.email, help="Notices go here; no factor changes."),
            PhoneField(name="phone", label="Phone", value=user.phone),
        ]
        super().__init__("Correct a user", about(detail), fields, [cancel(), Button("save", "Save")], focus="login")

    async def submit(self, button: str, values: Values) -> UserChanged | None:
        typed = {name: str(text).strip() for name, text in values.items()}
        changed = {name: text for name, text in typed.items() if text != getattr(self._user, name)}
        if not changed:
            return None
        try:
            return await self.app.perform(
                RenameUser(
                    tenant=self.app.tenant,
                    user=self._user.id,
                    login=changed.get("login"),
                    name=changed.get("name"),
                    email=changed.get("email"),
                    phone=changed.get("phone"),
                )
            )
        except Conflict as error:  # the login is taken
            raise Invalid(error.message, "login") from error


async def rename(place: UsersPlace) -> None:
    """Correct the user under the cursor of the list."""
    detail = await place.detail_at_cursor()
    before = detail.user
    changed = await place.app.ask(RenameDialog(detail))
    if changed is not None:
        login = changed.user.login
        is_same = login == before.login
        done = f"{login} is corrected." if is_same else f"{before.login} signs in as {login} from now on."
        place.app.notify_done(" ".join([done, *doubts((), changed.look_alikes)]))
        await place.reload()


ACTIONS: tuple[Action, ...] = (
    Action(
        "users.unbind",
        "Unbind",
        "u",
        "Unbind the marked users, or the one under the cursor: a phone was lost.",
        Unbind,
        dangerous=True,
        priority=0,
        command="secconsole unbind LOGIN --reason TEXT",
        acts_on="marked",
    ),
    Action(
        "users.undo",
        "Undo",
        "x",
        "Undo an unbinding within ten minutes: the same phone works again.",
        UndoUnbind,
        priority=1,
        command="secconsole undo EVENT",
        acts_on="one",
    ),
    Action(
        "users.unlock",
        "Unlock",
        "l",
        "Clear the wrong entries that lock the marked users, or the one under the cursor.",
        UnlockUser,
        priority=5,
        command="secconsole user unlock LOGIN",
        acts_on="marked",
    ),
    Action(
        "users.whitelist",
        "Whitelist",
        "w",
        "Let the marked users, or the one under the cursor, sign in without a "
        "second factor, or remove them from that list.",
        AddToWhitelist,
        priority=3,
        command="secconsole whitelist add LOGIN --reason TEXT",
        acts_on="marked",
    ),
    caller_check.ACTION,
    reset.ACTION,
    bypass.ACTION,
    Action(
        "users.enroll",
        "Enroll",
        "e",
        "Bind a phone for a user next to you, or enter a number or address that their next sign-in verifies.",
        EnrollFactor,
        priority=3,
        command="secconsole factor enroll LOGIN --qr",
        acts_on="one",
    ),
    Action(
        "users.access",
        "Details",
        "enter,i",
        "The factors, open sessions and tokens of this user; remove or rename a factor, end a session, revoke a token.",
        ListSessions,
        priority=4,
        command="secconsole session list LOGIN",
        acts_on="one",
    ),
    Action("users.mark", "Mark", "space", "Mark the user under the cursor and go to the next.", priority=3),
    Action("users.filter", "Filter", "f", "Show only the unbound, the locked and so on.", priority=4),
    named_filters_action("users"),
    columns_action("users"),
    export.ACTION,
    Action("users.sort", "Sort", "s", "Sort by the next column.", priority=6),
    Action(
        "users.explain",
        "About",
        "h",
        "Explain the state of this user in plain words, and what to tell the caller.",
        priority=4,
        acts_on="one",
    ),
    explain.ACTION,
    Action(
        "users.reset-password",
        "Reset password",
        "r",
        "Give a one-time password that must be changed at the next sign-in; the marked users get theirs by mail.",
        ResetPassword,
        dangerous=True,
        priority=8,
        command="secconsole user reset-password LOGIN",
        acts_on="marked",
    ),
    Action(
        "users.invite",
        "Invite",
        "I",
        "Mail a first-time password to the marked users, or the one under the cursor, who have none.",
        InviteUsers,
        priority=8,
        command="secconsole user invite LOGIN",
        acts_on="marked",
        run=invite,
    ),
    Action(
        "users.disable",
        "Disable",
        "d",
        "Keep the marked users, or the one under the cursor, from signing in.",
        DisableUser,
        dangerous=True,
        priority=9,
        command="secconsole user disable LOGIN",
        acts_on="marked",
    ),
    Action(
        "users.enable",
        "Enable",
        "D",
        "Let a disabled user sign in again.",
        EnableUser,
        priority=9,
        command="secconsole user enable LOGIN",
        acts_on="one",
    ),
    Action(
        "users.require-mfa",
        "Require factor",
        "m",
        "Require a second factor of the marked users, or the "
        "one under the cursor, regardless of the policy, or stop requiring it.",
        RequireMfa,
        priority=9,
        command="secconsole user require-mfa LOGIN",
        acts_on="marked",
    ),
    Action(
        "users.role",
        "Role",
        "o",
        "Give this user another role.",
        ChangeRole,
        priority=9,
        command="secconsole user role LOGIN ROLE",
        acts_on="one",
    ),
    Action(
        "users.rename",
        "Correct",
        "N",
        "Correct the login, name, e-mail or phone of this user.",
        RenameUser,
        priority=9,
        command="secconsole user rename LOGIN --name TEXT",
        acts_on="one",
        run=rename,
    ),
    Action(
        "users.bulk",
        "Act on many",
        "B",
        "Act on all marked users, or on all that the search finds, as a job that goes on in the background.",
        StartJob,
        priority=7,
        command='secconsole user unlock --filter "is:locked"',
        acts_on="none",
    ),
    Action(
        "users.new", "New user", "n", "Create a user.", CreateUser, priority=8, command="secconsole user create LOGIN"
    ),
    Action(
        "users.import",
        "Import",
        "P",
        "Import people from a CSV file or a paste, checked before anything is written.",
        ImportUsers,
        priority=9,
        command="secconsole user import FILE",
        run=import_into,
    ),
    IMPORT_KEYS,
    Action("users.reverse", "Reverse", "S", "Reverse the order of the list.", priority=9),
    Action(
        "users.mark-range", "Mark up to here", "v", "Mark all users from the last marked one to the cursor.", priority=9
    ),
    Action("users.mark-all", "Mark all", "a", "Mark all users that match the search.", priority=9),
    Action("users.clear-marks", "Unmark all", "A", "Unmark all users.", priority=9),
    Action("users.clear", "Clear", "escape", "Unmark all users; if none is marked, show all users again.", priority=9),
)

YOURSELF = "Not for your own account: ask another administrator. For what you can change yourself, press 7."


def why_not_to(
    action: Action,
    person: UserRow | None,
    detail: UserDetail | None,
    *,
    marked: int,
    role: Role,
    own: str,
    now: datetime,
    bulk_undo: bool,
    unread: bool,
) -> str:
    """Return why an action is unavailable for the user under the cursor.

    Empty if it is available. `detail`: details of the same user, if they are loaded. `own`: id of the signed-in user.
    `bulk_undo`: True while an unbinding of many can be undone. `unread`: there is a user, whose row is not loaded yet.
    """
    several = marked and action.acts_on == "marked"
    if action.acts_on == "none" or several or (bulk_undo and action.id == "users.undo"):
        return ""
    if person is None:
        return UNREAD if unread else "No user is under the cursor."
    if reason := why_not_on(action, person, role=role, own=own):
        return reason
    if action.id == "users.enroll" and person.id == own:
        return "Your own factors are in My account: press 7, then e."
    return _why_state_forbids(action.id, person, detail, now)


def why_not_on(action: Action, person: UserRow, *, role: Role, own: str) -> str:
    """Return why a role may not do this to a user.

    Empty if it may.
    """
    spec = action.operation.spec if action.operation is not None else None
    if spec is None or (spec.own and person.id == own):
        return ""
    leaves = action.id == "users.whitelist" and Flag.WHITELISTED in person.flags  # done by the same key
    if spec.others_only and person.id == own and not leaves:
        return YOURSELF
    if not may(role, spec.permission):
        return (
            f"Your role, {role}, may do this for your own account only. Those who may: {may_phrase(spec.permission)}."
        )
    is_other = own not in ("", person.id)  # the store's owner ranks above all users
    if spec.writes and is_other and not may_act_on(role, person.role, spec.ranks):
        words = outranked_words(role, person.role, spec.ranks, person.login)
        return words if spec.ranks is Ranks.STRICTLY_LOWER else f"{words[:-1]}, and {person.login} is one."
    return ""


def _why_state_forbids(id: str, person: UserRow, detail: UserDetail | None, now: datetime) -> str:
    login = person.login
    undo = detail.undo if detail is not None else None
    if id == "users.unbind" and person.status is BindingStatus.UNBOUND:
        if undo is not None:
            return f"Already unbound at {until(undo.at, now)} by {undo.by}. Press x to undo."
        return f"{login} has no factor bound. The next sign-in asks to bind one if the policy requires it."
    if id == "users.undo" and detail is not None and undo is None:
        if person.status is BindingStatus.UNBOUND:
            return f"{login} was not unbound in the last ten minutes: nothing to undo."
        return f"{login} is {person.status}: nothing to undo."
    if id == "users.unlock" and Flag.LOCKED not in person.flags and detail is not None and not detail.failures:
        return f"{login} is not locked."
    if id == "users.enable" and Flag.DISABLED not in person.flags:
        return f"{login} is not disabled."
    if id == "users.disable" and Flag.DISABLED in person.flags:
        return f"{login} is already disabled. Press D to enable the account."
    return ""
