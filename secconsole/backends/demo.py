"""A filled throw-away organisation, the same one for the same seed: to look at, to show, to measure with."""

from __future__ import annotations

import asyncio
import base64
import functools
import itertools
import json
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.demo_accounts import FILE
from secconsole.backends.demo_accounts import DemoAccount as DemoAccount
from secconsole.backends.demo_accounts import demo_accounts as demo_accounts
from secconsole.backends.demo_people import DOMAIN, REASONS, TENANT, TICKETS, Person, people
from secconsole.backends.embedded import EmbeddedBackend, create_store, open_embedded, store_owner
from secconsole.config import locations
from secconsole.config.private import write_private
from secconsole.domain.ident import make_id
from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.otpauth import otpauth_uri
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.policy import SetPolicy
from secconsole.operations.unbinding import Unbind
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.service.context import when
from secconsole.store import factors as factor_store
from secconsole.store import users as user_store
from secconsole.store.keys import KeyRing
from secconsole.store.schema import factors, users
from secconsole.store.tenants import tenant_by_name

DAY = 24 * 3_600_000
BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Demo:
    home: Path
    tenant: str
    accounts: tuple[DemoAccount, ...]


async def create_demo(home: Path, *, users: int, seed: int) -> Demo:
    """Make a store in `home` with so many users (five roles and one who must bind among them) and fill it.

    The environment's SECCONSOLE_HOME is set to `home`, so that what is opened next is the demo.
    """
    os.environ["SECCONSOLE_HOME"] = str(home)
    chance = random.Random(seed)  # noqa: S311 - a demo must come out the same again
    accounts = _accounts(chance)
    await create_store(tenant=TENANT, admin=accounts[0].login, password=accounts[0].password)
    backend = await open_embedded(store_owner() or Nobody(), "command")
    try:
        await _fill(backend, accounts, max(0, users - len(accounts)), chance)
    finally:
        await backend.close()
    _remember(accounts)
    return Demo(home, TENANT, accounts)


async def _fill(backend: EmbeddedBackend, accounts: tuple[DemoAccount, ...], count: int, chance: random.Random) -> None:
    store, keys = backend.store, backend.keys
    now = int(time.time() * 1000)
    hashes = [await backend.passwords.hash(account.password) for account in accounts]
    await asyncio.wrap_future(
        store.write(lambda connection: _add_accounts(connection, keys, accounts, hashes, now, chance))
    )
    crowd = people(count, chance)
    while batch := list(itertools.islice(crowd, BATCH)):
        add = functools.partial(_add_people, keys=keys, batch=batch, now=now, chance=chance)
        await asyncio.wrap_future(store.write(add))
    await asyncio.wrap_future(store.write(lambda connection: connection.exec_driver_sql("ANALYZE").close()))
    await backend.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await _events(backend, now)


async def _events(backend: EmbeddedBackend, now: int) -> None:
    """Some whitelist entries and unbindings, done the real way, so that the audit has something to show."""

    def some(connection: sa.Connection) -> tuple[list[str], list[str]]:
        query = sa.select(users.c.login).where(users.c.role == "user").order_by(users.c.pk)
        exempt = query.where(users.c.status == "unbound").offset(3).limit(len(REASONS))
        lost = query.where(users.c.status == "bound").offset(5).limit(len(TICKETS))
        return list(connection.execute(exempt).scalars()), list(connection.execute(lost).scalars())

    exempt, lost = await asyncio.wrap_future(backend.store.read(some))
    for login, (reason, days) in zip(exempt, REASONS, strict=False):
        until = when(now + days * DAY) if days else None
        await backend.perform(AddToWhitelist(tenant=TENANT, users=(login,), reason=reason, until=until))
    for login, (reason, ticket) in zip(lost, TICKETS, strict=False):
        await backend.perform(Unbind(tenant=TENANT, users=(login,), reason=reason, ticket=ticket))


def _accounts(chance: random.Random) -> tuple[DemoAccount, ...]:
    told = (
        ("petra", Role.PLATFORM_ADMIN, True, "may do everything"),
        ("tomas", Role.TENANT_ADMIN, True, "looks after this organisation"),
        ("hana", Role.HELPDESK, True, "unbinds lost phones"),
        ("aida", Role.AUDITOR, True, "sees everything, changes nothing"),
        ("uma", Role.USER, True, "has a phone bound"),
        ("newton", Role.USER, False, "must bind a phone now: shows the QR code"),
    )
    made = []
    for login, role, bound, note in told:
        seed = Secret(chance.randbytes(20))
        uri = otpauth_uri(seed=seed, account=login, issuer=TENANT) if bound else None
        password = Secret(f"{login} shows the demo {chance.randrange(100, 1000)}")
        made.append(DemoAccount(login, password, role, uri, note))
    return tuple(made)


def _add_accounts(
    connection: sa.Connection,
    keys: KeyRing,
    accounts: tuple[DemoAccount, ...],
    hashes: list[str],
    now: int,
    chance: random.Random,
) -> None:
    tenant_pk = _tenant_pk(connection)
    rows: list[dict[str, object]] = []
    for account, password_hash in zip(accounts[1:], hashes[1:], strict=True):
        row = _row(account.login, _full_name(account.login), account.role, now - 200 * DAY, chance)
        rows.append({**row, "password_hash": password_hash})
    user_store.add_users(connection, tenant_pk, rows)
    stored = user_store.users_by_name(connection, tenant_pk, [account.login for account in accounts])
    petra = stored[accounts[0].login]
    email = f"{petra.login}@{DOMAIN}"
    user_store.change_user(connection, petra.pk, name=_full_name(petra.login), email=email)
    bound = [(stored[a.login], _seed_of(a.totp_uri)) for a in accounts if a.totp_uri is not None]
    _bind(connection, keys, [(user.pk, user.id, user.tenant_pk, "active", seed) for user, seed in bound], now, chance)
    for user, _ in bound:
        factor_store.refresh_user(connection, user.pk)


def _add_people(connection: sa.Connection, keys: KeyRing, batch: list[Person], now: int, chance: random.Random) -> None:
    tenant_pk = _tenant_pk(connection)
    rows: list[dict[str, object]] = []
    for person in batch:
        row = _row(person.login, person.name, person.role, now - chance.randrange(30, 900) * DAY, chance)
        seen = now - chance.randrange(1, 400 * 24) * 3_600_000 if chance.random() < 0.8 else 0
        rows.append(
            {
                **row,
                "email": person.email,
                "last_sign_in": seen,
                "disabled": person.disabled,
                "must_reset": person.must_reset,
                "status": person.status,
                "kinds": "" if person.status is BindingStatus.UNBOUND else "totp",
            }
        )
    first = connection.execute(sa.select(sa.func.coalesce(sa.func.max(users.c.pk), 0))).scalar_one()
    user_store.add_users(connection, tenant_pk, rows)
    query = sa.select(users.c.pk, users.c.id).where(users.c.pk > first).order_by(users.c.pk)
    states = {BindingStatus.BOUND: "active", BindingStatus.PENDING: "pending"}
    wanted = [
        (row.pk, row.id, tenant_pk, states[person.status], Secret(chance.randbytes(20)))
        for row, person in zip(connection.execute(query), batch, strict=True)
        if person.status in states
    ]
    _bind(connection, keys, wanted, now, chance)


def _bind(
    connection: sa.Connection,
    keys: KeyRing,
    wanted: list[tuple[int, str, int, str, Secret[bytes]]],
    now: int,
    chance: random.Random,
) -> None:
    rows: list[dict[str, object]] = []
    for user_pk, user_id, tenant_pk, state, seed in wanted:
        made = now - chance.randrange(1, 300) * DAY
        id = make_id(made, chance.randbytes(10))
        sealed = keys.seal(seed, purpose="totp", tenant=str(tenant_pk), user=user_id, row=id)
        rows.append(
            {
                "id": id,
                "tenant_pk": tenant_pk,
                "user_pk": user_pk,
                "kind": "totp",
                "state": state,
                "label": chance.choice(("Pixel 8", "iPhone 15", "Galaxy S24", "work phone", "")),
                "sealed": sealed,
                "created": made,
                "bound": made if state == "active" else None,
                "expires": None if state == "active" else made + DAY,
            }
        )
    if rows:
        connection.execute(sa.insert(factors), rows)


def _row(login: str, name: str, role: Role, created: int, chance: random.Random) -> dict[str, object]:
    return {
        "id": make_id(created, chance.randbytes(10)),
        "login": login,
        "name": name,
        "email": f"{login}@{DOMAIN}",
        "role": role,
        "created": created,
        "last_sign_in": 0,
        "disabled": False,
    }


def _full_name(login: str) -> str:
    return {
        "petra": "Petra Svobodová",
        "tomas": "Tomáš Dvořák",
        "hana": "Hana Králová",
        "aida": "Aida Haddad",
        "uma": "Uma Iyer",
        "newton": "Newton Abbot",
    }[login]


def _tenant_pk(connection: sa.Connection) -> int:
    tenant = tenant_by_name(connection, TENANT)
    if tenant is None:
        raise LookupError(TENANT)
    return tenant.pk


def _seed_of(uri: Secret[str]) -> Secret[bytes]:
    key = uri.reveal().partition("secret=")[2].partition("&")[0]
    return Secret(base64.b32decode(key + "=" * (-len(key) % 8)))


def _remember(accounts: tuple[DemoAccount, ...]) -> None:
    content = {
        "tenant": TENANT,
        "accounts": [
            {
                "login": account.login,
                "password": account.password.reveal(),
                "role": account.role,
                "totp_uri": account.totp_uri.reveal() if account.totp_uri else None,
                "note": account.note,
            }
            for account in accounts
        ],
    }
    write_private(locations.data_home() / FILE, json.dumps(content, indent=2) + "\n")
