"""What a handler works with: the transaction, who acts, on what, when."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, NotFound
from secconsole.domain.ident import make_id
from secconsole.domain.roles import Role, may_act_on
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Source
from secconsole.operations.whitelist import NotDone
from secconsole.store import audit, users
from secconsole.store.keys import KeyRing
from secconsole.store.rows import SessionRecord, TenantRow, TokenRecord, UserRecord

Detail = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user, with a session or a token; the owner of the store, or a program, which are no users.

    `token`: a personal access token or a tenant's secret key; whoever has one does no more than its scopes say.
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
        """The tenant that the actor is in; None for the owner of the store alone."""
        if self.user is not None:
            return self.user.tenant_pk
        return self.token.tenant_pk if self.token is not None else None


@dataclass(slots=True)
class PasswordCheck:
    """What came of checking a password between two transactions."""

    stored: str | None  # the hash to check against; None: nobody's
    allowed: bool  # False: held back, whatever the password
    reserved: int = 0  # how many failures stood after this try was counted
    right: bool = False
    new_hash: str | None = None  # the same password with today's costs


class Teller(Protocol):
    """What tells users of entries in the audit; see `service/notices.py`."""

    def tell(
        self,
        context: Context,
        tenant: TenantRow,
        user: UserRecord,
        action: str,
        entry: str,
        details: Mapping[str, Detail],
        former: Iterable[str],
    ) -> int | None: ...


@dataclass(slots=True)
class Context:
    """One operation being done. `tenant`, `actor` and `target` raise if the operation has none."""

    connection: sa.Connection
    keys: KeyRing
    now: int  # milliseconds
    source: Source
    notices: Teller
    found_tenant: TenantRow | None = None
    found_actor: Actor | None = None
    found_target: UserRecord | None = None
    password: PasswordCheck | None = None
    passwords: Sequence[Secret[str]] = ()  # new ones, and their hashes
    hashes: Sequence[str] = ()
    entries: int = 0
    posted: bool = False  # there is something new in the outbox
    stays_here: bool = False  # and it will not leave this machine: the store is a demo's
    unchanged: bool = field(default=False)

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
        """Whoever acts, as a user; raises `Conflict` for those who are none."""
        if self.actor.user is None and self.actor.token is not None:
            raise Conflict(f"{self.actor.login} has no account of its own.")
        if self.actor.user is None:
            raise Conflict("The owner of the store has no account of their own. Sign in as a user.")
        return self.actor.user

    @property
    def is_own(self) -> bool:
        """Whether somebody acts on their own account."""
        user = self.actor.user
        return user is not None and self.found_target is not None and user.pk == self.found_target.pk

    def new_id(self) -> str:
        return make_id(self.now, os.urandom(10))

    def targets(self, names: Sequence[str]) -> tuple[list[UserRecord], list[NotDone]]:
        """The users of a bulk operation that the actor may act on, each once, and why not the others."""
        found = users.users_by_name(self.connection, self.tenant.pk, names)
        allowed: dict[int, UserRecord] = {}
        failed: list[NotDone] = []
        for name in dict.fromkeys(names):
            user = found.get(name)
            if user is None:
                failed.append(NotDone(name, name, "There is no such user."))
            elif not may_act_on(self.actor.role, user.role):
                failed.append(NotDone(user.id, user.login, f"A {self.actor.role} may not act on a {user.role}."))
            else:
                allowed[user.pk] = user
        return list(allowed.values()), failed

    def audit(
        self,
        action: str,
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
        """Write an entry in the transaction of the change, and tell the user where they ought to know; return its id.

        `former`: addresses that were on record until just now, for the user to be told there too.
        """
        self.entries += 1
        id = self.new_id()
        actor = self.found_actor
        where = tenant or self.found_tenant
        if target is not None and where is not None and outcome == "done":
            notified = self.notices.tell(self, where, target, action, id, details, former)
            if notified is not None:
                details = {**details, "notified": notified}
        if actor and actor.token and not by:
            details = {**details, "by_token": actor.token.id}
        values: dict[str, object] = {
            "id": id,
            "at": self.now,
            "actor": by or (actor.login if actor else target.login if target else ""),
            "actor_id": "" if by else actor.id if actor else target.id if target else "",
            "action": action,
            "target": target.login if target else "",
            "target_id": target.id if target else "",
            "outcome": outcome,
            "reason": reason,
            "ticket": ticket,
            "channel": self.source.channel,
            "address": self.source.address,
            "request_id": self.source.request_id,
            "details": json.dumps(details, ensure_ascii=False),
        }
        if where is not None:
            audit.append(self.connection, self.keys, where.pk, values)
        return id


def when(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def when_or_none(milliseconds: int | None) -> datetime | None:
    return when(milliseconds) if milliseconds else None


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
