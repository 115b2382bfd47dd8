"""Inviting users who have no password: what it does, who cannot be invited, and the result."""

from __future__ import annotations

from textual import events
from textual.content import Content

from secconsole.domain.errors import Invalid
from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import LONGEST_INVITATION, MOST_INVITED
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations.invitations import InvitationPreview, InvitationResult, InviteUsers, PreviewInvitation
from secconsole.operations.unbinding import TYPED_ABOVE
from secconsole.operations.whitelist import NotDone
from secconsole.tui.screens.jobs.start import Selection
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users.names_dialog import NamesDialog
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel

NO_MAIL = "Mail is not set up, so nobody can be invited. Set it up in Settings: press 4."
_NAMED = 3  # users who cannot be invited, in the dialog itself
_LOW = 20  # lines of a window


class InviteDialog(SubmitDialog["InvitationResult | None"]):
    """Invites the users given by id when it opens."""

    def __init__(self, found: InvitationPreview, *, low: bool) -> None:
        """`low`: the window has no room for reasons above the fields."""
        self._found = found
        self._users = tuple(user.id for user in found.invited)
        number = len(self._users)
        fields: list[Field] = [
            TextField(name="days", label="Valid for days", value=str(USUAL_DAYS), needed=True, max_length=2)
        ]
        self._typed = str(number) if number > TYPED_ABOVE else ""
        if self._typed:
            fields.append(TextField(name="number", label=f"Type {self._typed}", needed=True, max_length=12))
        focus = "number" if self._typed else "invite"
        buttons = [cancel(), Button("invite", "Invite")]
        super().__init__(
            f"Invite {plural(number, 'user')}", _about(found, named=0 if low else _NAMED), fields, buttons, focus=focus
        )

    async def on_key(self, event: events.Key) -> None:
        if event.key == "f2":
            event.stop()
            await self.app.push_screen(NamesDialog("Who is invited, and who is not", _names(self._found)))

    async def submit(self, button: str, values: Values) -> InvitationResult | None:
        typed = str(values["days"]).strip()
        if not typed.isdecimal() or not 1 <= int(typed) <= LONGEST_INVITATION:
            raise Invalid(f"Type a number of days from 1 to {LONGEST_INVITATION}.", "days")
        if self._typed and str(values["number"]).strip().replace(",", "") != self._typed:
            raise Invalid(f"That is not {self._typed}.", "number")
        return await self.app.perform(InviteUsers(tenant=self.app.tenant, users=self._users, days=int(typed)))


async def invite(place: UsersPlace) -> None:
    """Invite the marked users, or the one under the cursor, who have no password.

    More than one request may name are a job.
    """
    app, users = place.app, place.chosen()
    if len(users) > MOST_INVITED:
        await place.start(JobKind.INVITE, Selection(users=users))
        return
    found = await app.perform(PreviewInvitation(tenant=app.tenant, users=users))
    if not found.mails or not found.invited:
        app.forget_typed()
        first = found.failed[0] if found.failed else None
        reason = f"{first.login}: {first.reason}" if first is not None else ""
        app.notify_refused(f"Nobody can be invited. {reason}".strip() if found.mails else NO_MAIL)
        return
    result: InvitationResult | None = await app.ask(InviteDialog(found, low=app.size.height < _LOW))
    if result is None:
        return
    app.notify_done(result_words(result, found))
    done = {user.id for user in result.invited}
    place.table.set_marks(place.table.marks - done)
    await place.reload(as_many=True)


def result_words(result: InvitationResult, found: InvitationPreview) -> str:
    """Return the message about the result, with the first of those who were not invited."""
    number = len(result.invited)
    who = result.invited[0].login if number == 1 else plural(number, "user")
    words = f"A first-time password is on its way to {who}." if number else "Nobody was invited."
    left = [*found.failed, *result.failed]
    if left:
        words += f" {plural(len(left), 'user')} not: {left[0].login}: {left[0].reason}"
    return words


def _about(found: InvitationPreview, *, named: int) -> Content:
    one = found.invited[0]
    to = f"{one.login}, at {one.masked}" if len(found.invited) == 1 else plural(len(found.invited), "user")
    rows: list[Part] = [
        (f"A first-time password goes to {to}.", "bold"),
        "The first sign-in with it asks for a new password. It is shown nowhere.",
    ]
    if found.again:
        rows.append(f"{count(found.again)} of them had one already, which is void then.")
    if len(found.invited) > found.room:
        rows.append(f"The limit of a day has room for {count(found.room)} now. Invite the rest tomorrow.")
    if found.failed:
        whose = f"{plural(len(found.failed), 'user')} cannot be invited"
        listed = ": f2 lists them with the reasons" if len(found.failed) > named else ":"
        rows += ["", (f"{whose}{listed}", "$status-pending")]
        rows += [f"  {_why(one)}" for one in found.failed[:named]]
    return lines(*rows)


def _why(one: NotDone) -> str:
    return f"{one.login}: {one.reason}"


def _names(found: InvitationPreview) -> list[tuple[str, str, str]]:
    """Return all users, those who cannot be invited first."""
    left = [(one.login, "", one.reason) for one in found.failed]
    return [*left, *((user.login, user.masked, "") for user in found.invited)]
