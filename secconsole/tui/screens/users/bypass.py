"""Bypass codes: issue one for a user whose phone is not at hand, show it once, or revoke it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from secconsole.config.dates import parse_start
from secconsole.domain.errors import Invalid
from secconsole.domain.factors.bypass import MOST_MINUTES, USUAL_MINUTES
from secconsole.domain.secret import Secret
from secconsole.operations.bypass import BypassIssued, BypassRevoked, IssueBypass, RevokeBypass
from secconsole.operations.caller_check import CallerCheck, ShowCallerCheck
from secconsole.operations.users import ShowUser, UserDetail
from secconsole.tui.actions import Action
from secconsole.tui.screens.secret_dialog import HIDDEN, SecretDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text.about import about
from secconsole.tui.text.format import until
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.text.users import bypass_words, caller_words
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, Field, NumberField, TextField, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_BULLETS = "••••-••••-••••-••••"


class BypassDialog(SubmitDialog["BypassIssued | BypassRevoked | None"]):
    """Issues a bypass code, or revokes the unused one.

    `usual` and `most`: minutes from the policy.
    """

    def __init__(self, detail: UserDetail, check: CallerCheck | None, now: datetime, *, usual: int, most: int) -> None:
        self._user = detail.user
        said: list[Part] = [
            "A code that replaces the phone for one sign-in. It cannot bind a phone or confirm dangerous actions.",
        ]
        said.append(caller_words(check, now))
        buttons = [cancel(), Button("issue", "Issue code")]
        if detail.bypass is not None:
            said += [(f"There is a {bypass_words(detail.bypass, now)}. A new one replaces it.", "$status-pending")]
            buttons.insert(1, Button("revoke", "Revoke it", free=True))
        fields: list[Field] = [
            TextField(name="reason", label="Reason", needed=True, help="Others will rely on it later."),
            TextField(name="ticket", label="Ticket", max_length=100, help="Optional."),
            NumberField(
                name="minutes", label="Minutes", digits=4, help=f"Empty: {usual:,}. The policy allows {most:,} at most."
            ),
            TextField(
                name="starts",
                label="From",
                placeholder="08:00",
                max_length=40,
                help="Empty: now. Or 08:00, or 2027-01-31T08:00.",
            ),
        ]
        title = f"Bypass code: {detail.user.login}"
        super().__init__(title, about(detail, *said), fields, buttons, focus="reason")

    async def submit(self, button: str, values: Values) -> BypassIssued | BypassRevoked | None:
        tenant, user = self.app.tenant, self._user.id
        if button == "revoke":
            return await self.app.perform(RevokeBypass(tenant=tenant, user=user))
        starts = parse_start(str(values["starts"]), self.app.clock())
        return await self.app.perform(
            IssueBypass(
                tenant=tenant,
                user=user,
                reason=str(values["reason"]),
                ticket=str(values["ticket"]),
                minutes=minutes_of(values["minutes"]),
                starts=starts,
            )
        )


class BypassCodeDialog(SecretDialog[None]):
    """Shows the code for reading it out.

    Hide has the focus: one Enter too many must not lose it.
    """

    def __init__(self, issued: BypassIssued, now: datetime) -> None:
        self._issued = issued
        self._code: Secret[str] | None = issued.code
        self._now = now
        buttons = [
            Button("close", "I have read it out", cancels=True),
            Button("hide", "Hide"),
            Button("copy", "Copy"),
        ]
        super().__init__(f"Bypass code: {issued.login}", (), buttons, focus="hide")

    def forget(self) -> None:
        self._code = None

    def redraw(self) -> None:
        code = self._code.reveal() if self.shown and self._code is not None else _BULLETS
        issued, now = self._issued, self._now
        starts = f"from {until(issued.starts, now)} " if issued.starts > now else ""
        rows: list[Part] = [
            join(("Code   ", "$muted"), (code, "bold")),
            "",
            f"Works once, {starts}until {until(issued.until, now)}. It is shown only once.",
            "Say: After your password, type it where the code is asked for. Dashes and lower case do not matter.",
            ("It has no letter I, L, O or U.", "$muted"),
        ]
        if issued.message:
            rows.append((issued.message, "$status-pending"))
        self.set_body(lines(*rows, *([] if self.shown else ["", HIDDEN])))

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.keep_shown()
        if event.button == "hide":
            self.toggle()
        elif self._code is not None:
            self.app.copy_to_clipboard(self._code.reveal())


def minutes_of(value: object) -> int | None:
    """Return the minutes of a field, None if it is empty, or raise `Invalid`."""
    text = str(value).strip()
    if not text:
        return None
    # The field takes four digits and nothing else, so int() cannot fail.
    if not 1 <= int(text) <= MOST_MINUTES:
        raise Invalid(f"Enter minutes from 1 to {MOST_MINUTES:,}.", "minutes")
    return int(text)


def usual_minutes(app: Console) -> int:
    """Return how long a code works by the policy."""
    return app.policy.bypass_minutes if app.policy is not None else USUAL_MINUTES


async def bypass(place: UsersPlace) -> None:
    """Issue or revoke the code of the user under the cursor."""
    app, policy, now = place.app, place.app.policy, place.app.clock()
    detail = await app.perform(ShowUser(tenant=app.tenant, user=place.person_at_cursor().id))
    usual, most = usual_minutes(app), policy.bypass_most if policy is not None else MOST_MINUTES
    check = (await app.perform(ShowCallerCheck(tenant=app.tenant, user=detail.user.id))).check
    done = await app.ask(BypassDialog(detail, check, now, usual=usual, most=most))
    if isinstance(done, BypassIssued):
        await app.ask(BypassCodeDialog(done, app.clock()))
    elif isinstance(done, BypassRevoked):
        app.notify_done(f"The bypass code of {done.login} no longer works.")
    if done is not None:
        await place.reload()


ACTION = Action(
    "users.bypass",
    "Bypass code",
    "b",
    "Issue a code that replaces the phone for one sign-in, or revoke it.",
    IssueBypass,
    dangerous=True,
    priority=2,
    command="secconsole bypass LOGIN --reason TEXT",
    acts_on="one",
    run=bypass,
)
