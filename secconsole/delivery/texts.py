"""Messages made from their texts.

Names in them are data: made visible, and cut so that an SMS stays one segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from secconsole.delivery.message import Message
from secconsole.delivery.template import SHORTEST_NAME, Template
from secconsole.delivery.text_files import FORMS, built_in, text
from secconsole.domain.factors.otpauth import grouped_key
from secconsole.domain.factors.passcode import LASTS, Passcode
from secconsole.domain.messages.delivery import PURPOSE_SHORT_WORDS, PURPOSE_SMS_WORDS, PURPOSE_WORDS, Purpose
from secconsole.domain.messages.sms import is_one_segment, shortened, spelled_plainly
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible

_MINUTES = LASTS // 60_000
_LONGEST_NAME = 40  # in an SMS, even if there is room for more


class Tenant(Protocol):
    """Organisation that a message is from."""

    @property
    def name(self) -> str: ...

    @property
    def helpdesk_text(self) -> str: ...


def code_message(kind: FactorKind, to: str, code: Passcode, *, tenant: Tenant, login: str, purpose: Purpose) -> Message:
    """Return the message with a code for signing in or for confirming an address."""
    return _coded("code", kind, to, code, tenant, login, purpose)


def caller_message(kind: FactorKind, to: str, code: Passcode, *, tenant: Tenant, login: str) -> Message:
    """Return the message with a code that a caller reads out to the helpdesk."""
    return _coded("caller", kind, to, code, tenant, login, Purpose.CALLER)


def trial_message(kind: FactorKind, to: str, code: Passcode, *, tenant: Tenant, login: str) -> Message:
    """Return the message with a code that proves that delivery settings work."""
    return _coded("test", kind, to, code, tenant, login, Purpose.TEST)


def passed_over(tenant: str) -> tuple[str, ...]:
    """Return the organisation's own SMS texts that a tenant cannot use, because its name is too long for them."""
    values = {"code": "XYWD-581883", "prefix": "XYWD", "minutes": str(_MINUTES)}
    values["purpose"] = max(PURPOSE_SMS_WORDS.values(), key=len)
    names = (visible(tenant), spelled_plainly(visible(tenant)))
    own = (name for name, form in FORMS.items() if form.sms and text(name) is not built_in(name))
    return tuple(name for name in own if not any(_one_segment(text(name), values, each, "a") for each in names))


def key_message(to: str, key: Secret[str], uri: Secret[str], *, tenant: Tenant, login: str) -> Message:
    """Return the message with the key of an authenticator app that is being bound."""
    values = {"key": grouped_key(key.reveal()), "link": uri.reveal()}
    return _mail("key-email", to, tenant, {**values, "login": visible(login), "contact": _contact(tenant)})


def invitation_message(to: str, password: Secret[str], *, tenant: Tenant, login: str, until: str) -> Message:
    """Return the message with a first-time password, which contains no link.

    `until`: its end in words.
    """
    values = {"password": password.reveal(), "login": visible(login), "until": until}
    return _mail("invitation-email", to, tenant, {**values, "contact": _contact(tenant)})


def reset_message(to: str, password: Secret[str], *, tenant: Tenant, login: str, until: str) -> Message:
    """Return the message with the password that replaces one that the user chose, which contains no link."""
    values = {"password": password.reveal(), "login": visible(login), "until": until}
    return _mail("reset-email", to, tenant, {**values, "contact": _contact(tenant)})


def reminder_message(to: str, *, tenant: Tenant, login: str, until: str) -> Message:
    """Return the reminder to bind a factor, which contains no link.

    `until`: the end of the grace period in words.
    """
    values = {"login": visible(login), "until": until}
    return _mail("reminder-email", to, tenant, {**values, "contact": _contact(tenant)})


def advice_message(to: str, *, tenant: Tenant) -> Message:
    """Return the advice for users whose devices may be infected, the same for all of a tenant."""
    return _mail("advice", to, tenant, {"contact": _contact(tenant)})


def notice_message(name: str, to: str, *, tenant: Tenant, values: Mapping[str, str]) -> Message:
    """Return the notice about an event in an account.

    `values` are the placeholders of its text except for tenant and contact.
    """
    shown = {place: visible(value) for place, value in values.items()}
    return _mail(f"notice-{name}", to, tenant, {**shown, "contact": _contact(tenant)})


def alert_message(to: str, *, tenant: Tenant, values: Mapping[str, str]) -> Message:
    """Return the message to an administrator about suspicious activity."""
    shown = {place: visible(value) for place, value in values.items()}
    return _mail("alert-email", to, tenant, {**shown, "contact": _contact(tenant)})


def _coded(
    name: str, kind: FactorKind, to: str, code: Passcode, tenant: Tenant, login: str, purpose: Purpose
) -> Message:
    values = {"code": code.whole.reveal(), "prefix": code.prefix, "minutes": str(_MINUTES)}
    if kind is FactorKind.SMS:
        return Message(to, "", Secret(_sms_text(name, values, visible(tenant.name), visible(login), purpose)))
    more = {"login": visible(login), "purpose": PURPOSE_WORDS[purpose], "contact": _contact(tenant)}
    return _mail(f"{name}-email", to, tenant, {**values, **more})


def _sms_text(name: str, values: Mapping[str, str], tenant: str, login: str, purpose: Purpose) -> str:
    """Return the text of one SMS, in the organisation's words if they fit one segment with the names.

    A name loses its accents, and then its end, before another text is used.
    """
    long, short = f"{name}-sms", f"{name}-sms-short"
    plain = (spelled_plainly(tenant), spelled_plainly(login))
    texts = ((text(long), PURPOSE_SMS_WORDS), (built_in(long), PURPOSE_SMS_WORDS), (text(short), PURPOSE_SHORT_WORDS))
    for template, words in texts:
        for names in ((tenant, login), plain):
            filled = _one_segment(template, {**values, "purpose": words[purpose]}, *names)
            if filled:
                return filled
    raise AssertionError("the short text has room for names of any alphabet")


def _one_segment(template: Template, values: Mapping[str, str], tenant: str, login: str) -> str:
    """Return a text with its names cut as little as possible, empty if it still does not fit."""
    for most in range(_LONGEST_NAME, SHORTEST_NAME - 1, -1):
        names = {"tenant": shortened(tenant, most), "login": shortened(login, most)}
        _, body = template.filled({**values, **names})
        if is_one_segment(body):
            return body
    return ""


def _mail(name: str, to: str, tenant: Tenant, values: Mapping[str, str]) -> Message:
    subject, body = text(name).filled({**values, "tenant": visible(tenant.name)})
    return Message(to, subject, Secret(f"{body}\n"))


def _contact(tenant: Tenant) -> str:
    """Return how to object, which an organisation states in one place for all its texts.

    A tenant's own words about its helpdesk follow, the same that its sign-in shows.
    """
    words = text("contact").filled({"tenant": visible(tenant.name)})[1]
    return f"{words}\n{visible(tenant.helpdesk_text)}" if tenant.helpdesk_text else words
