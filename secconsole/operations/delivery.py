"""Delivery of codes: the mail server, Twilio, test messages, and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import LONGEST_EMAIL, LONGEST_PHONE
from secconsole.domain.messages.delivery import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    HELO,
    HOST,
    SERVICE_SID,
    MessageState,
    Purpose,
    SettingsState,
    Tls,
)
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.domain.text import BLANKS
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Code, Moment, TenantName

TWILIO = "https://api.twilio.com"
LONGEST_HOST = 253
LONGEST_USER = 254
LONGEST_PASSWORD = 1024
LONGEST_URL = 500
LONGEST_SID = 66
LONGEST_AUTH_TOKEN = 256

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
Helo = Annotated[
    str,
    Meta(
        max_length=LONGEST_HOST,
        pattern=f"^({HELO})?$",
        description="The name to greet the mail server with. Empty: that of this machine, or the sender's domain.",
    ),
]
Encryption = Annotated[
    Tls | None,
    Meta(description="None: by the port, and unencrypted on this machine. STARTTLS is mandatory if chosen."),
]


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Mail server, without its password.

    `greeting`: the name that the mail server is greeted with, which is the default if `helo` is empty.
    """

    state: SettingsState
    host: str
    port: int
    tls: Tls
    sender: str
    username: str
    since: Moment
    by: str
    helo: str = ""
    greeting: str = ""


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """Twilio account with a sender's number or a messaging service, without its auth token."""

    state: SettingsState
    account_sid: str
    sender: str
    service: str
    base_url: str
    since: Moment
    by: str


@dataclass(frozen=True, slots=True)
class Sent:
    """Outcomes of messages of the last 24 hours.

    At most `most` are sent, not counting notices.
    """

    kind: FactorKind
    waiting: int
    sent: int
    failed: int
    unsure: int
    most: int


@dataclass(frozen=True, slots=True)
class MessageRow:
    """Message and its outcome.

    `problem`: why it was not sent, in words for a helpdesk.
    """

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
    """Delivery settings of a tenant: per kind at most one in effect and one that waits for its test.

    `inbox`: this is a demo, whose messages go only to its own mailbox and phone, whatever the settings.
    """

    smtp: tuple[SmtpSettings, ...]
    twilio: tuple[TwilioSettings, ...]
    day: tuple[Sent, ...]
    recent: tuple[MessageRow, ...]
    inbox: bool = False


@dataclass(frozen=True, slots=True)
class TestStarted:
    """Test code on its way to an administrator.

    `prefix` precedes the code. `message` explains if none was sent. `id`: the id of the message in `delivery.show`.
    """

    __test__ = False  # not a test, although its name looks like one

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
    """Result of a test.

    If the code was correct, the settings it was sent with are in effect.
    """

    __test__ = False

    accepted: bool
    message: str
    kind: FactorKind | None = None


@declare(
    "delivery.show",
    "GET",
    "/v1/tenants/{tenant}/delivery",
    Permission.SEE,
    example=lambda s: (ShowDelivery(tenant=s.TENANT), s.SHOW_DELIVERY_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDelivery(Operation[Delivery]):
    """Show the delivery settings and the outcomes of recent messages."""

    tenant: TenantName


@declare(
    "delivery.set-smtp",
    "PUT",
    "/v1/tenants/{tenant}/delivery/smtp",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=events.DELIVERY_SET_SMTP,
    example=lambda s: (
        SetSmtp(
            tenant=s.TENANT, host="mail.acme.example", sender="mfa@acme.example", username="mfa", password=s.PASSWORD
        ),
        s.SMTP,
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetSmtp(Operation[SmtpSettings]):
    """Set a mail server, which takes effect once a test code was typed back.

    Settings of a tenant's administrators are limited to public addresses and ports of mail servers, unless the owner of
    the store allows more. This is checked again at each send.
    """

    tenant: TenantName
    host: Host
    port: Port = 587
    sender: Sender
    tls: Encryption = None
    username: Annotated[str, Meta(max_length=LONGEST_USER)] = ""
    password: Annotated[Secret[str], Meta(max_length=LONGEST_PASSWORD)] | None = None
    helo: Helo = ""


@declare(
    "delivery.set-twilio",
    "PUT",
    "/v1/tenants/{tenant}/delivery/twilio",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=events.DELIVERY_SET_TWILIO,
    example=lambda s: (
        SetTwilio(
            tenant=s.TENANT, account_sid=s.TWILIO.account_sid, auth_token=s.SESSION_TOKEN, sender=s.TWILIO.sender
        ),
        s.TWILIO,
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetTwilio(Operation[TwilioSettings]):
    """Set a Twilio account, which takes effect once a test code was typed back.

    Use either a sender's number or a messaging service.
    """

    tenant: TenantName
    account_sid: Annotated[
        str, Meta(max_length=LONGEST_SID, pattern=f"^{ACCOUNT_SID}$", description="As in Twilio's console.")
    ]
    auth_token: Annotated[
        Secret[str],
        Meta(max_length=LONGEST_AUTH_TOKEN, pattern=f"^{AUTH_TOKEN}$", description="As in Twilio's console."),
    ]
    sender: Annotated[str, Meta(max_length=LONGEST_PHONE, description="A number, or empty.")] = ""
    service: Annotated[
        str,
        Meta(
            max_length=LONGEST_SID,
            pattern=f"^({SERVICE_SID})?$",
            description="A messaging service's SID, or empty.",
        ),
    ] = ""
    base_url: Annotated[str, Meta(max_length=LONGEST_URL)] = TWILIO


@declare(
    "delivery.try",
    "POST",
    "/v1/tenants/{tenant}/delivery/test",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=events.CODE_SENT,
    example=lambda s: (TryDelivery(tenant=s.TENANT, kind=FactorKind.SMS, to="+1 500 555 0001"), s.TRY_DELIVERY_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class TryDelivery(Operation[TestStarted]):
    """Send a test code with the pending settings, or else with those in effect."""

    tenant: TenantName
    kind: FactorKind
    to: Annotated[str, Meta(max_length=LONGEST_EMAIL, description="Your own address or number.")]


@declare(
    "delivery.confirm",
    "POST",
    "/v1/tenants/{tenant}/delivery/confirm",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=events.DELIVERY_TESTED,
    example=lambda s: (
        ConfirmDelivery(tenant=s.TENANT, code=s.CODE),
        TestResult(True, "Test completed successfully", FactorKind.SMS),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDelivery(Operation[TestResult]):
    """Confirm a test by its code, which puts the tested settings into effect."""

    tenant: TenantName
    code: Code
