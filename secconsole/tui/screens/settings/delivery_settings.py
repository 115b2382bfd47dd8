"""Settings of a mail server or a Twilio account.

A stored password is never shown again.
"""

from __future__ import annotations

from secconsole.domain.errors import Invalid
from secconsole.domain.messages.delivery import Tls
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import TWILIO, Delivery, SetSmtp, SetTwilio, SmtpSettings, TwilioSettings
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.delivery import in_effect, untested
from secconsole.tui.widgets.form_fields import (
    Button,
    ChoiceField,
    Field,
    NumberField,
    PasswordField,
    PhoneField,
    TextField,
    cancel,
)

_KEEP = [cancel(), Button("keep", "Save and test")]
_BEFORE = "They take effect after a test. Until then, the settings in effect are used."
_TLS = [("", "by the port"), (Tls.STARTTLS, "STARTTLS"), (Tls.TLS, "TLS"), (Tls.NONE, "none")]


def settings_dialog(role: Role, kind: FactorKind, delivery: Delivery) -> SubmitDialog[bool]:
    """Return the form of a kind, filled in with the settings not tested yet, or else with those in effect."""
    before = untested(delivery, kind) or in_effect(delivery, kind)
    if kind is FactorKind.EMAIL:
        return SmtpDialog(before if isinstance(before, SmtpSettings) else None)
    return TwilioDialog(before if isinstance(before, TwilioSettings) else None, role)


class SmtpDialog(SubmitDialog[bool]):
    """Stores the settings of a mail server, to be tested."""

    cancelled = False

    def __init__(self, before: SmtpSettings | None) -> None:
        self._port = str(before.port) if before else "587"
        fields = [
            TextField(
                name="host",
                label="Server",
                needed=True,
                value=before.host if before else "",
                help="Name or address, without a port: mail.acme.example",
            ),
            NumberField(
                name="port",
                label="Port",
                digits=5,
                needed=True,
                help="587 with STARTTLS, or 465 with TLS, on most servers.",
            ),
            ChoiceField(
                name="tls",
                label="Encryption",
                options=_TLS,
                value=before.tls if before else "",
                help="left and right choose; there is no fallback.",
            ),
            TextField(
                name="sender",
                label="Sender",
                needed=True,
                value=before.sender if before else "",
                help="The address that mail is sent from: mfa@acme.example",
            ),
            TextField(
                name="username",
                label="User",
                value=before.username if before else "",
                help="Leave empty if the server asks for no password.",
            ),
            PasswordField(name="password", label="Password", help="Never shown again: type it again with each change."),
            TextField(
                name="helo",
                label="Greets as",
                value=before.helo if before else "",
                help="Empty: this machine's name, or the sender's domain.",
            ),
        ]
        super().__init__("Mail server", _BEFORE, fields, _KEEP, focus="host")

    def on_mount(self) -> None:
        super().on_mount()
        self.form.set_value("port", self._port)

    async def submit(self, button: str, values: Values) -> bool:
        port, password, tls = str(values["port"]), values["password"], str(values["tls"])
        assert isinstance(password, Secret)
        if not 1 <= int(port) <= 65535:
            raise Invalid("A port is between 1 and 65535.", "port")
        if values["username"] and not password:
            raise Invalid("The password is never shown: type it again for this user.", "password")
        await self.app.perform(
            SetSmtp(
                tenant=self.app.tenant,
                host=str(values["host"]).strip(),
                port=int(port),
                sender=str(values["sender"]).strip(),
                tls=Tls(tls) if tls else None,
                username=str(values["username"]),
                password=password if password else None,
                helo=str(values["helo"]).strip(),
            )
        )
        return True


class TwilioDialog(SubmitDialog[bool]):
    """Stores a Twilio account, to be tested."""

    cancelled = False

    def __init__(self, before: TwilioSettings | None, role: Role) -> None:
        sender = (before.sender or before.service) if before else ""
        self._base_url = before.base_url if before else TWILIO
        fields: list[Field] = [
            TextField(
                name="account_sid",
                label="Account SID",
                needed=True,
                value=before.account_sid if before else "",
                help="It begins with AC and is shown in Twilio's console.",
            ),
            PasswordField(
                name="auth_token", label="Auth token", needed=True, help="From Twilio's console; never shown again."
            ),
            PhoneField(
                name="sender",
                label="Sender",
                needed=True,
                value=sender,
                help="A number (F3 lists countries), or a messaging service (MG…).",
            ),
        ]
        if role is Role.PLATFORM_ADMIN:  # only they may have messages sent to another server
            fields.append(
                TextField(
                    name="base_url",
                    label="Base URL",
                    needed=True,
                    value=self._base_url,
                    max_length=500,
                    help="Twilio's own, except for a test server.",
                )
            )
        super().__init__("SMS through Twilio", _BEFORE, fields, _KEEP, focus="account_sid")

    async def submit(self, button: str, values: Values) -> bool:
        token, sender = values["auth_token"], str(values["sender"]).strip()
        assert isinstance(token, Secret)
        is_service = sender.startswith("MG")
        await self.app.perform(
            SetTwilio(
                tenant=self.app.tenant,
                account_sid=str(values["account_sid"]).strip(),
                auth_token=Secret(token.reveal().strip()),
                sender="" if is_service else sender,
                service=sender if is_service else "",
                base_url=str(values.get("base_url", TWILIO)).strip(),
            )
        )
        return True
