"""How codes are sent: the mail server, Twilio, trying them out, and what became of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.delivery import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    HOST,
    SERVICE_SID,
    MessageState,
    Purpose,
    SettingsState,
    Tls,
)
from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.domain.text import BLANKS
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Code, Moment, TenantName

TWILIO = "https://api.twilio.com"
LONGEST_HOST = 253
LONGEST_USER = 254
LONGEST_PASSWORD = 1024
LONGEST_URL = 500

Host = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_HOST,
        pattern=rf"^[{BLANKS}]*{HOST}[{BLANKS}]*$",
        description="A mail server's name or address, without a port.",
    ),
]
Port = Annotated[int, Meta(ge=1, le=65535)]
Sender = Annotated[str, Meta(max_length=LONGEST_EMAIL, description="The address that mail comes from.")]
Encryption = Annotated[
    Tls | None,
    Meta(description="None: by the port, and none on this machine. STARTTLS is demanded where it is chosen."),
]


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A mail server. Its password is never told."""

    state: SettingsState
    host: str
    port: int
    tls: Tls
    sender: str
    username: str
    since: Moment
    by: str


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """An account at Twilio, with a sender's number or a messaging service. Its auth token is never told."""

    state: SettingsState
    account_sid: str
    sender: str
    service: str
    base_url: str
    since: Moment
    by: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the messages of the last 24 hours; at most `most` are sent, and notices beside those."""

    kind: FactorKind
    waiting: int
    sent: int
    failed: int
    unsure: int
    most: int


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message. `problem`: why it did not leave, in words for a helpdesk."""

    id: str
    at: Moment
    kind: FactorKind
    purpose: Purpose
    login: str
    masked: str
    state: MessageState
    attempts: int
    problem: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a tenant sends: of each at most one setting in effect and one that waits for its test.

    `inbox`: this is a demo, and whatever is set, its messages go nowhere but into its own mailbox and phone.
    """

    smtp: tuple[SmtpSettings, ...]
    twilio: tuple[TwilioSettings, ...]
    day: tuple[Sent, ...]
    recent: tuple[MessageRow, ...]
    inbox: bool = False


@dataclass(frozen=True, slots=True)
class TestStarted:
    """A code on its way to an administrator. `prefix` stands in front of it; `message` says if none was sent, and why.

    `id`: the message's, to be looked for in `delivery.show`.
    """

    __test__ = False  # no test, for those who look for tests by name

    sent: bool
    kind: FactorKind
    masked: str
    prefix: str
    message: str = ""
    id: str = ""
    state: SettingsState = SettingsState.PENDING
    expires: Moment | None = None
    retry_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class TestResult:
    """Whether the code was the one that was sent. If so, the settings it was sent with are in effect."""

    __test__ = False

    accepted: bool
    message: str
    kind: FactorKind | None = None


@declare("delivery.show", "GET", "/v1/tenants/{tenant}/delivery", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDelivery(Operation[Delivery]):
    """Show how codes are sent, and what became of the latest."""

    tenant: TenantName


@declare("delivery.set-smtp", "PUT", "/v1/tenants/{tenant}/delivery/smtp", Permission.MANAGE_POLICY, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetSmtp(Operation[SmtpSettings]):
    """Keep settings of a mail server; they take effect once the code of a test was typed back."""

    tenant: TenantName
    host: Host
    port: Port = 587
    sender: Sender
    tls: Encryption = None
    username: Annotated[str, Meta(max_length=LONGEST_USER)] = ""
    password: Annotated[Secret[str], Meta(max_length=LONGEST_PASSWORD)] | None = None


@declare("delivery.set-twilio", "PUT", "/v1/tenants/{tenant}/delivery/twilio", Permission.MANAGE_POLICY, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetTwilio(Operation[TwilioSettings]):
    """Keep an account at Twilio; it takes effect once the code of a test was typed back.

    Give a sender's number or a messaging service, not both.
    """

    tenant: TenantName
    account_sid: Annotated[str, Meta(pattern=f"^{ACCOUNT_SID}$", description="As in Twilio's console.")]
    auth_token: Annotated[Secret[str], Meta(pattern=f"^{AUTH_TOKEN}$", description="As in Twilio's console.")]
    sender: str = ""
    service: Annotated[str, Meta(pattern=f"^({SERVICE_SID})?$", description="A messaging service's SID, or empty.")] = (
        ""
    )
    base_url: Annotated[str, Meta(max_length=LONGEST_URL)] = TWILIO


@declare("delivery.try", "POST", "/v1/tenants/{tenant}/delivery/test", Permission.MANAGE_POLICY, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class TryDelivery(Operation[TestStarted]):
    """Send a code with the settings that wait for their test, else with those in effect."""

    tenant: TenantName
    kind: FactorKind
    to: Annotated[str, Meta(max_length=LONGEST_EMAIL, description="Your own address or number.")]


@declare("delivery.confirm", "POST", "/v1/tenants/{tenant}/delivery/confirm", Permission.MANAGE_POLICY, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDelivery(Operation[TestResult]):
    """Type back the code of a test; the settings it came with are then in effect."""

    tenant: TenantName
    code: Code
