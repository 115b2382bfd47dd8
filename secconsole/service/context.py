"""Context of a handler: the transaction, the actor, the target and the time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, NotFound
from secconsole.domain.ident import make_id
from secconsole.domain.networks.reach import PUBLIC, Reach
from secconsole.domain.roles import NOT_YOURSELF, Role, is_peer, may_act_on, outranked_words
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import Reserved
from secconsole.operations.base import Spec
from secconsole.operations.caller import Source
from secconsole.operations.events import Detail, Details, Event
from secconsole.operations.whitelist import NotDone
from secconsole.store import users
from secconsole.store.audit_log import audit
from secconsole.store.audit_log.audit_acts import act_of
from secconsole.store.engine.metadata import inner_key
from secconsole.store.rows import SessionRecord, TenantRow, TokenRecord, UserRecord
from secconsole.store.sealing.keys import KeyRing, SealedPlace, key_of


@dataclass(frozen=True, slots=True)
class Actor:
    """Actor of an operation: a user with a session or token, or the store's owner or a program, which are not users.

    `token`: a personal access token or a tenant's secret key, which limits the actor to its scopes.
    """

    login: str
    role: Role
    user: UserRecord | None = None
    session: SessionRecord | None = None
    token: TokenRecord | None = None

    @property
    def id(self) -> str:
        return self.user.id if self.user else ""

    @property
    def tenant_pk(self) -> int | None:
        """The tenant of the actor, None only for the owner of the store."""
        if self.user is not None:
            return self.user.tenant_pk
        return self.token.tenant_pk if self.token is not None else None


@dataclass(frozen=True, slots=True)
class Application:
    """Application that a user signs in to. `key`: the id of its secret key, empty for the owner of the store.

    `client`: the address of the user's device as the application says, which is never trusted like one of ours.
    """

    name: str
    key: str = ""
    client: str = ""


@dataclass(slots=True)
class PasswordCheck:
    """Result of a password check between two transactions."""

    stored: str | None  # the hash to check against; None for an unknown login
    allowed: bool  # False while entries are held back, whatever the password
    reserved: Reserved | None = None  # set if this attempt was counted as wrong
    needed: bool = True  # False if a second factor is shown in its place
    retry_at: int = 0  # the end of the caller's wait if the password is wrong
    right: bool = False
    new_hash: str | None = None  # the same password hashed with current costs


class Notifier(Protocol):
    """Notifier of users about audit entries, see `service/outbox/notices.py`."""

    def notify(
        self,
        context: Context,
        tenant: TenantRow,
        user: UserRecord,
        event: Event,
        entry: str,
        details: Details,
        former: Iterable[str],
    ) -> int | None: ...


@dataclass(slots=True)
class Context:
    """Context of one operation.

    `tenant`, `actor` and `target` raise if the operation has none.
    """

    connection: sa.Connection
    keys: KeyRing
    now: int  # milliseconds
    source: Source
    notices: Notifier
    found_tenant: TenantRow | None = None
    found_actor: Actor | None = None
    found_target: UserRecord | None = None
    password: PasswordCheck | None = None
    passwords: Sequence[Secret[str]] = ()  # new ones, and their hashes
    hashes: Sequence[str] = ()
    prepared: object = None  # result of the handler's `prepare`
    entries: int = 0
    posted: bool = False  # whether the outbox has new messages
    stays_here: bool = False  # they will not leave this machine, because the store belongs to a demo
    reach: Reach = PUBLIC  # of delivery settings whose owner does not manage all tenants
    unchanged: bool = field(default=False)
    held: dict[int, list[dict[str, object]]] | None = None  # entries that are written together, by tenant
    damaged: list[SealedPlace] = field(default_factory=list)  # secrets that could not be opened
    seals: bool = False  # with the key that the store has in this transaction
    job: str = ""  # id of the job that this is part of
    opens_session: bool = True  # False if a sign-in is only checked
    application: Application | None = None  # that the user signs in to

    @property
    def tenant(self) -> TenantRow:
        if self.found_tenant is None:
            raise NotFound("There is no such tenant.")
        return self.found_tenant

    @property
    def actor(self) -> Actor:
        if self.found_actor is None:
            raise LookupError("this operation has no actor")
        return self.found_actor

    @property
    def target(self) -> UserRecord:
        if self.found_target is None:
            raise NotFound("There is no such user.")
        return self.found_target

    @property
    def own_account(self) -> UserRecord:
        """The actor as a user, or `Conflict` for actors that are not users."""
        if self.actor.user is None and self.actor.token is not None:
            raise Conflict(f"{self.actor.login} has no account.")
        if self.actor.user is None:
            raise Conflict("The owner of the store has no account of their own. Sign in as a user.")
        return self.actor.user

    @property
    def is_own(self) -> bool:
        """True if the target is the actor's own account."""
        user = self.actor.user
        return user is not None and self.found_target is not None and user.pk == self.found_target.pk

    @property
    def new_hash(self) -> str:
        """The hash of the single new password, or `Conflict` if the preparation did not accept it."""
        if not self.hashes:
            raise Conflict("Something has changed in the meantime. Nothing was done. Try again.")
        return self.hashes[0]

    @property
    def is_own_tenant(self) -> bool:
        """True if the actor belongs to the tenant of the operation, which the owner of the store always does."""
        return self.actor.tenant_pk in (None, self.tenant.pk)

    def seal(self, plain: Secret[bytes], *, purpose: str, tenant: str = "", user: str = "", row: str = "") -> bytes:
        """Encrypt a value for one place in the store, with the key that the store has in this transaction.

        Whatever the key file says: after a rotation no value may be sealed with an old key.
        """
        if not self.seals:
            self.keys.use(key_of(inner_key(self.connection)))
            self.seals = True
        return self.keys.seal(plain, purpose=purpose, tenant=tenant, user=user, row=row)

    def new_id(self) -> str:
        return make_id(self.now, os.urandom(10))

    def targets(self, names: Sequence[str], spec: Spec) -> tuple[list[UserRecord], list[NotDone]]:
        """Return the distinct users of a bulk operation that the actor may change, and the reasons for the others."""
        found = users.users_by_name(self.connection, self.tenant.pk, names)
        allowed: dict[int, UserRecord] = {}
        failed: list[NotDone] = []
        for name in dict.fromkeys(names):
            user = found.get(name)
            if user is None:
                failed.append(NotDone(name, name, "There is no such user."))
            elif why := self.why_not(user, spec):
                failed.append(NotDone(user.id, user.login, why))
            else:
                allowed[user.pk] = user
        return list(allowed.values()), failed

    def why_not(self, user: UserRecord, spec: Spec) -> str:
        """Return why the actor may not do an operation to a user, empty if they may.

        The store's owner ranks above all users.
        """
        actor = self.actor
        if actor.user is not None and user.pk == actor.user.pk:
            return NOT_YOURSELF if spec.others_only else ""
        if actor.tenant_pk is None or may_act_on(actor.role, user.role, spec.ranks):
            return ""
        return outranked_words(actor.role, user.role, spec.ranks, user.login)

    def is_peer(self, user: UserRecord) -> bool:
        """Return True if actor and user are platform administrators: a second person has to approve."""
        return self.actor.tenant_pk is not None and is_peer(self.actor.role, user.role)

    def audit(
        self,
        event: Event,
        /,
        target: UserRecord | None = None,
        *,
        outcome: str = "done",
        reason: str = "",
        ticket: str = "",
        tenant: TenantRow | None = None,
        by: str = "",
        former: Iterable[str] = (),
        **details: Detail,
    ) -> str:
        """Write an audit entry in the transaction of the change, notify the user if needed, and return its id.

        `former`: addresses that were on record until now, to which the notice goes as well.
        """
        self.entries += 1
        id = self.new_id()
        actor = self.found_actor
        where = tenant or self.found_tenant
        if target is not None and where is not None and outcome == "done":
            notified = self.notices.notify(self, where, target, event, id, details, former)
            if notified is not None:
                details = {**details, "notified": notified}
        if self.job:
            details = {**details, "job": self.job}
        if actor and actor.token and not by:
            details = {**details, "by_token": actor.token.id}
            if actor.token.is_key:
                details["by_key"] = actor.token.name
        if self.application is not None:
            details = {**details, "application": self.application.name, "client": self.application.client}
            details = {**details, "by_token": self.application.key} if self.application.key else details
        values: dict[str, object] = {
            "id": id,
            "at": self.now,
            "actor": by or (actor.login if actor else target.login if target else ""),
            "actor_id": "" if by else actor.id if actor else target.id if target else "",
            "action": event.action,
            "target": target.login if target else "",
            "target_id": target.id if target else "",
            "outcome": outcome,
            "reason": reason,
            "ticket": ticket,
            "channel": self.source.channel,
            "address": self.source.address,
            "request_id": self.source.request_id,
            "details": json.dumps(details, ensure_ascii=False),
            "bulk": act_of(event.action, target.id if target else "", details),
        }
        if where is not None and self.held is not None:
            self.held.setdefault(where.pk, []).append(values)
        elif where is not None:
            audit.append(self.connection, self.keys, where.pk, [values])
        return id

    @contextmanager
    def entries_together(self) -> Iterator[None]:
        """Write the entries of a block together at its end, in their order, which takes a fraction of the time."""
        self.held = {}
        try:
            yield
            for tenant_pk, entries in self.held.items():
                audit.append(self.connection, self.keys, tenant_pk, entries)
        finally:
            self.held = None


def when(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def when_or_none(milliseconds: int | None) -> datetime | None:
    return when(milliseconds) if milliseconds else None


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
