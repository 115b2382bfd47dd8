"""How codes are sent: settings that are kept apart until a code sent with them was typed back, and what was sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from secconsole.delivery.texts import trial_message
from secconsole.domain.delivery import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    HOST,
    SERVICE_SID,
    MessageState,
    Purpose,
    SettingsState,
    Tls,
    has_form,
    is_loopback,
)
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, Unfit
from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.mail_address import mail_address
from secconsole.domain.model import FactorKind
from secconsole.domain.passcode import MOST_WRONG
from secconsole.domain.phone import e164, sms_number
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.sending import PER_DAY
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
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.delivery_accounts import seal_password, smtp_settings, twilio_settings
from secconsole.service.handlers import handles
from secconsole.service.outgoing import Request
from secconsole.service.passcodes import SENT_KINDS, accepts, issue_code, live_code, trial_attempt
from secconsole.store import delivery, outbox, passcodes
from secconsole.store.delivery import SettingsRecord

SHOWN = 20
DAY = 24 * 3_600_000
SUCCESS = "Test completed successfully"
WRONG = "That is not the code of a test, or it holds no longer: only the newest does, once and for ten minutes."
OVER = "That is not the code, and it was the last try. Set the settings again, and test them."

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
        raise Invalid("Give the mail server's name or address, without a port: mail.acme.example", "host")
    if not 1 <= operation.port <= 65535:
        raise Invalid("A port is between 1 and 65535.", "port")
    host = host.strip("[]")
    here = is_loopback(host)
    _check_here(context, here)
    tls = operation.tls or (Tls.TLS if operation.port == 465 else Tls.NONE if here else Tls.STARTTLS)
    username, password = operation.username, operation.password
    if bool(username) != (password is not None and bool(password)):
        raise Unfit("A user name and a password go together.", "username")
    if len(username) > LONGEST_USER:
        raise Invalid(f"The user name is longer than {LONGEST_USER} characters.", "username")
    if not username.isprintable():
        raise Unfit("That is no user name.", "username")
    if password is not None and len(password.reveal()) > LONGEST_PASSWORD:
        raise Invalid(f"The password is longer than {LONGEST_PASSWORD} characters.", "password")
    if username and tls is Tls.NONE and not here:
        raise Unfit("A password is not sent over a line that is not encrypted. Choose starttls or tls.", "tls")
    sender = mail_address(operation.sender, "sender")
    if not sender.rpartition("@")[0].isascii():
        raise Unfit("The sender's address has to be in ASCII: not every server takes others.", "sender")
    config = {"host": host, "port": operation.port, "tls": tls, "sender": sender, "username": username}
    return smtp_settings(_keep(context, FactorKind.EMAIL, config, password if username else None))


@handles(SetTwilio)
def set_twilio(context: Context, operation: SetTwilio) -> TwilioSettings:
    if not has_form(operation.account_sid, ACCOUNT_SID):
        raise Invalid("An Account SID begins with AC; it stands in Twilio's console.", "account_sid")
    if not has_form(operation.auth_token.reveal(), AUTH_TOKEN):
        raise Invalid("The auth token stands in Twilio's console: letters and digits.", "auth_token")
    if bool(operation.sender) == bool(operation.service):
        raise Unfit("Give a sender's number or a messaging service, one of them.", "sender")
    if operation.service and not has_form(operation.service, SERVICE_SID):
        raise Invalid("A messaging service's SID begins with MG.", "service")
    sender = operation.sender
    if sender and not _SENDER_NAME.match(sender):
        sender = e164(sender)
    base_url = _base_url(context, operation.base_url)
    config = {
        "account_sid": operation.account_sid, "sender": sender, "service": operation.service, "base_url": base_url,
    }  # fmt: skip
    return twilio_settings(_keep(context, FactorKind.SMS, config, operation.auth_token))


@handles(TryDelivery)
def try_delivery(context: Context, operation: TryDelivery) -> TestStarted:
    kind, to = operation.kind, operation.to
    if kind not in SENT_KINDS:
        raise Unfit("Only email and sms are sent.", "kind")
    if len(to) > LONGEST_EMAIL:
        raise Invalid(f"The address is longer than {LONGEST_EMAIL} characters.", "to")
    found = [r for r in delivery.settings_of(context.connection, context.tenant.pk) if r.kind is kind]
    if not found:
        raise Conflict(f"There is nothing to test: set it up first. secconsole delivery set-{_COMMAND[kind]}")
    settings = found[-1]  # those that wait for their test come last
    to = sms_number(to) if kind is FactorKind.SMS else mail_address(to, "to")
    request = Request(
        context.tenant, None, kind, to, Purpose.TEST, trial_attempt(settings.id), settings=settings.id
    )  # fmt: skip
    issued = issue_code(
        context, request, lambda kind, to, code: trial_message(kind, to, code, tenant=context.tenant.name)
    )
    return TestStarted(
        issued.sent, kind, issued.masked, issued.prefix, issued.message, issued.id, settings.state,
        when_or_none(issued.expires), when(issued.retry_at),
    )  # fmt: skip


@handles(ConfirmDelivery)
def confirm_delivery(context: Context, operation: ConfirmDelivery) -> TestResult:
    waiting = False
    message = WRONG
    for record in delivery.settings_of(context.connection, context.tenant.pk):
        code = live_code(context, trial_attempt(record.id))
        if code is None or code.failures >= MOST_WRONG:
            continue
        if accepts(context, code, operation.code):
            if record.state is SettingsState.PENDING:
                delivery.make_active(context.connection, record)
            context.audit("delivery.tested", kind=record.kind, taken_into_effect=record.state is SettingsState.PENDING)
            return TestResult(True, SUCCESS, record.kind)
        waiting = True
        passcodes.fail(context.connection, code.pk)
        if code.failures + 1 >= MOST_WRONG:
            message = OVER
    context.audit("delivery.tested", outcome="refused")
    return TestResult(False, message if waiting else "No test waits for its code. Start one: secconsole delivery test")


_COMMAND = {FactorKind.EMAIL: "smtp", FactorKind.SMS: "twilio"}


def _keep(
    context: Context, kind: FactorKind, config: Mapping[str, object], password: Secret[str] | None
) -> SettingsRecord:
    """Keep settings until they were tested; the code of an earlier test is not theirs."""
    id, tenant = context.new_id(), context.tenant
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": tenant.pk,
        "kind": kind,
        "config": json.dumps(dict(config)),
        "sealed": seal_password(context.keys, tenant.pk, id, password) if password is not None else None,
        "created": context.now,
        "by": context.actor.login,
    }
    delivery.put_pending(context.connection, values)
    where = config.get("host") or config.get("account_sid")
    context.audit(f"delivery.set-{_COMMAND[kind]}", to=str(where), sender=str(config["sender"]))
    found = delivery.settings_to_send_with(context.connection, tenant.pk, kind, id)
    assert found is not None
    return found


def _check_here(context: Context, here: bool) -> None:
    """What listens on the server itself is for those who run it, not for every tenant to talk to."""
    if here and context.actor.role is not Role.PLATFORM_ADMIN:
        raise NotAllowed("Only a platform-admin may have messages handed to this machine itself.")


def _base_url(context: Context, text: str) -> str:
    if len(text) > LONGEST_URL:
        raise Invalid(f"The base URL is longer than {LONGEST_URL} characters.", "base_url")
    text = text.strip().rstrip("/")
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise Unfit("The base URL is no URL.", "base_url") from None
    whole = url.scheme in ("http", "https") and host and not (url.username or url.password or url.query or url.fragment)
    if not whole or not text.isascii() or not text.isprintable() or " " in text:
        raise Unfit("The base URL has to be like https://api.twilio.com", "base_url")
    if url.scheme == "http" and not is_loopback(host):
        raise Unfit("The auth token is not sent over a line that is not encrypted: give an https:// URL.", "base_url")
    if text != TWILIO and context.actor.role is not Role.PLATFORM_ADMIN:
        raise NotAllowed("Only a platform-admin may have messages handed to another server than Twilio's.")
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
