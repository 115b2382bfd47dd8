"""Adding users to the whitelist, or removing them from it, in the users table."""

from __future__ import annotations

from dataclasses import replace

from textual.content import Content

from secconsole.config.dates import parse_until
from secconsole.domain.errors import Conflict, Stale
from secconsole.domain.roles import Role
from secconsole.operations.users import UserDetail
from secconsole.operations.whitelist import AddToWhitelist, Exemption, RemoveFromWhitelist, WhitelistChanged
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.end_sessions import end_field
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.about import About, about
from secconsole.tui.text.format import day, plural, until
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form_fields import Button, TextField, cancel

ALWAYS_ASKED = "A platform administrator with a bound factor is still asked for it."


class ExemptDialog(SubmitDialog["WhitelistChanged | None"]):
    """Asks for reason and end.

    `detail` is None for many users.
    """

    def __init__(self, ids: tuple[str, ...], detail: UserDetail | None) -> None:
        self._ids = ids
        rule = "Users on the whitelist sign in with the password only. Bound factors are kept."
        body: About | Content
        if detail is not None:
            body = about(detail, rule, *([ALWAYS_ASKED] if detail.user.role is Role.PLATFORM_ADMIN else []))
        else:
            many = (plural(len(ids), "user"), "bold")
            body = lines(many, "", rule, ALWAYS_ASKED, "Existing entries get this reason and end.")
        fields = [
            TextField(name="reason", label="Reason", needed=True, help="Others will rely on it later."),
            TextField(
                name="until",
                label="Until",
                placeholder="2027-01-31",
                max_length=40,
                help="The last day it applies. Empty: no end date.",
            ),
        ]
        buttons = [cancel(), Button("add", "Add to the whitelist", danger=True)]
        super().__init__("Whitelist", body, fields, buttons, focus="reason", danger=True)

    async def submit(self, button: str, values: Values) -> WhitelistChanged | None:
        end = parse_until(str(values["until"]), self.app.clock())
        return await self.app.perform(
            AddToWhitelist(tenant=self.app.tenant, users=self._ids, reason=str(values["reason"]), until=end)
        )


class EndExemptionDialog(SubmitDialog["WhitelistChanged | None"]):
    """Removes one user from the whitelist.

    Asks again if that can lock everyone out.
    """

    def __init__(self, detail: UserDetail) -> None:
        self._user = detail.user
        fields = [end_field(detail.password_sessions)] if detail.password_sessions or detail.tokens else []
        buttons = [cancel(), Button("remove", "Remove")]
        body = about(detail, *_entry(detail.whitelist))
        super().__init__("Remove from the whitelist", body, fields, buttons, focus="remove")

    async def submit(self, button: str, values: Values) -> WhitelistChanged | None:
        keep = not values.get("end", True)
        operation = RemoveFromWhitelist(tenant=self.app.tenant, users=(self._user.id,), keep_sessions=keep)
        try:
            return await self.app.perform(operation)
        # A subclass of Conflict, but not about a lockout: nothing here may be confirmed.
        except Stale:
            raise
        except Conflict as warning:
            anyway, title = replace(operation, accept_lockout=True), "This can lock everyone out"
            ask = ConfirmDialog(title, warning.message, "Remove anyway", danger=True, does=anyway)
            if not await self.app.ask(ask):
                return None
        return await self.app.perform(anyway)


def _entry(entry: Exemption | None) -> list[Part]:
    rows: list[Part] = []
    if entry is not None:
        rows += [
            join(("Reason  ", "$muted"), entry.reason),
            join(("Since   ", "$muted"), f"{day(entry.since)}, by {entry.by}"),
            join(("Until   ", "$muted"), until(entry.until, entry.since) if entry.until else "with no end date"),
            "",
        ]
    rows.append("From then on this user is asked for a second factor as the policy says.")
    return rows


def changed_words(changed: WhitelistChanged, what: str) -> str:
    """Return a message: `nina is on the whitelist`, `12 users are on the whitelist. 2 not: …`."""
    done = changed.changed
    who = f"{done[0]} is" if len(done) == 1 else f"{plural(len(done), 'user')} are"
    message = f"{who} {what}." if done else "Nothing was changed."
    if changed.failed:
        first = changed.failed[0]
        message += f" {plural(len(changed.failed), 'user')} not: {first.login}: {first.reason}"
    return message
