"""A filled throw-away organisation for demonstrations and measurements, the same for the same seed."""

from __future__ import annotations

import asyncio
import base64
import functools
import itertools
import json
import os
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.demo import story
from secconsole.backends.demo.accounts import FILE
from secconsole.backends.demo.accounts import DemoAccount as DemoAccount
from secconsole.backends.demo.accounts import demo_accounts as demo_accounts
from secconsole.backends.demo.factors import (
    DAY,
    WITH_RECOVERY,
    Held,
    Holder,
    add_delivery,
    add_factors,
    add_recovery_codes,
    held_by,
    number_of,
    summary,
)
from secconsole.backends.demo.inbox import make_demo
from secconsole.backends.demo.people import DOMAIN, REASONS, TENANT, TICKETS, Person, people
from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.new_store import create_store
from secconsole.backends.owner import store_owner
from secconsole.config import locations
from secconsole.config.private import write_private
from secconsole.delivery.inbox import FILE as INBOX
from secconsole.delivery.inbox import Inbox
from secconsole.domain.factors.otpauth import otpauth_uri
from secconsole.domain.history import MOST_DAYS, day_of
from secconsole.domain.ident import make_id
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.unbinding import Unbind
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.service.context import when
from secconsole.service.upkeep import rebuild_portion
from secconsole.store import factors as factor_store
from secconsole.store import history
from secconsole.store import users as user_store
from secconsole.store.schema import users
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.tenants import tenant_by_name

BATCH = 10_000
NOBODYS = "!"  # the hash of no password: nobody signs in as one of the crowd, but most have one
MAILED, TEXTED = "emil", "sofia"  # who sign in with a code by e-mail, and by SMS


@dataclass(frozen=True, slots=True)
class Demo:
    home: Path
    tenant: str
    accounts: tuple[DemoAccount, ...]


@dataclass(frozen=True, slots=True)
class _Chances:
    """Two random sources, so that the people do not depend on their factors."""

    people: random.Random
    sent: random.Random


async def create_demo(home: Path, *, users: int, seed: int) -> Demo:
    """Create a store in `home` and fill it with so many users, the demo accounts first.

    The environment's SECCONSOLE_HOME is set to `home`, so that the demo is opened next.
    """
    os.environ["SECCONSOLE_HOME"] = str(home)
    chances = _Chances(random.Random(seed), random.Random(f"{seed} sent"))  # noqa: S311 - it must be reproducible
    accounts = _accounts(chances)[:users]
    await create_store(tenant=TENANT, admin=accounts[0].login, password=accounts[0].password)
    inbox = Inbox(locations.data_home() / INBOX)
    inbox.empty()
    backend = await open_embedded(store_owner() or Nobody(), "command", inbox=inbox)
    try:
        await asyncio.wrap_future(backend.store.write(lambda connection: make_demo(connection, backend.keys)))
        await _fill(backend, accounts, max(0, users - len(accounts)), chances)
    finally:
        await backend.close()
    _remember(accounts)
    return Demo(home, TENANT, accounts)


async def _fill(backend: EmbeddedBackend, accounts: tuple[DemoAccount, ...], count: int, chances: _Chances) -> None:
    store, keys = backend.store, backend.keys
    now = int(time.time() * 1000)
    hashes = [await backend.passwords.hash(account.password) for account in accounts]
    await asyncio.wrap_future(
        store.write(lambda connection: _add_accounts(connection, keys, accounts, hashes, now, chances))
    )
    crowd = enumerate(people(count, chances.people))
    while batch := list(itertools.islice(crowd, BATCH)):
        add = functools.partial(_add_people, keys=keys, batch=batch, now=now, chances=chances)
        await asyncio.wrap_future(store.write(add))
    await asyncio.wrap_future(store.write(lambda connection: connection.exec_driver_sql("ANALYZE").close()))
    await asyncio.wrap_future(store.write(lambda connection: story.write(connection, keys, now)))
    await backend.perform(
        SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, kinds=tuple(FactorKind), recovery_view=True)
    )
    for login in (account.login for account in accounts if account.login in ("petra", "uma", TEXTED)):
        await backend.perform(CreateRecoveryCodes(tenant=TENANT, user=login))
    await _events(backend, now)
    await backend.alert_worker.sweep()
    while await asyncio.wrap_future(store.write(lambda connection: _rebuild(connection, now))):
        pass


def _rebuild(connection: sa.Connection, now: int) -> bool:
    """Count a portion of the users for the figures of past days, and return True if there are more."""
    today = day_of(now)
    work = replace(history.upkeep_of(connection, _tenant_pk(connection)), day=today)
    if work.user_pk is None:
        work = replace(work, first=today - MOST_DAYS, until=today, user_pk=0)
    work = rebuild_portion(connection, work, BATCH)
    history.keep(connection, work)
    return work.user_pk is not None


async def _events(backend: EmbeddedBackend, now: int) -> None:
    """Add whitelist entries and unbind users by real operations, so that the audit has entries."""

    def some(connection: sa.Connection) -> tuple[list[str], list[str]]:
        query = sa.select(users.c.login).where(users.c.role == "user").order_by(users.c.pk)
        exempt = query.where(users.c.status == "unbound").offset(3).limit(len(REASONS))
        lost = query.where(users.c.status == "bound").offset(7).limit(len(TICKETS))
        return list(connection.execute(exempt).scalars()), list(connection.execute(lost).scalars())

    exempt, lost = await asyncio.wrap_future(backend.store.read(some))
    for login, (reason, days) in zip(exempt, REASONS, strict=False):
        until = when(now + days * DAY) if days else None
        await backend.perform(AddToWhitelist(tenant=TENANT, users=(login,), reason=reason, until=until))
    for login, (reason, ticket) in zip(lost, TICKETS, strict=False):
        await backend.perform(Unbind(tenant=TENANT, users=(login,), reason=reason, ticket=ticket))


def _accounts(chances: _Chances) -> tuple[DemoAccount, ...]:
    accounts = (
        ("petra", Role.PLATFORM_ADMIN, True, "may do everything", chances.people),
        ("tomas", Role.TENANT_ADMIN, True, "looks after this organisation", chances.people),
        ("hana", Role.HELPDESK, True, "unbinds lost phones", chances.people),
        ("aida", Role.AUDITOR, True, "sees everything, changes nothing", chances.people),
        ("uma", Role.USER, True, "has a phone bound", chances.people),
        ("newton", Role.USER, False, "must bind now: QR code, SMS or e-mail", chances.people),
        (MAILED, Role.USER, False, "gets a code by e-mail", chances.sent),
        (TEXTED, Role.USER, False, "gets an SMS, on one of two phones", chances.sent),
    )
    made = []
    for login, role, bound, note, chance in accounts:
        seed = Secret(chance.randbytes(20))
        uri = otpauth_uri(seed=seed, account=login, issuer=TENANT) if bound else None
        password = Secret(f"{login} shows the demo {chance.randrange(100, 1000)}")
        made.append(DemoAccount(login, password, role, uri, note))
    return tuple(made)


def _held(account: DemoAccount, chance: random.Random) -> tuple[Held, ...]:
    """Return the factors of an account, none for newton, who has to bind one first."""
    if account.totp_uri is not None:
        return (Held(FactorKind.TOTP, seed=_seed_of(account.totp_uri)),)
    if account.login == MAILED:
        return (Held(FactorKind.EMAIL, address=_email(account.login)),)
    if account.login == TEXTED:
        return tuple(Held(FactorKind.SMS, address=number_of(chance), label=name) for name in ("work phone", "private"))
    return ()


def _add_accounts(
    connection: sa.Connection,
    keys: KeyRing,
    accounts: tuple[DemoAccount, ...],
    hashes: list[str],
    now: int,
    chances: _Chances,
) -> None:
    tenant_pk = _tenant_pk(connection)
    rows: list[dict[str, object]] = []
    for account, password_hash in zip(accounts[1:], hashes[1:], strict=True):
        row = _row(account.login, _full_name(account.login), account.role, now - 200 * DAY, chances.people)
        rows.append({**row, "password_hash": password_hash})
    user_store.add_users(connection, tenant_pk, rows)
    stored = user_store.users_by_name(connection, tenant_pk, [account.login for account in accounts])
    petra = stored[accounts[0].login]
    user_store.change_user(connection, petra.pk, name=_full_name(petra.login), email=_email(petra.login))
    for account in accounts:
        who = stored[account.login]
        if held := _held(account, chances.sent):
            holder = Holder(who.pk, who.id, tenant_pk)
            chance = chances.people if account.totp_uri is not None else chances.sent
            add_factors(connection, keys, [(holder, one) for one in held], now, chance)
            user_store.change_user(connection, who.pk, phone=summary(held)["phone"])
            factor_store.refresh_user(connection, who.pk)
    add_delivery(connection, keys, tenant_pk, now, chances.sent)


def _add_people(
    connection: sa.Connection, keys: KeyRing, batch: list[tuple[int, Person]], now: int, chances: _Chances
) -> None:
    tenant_pk, chance = _tenant_pk(connection), chances.people
    rows: list[dict[str, object]] = []
    held = [held_by(person, number, chances.sent) for number, person in batch]
    for (_, person), theirs in zip(batch, held, strict=True):
        row = _row(person.login, person.name, person.role, now - chance.randrange(30, 900) * DAY, chance)
        seen = now - chance.randrange(1, 400 * 24) * 3_600_000 if chance.random() < 0.8 else 0
        is_new = not seen and person.status is BindingStatus.UNBOUND
        rows.append(
            {
                **row,
                "email": person.email,
                "last_sign_in": seen,
                "disabled": person.disabled,
                "must_reset": person.must_reset,
                "password_hash": None if is_new else NOBODYS,
                "status": person.status,
                **summary(theirs),
            }
        )
    first = connection.execute(sa.select(sa.func.coalesce(sa.func.max(users.c.pk), 0))).scalar_one()
    user_store.add_users(connection, tenant_pk, rows)
    query = sa.select(users.c.pk, users.c.id).where(users.c.pk > first).order_by(users.c.pk)
    holders = [Holder(row.pk, row.id, tenant_pk) for row in connection.execute(query)]
    wanted = [(who, one) for who, theirs in zip(holders, held, strict=True) for one in theirs]
    add_factors(connection, keys, wanted, now, chance)
    for who, (number, person) in zip(holders, batch, strict=True):
        if number < WITH_RECOVERY and person.status is BindingStatus.BOUND and chances.sent.random() < 0.6:
            add_recovery_codes(connection, who, chances.sent.choice((0, 0, 0, 1, 2, 8, 10)), now, chances.sent)


def _row(login: str, name: str, role: Role, created: int, chance: random.Random) -> dict[str, object]:
    return {
        "id": make_id(created, chance.randbytes(10)),
        "login": login,
        "name": name,
        "email": _email(login),
        "role": role,
        "created": created,
        "last_sign_in": 0,
        "disabled": False,
    }


def _email(login: str) -> str:
    return f"{login}@{DOMAIN}"


def _full_name(login: str) -> str:
    return {
        "petra": "Petra Svobodová",
        "tomas": "Tomáš Dvořák",
        "hana": "Hana Králová",
        "aida": "Aida Haddad",
        "uma": "Uma Iyer",
        "newton": "Newton Abbot",
        MAILED: "Emil Lindqvist",
        TEXTED: "Sofia Rossi",
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
