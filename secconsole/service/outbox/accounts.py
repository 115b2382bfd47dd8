"""Conversion of delivery settings between their rows in the store and their use or display."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Protocol

from secconsole.delivery.smtp import SmtpAccount, greeting_of
from secconsole.delivery.twilio import TwilioAccount
from secconsole.domain.messages.delivery import Tls
from secconsole.domain.model import FactorKind
from secconsole.domain.networks.reach import Reach
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import SmtpSettings, TwilioSettings
from secconsole.service.context import when
from secconsole.store.delivery import SettingsRecord
from secconsole.store.sealing.keys import KeyRing


class Sealer(Protocol):
    """Something that encrypts a value for one place in the store."""

    def seal(self, plain: Secret[bytes], *, purpose: str, tenant: str = "", user: str = "", row: str = "") -> bytes: ...


def seal_password(sealer: Sealer, tenant_pk: int, id: str, password: Secret[str]) -> bytes:
    """Return a password or auth token sealed for one row."""
    plain = Secret(password.reveal().encode("utf-8", "surrogatepass"))
    return sealer.seal(plain, purpose="delivery", tenant=str(tenant_pk), row=id)


def account_of(keys: KeyRing, record: SettingsRecord, reach: Reach) -> SmtpAccount | TwilioAccount:
    """Return settings with their secret, or raise `Unavailable` if this key cannot open it.

    They may name any host if they were set by someone whose settings may, otherwise those within `reach`.
    """
    config, reach = _config(record), replace(reach, anywhere=record.anywhere)
    password: Secret[str] | None = None
    if record.sealed is not None:
        plain = keys.unseal(record.sealed, purpose="delivery", tenant=str(record.tenant_pk), row=record.id)
        password = Secret(plain.reveal().decode("utf-8", "surrogatepass"))
    if record.kind is FactorKind.EMAIL:
        return SmtpAccount(**{**config, "tls": Tls(config["tls"])}, password=password, reach=reach)
    return TwilioAccount(**config, auth_token=password or Secret(""), anywhere=reach.anywhere)


def smtp_settings(record: SettingsRecord) -> SmtpSettings:
    config = _config(record)
    shown = {**config, "tls": Tls(config["tls"])}
    greeting = greeting_of(config.get("helo", ""), config["sender"])
    return SmtpSettings(state=record.state, **shown, since=when(record.created), by=record.by, greeting=greeting)


def twilio_settings(record: SettingsRecord) -> TwilioSettings:
    return TwilioSettings(state=record.state, **_config(record), since=when(record.created), by=record.by)


def _config(record: SettingsRecord) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(record.config)
    return config
