"""The history of the user: changes to be undone where possible, and to be copied as commands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.roles import Permission, may
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.events import EVENTS
from secconsole.operations.unbinding import Unbind, UnbindResult, UndoResult
from secconsole.operations.users import UserChanged
from secconsole.operations.whitelist import WhitelistChanged
from secconsole.tui.console import PlaceScreen
from secconsole.tui.runtime.history import Done
from secconsole.tui.screens.audit.dialogs import EntryDialog
from secconsole.tui.screens.dialog import Dialog, copy_command
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.users.unbind_outcome import undone_words
from secconsole.tui.screens.users.undo import Bulk, UndoDialog
from secconsole.tui.text.commands import command_line
from secconsole.tui.text.entry_commands import operation_of
from secconsole.tui.text.format import exact, until
from secconsole.tui.text.labelled import labelled
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

MOST_BEFORE = 50  # entries of the audit from before this session


class HistoryDialog(PickDialog["str | None"]):
    """Returns what was picked: `here N` for a change of this session, or the id of an audit entry."""

    def __init__(self, here: list[Done], before: list[AuditEntry], note: str, tenant: str) -> None:
        picks = [Pick(f"here {at}", _done_words(done), command_line(done.operation)) for at, done in enumerate(here)]
        picks += [
            Pick(entry.id, _entry_words(entry), _entry_command(entry, tenant) or entry.reason) for entry in before
        ]
        count = f"{len(here):,} in this session, {len(before):,} before it. Newest first."
        super().__init__("History", lines(count, *([(note, "$muted")] if note else [])), picks, back="Close")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class DoneDialog(Dialog["str"]):
    """Shows one change of this session, and returns `undo` if it is to be undone."""

    cancelled = ""

    def __init__(self, done: Done, now: datetime) -> None:
        self._done = done
        buttons = [cancel("Close")]
        if command_line(done.operation):
            buttons.append(Button("copy", "Copy as command"))
        if undoable_until(done, now) is not None:
            buttons.append(Button("undo", "Undo"))
        super().__init__("Done in this session", _in_full(done, now), (), buttons, focus=buttons[0].name)

    async def operation_now(self) -> Operation[object] | None:
        return self._done.operation

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "copy":
            copy_command(self.app, self._done.operation)
        else:
            self.dismiss(event.button)


async def show_history(place: PlaceScreen) -> None:
    """Show the changes of the session, and each one that is picked, until the user closes the list."""
    app: Console = place.app
    while True:
        here = list(app.session.history)
        before, note = await _before(app)
        picked = await app.ask(HistoryDialog(here, before, note, app.tenant))
        if picked is None:
            return
        if not picked.startswith("here "):
            await app.ask(EntryDialog(next(entry for entry in before if entry.id == picked)))
            continue
        done = here[int(picked.removeprefix("here "))]
        if await app.ask(DoneDialog(done, app.clock())) == "undo":
            await _undo(app, done)
            await place.on_live_change()


async def _before(app: Console) -> tuple[list[AuditEntry], str]:
    """Return what the audit has of the user from before this session, and why it may be nothing."""
    me = app.identity
    if not may(me.role, Permission.SEE):
        return [], "Your role does not see the audit: only this session is listed."
    query = ListAudit(tenant=app.tenant, actor=me.login, until=me.signed_in_at, limit=MOST_BEFORE, fold=True)
    try:
        return list((await app.perform(query)).items), f"What was done before it is from the audit of {app.tenant}."
    except SecconsoleError as error:
        return [], error.message


async def _undo(app: Console, done: Done) -> None:
    found = done.reply
    end = undoable_until(done, app.clock())
    if not isinstance(found, UnbindResult) or end is None:
        app.notify_refused("That can no longer be undone.")
        return
    if done.tenant != app.tenant:
        app.notify_refused(f"That was done in {done.tenant}: press t to work there, and undo it then.")
        return
    bulk = Bulk(found.event, len(found.unbound), end)
    result = await app.ask(UndoDialog(None, None, bulk, app.clock()))
    if result is not None:
        app.notify_done(undone_words(result))


def undoable_until(done: Done, now: datetime) -> datetime | None:
    """Return until when a change can be undone, or None if it cannot be."""
    reply = done.reply
    if not isinstance(done.operation, Unbind) or not isinstance(reply, UnbindResult) or not reply.unbound:
        return None
    return reply.undo_until if reply.undo_until is not None and now < reply.undo_until else None


def _in_full(done: Done, now: datetime) -> Content:
    rows: list[Part] = [labelled("What", _what(done)), labelled("When", exact(done.at, seconds=True))]
    if done.tenant:
        rows.append(labelled("Tenant", done.tenant))
    if event := str(getattr(done.reply, "event", "") or ""):
        rows.append(labelled("Event", event))
    if end := undoable_until(done, now):
        rows.append(labelled("Undo", f"until {until(end, now)}"))
    command = command_line(done.operation)
    rows.append(labelled("Command", command or "none does the same"))
    return lines(*rows)


def _done_words(done: Done) -> str:
    tenant = f"  ({done.tenant})" if done.tenant else ""
    return f"{done.at.astimezone():%H:%M:%S}  {_what(done)}{tenant}"


def _what(done: Done) -> str:
    """Return a change in the words of its audit event, with the users that it named."""
    records = done.operation.spec.records
    words = records[0].words if records else done.operation.spec.name
    named = _named(done)
    return f"{words}: {named}" if named else words


def _named(done: Done) -> str:
    """Return the login if the reply has it, because operations name users by id."""
    match done.reply:
        case UnbindResult(unbound=(one,)) | UndoResult(restored=(one,)):
            return one.login
        case UserChanged(user=user):
            return user.login
        case WhitelistChanged(changed=(login,)):
            return login
    users = getattr(done.operation, "users", ()) or (getattr(done.operation, "user", ""),)
    return str(users[0]) if len(users) == 1 else f"{len(users):,} users"


def _entry_command(entry: AuditEntry, tenant: str) -> str:
    operation = operation_of(entry, tenant)
    return command_line(operation) if operation is not None else ""


def _entry_words(entry: AuditEntry) -> str:
    event = EVENTS.get(entry.action)
    what = event.words if event is not None else entry.action
    many = f" and {entry.entries - 1:,} more" if entry.entries > 1 else ""
    target = f": {entry.target}{many}" if entry.target else ""
    outcome = "" if entry.outcome == "done" else f" ({entry.outcome})"
    return f"{entry.at.astimezone():%Y-%m-%d %H:%M}  {what}{target}{outcome}"
