"""Steps of a restore: comparison of two states of a store, what is carried over, and the replacement itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from secconsole.domain.factors.totp import WINDOW, time_step
from secconsole.domain.limits import MOST_EXACT
from secconsole.domain.messages.delivery import MessageState
from secconsole.store.audit_log.audit_checkpoints import link_before_first
from secconsole.store.copies import backup
from secconsole.store.copies.backup import ChainHead, Progress, words_of_errors
from secconsole.store.engine.clock import CLOCK
from secconsole.store.engine.sqlite import open_engine
from secconsole.store.schema import (
    approvals,
    audit,
    audit_checkpoints,
    audit_streams,
    bypass_codes,
    caller_checks,
    challenges,
    factors,
    outbox,
    passcodes,
    sessions,
    tokens,
    users,
)
from secconsole.store.sealing.rotation import DONE

WHY = "the store was restored"


@dataclass(frozen=True, slots=True)
class Compared:
    """The audit of one tenant in the store and in the backup.

    `common`: the last entry that both have. A head is None where the tenant does not exist.
    """

    tenant: str
    present: ChainHead | None
    saved: ChainHead | None
    common: int = 0
    lost: tuple[tuple[str, int], ...] = ()  # actions that only the store has, and how many of each
    lost_from: int = 0
    lost_until: int = 0

    @property
    def entries_lost(self) -> int:
        return (self.present.seq if self.present else 0) - self.common


@dataclass(frozen=True, slots=True)
class Carried:
    """Revocations since the backup that stay in effect."""

    tokens: int = 0
    recovery_codes: int = 0
    users: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """Numbers of what a restore has ended in one tenant."""

    sessions: int = 0
    sign_ins: int = 0
    messages: int = 0
    tokens: int = 0
    factors: int = 0


def compare(present: sa.Connection | None, saved: sa.Connection) -> list[Compared]:
    """Compare the audits of all tenants of a store with those of a backup, by the ids of the tenants."""
    there = {head.tenant_id: head for head in backup.chain_heads(saved)}
    here = {head.tenant_id: head for head in backup.chain_heads(present)} if present is not None else {}
    found = []
    for id in dict.fromkeys([*there, *here]):
        one, other = here.get(id), there.get(id)
        name = (other or one).tenant  # type: ignore[union-attr]
        common = _common(present, saved, one, other) if present is not None and one and other else 0
        if present is None or one is None:
            found.append(Compared(name, one, other, common))
            continue
        new = sa.and_(audit.c.tenant_pk == one.tenant_pk, audit.c.seq > common)
        by_action = sa.select(audit.c.action, sa.func.count()).where(new).group_by(audit.c.action)
        lost = tuple((action, int(count)) for action, count in present.execute(by_action.order_by(audit.c.action)))
        first, last = present.execute(sa.select(sa.func.min(audit.c.at), sa.func.max(audit.c.at)).where(new)).one()
        found.append(Compared(name, one, other, common, lost, first or 0, last or 0))
    return found


def _common(here: sa.Connection, there: sa.Connection, one: ChainHead, other: ChainHead) -> int:
    """Return the last entry that two chains share: each entry is sealed over all earlier ones."""
    most = min(one.seq, other.seq)
    least = min(most, max(_removed(here, one.tenant_pk), _removed(there, other.tenant_pk)))
    while least < most:
        middle = (least + most + 1) // 2
        if _mac(here, one.tenant_pk, middle) == _mac(there, other.tenant_pk, middle):
            least = middle
        else:
            most = middle - 1
    return least


def _removed(connection: sa.Connection, tenant_pk: int) -> int:
    """Return the last entry that retention removed, which can be compared no more."""
    if not sa.inspect(connection).has_table(audit_checkpoints.name):  # of an earlier version
        return 0
    return link_before_first(connection, tenant_pk).seq


def _mac(connection: sa.Connection, tenant_pk: int, seq: int) -> bytes | None:
    query = sa.select(audit.c.mac).where(audit.c.tenant_pk == tenant_pk, audit.c.seq == seq)
    return connection.execute(query).scalar_one_or_none()


def end_what_was_open(connection: sa.Connection, now: int, *, end_tokens: bool) -> dict[int, Ended]:
    """End sessions, sign-ins in progress and unsent messages of all tenants, and return their numbers by tenant.

    Caller checks, bypass codes and first-time passwords end too, because they may have been used since the backup.
    Time steps up to the latest one that could have been used before `now` count as used, so that no code is accepted a
    second time. With `end_tokens` all tokens and secret keys end too.
    """
    counts: dict[int, dict[str, int]] = {}

    def change(name: str, table: sa.Table, which: sa.ColumnElement[bool], **values: object) -> None:
        query = sa.select(table.c.tenant_pk, sa.func.count()).where(which).group_by(table.c.tenant_pk)
        for tenant_pk, number in connection.execute(query).all():
            found = counts.setdefault(tenant_pk, {})
            found[name] = found.get(name, 0) + int(number)
        connection.execute(sa.update(table).where(which).values(values))

    change("sessions", sessions, sessions.c.ended.is_(None), ended=now, ended_why=WHY)
    change("sign_ins", challenges, challenges.c.used.is_(None), used=now)
    connection.execute(sa.update(passcodes).where(passcodes.c.used.is_(None)).values(used=now))
    connection.execute(sa.update(caller_checks).where(caller_checks.c.used.is_(None)).values(used=now))
    connection.execute(sa.update(approvals).where(approvals.c.used.is_(None)).values(used=now))
    unused = sa.and_(bypass_codes.c.used.is_(None), bypass_codes.c.revoked.is_(None))
    connection.execute(sa.update(bypass_codes).where(unused).values(revoked=now))
    no_password = {"password_hash": None, "must_reset": False, "password_until": 0, "version": users.c.version + 1}
    connection.execute(sa.update(users).where(users.c.password_until > 0).values(no_password))
    waiting = outbox.c.state.in_((MessageState.WAITING, MessageState.SENDING))
    void = {"state": MessageState.VOID, "sealed": None, "ended": now, "problem": "The store was restored."}
    change("messages", outbox, waiting, **void)
    # Leases are those of processes at the time of the backup.
    connection.execute(sa.update(audit_streams).values(holder="", lease_until=0, due=0))
    if end_tokens:
        change("tokens", tokens, tokens.c.ended.is_(None), ended=now, ended_why=WHY)
    for period in connection.execute(sa.select(factors.c.period).distinct()).scalars().all():
        step = time_step(now / 1000, period) + WINDOW
        usable = sa.and_(factors.c.kind == "totp", factors.c.period == period, factors.c.last_step < step)
        # How far a token that counts went since the backup is not known.
        change("factors", factors, sa.and_(usable, sa.not_(factors.c.counts)), last_step=step)
    return {tenant_pk: Ended(**found) for tenant_pk, found in counts.items()}


@contextmanager
def beside(staged: Path, present: Path | None) -> Iterator[sa.Connection]:
    """Yield a transaction on a staged store, with the present one attached as `present` for reading."""
    engine = open_engine(staged, journal="DELETE").execution_options(secconsole_write=True)
    try:
        with words_of_errors(), engine.connect() as connection:
            if present is not None:
                driver = connection.connection.driver_connection
                assert driver is not None
                # Before the transaction, because SQLite refuses ATTACH inside one.
                driver.execute("ATTACH DATABASE ? AS present", (f"{present.absolute().as_uri()}?mode=ro",))
            with connection.begin():
                yield connection
    finally:
        engine.dispose()


def carry_over(connection: sa.Connection, now: int) -> Carried:
    """Keep in effect what was revoked or used up in the attached present store since the backup.

    A restore must not bring back a token that was ended, a recovery code that was used, a one-time password that was
    replaced, a disabled user, or a receiver of the audit that was removed. A secret key that was rotated keeps its end.
    """

    def change(statement: str, **values: object) -> int:
        return connection.execute(sa.text(statement), values).rowcount

    ended = change(
        "UPDATE tokens SET ended = :now, ended_why = 'ended before the store was restored' WHERE ended IS NULL "
        "AND id IN (SELECT id FROM present.tokens WHERE ended IS NOT NULL)",
        now=now,
    )
    # A secret key that was rotated since has an end now. Of two ends the earlier one counts.
    change(
        "UPDATE tokens SET expires = (SELECT p.expires FROM present.tokens p WHERE p.id = tokens.id) WHERE EXISTS "
        "(SELECT 1 FROM present.tokens p WHERE p.id = tokens.id AND p.expires < coalesce(tokens.expires, :never))",
        never=MOST_EXACT,
    )
    # A one-time password of the backup was replaced since, so it must not work. An administrator resets it again.
    change(
        "UPDATE users SET password_hash = NULL, must_reset = 0, password_until = 0, version = version + 1 "
        "WHERE must_reset AND password_hash IS NOT NULL AND EXISTS (SELECT 1 FROM present.users p "
        "WHERE p.id = users.id AND p.password_hash IS NOT users.password_hash)"
    )
    spent = change(
        "UPDATE recovery_codes SET used = :now WHERE used IS NULL AND voided IS NULL AND digest IN "
        "(SELECT digest FROM present.recovery_codes WHERE used IS NOT NULL OR voided IS NOT NULL)",
        now=now,
    )
    if spent:
        # Lists and the sign-in read this column instead of counting codes.
        change(
            "UPDATE users SET has_recovery = EXISTS (SELECT 1 FROM recovery_codes WHERE user_pk = users.pk "
            "AND used IS NULL AND voided IS NULL) WHERE has_recovery"
        )
    disabled = change(
        "UPDATE users SET disabled = 1, version = version + 1 WHERE NOT disabled "
        "AND id IN (SELECT id FROM present.users WHERE disabled)"
    )
    # Codes that were used since the backup stay used (RFC 6238 section 5.2).
    change(
        "UPDATE factors SET last_step = (SELECT max(p.last_step, factors.last_step) FROM present.factors p "
        "WHERE p.id = factors.id) WHERE EXISTS (SELECT 1 FROM present.factors p WHERE p.id = factors.id "
        "AND p.last_step > factors.last_step)"
    )
    # Positions refer to streams, so they go first.
    change(
        "DELETE FROM audit_positions WHERE stream_pk IN (SELECT pk FROM audit_streams "
        "WHERE id NOT IN (SELECT id FROM present.audit_streams))"
    )
    change("DELETE FROM audit_streams WHERE id NOT IN (SELECT id FROM present.audit_streams)")
    for name in (CLOCK, backup.LAST, DONE):  # times that the store has seen, and what is known about copies of it
        change(
            "INSERT INTO facts (name, value) SELECT name, value FROM present.facts WHERE name = :name "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name=name,
        )
    return Carried(ended, spent, disabled)


def replace_content(live: Path, staged: Path, progress: Progress) -> None:
    """Replace all content of a store in one transaction of SQLite, while others have it open.

    Killed at any moment, the store has either content. Others read the old one until the commit.
    """
    with words_of_errors(), closing(backup.open_file(staged)) as source, closing(backup.open_file(live)) as target:
        # The store may be open with another setting, and a restore that was reported as done must survive a loss of
        # power.
        target.execute("PRAGMA synchronous=FULL")
        backup.copy_pages(source, target, progress)
        with_log = target.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        if with_log:
            _shorten_log(target)


def _shorten_log(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout=0")  # readers may hold it, and then a later writer does this
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
