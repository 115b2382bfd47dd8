"""Receivers of the audit: the list with its lag, adding, testing and removing one."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.audit.audit_stream import LONGEST_PEM, LONGEST_RECEIVER, LONGEST_STREAM_NAME, StreamKind
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.operations.audit_streams import (
    AddAuditStream,
    AuditStream,
    AuditStreams,
    ListAuditStreams,
    RemoveAuditStream,
    StreamAdded,
    StreamState,
    StreamTest,
    TestAuditStream,
)
from secconsole.operations.base import Operation
from secconsole.tui.screens.dialog import ConfirmDialog, Dialog
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.secret_dialog import HIDE_AFTER
from secconsole.tui.screens.secret_once import SecretOnceDialog, bullets, free_path
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import ago, exact, plural
from secconsole.tui.text.labelled import labelled
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, ChoiceField, Field, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_ADD = "add"
_WAIT, _EVERY = 50.0, 0.5  # seconds for the outcome of a test
_KINDS = [
    (str(StreamKind.SYSLOG_TLS), "syslog over TLS"),
    (str(StreamKind.SYSLOG_UNIX), "syslog on a socket"),
    (str(StreamKind.WEBHOOK), "webhook"),
]
_ADDRESSES = "HOST or HOST:PORT; for a socket its path; for a webhook its URL."


class StreamsDialog(PickDialog["str | None"]):
    """Returns what was picked: the id of a stream, or a word to add one.

    `why_not`: why the user may only look. `message`: what was just done.
    """

    def __init__(self, found: AuditStreams, now: datetime, *, why_not: str = "", message: str = "") -> None:
        picks = [] if why_not else [Pick(_ADD, "Add a receiver")]
        picks += [Pick(one.id, f"{one.name}  {one.to}", lag_words(one, now)) for one in found.items]
        rows: list[Part] = [(message, "$status-bound")] if message else []
        rows.append("Each receiver gets every entry, at least once, with its number and MAC.")
        if not found.items:
            rows.append("The audit is sent nowhere yet.")
        if why_not:
            rows.append((f"Read-only. {why_not}", "$muted"))
        super().__init__("Receivers of the audit", lines(*rows), picks, back="Close")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class AddStreamDialog(SubmitDialog["StreamAdded | None"]):
    """Adds a receiver."""

    def __init__(self) -> None:
        fields: list[Field] = [
            TextField(
                name="name",
                label="Name",
                needed=True,
                max_length=LONGEST_STREAM_NAME,
                help="Letters, digits, dots and dashes: siem.",
            ),
            ChoiceField(name="kind", label="Kind", options=_KINDS, value=_KINDS[0][0], help="Left and right choose."),
            TextField(name="to", label="Address", needed=True, max_length=LONGEST_RECEIVER, help=_ADDRESSES),
            TextField(
                name="ca",
                label="Authority",
                max_length=1000,
                help="A file with the only certificates to trust, or empty.",
            ),
            CheckField(
                name="from_start",
                label="Start",
                text="with the oldest entry",
                help="Space changes it. Otherwise only new entries are sent.",
            ),
        ]
        super().__init__("Add a receiver", "", fields, [cancel(), Button("add", "Add")], focus="name")

    async def submit(self, button: str, values: Values) -> StreamAdded | None:
        path = str(values["ca"]).strip()
        return await self.app.perform(
            AddAuditStream(
                tenant=self.app.tenant,
                name=str(values["name"]),
                kind=StreamKind(str(values["kind"])),
                to=str(values["to"]),
                ca=await asyncio.to_thread(_read, path) if path else "",
                from_start=bool(values["from_start"]),
            )
        )


class StreamDialog(Dialog["str | None"]):
    """Shows one stream, and tests it.

    Returns `remove` to remove it.
    """

    def __init__(self, one: AuditStream, *, why_not: str = "") -> None:
        self._one = one
        self._why_not = why_not
        buttons = [cancel("Close")]
        if not why_not:
            buttons += [Button("test", "Test"), Button("remove", "Remove", danger=True)]
        super().__init__("Receiver of the audit", stream_words(one, why_not), (), buttons, focus="cancel")

    async def operation_now(self) -> Operation[object] | None:
        if self._why_not:
            return await super().operation_now()
        act = RemoveAuditStream if self.form.button_now == "remove" else TestAuditStream
        return act(tenant=self.app.tenant, stream=self._one.id)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "test":
            self.start_work(self._test)
        else:
            self.dismiss(event.button)

    async def _test(self) -> None:
        try:
            asked = await self.app.perform(TestAuditStream(tenant=self.app.tenant, stream=self._one.id))
        except SecconsoleError as error:
            self.app.notify_failed(error)
        else:
            self._show(asked)
            self.follow_sending(self._follow())

    async def _follow(self) -> None:
        """Show the stream until its test has an outcome."""
        for _ in range(int(_WAIT / _EVERY)):
            await asyncio.sleep(_EVERY)
            found = await self.app.perform(ListAuditStreams(tenant=self.app.tenant))
            one = next((one for one in found.items if one.id == self._one.id), None)
            if one is None:
                return
            self._show(one)
            if one.test is not StreamTest.WAITING:
                return

    def _show(self, one: AuditStream) -> None:
        self._one = one
        self.set_body(stream_words(one, self._why_not))


class StreamSecretDialog(SecretOnceDialog):
    """Shows the secret of a webhook once.

    Returns True when it is saved.
    """

    TICK = "I have saved it"
    NOT_YET = "Save or copy it first, then tick this with space."

    def __init__(self, added: StreamAdded, now: datetime, *, hide_after: float = HIDE_AFTER) -> None:
        self._secret: Secret[str] | None = added.secret
        self._called = added.stream.name
        stamp = f"{now.astimezone():%Y%m%d-%H%M%S}"
        super().__init__(
            "Secret of the webhook", free_path(f"secconsole-{self._called}", ".secret", stamp), hide_after=hide_after
        )

    def forget(self) -> None:
        self._secret = None

    def words(self, *, shown: bool) -> list[Content]:
        secret = self.to_copy().reveal()
        return [
            join((self._called, "bold"), ("   ", "$muted"), ("Shown once", "bold")),
            safe(""),
            safe(secret if shown else bullets(secret), "bold"),
            safe(""),
            safe("The receiver verifies with it that requests come from here:"),
            safe("standardwebhooks.com, HMAC-SHA256, version 1."),
        ]

    def to_copy(self) -> Secret[str]:
        return self._secret or Secret("")

    def to_write(self) -> Secret[str]:
        return Secret(self.to_copy().reveal() + "\n")


async def manage_streams(app: Console, *, why_not: str = "") -> None:
    """Show the receivers, and do what is picked until the user closes the list."""
    message = ""
    while True:
        found = await app.perform(ListAuditStreams(tenant=app.tenant))
        picked = await app.ask(StreamsDialog(found, app.clock(), why_not=why_not, message=message))
        if picked is None:
            return
        if picked == _ADD:
            message = await _add(app)
        else:
            message = await _look_at(app, next(one for one in found.items if one.id == picked), why_not)


async def _add(app: Console) -> str:
    added = await app.ask(AddStreamDialog())
    if added is None:
        return ""
    if added.secret is not None:
        await app.ask(StreamSecretDialog(added, app.clock()))
    return f"{added.stream.name} gets the audit now. Test it: pick it below."


async def _look_at(app: Console, one: AuditStream, why_not: str) -> str:
    if await app.ask(StreamDialog(one, why_not=why_not)) != "remove":
        return ""
    found = await app.perform(ListAuditStreams(tenant=app.tenant))
    one = next((now for now in found.items if now.id == one.id), one)
    body = lines(
        join((one.name, "bold"), f"  {one.to}"),
        "",
        "It gets no more entries of the audit.",
        f"It lacks the newest {one.behind:,} now." if one.behind else "It has every entry now.",
    )
    removing = RemoveAuditStream(tenant=app.tenant, stream=one.id)
    if not await app.ask(ConfirmDialog(f"Remove {one.name}", body, "Remove", danger=True, does=removing)):
        return ""
    await app.perform(removing)
    return f"{one.name} is removed."


def lag_words(one: AuditStream, now: datetime) -> str:
    """Return how far a stream is, in a few words."""
    if one.state is StreamState.CURRENT:
        return "has every entry" if one.last_sent else "waits for the first entry"
    since = f", since {ago(one.behind_since, now)}" if one.behind_since else ""
    lag = f"{plural(one.behind, 'entry', 'entries')} behind{since}"
    return f"failing: {lag}" if one.state is StreamState.FAILING else lag


def stream_words(one: AuditStream, why_not: str) -> Content:
    """Return everything about a stream."""
    sent_at = f", {exact(one.last_sent)}" if one.last_sent else ""
    rows: list[Part] = [
        labelled("Name", one.name),
        labelled("Receiver", f"{one.to}  ({one.kind})"),
        labelled("Sent", f"entry {one.sent:,} of {one.newest:,}{sent_at}"),
        labelled("Behind", f"{one.behind:,}, since {exact(one.behind_since)}" if one.behind_since else "nothing"),
        labelled("Added", f"{exact(one.created)} by {one.by}", "$muted"),
    ]
    if one.problem:
        next_try = f" Next try: {exact(one.next_try, seconds=True)}." if one.next_try else ""
        times = plural(one.failures, "time")
        rows.append(labelled("Problem", f"{one.problem} Failed {times}.{next_try}", "$danger"))
    rows.append(labelled("Test", *_test_words(one)))
    if why_not:
        rows += ["", (f"Read-only. {why_not}", "$muted")]
    return lines(*rows)


def _test_words(one: AuditStream) -> tuple[str, str]:
    at = f"{exact(one.tested, seconds=True)}: " if one.tested else ""
    match one.test:
        case StreamTest.PASSED:
            return f"{at}the receiver took the message", "$status-bound"
        case StreamTest.FAILED:
            return f"{at}{one.test_problem}", "$danger"
        case StreamTest.WAITING:
            return "is being sent …", ""
        case _:
            return "not tested yet", "$muted"


def _read(path: str) -> str:
    try:
        text = Path(path).expanduser().read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise Invalid("This file cannot be read as PEM.", "ca") from None
    if len(text) > LONGEST_PEM:
        raise Invalid(f"This file is longer than {LONGEST_PEM:,} characters.", "ca")
    return text
