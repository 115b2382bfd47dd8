"""Putting users on the whitelist, or taking them off it, from the users table."""

from __future__ import annotations

from textual.content import Content

from secconsole.config.until import parse_until
from secconsole.domain.errors import Conflict, Stale
from secconsole.operations.users import UserRow
from secconsole.operations.whitelist import AddToWhitelist, Exemption, RemoveFromWhitelist, WhitelistChanged
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.widgets.form_fields import Button, TextField, cancel
from secconsole.tui.words import day, plural, until


class ExemptDialog(DoingDialog["WhitelistChanged | None"]):
    """Asks why, and until when. `user` is None when it is about many."""

    def __init__(self, ids: tuple[str, ...], user: UserRow | None) -> None:
        self._ids = ids
        who = join((user.login, "bold"), "   ", user.name) if user else join((plural(len(ids), "user"), "bold"))
        body = lines(
            who,
            *([(f"id {user.id}", "$muted")] if user else []),
            "",
            "On the whitelist, the password alone signs in. Whoever has a factor bound keeps it.",
            *([] if user else ["Who is on it already gets this reason and this end."]),
        )
        fields = [
            TextField(name="reason", label="Reason", needed=True, help="Others will go by it later."),
            TextField(
                name="until", label="Until", placeholder="2027-01-31", max_length=40,
                help="The last day it holds. Empty: it never ends by itself.",
            ),
        ]  # fmt: skip
        buttons = [cancel(), Button("add", "Put on the whitelist", danger=True)]
        super().__init__("Whitelist", body, fields, buttons, focus="reason", danger=True)

    async def do(self, button: str, values: Values) -> WhitelistChanged | None:
        end = parse_until(str(values["until"]), self.app.clock())
        return await self.app.perform(
            AddToWhitelist(tenant=self.app.tenant, users=self._ids, reason=str(values["reason"]), until=end)
        )


class EndExemptionDialog(DoingDialog["WhitelistChanged | None"]):
    """Takes one user off the whitelist; asks once more if that can lock everybody out."""

    def __init__(self, user: UserRow, entry: Exemption | None) -> None:
        self._user = user
        buttons = [cancel(), Button("remove", "Take off")]
        super().__init__("Take off the whitelist", _about(user, entry), (), buttons, focus="remove")

    async def do(self, button: str, values: Values) -> WhitelistChanged | None:
        operation = RemoveFromWhitelist(tenant=self.app.tenant, users=(self._user.id,))
        try:
            return await self.app.perform(operation)
        except Stale:
            raise
        except Conflict as warning:
            ask = ConfirmDialog("This can lock everybody out", warning.message, "Take off all the same", danger=True)
            if not await self.app.ask(ask):
                return None
        return await self.app.perform(
            RemoveFromWhitelist(tenant=self.app.tenant, users=(self._user.id,), accept_lockout=True)
        )


def _about(user: UserRow, entry: Exemption | None) -> Content:
    rows: list[Part] = [join((user.login, "bold"), "   ", user.name), (f"id {user.id}", "$muted"), ""]
    if entry is not None:
        rows += [
            join(("Reason  ", "$muted"), entry.reason),
            join(("Since   ", "$muted"), f"{day(entry.since)}, by {entry.by}"),
            join(("Until   ", "$muted"), until(entry.until, entry.since) if entry.until else "without an end"),
            "",
        ]
    rows.append("From then on this user is asked for a second factor as the policy says.")
    return lines(*rows)


def changed_words(changed: WhitelistChanged, what: str) -> str:
    """`nina is on the whitelist`, `12 users are on the whitelist. 2 not: …`."""
    done = changed.changed
    who = f"{done[0]} is" if len(done) == 1 else f"{plural(len(done), 'user')} are"
    said = f"{who} {what}." if done else "Nothing was changed."
    if changed.failed:
        first = changed.failed[0]
        said += f" {plural(len(changed.failed), 'user')} not: {first.login}: {first.reason}"
    return said
