"""Dialogs that change the whitelist: users, reason, end, and the risk of a lockout."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from textual.app import ComposeResult
from textual.widgets import Static

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
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel
from secconsole.tui.widgets.paste_box import PasteBox

Clock = Callable[[], datetime]
SOME = 3  # logins named as examples of the others
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


@dataclass(frozen=True, slots=True)
class Pasted:
    """Logins with reason and end, and the effect of adding them to the whitelist."""

    logins: tuple[str, ...]
    reason: str
    until: datetime | None
    check: WhitelistChanged


class PasteDialog(SubmitDialog["Pasted | None"]):
    """Takes many logins, and checks them before anything is done."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        buttons = [cancel(), Button("check", "Check them")]
        super().__init__("Add many to the whitelist", "", reason_and_until(), buttons, focus="reason")
        self._box = PasteBox("Paste logins here, one per line or separated by commas.")

    def compose_body(self) -> ComposeResult:
        yield Static(safe("Logins, one per line or separated by commas. Tab goes to the next field."), id="pasted")
        yield self._box

    def on_mount(self) -> None:
        self._box.focus()

    def on_paste_box_changed(self) -> None:
        self.query_one("#pasted", Static).update(
            safe(f"{plural(len(logins_in(self._box.text)), 'login')}. Tab goes to the next field.")
        )

    async def submit(self, button: str, values: Values) -> Pasted:
        logins = logins_in(self._box.text)
        if not logins:
            self._box.focus()
            raise Invalid("Paste some logins first.")
        reason, until = str(values["reason"]), parse_until(str(values["until"]), self._clock())
        check = await self.app.perform(
            AddToWhitelist(
                tenant=self.app.tenant, users=logins, reason=reason, until=until, only_new=True, check_only=True
            )
        )
        return Pasted(logins, reason, until, check)


def logins_in(text: str) -> tuple[str, ...]:
    """Return the logins of a pasted text, without duplicates."""
    return tuple(dict.fromkeys(word for part in re.split(r"[\n,;\t]", text) if (word := part.strip())))


def _first_logins(logins: Sequence[str]) -> str:
    more = len(logins) - SOME
    return ", ".join(logins[:SOME]) + (f" and {count(more)} more" if more > 0 else "")


class PastedDialog(SubmitDialog["str | None"]):
    """Shows what would be done, including unknown logins, and does it on confirmation."""

    def __init__(self, pasted: Pasted, now: datetime) -> None:
        self._pasted = pasted
        check, new = pasted.check, len(pasted.check.changed)
        rows: list[Part] = [
            join((f"{count(new):>7}", "bold"), "  will be added to the whitelist", ":" if new else ""),
            *([join("         ", _first_logins(check.changed))] if new else []),
            join((f"{count(len(check.unchanged)):>7}", "bold"), "  are already on it and stay unchanged"),
            join((f"{count(len(check.failed)):>7}", "bold"), "  cannot be"),
            *(join("         ", (failed.login, "bold"), f"  {failed.reason}") for failed in check.failed[:NAMED]),
        ]
        if len(check.failed) > NAMED:
            rows.append(f"         and {count(len(check.failed) - NAMED)} more")
        until = end_words(pasted.until, now)
        rows += ["", join(("Reason  ", "$muted"), pasted.reason), join(("Until   ", "$muted"), until)]
        fields: list[Field] = []
        if new > TYPED_ABOVE:
            fields.append(TextField(name="number", label=f"Type {new}", needed=True))
        buttons = [cancel(), Button("add", f"Put {plural(new, 'user')} on it", danger=True)] if new else ()
        super().__init__("Nothing has been done yet", lines(*rows), fields, buttons, focus="cancel", danger=bool(new))

    async def submit(self, button: str, values: Values) -> str:
        pasted = self._pasted
        if "number" in values and str(values["number"]).strip() != str(len(pasted.check.changed)):
            raise Invalid(f"That is not {len(pasted.check.changed)}.", "number")
        done = await self.app.perform(
            AddToWhitelist(
                tenant=self.app.tenant,
                users=pasted.check.changed,
                reason=pasted.reason,
                until=pasted.until,
                only_new=True,
            )
        )
        return changed_words(done)


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
    """Removes users from the whitelist: those named when it opens, by id, whatever changes below it."""

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
            if not await self.app.ask(lock_out(warning)):
                return None
            done = await self.app.perform(replace(operation, accept_lockout=True))
        off = f"{done.changed[0]} is" if len(done.changed) == 1 else f"{plural(len(done.changed), 'user')} are"
        message = f"{off} off the whitelist." if done.changed else "Nothing was changed."
        return message + "".join(f"\nNot {failed.login}: {failed.reason}" for failed in done.failed[:3])


def lock_out(warning: Conflict) -> ConfirmDialog:
    """Return the confirmation for removing the last platform administrator without a factor."""
    body = lines(
        (warning.message, "$danger"),
        "",
        "If no platform administrator can sign in any more, only the owner of the store",
        "can let one in again, with: secconsole whitelist add LOGIN --reason TEXT",
    )
    return ConfirmDialog("This can lock everyone out", body, "Remove anyway", danger=True)
