"""Adding many users to the whitelist by pasting their logins, checked and corrected before anything is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from secconsole.config.dates import parse_until
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import LONGEST_USER
from secconsole.domain.users.login import login_key
from secconsole.operations.whitelist import AddToWhitelist, WhitelistChanged
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.whitelist.dialogs import TYPED_ABOVE, changed_words, reason_and_until
from secconsole.tui.screens.whitelist.text import end_words
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel
from secconsole.tui.widgets.paste_box import PasteBox

if TYPE_CHECKING:
    from secconsole.tui.console import Console

SOME = 3  # logins named as examples of the others
MOST_BY_ADDRESS = 20  # logins named that were found by an address
TOO_LONG = "That is too long for a login."


@dataclass(frozen=True, slots=True)
class Pasted:
    """Logins with reason and end as typed, and the effect of adding them to the whitelist.

    `refused`: the ones that cannot be added, with reasons.
    """

    logins: tuple[str, ...]
    reason: str
    until_typed: str
    until: datetime | None
    check: WhitelistChanged
    refused: Mapping[str, str]


async def paste_many(app: Console) -> str | None:
    """Take a list and show its effect, until the user confirms it or cancels.

    Return a message, or None if nothing was changed.
    """
    pasted = await app.ask(PasteDialog(app.clock))
    while pasted is not None:
        done = await app.ask(PastedDialog(pasted, app.clock()))
        if isinstance(done, str):
            return done
        pasted = await app.ask(PasteDialog(app.clock, done))
    return None


async def check_pasted(app: Console, logins: Sequence[str], reason: str, until_typed: str) -> Pasted:
    """Return the effect of adding users, without adding them."""
    until = parse_until(until_typed, app.clock())
    # One name that is too long would have the server refuse the whole request.
    fit = tuple(login for login in logins if len(login) <= LONGEST_USER)
    check = WhitelistChanged((), (), ())
    if fit:
        check = await app.perform(
            AddToWhitelist(tenant=app.tenant, users=fit, reason=reason, until=until, only_new=True, check_only=True)
        )
    refused = {failed.login: failed.reason for failed in check.failed}
    refused |= {login: TOO_LONG for login in logins if len(login) > LONGEST_USER}
    return Pasted(tuple(logins), reason, until_typed, until, check, refused)


class PasteDialog(SubmitDialog["Pasted | None"]):
    """Takes many logins, and checks them before anything is done.

    `before`: the list to continue with.
    """

    def __init__(self, clock: Callable[[], datetime], before: Pasted | None = None) -> None:
        self._clock = clock
        fields = reason_and_until(before.reason, before.until_typed) if before else reason_and_until()
        super().__init__(
            "Add many to the whitelist", "", fields, [cancel(), Button("check", "Check them")], focus="reason"
        )
        self._box = PasteBox("Paste logins or e-mail addresses here, one per line or separated by commas.")
        self._box.text = "\n".join(before.logins) if before else ""
        self.form.more_typed = bool(self._box.text)

    def compose_body(self) -> ComposeResult:
        yield Static(self._words(), id="pasted")
        yield self._box

    def on_mount(self) -> None:
        super().on_mount()
        self._box.focus()

    def on_paste_box_changed(self) -> None:
        self.form.more_typed = bool(self._box.text)
        self.query_one("#pasted", Static).update(self._words())

    def _words(self) -> Content:
        found = logins_in(self._box.text)
        what = plural(len(found), "login") if found else "Logins, one per line or separated by commas"
        return safe(f"{what}. Tab goes to the next field.")

    async def submit(self, button: str, values: Values) -> Pasted:
        logins = logins_in(self._box.text)
        if not logins:
            self._box.focus()
            raise Invalid("Paste some logins first.")
        return await check_pasted(self.app, logins, str(values["reason"]), str(values["until"]))


def logins_in(text: str) -> tuple[str, ...]:
    """Return the logins of a pasted text, without duplicates."""
    return tuple(dict.fromkeys(word for part in re.split(r"[\n,;\t]", text) if (word := part.strip())))


class PastedDialog(SubmitDialog["Pasted | str"]):
    """Shows the effect, with a field to correct each login that cannot be added, and adds the users on confirmation.

    Returns a message, or the list to go back to.
    """

    def __init__(self, pasted: Pasted, now: datetime) -> None:
        self._pasted, self._now = pasted, now
        super().__init__("Nothing has been done yet", self._rows(), (), (), danger=True)
        self.form = self._corrections()

    def _corrections(self) -> Form:
        pasted, new = self._pasted, len(self._pasted.check.changed)
        fields: list[Field] = [
            TextField(name=f"login-{at}", label="Correct", value=login, max_length=max(LONGEST_USER, len(login)))
            for at, login in enumerate(pasted.refused)
        ]
        typed = new > TYPED_ABOVE
        if typed:
            fields.append(TextField(name="number", label=f"Type {new}"))
        buttons = [cancel("Back")]
        if pasted.refused:
            buttons.append(Button("check", "Check again", main=not typed))
        if new:
            buttons.append(Button("add", f"Put {plural(new, 'user')} on it", danger=True, main=typed))
        errors = {f"login-{at}": reason for at, reason in enumerate(pasted.refused.values())}
        return Form(fields, buttons, focus="login-0" if errors else "cancel", errors=errors)

    def action_cancel(self) -> None:
        self.dismiss(self._pasted)

    def _rows(self) -> Content:
        pasted, check = self._pasted, self._pasted.check
        new, refused = len(check.changed), len(pasted.refused)
        typed = {login_key(login) for login in pasted.logins}
        by_address = [login for login in (*check.changed, *check.unchanged) if login_key(login) not in typed]
        rows: list[Part] = [
            join((f"{count(new):>7}", "bold"), "  will be added to the whitelist", ":" if new else ""),
            *([join("         ", _first_logins(check.changed))] if new else []),
            join((f"{count(len(check.unchanged)):>7}", "bold"), "  are already on it and stay unchanged"),
        ]
        if by_address:
            named = _first_logins(by_address, MOST_BY_ADDRESS)
            rows.append(join((f"{count(len(by_address)):>7}", "bold"), "  of these by address: ", named))
        rows.append(join((f"{count(refused):>7}", "bold"), "  cannot be added", ":" if refused else ""))
        until = end_words(pasted.until, self._now)
        rows += ["", join(("Reason  ", "$muted"), pasted.reason), join(("Until   ", "$muted"), until)]
        if refused:
            rows += ["", ("Correct a login, or empty its field to leave it out.", "$muted")]
        return lines(*rows)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        """Check corrections first, for every button."""
        corrected = self._corrected(event.values)
        if event.button == "check" or corrected != tuple(self._pasted.refused):
            event.stop()
            event.prevent_default()  # Textual would call the method of the base class too
            self.start_work(lambda: self._check_again(corrected))

    def _corrected(self, values: Values) -> tuple[str, ...]:
        typed = (str(values[f"login-{at}"]) for at in range(len(self._pasted.refused)))
        return tuple(login for text in typed for login in logins_in(text))

    async def _check_again(self, corrected: Sequence[str]) -> None:
        before = self._pasted
        fit = [login for login in before.logins if login not in before.refused]
        try:
            wanted = tuple(dict.fromkeys((*fit, *corrected)))
            self._pasted = await check_pasted(self.app, wanted, before.reason, before.until_typed)
        except SecconsoleError as error:
            self.app.work_failed(error)
            return
        self.set_body(self._rows())
        await self.put_form(self._corrections())

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
        left = f"\n{plural(len(pasted.refused), 'login')} left out." if pasted.refused else ""
        return changed_words(done) + left


def _first_logins(logins: Sequence[str], most: int = SOME) -> str:
    more = len(logins) - most
    return ", ".join(logins[:most]) + (f" and {count(more)} more" if more > 0 else "")
