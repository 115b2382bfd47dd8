"""A user explained in plain words: what happens if they sign in now, and what to tell them on the phone."""

from __future__ import annotations

from datetime import datetime

from secconsole.domain.errors import Invalid
from secconsole.operations.base import Operation
from secconsole.operations.policy import ExplainSignIn, Explanation
from secconsole.operations.users import UserDetail
from secconsole.tui.actions import Action
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text import users as texts
from secconsole.tui.text.about import About, about
from secconsole.tui.text.format import status_words
from secconsole.tui.text.safe import Part, join
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, TextField, cancel

LONGEST_ADDRESS = 45  # characters of an IPv6 address with an IPv4 tail


class ExplainDialog(Dialog[None]):
    """Text only.

    Any button or Escape closes it.
    """

    def __init__(self, detail: UserDetail, explanation: Explanation, now: datetime, *, utf8: bool) -> None:
        self._user = detail.user.id
        super().__init__(f"About {detail.user.login}", explain(detail, explanation, now, utf8=utf8))

    async def operation_now(self) -> Operation[object] | None:
        return what_if(self.app.tenant, self._user)


def explain(detail: UserDetail, explanation: Explanation, now: datetime, *, utf8: bool) -> About:
    """Return who it is and what deserves a second look, then the verdict of `policy explain` in its own words."""
    user = detail.user
    mark, word = status_words(user.status, utf8=utf8)
    rows: list[Part] = []
    if detail.suspicions or detail.look_alikes:
        rows += ["  Is this the right user? Ask for the e-mail address on record first.", ""]
    flags = ", ".join(texts.FLAGS[flag] for flag in user.flags)
    rows.append(join((f"{mark} {word}", f"bold $status-{user.status}"), f"   {flags}" if flags else ""))
    if detail.undo is not None:
        words = texts.undo_words(detail.undo, now)
        rows.append(f"  {words[:1].upper()}{words[1:]}. {texts.undo_until(detail.undo, now)}.")
    return about(detail, *rows, "", *verdict(explanation))


def verdict(explanation: Explanation) -> list[Part]:
    """Return the words of `policy explain`, with headings."""
    where = f", from {explanation.address}" if explanation.address else ""
    return [
        (f"If {explanation.login} signs in now{where}", "bold"),
        *(f"  {line}" for line in explanation.verdict),
        "",
        ("What to tell the caller", "bold"),
        *(f"  {line}" for line in explanation.tell),
    ]


class WhatIfDialog(Dialog[None]):
    """Shows what happens if a user signs in now, from an address that can be entered again and again."""

    def __init__(self, detail: UserDetail, explanation: Explanation) -> None:
        self._detail = detail
        fields = [
            TextField(
                name="address",
                label="From",
                max_length=LONGEST_ADDRESS,
                help="An IP address. Empty: a network that is allowed.",
            )
        ]
        buttons = [cancel("Close"), Button("try", "Try")]
        super().__init__("What if they sign in now?", self._text(explanation), fields, buttons, focus="address")

    def _text(self, explanation: Explanation) -> About:
        return about(self._detail, *verdict(explanation))

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.start_work(self._try)

    async def operation_now(self) -> ExplainSignIn:
        return what_if(self.app.tenant, self._detail.user.id, str(self.form.values["address"]))

    async def _try(self) -> None:
        try:
            self.set_body(self._text(await self.app.perform(await self.operation_now())))
        except Invalid as error:
            self.form.set_error("address", error.message)


def what_if(tenant: str, user: str, address: str = "") -> ExplainSignIn:
    return ExplainSignIn(tenant=tenant, user=user, address=address)


async def ask_what_if(place: UsersPlace) -> None:
    """Explain the next sign-in of the user under the cursor."""
    detail = await place.detail_at_cursor()
    explanation = await place.app.perform(what_if(place.app.tenant, detail.user.id))
    await place.app.ask(WhatIfDialog(detail, explanation))


ACTION = Action(
    "users.what-if",
    "What if they sign in now?",
    "W",
    "See what a sign-in of this user results in, from any address, and by which rule.",
    ExplainSignIn,
    priority=9,
    command="secconsole policy explain LOGIN --from IP",
    acts_on="one",
    run=ask_what_if,
)
