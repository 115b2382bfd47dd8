"""Settings for sending, between their rows in the store and what they are used as or shown as."""

from __future__ import annotations

import json
from typing import Any

from secconsole.delivery.smtp import SmtpAccount
from secconsole.delivery.twilio import TwilioAccount
from secconsole.domain.delivery import Tls
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import SmtpSettings, TwilioSettings
from secconsole.service.context import when
from secconsole.store.delivery import SettingsRecord
from secconsole.store.keys import KeyRing


def seal_password(keys: KeyRing, tenant_pk: int, id: str, password: Secret[str]) -> bytes:
    """A password or auth token as it is kept, for one row alone."""
    plain = Secret(password.reveal().encode("utf-8", "surrogatepass"))
    return keys.seal(plain, purpose="delivery", tenant=str(tenant_pk), row=id)


def account_of(keys: KeyRing, record: SettingsRecord) -> SmtpAccount | TwilioAccount:
    """Settings with their secret; raises `Unavailable` if it does not open with this key."""
    config = _config(record)
    password: Secret[str] | None = None
    if record.sealed is not None:
        plain = keys.unseal(record.sealed, purpose="delivery", tenant=str(record.tenant_pk), row=record.id)
        password = Secret(plain.reveal().decode("utf-8", "surrogatepass"))
    if record.kind is FactorKind.EMAIL:
        return SmtpAccount(**{**config, "tls": Tls(config["tls"])}, password=password)
    return TwilioAccount(**config, auth_token=password or Secret(""))


def smtp_settings(record: SettingsRecord) -> SmtpSettings:
    config = _config(record)
    shown = {**config, "tls": Tls(config["tls"])}
    return SmtpSettings(state=record.state, **shown, since=when(record.created), by=record.by)


def twilio_settings(record: SettingsRecord) -> TwilioSettings:
    return TwilioSettings(state=record.state, **_config(record), since=when(record.created), by=record.by)


def _config(record: SettingsRecord) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(record.config)
    return config
