"""Dialogs that change the whitelist: users, reason, end, and the risk of a lockout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from secconsole.config.dates import parse_until
from secconsole.domain.errors import Conflict, Invalid, Stale
from secconsole.domain.model import BindingStatus
from secconsole.operations.whitelist import (
    AddToWhitelist,
    Exemption,
    ListWhitelist,
    RemoveFromWhitelist,
    Seen,
    WhitelistChanged,
)
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.end_sessions import end_field
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.whitelist.text import UNTIL_HELP, brief, end_words, typed, who
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel

Clock = Callable[[], datetime]
NAMED = 8  # users named in a dialog; the others are counted
TYPED_ABOVE = 20  # above this the number has to be typed


def reason_and_until(reason: str = "", until: str = "") -> list[Field]:
    """Return the two fields that every entry has."""
    return [
        TextField(
            name="reason",
            label="Reason",
            needed=True,
            value=reason,
            max_length=500,
            help="Others will rely on it later.",
        ),
        TextField(
            name="until",
            label="Until",
            value=until,
            max_length=40,
            placeholder="no end date: not advised",
            help=UNTIL_HELP,
        ),
    ]


def changed_words(done: WhitelistChanged) -> str:
    """Return the message: `12 users are on the whitelist now`, and for which users nothing changed."""
    who = f"{done.changed[0]} is" if len(done.changed) == 1 else f"{plural(len(done.changed), 'user')} are"
    message = f"{who} on the whitelist now." if done.changed else "Nothing was changed."
    if done.unchanged:
        message += f" {count(len(done.unchanged))} already had that entry."
    return message + "".join(f"\nNot {failed.login}: {failed.reason}" for failed in done.failed[:3])


class EditDialog(SubmitDialog["str | None"]):
    """Changes reason and end of an entry.

    Shows the other version if someone else changed it meanwhile.
    """

    def __init__(self, entry: Exemption, clock: Clock) -> None:
        self._entry, self._clock = entry, clock
        fields = reason_and_until(entry.reason, typed(entry.until))
        super().__init__("Whitelist entry", who(entry), fields, [cancel(), Button("save", "Save")], focus="reason")

    async def submit(self, button: str, values: Values) -> str:
        entry = self._entry
        until = (
            entry.until if values["until"] == typed(entry.until) else parse_until(str(values["until"]), self._clock())
        )
        try:
            done = await self.app.perform(
                AddToWhitelist(
                    tenant=self.app.tenant,
                    users=(entry.user,),
                    reason=str(values["reason"]),
                    until=until,
                    expect=Seen(entry.reason, entry.until),
                )
            )
        except Stale as error:
            await self._show_theirs(error)
            raise
        return f"The entry of {entry.login} is changed." if done.changed else "Nothing was changed."

    async def _show_theirs(self, error: Stale) -> None:
        """Show the version in the store.

        Saving again then overwrites it knowingly.
        """
        page = await self.app.perform(ListWhitelist(tenant=self.app.tenant, search=self._entry.login))
        now = next((entry for entry in page.items if entry.user == self._entry.user), None)
        if now is None:
            rows: list[Part] = [(error.message, "$danger"), "Close this; a adds a user to the whitelist again."]
        else:
            self._entry = now
            rows = [
                (f"{now.by} changed this entry meanwhile. It says now:", "$danger"),
                join(("Reason  ", "$muted"), now.reason),
                join(("Until   ", "$muted"), end_words(now.until, self._clock())),
                "Yours is below and not saved. Save replaces theirs.",
            ]
        self.set_body(lines(who(self._entry), *rows))


class RemoveDialog(SubmitDialog["str | None"]):
    """Removes users from the whitelist: those given by id when it opens, even if the list below it changes."""

    def __init__(self, entries: Sequence[Exemption]) -> None:
        self._ids = tuple(entry.user for entry in entries)
        unbound = sum(entry.status is not BindingStatus.BOUND for entry in entries)
        rows: list[Part] = [who(entries[0])] if len(entries) == 1 else [brief(entry) for entry in entries[:NAMED]]
        if len(entries) > NAMED:
            rows.append(f"and {count(len(entries) - NAMED)} more")
        rows += ["", "From then on the policy decides about the second factor."]
        if unbound:
            subject = "No factor is bound" if len(entries) == 1 else f"{count(unbound)} of them have no factor"
            rows.append(f"{subject}: where one is required, it is bound at the next sign-in.")
        many = len(entries) > TYPED_ABOVE
        fields: list[Field] = [end_field(0)]
        if many:
            fields.append(TextField(name="number", label=f"Type {len(entries)}", needed=True))
        title = f"Remove {plural(len(entries), 'user')} from the whitelist"
        buttons = [cancel(), Button("remove", "Remove", danger=True)]
        super().__init__(title, lines(*rows), fields, buttons, focus="cancel", danger=True)

    async def submit(self, button: str, values: Values) -> str | None:
        if "number" in values and str(values["number"]).strip() != str(len(self._ids)):
            raise Invalid(f"That is not {len(self._ids)}.", "number")
        keep = not values["end"]
        operation = RemoveFromWhitelist(tenant=self.app.tenant, users=self._ids, keep_sessions=keep)
        try:
            done = await self.app.perform(operation)
        except Conflict as warning:
            anyway = replace(operation, accept_lockout=True)
            if not await self.app.ask(lock_out(warning, anyway)):
                return None
            done = await self.app.perform(anyway)
        off = f"{done.changed[0]} is" if len(done.changed) == 1 else f"{plural(len(done.changed), 'user')} are"
        message = f"{off} off the whitelist." if done.changed else "Nothing was changed."
        return message + "".join(f"\nNot {failed.login}: {failed.reason}" for failed in done.failed[:3])


def lock_out(warning: Conflict, anyway: RemoveFromWhitelist) -> ConfirmDialog:
    """Return the confirmation for removing the last platform administrator without a factor."""
    body = lines(
        (warning.message, "$danger"),
        "",
        "If no platform administrator can sign in any more, only the owner of the store",
        "can let one in again, with: secconsole whitelist add LOGIN --reason TEXT",
    )
    return ConfirmDialog("This can lock everyone out", body, "Remove anyway", danger=True, does=anyway)
