"""The fields of a mail server and of an account at Twilio. A password that is kept is never shown again."""

from __future__ import annotations

from secconsole.domain.delivery import Tls
from secconsole.domain.errors import Invalid
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import TWILIO, Delivery, SetSmtp, SetTwilio, SmtpSettings, TwilioSettings
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.sending_words import in_effect, untested
from secconsole.tui.widgets.form_fields import Button, ChoiceField, CodeField, Field, PasswordField, TextField, cancel

_KEEP = [cancel(), Button("keep", "Keep and test")]
_BEFORE = "They take effect after a test. Until then, what is in effect now holds."
_TLS = [("", "by the port"), (Tls.STARTTLS, "STARTTLS"), (Tls.TLS, "TLS"), (Tls.NONE, "none")]


def settings_dialog(role: Role, kind: FactorKind, delivery: Delivery) -> DoingDialog[bool]:
    """The fields of a kind, filled in with what waits for its test, or else with what is in effect."""
    before = untested(delivery, kind) or in_effect(delivery, kind)
    if kind is FactorKind.EMAIL:
        return SmtpDialog(before if isinstance(before, SmtpSettings) else None)
    return TwilioDialog(before if isinstance(before, TwilioSettings) else None, role)


class SmtpDialog(DoingDialog[bool]):
    """Keeps settings of a mail server, to be tested."""

    cancelled = False

    def __init__(self, before: SmtpSettings | None) -> None:
        self._port = str(before.port) if before else "587"
        fields = [
            TextField(name="host", label="Server", needed=True, value=before.host if before else "",
                      help="Its name or address, without a port: mail.acme.example"),
            CodeField(name="port", label="Port", digits=5, needed=True,
                      help="587 with STARTTLS, or 465 with TLS, on most servers."),
            ChoiceField(name="tls", label="Encryption", options=_TLS, value=before.tls if before else "",
                        help="left and right choose; what is chosen is demanded."),
            TextField(name="sender", label="Sender", needed=True, value=before.sender if before else "",
                      help="The address that mail comes from: mfa@acme.example"),
            TextField(name="username", label="User", value=before.username if before else "",
                      help="Leave it empty where the server asks for no password."),
            PasswordField(name="password", label="Password",
                          help="Never shown again: type it anew with each change."),
        ]  # fmt: skip
        super().__init__("Mail server", _BEFORE, fields, _KEEP, focus="host")

    def on_mount(self) -> None:
        super().on_mount()
        self.form.set_value("port", self._port)

    async def do(self, button: str, values: Values) -> bool:
        port, password, tls = str(values["port"]), values["password"], str(values["tls"])
        assert isinstance(password, Secret)
        if not 1 <= int(port) <= 65535:
            raise Invalid("A port is between 1 and 65535.", "port")
        if values["username"] and not password:
            raise Invalid("The password goes with the user: type it again, it is never shown.", "password")
        await self.app.perform(
            SetSmtp(
                tenant=self.app.tenant, host=str(values["host"]).strip(), port=int(port),
                sender=str(values["sender"]).strip(), tls=Tls(tls) if tls else None,
                username=str(values["username"]), password=password if password else None,
            )
        )  # fmt: skip
        return True


class TwilioDialog(DoingDialog[bool]):
    """Keeps an account at Twilio, to be tested."""

    cancelled = False

    def __init__(self, before: TwilioSettings | None, role: Role) -> None:
        sender = (before.sender or before.service) if before else ""
        self._base_url = before.base_url if before else TWILIO
        fields: list[Field] = [
            TextField(name="account_sid", label="Account SID", needed=True, value=before.account_sid if before else "",
                      help="It begins with AC and stands in Twilio's console."),
            PasswordField(name="auth_token", label="Auth token", needed=True,
                          help="From Twilio's console; never shown again."),
            TextField(name="sender", label="Sender", needed=True, value=sender,
                      help="A number (+15005550006), or a messaging service (MG…)."),
        ]  # fmt: skip
        if role is Role.PLATFORM_ADMIN:  # who alone may have messages handed elsewhere
            fields.append(TextField(name="base_url", label="Base URL", needed=True, value=self._base_url,
                                    max_length=500, help="Twilio's own, but for a trial with a stand-in."))  # fmt: skip
        super().__init__("SMS through Twilio", _BEFORE, fields, _KEEP, focus="account_sid")

    async def do(self, button: str, values: Values) -> bool:
        token, sender = values["auth_token"], str(values["sender"]).strip()
        assert isinstance(token, Secret)
        is_service = sender.startswith("MG")
        await self.app.perform(
            SetTwilio(
                tenant=self.app.tenant, account_sid=str(values["account_sid"]).strip(),
                auth_token=Secret(token.reveal().strip()), sender="" if is_service else sender,
                service=sender if is_service else "", base_url=str(values.get("base_url", TWILIO)).strip(),
            )
        )  # fmt: skip
        return True
