"""Example values of optional query parameters that the example of an operation leaves out."""

from __future__ import annotations

from secconsole.domain.audit.alert_rules import AlertRule, AlertState
from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role
from secconsole.server.openapi.schemas import Json

_BY_NAME: dict[str, object] = {
    "act": "01KAN7M3P5R7T9W1Y3A5C7E9G1:unbind",
    "action": "unbind",
    "actor": "root",
    "address": "192.0.2.7",
    "at": 200,
    "created_over": 30,
    "created_under": 7,
    "cursor": "WyJhbmEua3JhbCIsMTdd",
    "days": 90,
    "enrollment": "01JX5Q2V8M3K7T9R4W6Y1B0C2D",
    "factor": FactorKind.TOTP.value,
    "flag": Flag.LOCKED.value,
    "fold": True,
    "grace_days": 14,
    "group": "sign-ins",
    "last_over": 90,
    "last_under": 1,
    "limit": 500,
    "not_factor": FactorKind.SMS.value,
    "not_flag": Flag.DISABLED.value,
    "not_role": Role.USER.value,
    "not_status": BindingStatus.BOUND.value,
    "only": FactorKind.SMS.value,
    "outcome": "refused",
    "phone": "601",
    "reminders": True,
    "remove": False,
    "role": Role.HELPDESK.value,
    "roles": Role.HELPDESK.value,
    "rule": AlertRule.MANY_FAILURES.value,
    "signed_in": False,
    "since": "2026-03-01T00:00:00+01:00",
    "state": AlertState.OPEN.value,
    "status": BindingStatus.PENDING.value,
    "ticket": "HD-4711",
    "until": "2026-04-01T00:00:00+02:00",
    "user": "ana.kral",
}
_NUMBER_CURSOR = "4711"
_CHAIN_CURSOR = f"4711.{'5f' * 32}"


def filter_example(name: str, schema: Json) -> object:
    """Return an example for an optional query parameter, or raise `KeyError` for an unknown name."""
    if name == "cursor" and "a-f" in schema["pattern"]:
        return _CHAIN_CURSOR
    if name == "cursor" and "0-9" in schema["pattern"]:
        return _NUMBER_CURSOR
    return _BY_NAME[name]
