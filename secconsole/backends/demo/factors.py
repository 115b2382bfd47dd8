"""Factors of the demo's users: mostly an app, some e-mail or SMS, some with recovery codes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.backends.demo.people import DOMAIN, Person
from secconsole.domain.factors.recovery import HOW_MANY
from secconsole.domain.ident import make_id
from secconsole.domain.messages.delivery import SettingsState, Tls
from secconsole.domain.model import BindingStatus, FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.service.outbox.accounts import seal_password
from secconsole.store.rows import kinds_to
from secconsole.store.schema import delivery_settings, factors
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.sign_in.recovery import replace_codes

DAY = 24 * 3_600_000
WITH_RECOVERY = 1_000  # only the first generated users: ten rows each would make a large demo slow to fill

# Reserved names that never resolve (RFC 6761): if the demo's mark is removed, its messages still go nowhere.
_SMTP = {"host": "inbox.demo.invalid", "port": 25, "tls": Tls.NONE, "sender": f"mfa@{DOMAIN}", "username": ""}
_TWILIO = {
    "account_sid": "ACdemo",
    "sender": "+15005550006",
    "service": "",
    "base_url": "https://inbox.demo.invalid",
}

_APPS = ("Pixel 8", "iPhone 15", "Galaxy S24", "work phone", "")
_PHONES = ("work phone", "private", "")
# Draws, and the days ago on which their factors were bound: a few early, half of them within six weeks of a first
# campaign, and most others in a second one.
_WAVES = ((1, 36, 299, 210), (37, 172, 190, 150), (173, 220, 149, 46), (221, 299, 45, 1))
_ODD = 4  # the first people, who are there for their names


@dataclass(frozen=True, slots=True)
class Held:
    """A factor of a demo user."""

    kind: FactorKind
    state: FactorState = FactorState.ACTIVE
    address: str = ""
    label: str | None = None  # None: a random name of a phone
    seed: Secret[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Owner of a factor, as its row names them."""

    pk: int
    id: str
    tenant_pk: int


_APP = Held(FactorKind.TOTP)
_APP_ALONE, _APP_PENDING = (_APP,), (Held(FactorKind.TOTP, FactorState.PENDING),)


def held_by(person: Person, number: int, chance: random.Random) -> tuple[Held, ...]:
    """Return the factors of a generated user by their number.

    Seven in eight of the bound have only an app.
    """
    if person.status is BindingStatus.UNBOUND:
        return ()
    draw = chance.random() if number >= _ODD else 1.0
    if person.status is BindingStatus.PENDING:
        pending = FactorState.PENDING
        if draw < 0.3:  # an administrator entered the number
            return (Held(FactorKind.SMS, pending, number_of(chance)),)
        return _APP_PENDING
    if draw < 0.02:
        return (Held(FactorKind.SMS, address=number_of(chance)),)
    if draw < 0.03:
        sms = Held(FactorKind.SMS, address=number_of(chance))
        return (sms, Held(FactorKind.SMS, FactorState.PENDING, number_of(chance)))
    if draw < 0.045:
        return (Held(FactorKind.EMAIL, address=person.email),)
    if draw < 0.09:
        return (_APP, Held(FactorKind.SMS, address=number_of(chance)))
    if draw < 0.1:
        return (_APP, *(Held(FactorKind.SMS, address=number_of(chance)) for _ in range(2)))
    if draw < 0.125:
        return (_APP, Held(FactorKind.EMAIL, address=person.email))
    return _APP_ALONE


def number_of(chance: random.Random) -> str:
    """Return a number reserved for films and books in Germany, Britain or America, so that it rings nowhere."""
    country = chance.randrange(3)
    if country == 0:
        return f"+4917139200{chance.randrange(100):02}"
    if country == 1:
        return f"+447700900{chance.randrange(1000):03}"
    return f"+120255501{chance.randrange(100):02}"


_OF_APP: dict[str, object] = {"kinds": kinds_to((FactorKind.TOTP,)), "weak_only": False, "phone": ""}


def summary(held: Sequence[Held]) -> dict[str, object]:
    """Return the columns of a user's row that describe their factors, as `store.factors.refresh_user` would."""
    if held is _APP_ALONE or held is _APP_PENDING:  # nearly all users
        return _OF_APP
    active = tuple(one.kind for one in held if one.state is FactorState.ACTIVE)
    return {
        "kinds": kinds_to(active or tuple(one.kind for one in held)),
        "weak_only": bool(active) and FactorKind.TOTP not in active,
        "phone": next((one.address for one in held if one.kind is FactorKind.SMS), ""),
    }


def add_factors(
    connection: sa.Connection,
    keys: KeyRing,
    wanted: Iterable[tuple[Holder, Held]],
    now: int,
    chance: random.Random,
) -> None:
    """Add factors, with new seeds for those without one."""
    rows: list[dict[str, object]] = []
    for who, held in wanted:
        made = now - _days_ago(chance.randrange(1, 300)) * DAY
        id = make_id(made, chance.randbytes(10))
        sealed: bytes | None = None
        if held.kind is FactorKind.TOTP:
            seed = held.seed or Secret(chance.randbytes(20))
            sealed = keys.seal(seed, purpose="totp", tenant=str(who.tenant_pk), user=who.id, row=id)
        names = _APPS if held.kind is FactorKind.TOTP else _PHONES if held.kind is FactorKind.SMS else ("",)
        active = held.state is FactorState.ACTIVE
        given = not active and held.kind is FactorKind.SMS  # a number entered by an administrator stays pending
        rows.append(
            {
                "id": id,
                "tenant_pk": who.tenant_pk,
                "user_pk": who.pk,
                "kind": held.kind,
                "state": held.state,
                "label": chance.choice(names) if held.label is None else held.label,
                "address": held.address,
                "given": given,
                "sealed": sealed,
                "created": made,
                "bound": made if active else None,
                "expires": None if active or given else made + DAY,
            }
        )
    if rows:
        connection.execute(sa.insert(factors), rows)


def _days_ago(draw: int) -> int:
    """Return when a factor was bound, for a draw from 1 to 299."""
    first, last, earliest, latest = next(wave for wave in _WAVES if draw <= wave[1])
    return earliest - round((earliest - latest) * (draw - first) / (last - first))


def add_recovery_codes(connection: sa.Connection, who: Holder, used: int, now: int, chance: random.Random) -> None:
    """Add ten unknown codes, some of them used.

    Generated users have no password to sign in with.
    """
    made = now - chance.randrange(1, 300) * DAY
    rows = [
        {
            "id": make_id(made, chance.randbytes(10)),
            "tenant_pk": who.tenant_pk,
            "digest": chance.randbytes(32),
            "created": made,
            "used": now - DAY if number < used else None,
        }
        for number in range(HOW_MANY)
    ]
    replace_codes(connection, who.pk, rows)


def add_delivery(connection: sa.Connection, keys: KeyRing, tenant_pk: int, now: int, chance: random.Random) -> None:
    """Return settings in effect, as if they had been tested, so that codes can be requested by e-mail and SMS."""
    for kind, config in ((FactorKind.EMAIL, _SMTP), (FactorKind.SMS, _TWILIO)):
        id = make_id(now, chance.randbytes(10))
        sealed = seal_password(keys, tenant_pk, id, Secret("demo")) if kind is FactorKind.SMS else None
        values = {"id": id, "tenant_pk": tenant_pk, "kind": kind, "state": SettingsState.ACTIVE, "created": now}
        row = {**values, "config": json.dumps(config), "sealed": sealed, "by": "demo"}
        connection.execute(sa.insert(delivery_settings).values(row))
