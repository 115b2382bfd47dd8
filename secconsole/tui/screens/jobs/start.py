"""Starting a job: who is acted on, what it means, a typed number for many, and then it runs in the background."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content

from secconsole.config.dates import parse_until
from secconsole.config.password_file import PasswordFile
from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.jobs import ItemState, JobKind
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.roles import may
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import Job, JobPreview, PreviewJob, StartJob
from secconsole.operations.unbinding import TYPED_ABOVE
from secconsole.tui.screens.end_sessions import end_field
from secconsole.tui.screens.jobs.password_list import file_field, new_list
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.typed_name import check_name, name_field
from secconsole.tui.screens.users.names_dialog import NamesDialog
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form_fields import Button, CheckField, Field, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_LISTED = "Their passwords stop working, sessions end, and one-time passwords go to a file for you to hand over."
_LOW = 20  # lines of a window
_REASONS = 4  # of those who are not acted on, in the dialog itself
MEANS = {
    JobKind.UNBIND: "Their factors stop working, and sessions and tokens end. x undoes it for ten minutes.",
    JobKind.UNLOCK: "Wrong entries that lock them are forgotten.",
    JobKind.REQUIRE_MFA: "Their next sign-in asks for a second factor, whatever the policy.",
    JobKind.RESET_PASSWORD: "Their passwords stop working, sessions end, and each gets a one-time password by mail.",
    JobKind.DISABLE: "They can no longer sign in, and their sessions and tokens end.",
    JobKind.WHITELIST_ADD: "They sign in with the password only. Bound factors are kept.",
    JobKind.WHITELIST_REMOVE: "They are asked for a second factor as the policy says.",
    JobKind.ADVISE: "Each gets the advice for devices by mail.",
    JobKind.REMIND: "Each who must bind a factor and has none is reminded by mail, with the date.",
    JobKind.INVITE: "Each gets a first-time password by mail, and chooses a password with it.",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Users to act on: marked ones by id, or all that a search line finds."""

    users: tuple[str, ...] = ()
    filter: str | None = None

    def words(self, number: int | None = None) -> str:
        """Return how they were chosen, as it follows their number and "users"."""
        if self.filter is None:
            return "marked"
        return f"that match{'es' if number == 1 else ''} {self.filter}" if self.filter else "in this organisation"


@dataclass(frozen=True, slots=True)
class PreviewedJob:
    """Expected outcome of a job. `mails`: mail is set up."""

    kind: JobKind
    chosen: Selection
    preview: JobPreview
    mails: bool

    def about(self, *, low: bool, listed: bool = False, dry: bool = False) -> Content:
        """Return numbers, reasons of those who are left out, and what it means.

        `low`: the window has no room for many reasons. `listed`: new passwords go to a file. `dry`: nothing is started.
        """
        found = self.preview
        rows: list[Part] = [
            join(
                (f"{plural(found.total, 'user')} {self.chosen.words(found.total)}", "bold"),
                ("   f2 lists them", "$muted"),
            ),
            f"{count(found.done)} would be {KINDS[self.kind].done}.",
        ]
        shown = found.reasons[: 1 if low else _REASONS]
        for reason in shown:
            style = "$status-pending" if reason.state is ItemState.FAILED else ""
            rows.append((f"{count(reason.count)} {reason.state}: {reason.reason}", style))
        if left := sum(reason.count for reason in found.reasons[len(shown) :]):
            rows.append(f"{count(left)} more not, for other reasons.")
        rows += ["", _LISTED if listed else MEANS[self.kind]]
        if not low and not dry:
            rows.append(("It goes on when this is closed, and can be paused, cancelled and resumed: J.", "$muted"))
        return lines(*rows)

    async def list_users(self, app: Console) -> None:
        """Show who they are."""
        items = self.preview.items
        listed = [
            (item.login, item.name, f"{item.state}: {item.reason}" if item.reason else str(item.state))
            for item in items
        ]
        more = self.preview.total - len(listed)
        await app.push_screen(NamesDialog("Who they are", listed, f"{count(more)} more" if more else ""))


class StartDialog(SubmitDialog["Job | None"]):
    """Starts a job on the users that were looked at when it opens: with another number, nothing is started."""

    def __init__(
        self, found: PreviewedJob, *, low: bool, name: str = "", list_for: tuple[str, datetime] | None = None
    ) -> None:
        """`low`: the window has no room for reasons. `name`: the organisation's, which is typed instead of a number.

        `list_for`: the organisation and the time of a list that the new passwords go to.
        """
        self._found, self._list_for = found, list_for
        self.keep: PasswordFile | None = None
        total = found.preview.total
        fields = _fields(found.kind, mails=found.mails, listed=list_for)
        self._tenant_name, self._typed = name, str(total) if total > TYPED_ABOVE and not name else ""
        if name:
            fields.append(name_field(name))
        elif self._typed:
            fields.append(TextField(name="number", label=f"Type {self._typed}", needed=True, max_length=12))
        title = f"{KINDS[found.kind].words} {plural(total, 'user')}"
        buttons = [cancel(), Button("start", "Start", danger=True)]
        about = found.about(low=low, listed=list_for is not None)
        super().__init__(title, about, fields, buttons, danger=True)

    async def on_key(self, event: events.Key) -> None:
        if event.key == "f2":
            event.stop()
            await self._found.list_users(self.app)

    async def submit(self, button: str, values: Values) -> Job | None:
        if self._typed and str(values["number"]).strip().replace(",", "") != self._typed:
            raise Invalid(f"That is not {self._typed}.", "number")
        if self._tenant_name:
            check_name(values, self._tenant_name)
        if self._list_for is None:
            return await self._start(values)
        self.keep = await new_list(values, *self._list_for)
        try:
            return await self._start(values)
        except BaseException:
            self.keep.close()
            raise

    async def _start(self, values: Values) -> Job:
        until = str(values.get("until", ""))
        return await self.app.perform(
            StartJob(
                tenant=self.app.tenant,
                kind=self._found.kind,
                users=self._found.chosen.users,
                filter=self._found.chosen.filter,
                reason=str(values.get("reason", "")),
                ticket=str(values.get("ticket", "")),
                until=parse_until(until, self.app.clock()),
                days=_days(str(values.get("days", USUAL_DAYS))),
                keep_sessions=not values.get("end", True),
                without_mail=bool(values.get("without_mail", False)),
                listed=self._list_for is not None,
                expect=self._found.preview.total,
            )
        )


class KindDialog(PickDialog["JobKind | None"]):
    """Asks what to do to many users."""

    def __init__(self, chosen: Selection, number: str, kinds: list[JobKind]) -> None:
        picks = [Pick(kind.value, KINDS[kind].title) for kind in kinds]
        body = lines((f"{number} users {chosen.words()}", "bold"))
        super().__init__("Act on many users", body, picks)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(JobKind(event.value))


async def preview_job(app: Console, kind: JobKind, chosen: Selection, *, listed: bool = False) -> PreviewedJob | None:
    """Return the expected outcome, or notify the user why nothing can be done and return None."""
    preview = PreviewJob(tenant=app.tenant, kind=kind, users=chosen.users, filter=chosen.filter, without_mail=listed)
    mails = True
    try:
        found = await app.perform(preview)
    except Conflict as error:
        if kind is not JobKind.RESET_PASSWORD:  # which is possible without mail
            app.forget_typed()
            app.notify_refused(error.message)
            return None
        mails = False
        found = await app.perform(replace(preview, without_mail=True))
    if not found.done and not (kind is JobKind.RESET_PASSWORD and found.failed):
        app.forget_typed()
        why = found.reasons[0].reason if found.reasons else ""
        app.notify_refused(f"Nothing can be done for any of {plural(found.total, 'user')}. {why}".rstrip())
        return None
    return PreviewedJob(kind, chosen, found, mails)


async def start_job(
    app: Console, kind: JobKind, chosen: Selection, *, name: str = "", listed: bool = False
) -> Job | None:
    """Preview, ask, and start a job in the background, or return None if nothing was started.

    `name`: the organisation's, which is typed to confirm. `listed`: new passwords go to a file.
    """
    found = await preview_job(app, kind, chosen, listed=listed)
    if found is None:
        return None
    list_for = (app.tenant, app.clock()) if listed else None
    dialog = StartDialog(found, low=app.size.height < _LOW, name=name, list_for=list_for)
    job = await app.ask(dialog)
    if job is None:
        app.notify_done("Nothing was started.")
        return None
    app.jobs.start(job, dialog.keep)
    return job


async def pick_kind(app: Console, chosen: Selection, number: str) -> JobKind | None:
    """Ask which act, of those that the signed-in user may do."""
    role = app.identity.role
    return await app.ask(KindDialog(chosen, number, [kind for kind in JobKind if may(role, KINDS[kind].permission)]))


def _fields(kind: JobKind, *, mails: bool, listed: tuple[str, datetime] | None) -> list[Field]:
    takes, fields = KINDS[kind].takes, list[Field]()
    if "reason" in takes:
        needed = KINDS[kind].needs_reason
        fields.append(TextField(name="reason", label="Reason", needed=needed, help="Others will rely on it later."))
    if "ticket" in takes:
        fields.append(TextField(name="ticket", label="Ticket", max_length=100, help="Optional."))
    if "until" in takes:
        fields.append(
            TextField(
                name="until",
                label="Until",
                placeholder="2027-01-31",
                max_length=40,
                help="The last day it applies. Empty: no end date.",
            )
        )
    if "days" in takes:
        fields.append(TextField(name="days", label="Valid for days", value=str(USUAL_DAYS), needed=True, max_length=2))
    if "keep_sessions" in takes:
        fields.append(end_field(0))
    if listed is not None:
        fields.append(file_field(*listed))
    elif "without_mail" in takes:
        fields.append(
            CheckField(
                name="without_mail",
                label="Without mail",
                text="reset those it cannot reach too",
                value=not mails,
                help="They need a new password from an administrator.",
            )
        )
    return fields


def _days(typed: str) -> int:
    if not typed.strip().isdecimal() or not 1 <= int(typed) <= LONGEST_INVITATION:
        raise Invalid(f"Type a number of days from 1 to {LONGEST_INVITATION}.", "days")
    return int(typed)
