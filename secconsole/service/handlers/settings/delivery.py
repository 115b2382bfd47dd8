"""Delivery settings, which take effect once a test code was typed back, and recent messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from secconsole.delivery.texts import trial_message
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, Unfit
from secconsole.domain.factors.passcode import MOST_WRONG
from secconsole.domain.limits import LONGEST_EMAIL
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
    has_form,
    is_loopback,
)
from secconsole.domain.messages.mail_address import mail_address
from secconsole.domain.messages.phone import e164, sms_number
from secconsole.domain.messages.sending import PER_DAY
from secconsole.domain.model import SENT_KINDS, FactorKind
from secconsole.domain.networks.reach import Reach, is_odd_number, literal_address
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import (
    LONGEST_HOST,
    LONGEST_PASSWORD,
    LONGEST_URL,
    LONGEST_USER,
    TWILIO,
    ConfirmDelivery,
    Delivery,
    MessageRow,
    Sent,
    SetSmtp,
    SetTwilio,
    ShowDelivery,
    SmtpSettings,
    TestResult,
    TestStarted,
    TryDelivery,
    TwilioSettings,
)
from secconsole.operations.events import DELIVERY_SET_SMTP, DELIVERY_SET_TWILIO, DELIVERY_TESTED
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.factors.passcodes import (
    accepts,
    issue_code,
    live_code,
    trial_attempt,
    why_no_code,
)
from secconsole.service.outbox.accounts import seal_password, smtp_settings, twilio_settings
from secconsole.service.outbox.queue import Request
from secconsole.service.reach import refuse_unreachable
from secconsole.service.registry import handles
from secconsole.store import delivery, outbox
from secconsole.store.delivery import SettingsRecord
from secconsole.store.sign_in import passcodes
from secconsole.store.sign_in.passcodes import PasscodeRecord

SHOWN = 20
DAY = 24 * 3_600_000
SUCCESS = "Test completed successfully"
WRONG = "That is not the code of a test, or it has expired. Only the newest code works, once and for ten minutes."
_ONLY_A_HOST = (
    "Enter the mail server's name or address without a port, as in mail.acme.example. The port is separate: --port."
)
OVER = "That code is wrong, and it was the last try. Set the settings again, and test them."

_SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}\Z|[0-9]{3,8}\Z")  # a name, or a short code


@handles(ShowDelivery)
def show_delivery(context: Context, operation: ShowDelivery) -> Delivery:
    found = delivery.settings_of(context.connection, context.tenant.pk)
    recent = outbox.recent(context.connection, context.tenant.pk, SHOWN)
    return Delivery(
        smtp=tuple(smtp_settings(record) for record in found if record.kind is FactorKind.EMAIL),
        twilio=tuple(twilio_settings(record) for record in found if record.kind is FactorKind.SMS),
        day=tuple(_day(context, kind) for kind in SENT_KINDS),
        recent=tuple(
            MessageRow(m.id, when(m.at), m.kind, m.purpose, m.login, m.masked, m.state, m.attempts, m.problem)
            for m in recent
        ),
        inbox=context.stays_here,
    )


@handles(SetSmtp)
def set_smtp(context: Context, operation: SetSmtp) -> SmtpSettings:
    host = operation.host.strip()
    if len(operation.host) > LONGEST_HOST or not has_form(host, HOST):
        raise Invalid(_ONLY_A_HOST, "host")
    if not 1 <= operation.port <= 65535:
        raise Invalid("A port must be between 1 and 65535.", "port")
    # An IPv6 address may come in brackets, as in a URL.
    host = host.strip("[]")
    if ":" in host and literal_address(host) is None:
        raise Unfit(_ONLY_A_HOST, "host")
    # Resolvers read a plain number, or one with leading zeros, as an address, past the check below.
    if is_odd_number(host):
        raise Unfit("Enter the address in its usual form, as in 192.0.2.1.", "host")
    here = is_loopback(host)
    reach = _reach(context)
    refuse_unreachable(reach, host, operation.port)
    # Port 465 is for TLS from the first byte (RFC 8314).
    tls = operation.tls or (Tls.TLS if operation.port == 465 else Tls.NONE if here else Tls.STARTTLS)
    username, password = operation.username, operation.password
    if bool(username) != (password is not None and bool(password)):
        raise Unfit("Enter both a user name and a password, or neither.", "username")
    if len(username) > LONGEST_USER:
        raise Invalid(f"The user name is longer than {LONGEST_USER} characters.", "username")
    if not username.isprintable():
        raise Unfit("The user name contains characters that are not allowed.", "username")
    if password is not None and len(password.reveal()) > LONGEST_PASSWORD:
        raise Invalid(f"The password is longer than {LONGEST_PASSWORD} characters.", "password")
    if username and tls is Tls.NONE and not here:
        raise Unfit("Passwords are not sent over unencrypted connections. Choose starttls or tls.", "tls")
    sender = mail_address(operation.sender, "sender")
    if not sender.rpartition("@")[0].isascii():
        raise Unfit("The sender's address must be in ASCII, because not every server accepts others.", "sender")
    if operation.helo and (len(operation.helo) > LONGEST_HOST or not has_form(operation.helo, HELO)):
        raise Invalid("Enter a host name to greet with, as in mfa.acme.example.", "helo")
    config = {
        "host": host,
        "port": operation.port,
        "tls": tls,
        "sender": sender,
        "username": username,
        "helo": operation.helo,
    }
    secret = password if username else None
    return smtp_settings(_keep(context, FactorKind.EMAIL, config, secret, anywhere=reach.anywhere))


@handles(SetTwilio)
def set_twilio(context: Context, operation: SetTwilio) -> TwilioSettings:
    if not has_form(operation.account_sid, ACCOUNT_SID):
        raise Invalid("An Account SID begins with AC. You find it in Twilio's console.", "account_sid")
    if not has_form(operation.auth_token.reveal(), AUTH_TOKEN):
        raise Invalid("The auth token consists of letters and digits. You find it in Twilio's console.", "auth_token")
    if bool(operation.sender) == bool(operation.service):
        raise Unfit("Enter either a sender's number or a messaging service.", "sender")
    if operation.service and not has_form(operation.service, SERVICE_SID):
        raise Invalid("A messaging service's SID begins with MG.", "service")
    sender = operation.sender
    if sender and not _SENDER_NAME.match(sender):
        sender = e164(sender)
    base_url = _base_url(context, operation.base_url)
    config = {
        "account_sid": operation.account_sid,
        "sender": sender,
        "service": operation.service,
        "base_url": base_url,
    }
    anywhere = _reach(context).anywhere
    return twilio_settings(_keep(context, FactorKind.SMS, config, operation.auth_token, anywhere=anywhere))


@handles(TryDelivery)
def try_delivery(context: Context, operation: TryDelivery) -> TestStarted:
    kind, to = operation.kind, operation.to
    if kind not in SENT_KINDS:
        raise Unfit("Codes are sent only by email and sms.", "kind")
    if len(to) > LONGEST_EMAIL:
        raise Invalid(f"The address is longer than {LONGEST_EMAIL} characters.", "to")
    found = [r for r in delivery.settings_of(context.connection, context.tenant.pk) if r.kind is kind]
    if not found:
        raise Conflict(f"There is nothing to test. Set it up first: secconsole delivery set-{_COMMAND[kind]}")
    settings = found[-1]  # settings that wait for their test come last
    to = sms_number(to) if kind is FactorKind.SMS else mail_address(to, "to")
    request = Request(context.tenant, None, kind, to, Purpose.TEST, trial_attempt(settings.id), settings=settings.id)
    issued = issue_code(
        context,
        request,
        lambda kind, to, code: trial_message(kind, to, code, tenant=context.tenant, login=context.actor.login),
    )
    return TestStarted(
        issued.sent,
        kind,
        issued.masked,
        issued.prefix,
        issued.message,
        issued.id,
        settings.state,
        when_or_none(issued.expires),
        when(issued.retry_at),
    )


@handles(ConfirmDelivery)
def confirm_delivery(context: Context, operation: ConfirmDelivery) -> TestResult:
    found = _under_test(context)
    if why := why_no_code(context, operation.code, *(trial_attempt(record.id) for record, _ in found)):
        context.unchanged = True
        return TestResult(False, why)
    for record, code in found:
        if accepts(context, code, operation.code):
            if record.state is SettingsState.PENDING:
                delivery.make_active(context.connection, record)
            context.audit(DELIVERY_TESTED, kind=record.kind, taken_into_effect=record.state is SettingsState.PENDING)
            return TestResult(True, SUCCESS, record.kind)
    message = WRONG
    # Nothing tells which test the code was meant for, so it counts as a wrong one for each.
    for _, code in found:
        passcodes.fail(context.connection, code.pk)
        if code.failures + 1 >= MOST_WRONG:
            message = OVER
    context.audit(DELIVERY_TESTED, outcome="refused")
    return TestResult(False, message if found else "No test waits for its code. Start one: secconsole delivery test")


def _under_test(context: Context) -> list[tuple[SettingsRecord, PasscodeRecord]]:
    """Return the newest settings of each kind with the code of their test, if one is pending."""
    newest = {record.kind: record for record in delivery.settings_of(context.connection, context.tenant.pk)}
    codes = [(record, live_code(context, trial_attempt(record.id))) for record in newest.values()]
    return [(record, code) for record, code in codes if code is not None and code.failures < MOST_WRONG]


_NO_BASE_URL = "The base URL must be like https://api.twilio.com"
_COMMAND = {FactorKind.EMAIL: "smtp", FactorKind.SMS: "twilio"}
_SET = {FactorKind.EMAIL: DELIVERY_SET_SMTP, FactorKind.SMS: DELIVERY_SET_TWILIO}


def _keep(
    context: Context, kind: FactorKind, config: Mapping[str, object], password: Secret[str] | None, *, anywhere: bool
) -> SettingsRecord:
    """Store settings until they are tested, voiding the code of an earlier test.

    `anywhere` is stored with them, because each send checks their host by who set them.
    """
    id, tenant = context.new_id(), context.tenant
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": tenant.pk,
        "kind": kind,
        "config": json.dumps(dict(config)),
        "sealed": seal_password(context, tenant.pk, id, password) if password is not None else None,
        "created": context.now,
        "by": context.actor.login,
        "anywhere": anywhere,
    }
    for record in delivery.settings_of(context.connection, tenant.pk):  # a test of those does not apply to these
        if record.kind is kind:
            passcodes.forget(context.connection, trial_attempt(record.id))
            outbox.void(context.connection, trial_attempt(record.id), context.now)
    delivery.put_pending(context.connection, values)
    where = config.get("host") or config.get("account_sid")
    context.audit(_SET[kind], to=str(where), sender=str(config["sender"]))
    found = delivery.settings_to_send_with(context.connection, tenant.pk, kind, id)
    assert found is not None
    return found


def _reach(context: Context) -> Reach:
    """Return the hosts that settings of the actor may name: any for actors who manage all tenants."""
    return replace(context.reach, anywhere=context.actor.role is Role.PLATFORM_ADMIN)


def _base_url(context: Context, text: str) -> str:
    if len(text) > LONGEST_URL:
        raise Invalid(f"The base URL is longer than {LONGEST_URL} characters.", "base_url")
    text = text.strip().rstrip("/")
    if not text.isascii():
        raise Unfit(_NO_BASE_URL, "base_url")
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise Unfit("The base URL is malformed.", "base_url") from None
    whole = url.scheme in ("http", "https") and host and not (url.username or url.password or url.query or url.fragment)
    if not whole or not text.isprintable() or " " in text:
        raise Unfit(_NO_BASE_URL, "base_url")
    if url.scheme == "http" and not is_loopback(host):
        raise Unfit("The auth token is not sent over unencrypted connections. Use an https:// URL.", "base_url")
    if text != TWILIO and context.actor.role is not Role.PLATFORM_ADMIN:
        raise NotAllowed("Only a platform-admin may deliver messages to a server other than Twilio's.")
    return text


def _day(context: Context, kind: FactorKind) -> Sent:
    found = outbox.counts(context.connection, context.tenant.pk, kind, context.now - DAY)
    return Sent(
        kind,
        waiting=found.get(MessageState.WAITING, 0) + found.get(MessageState.SENDING, 0),
        sent=found.get(MessageState.SENT, 0),
        failed=found.get(MessageState.FAILED, 0) + found.get(MessageState.EXPIRED, 0),
        unsure=found.get(MessageState.UNSURE, 0),
        most=PER_DAY[kind],
    )
