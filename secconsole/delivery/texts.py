"""Messages, made of their texts. Names in them are data: made visible, and cut so that an SMS stays one."""

from __future__ import annotations

from collections.abc import Mapping

from secconsole.delivery.message import Message
from secconsole.delivery.text_files import text
from secconsole.domain.model import FactorKind
from secconsole.domain.otpauth import grouped_key
from secconsole.domain.passcode import LASTS, Passcode
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible

_MINUTES = LASTS // 60_000
_LONGEST_NAME = 24  # of a tenant in an SMS, which has room for 160 characters in all


def code_message(kind: FactorKind, to: str, code: Passcode, *, tenant: str, login: str) -> Message:
    """A code for signing in, or for an address to be proved one's own."""
    return _coded("code", kind, to, code, tenant, {"login": visible(login), "contact": _contact(tenant)})


def trial_message(kind: FactorKind, to: str, code: Passcode, *, tenant: str) -> Message:
    """A code that proves that settings for sending work."""
    return _coded("test", kind, to, code, tenant, {})


def key_message(to: str, key: Secret[str], uri: Secret[str], *, tenant: str, login: str) -> Message:
    """The key of an authenticator app that is being bound."""
    values = {"key": grouped_key(key.reveal()), "link": uri.reveal()}
    return _mail("key-email", to, tenant, {**values, "login": visible(login), "contact": _contact(tenant)})


def notice_message(name: str, to: str, *, tenant: str, values: Mapping[str, str]) -> Message:
    """What happened to somebody's account; `values` are what its text has places for, but for tenant and contact."""
    shown = {place: visible(value) for place, value in values.items()}
    return _mail(f"notice-{name}", to, tenant, {**shown, "contact": _contact(tenant)})


def _coded(
    name: str, kind: FactorKind, to: str, code: Passcode, tenant: str, values: Mapping[str, str]
) -> Message:  # fmt: skip
    values = {**values, "code": code.whole.reveal(), "prefix": code.prefix, "minutes": str(_MINUTES)}
    if kind is not FactorKind.SMS:
        return _mail(f"{name}-email", to, tenant, values)
    _, body = text(f"{name}-sms").filled({**values, "tenant": visible(tenant)[:_LONGEST_NAME].rstrip()})
    return Message(to, "", Secret(body))


def _mail(name: str, to: str, tenant: str, values: Mapping[str, str]) -> Message:
    subject, body = text(name).filled({**values, "tenant": visible(tenant)})
    return Message(to, subject, Secret(f"{body}\n"))


def _contact(tenant: str) -> str:
    """How to object, which a company says in one place for all its texts."""
    return text("contact").filled({"tenant": visible(tenant)})[1]
