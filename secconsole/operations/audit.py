"""Audit of all changes: action, actor, target, time and origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import LONGEST_LABEL, MANY_NAMES_BODY, MOST_HEADS
from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Actions,
    AuditAddress,
    ChainCursor,
    EntryNumber,
    Id,
    Limit,
    Mac,
    Moment,
    NumberCursor,
    OneWord,
    Search,
    TenantName,
    Ticket,
    UserName,
    VerifyLimit,
)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Audit entry.

    `outcome` is `done`, `refused` or `failed`. `details` are small facts, never secrets. `address`: the origin of the
    request, or the user on the server's machine. `request_id`: its id in the server's log. `act`: what was done to many
    users at once, of which this is a part. In a folded list `entries` of it match, and this is the first of them.
    """

    id: str
    at: Moment
    actor: str
    action: str
    target: str
    target_id: str
    outcome: str
    reason: str
    ticket: str
    channel: str
    address: str
    request_id: str
    details: dict[str, str | int | bool | None]
    act: str = ""
    entries: int = 1


@dataclass(frozen=True, slots=True)
class AuditPage:
    items: tuple[AuditEntry, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """Result of a verification: whether the chain is intact, or which entry breaks it first, and why.

    `entries`: how many are intact, from the oldest on. `newest`: the number of the last, as the signed head names it.
    `position`: number of the first entry that is wrong or missing. `next`: the cursor to continue from, if only a part
    was verified. `heads`: how many heads that were kept outside the store agree, where it was compared with some.
    `removed`: the number of entries that retention removed. Then it starts from the signed checkpoint of the last of
    them. `older_heads`: how many heads name removed entries, and so prove nothing.
    """

    whole: bool
    entries: int
    first_broken: str | None = None
    problem: str = ""
    position: int | None = None
    newest: int = 0
    next: str | None = None
    heads: int = 0
    removed: int = 0
    older_heads: int = 0


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Signed head of a chain: the number of its last entry and the MAC over all entries up to it.

    Kept outside the store it proves later that none of them was changed or removed. `key_id`: the key that signed it.
    """

    tenant: TenantName
    tenant_id: Id
    chain: Id
    seq: EntryNumber
    mac: Mac
    at: Moment
    key_id: Id
    signature: Mac


ActId = Annotated[str, Meta(max_length=LONGEST_LABEL, description="The `act` of an entry, or empty.")]
KeptHeads = Annotated[tuple[AuditHead, ...], Meta(max_length=MOST_HEADS)]


@dataclass(frozen=True, slots=True)
class AuditHeads:
    """Heads of all chains of a tenant."""

    items: tuple[AuditHead, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class HeadProblem:
    """A head that contradicts the store. `number`: its index in the request. `position`: number of the first bad entry.

    Without a position, the head itself is wrong.
    """

    number: int
    problem: str
    position: int | None = None
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class HeadsCheck:
    """Result of a comparison with heads: how many agree, and which do not.

    `others` belong to other tenants. `older` name entries that retention removed since, and so prove nothing now.
    """

    agree: int
    others: int
    problems: tuple[HeadProblem, ...]
    older: int = 0


@declare(
    "audit.list",
    "GET",
    "/v1/tenants/{tenant}/audit",
    Permission.SEE,
    example=lambda s: (
        ListAudit(tenant=s.TENANT, search="ana", actions=("unbind", "unbind.undone"), limit=20),
        AuditPage((s.ENTRY,), next="1893"),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudit(Operation[AuditPage]):
    """List entries, newest first.

    `search`: part of actor, target, action, reason or ticket. `actor`: the login of who did it. `user`: the user it
    concerns. `actions`: one of these; `group`: one of the actions of a group. `ticket` and `address` match exactly.
    From `since` on, and before `until`. `limit`: 1 to 500. `fold`: only one entry for each act on many users.
    `act`: the entries of one.
    """

    tenant: TenantName
    search: Search = ""
    actor: UserName = ""
    user: UserName = ""
    action: OneWord = ""
    actions: Actions = ()
    group: OneWord = ""
    outcome: OneWord = ""
    ticket: Ticket = ""
    address: AuditAddress = ""
    since: Moment | None = None
    until: Moment | None = None
    fold: bool = False
    act: ActId = ""
    limit: Limit = 50
    cursor: NumberCursor | None = None


@declare(
    "audit.verify",
    "GET",
    "/v1/tenants/{tenant}/audit/verify",
    Permission.SEE,
    example=lambda s: (VerifyAudit(tenant=s.TENANT), AuditCheck(whole=True, entries=1912, newest=1912)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAudit(Operation[AuditCheck]):
    """Verify the chain of entries from the first, or the signed checkpoint of removed ones, to the signed head.

    `limit`: verify only so many entries, and return a cursor if there are more. Nothing is proved before the last part.
    """

    tenant: TenantName
    limit: VerifyLimit | None = None
    cursor: ChainCursor | None = None


@declare(
    "audit.head",
    "GET",
    "/v1/tenants/{tenant}/audit/head",
    Permission.SEE,
    example=lambda s: (ShowAuditHead(tenant=s.TENANT), AuditHeads((s.HEAD,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAuditHead(Operation[AuditHeads]):
    """Show the signed head of each chain, to keep outside the store."""

    tenant: TenantName


@declare(
    "audit.check-heads",
    "POST",
    "/v1/tenants/{tenant}/audit/check-heads",
    Permission.SEE,
    writes=False,
    body=MANY_NAMES_BODY,
    example=lambda s: (CheckAuditHeads(tenant=s.TENANT, heads=(s.HEAD,)), HeadsCheck(1, 0, ())),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAuditHeads(Operation[HeadsCheck]):
    """Compare the store with up to 500 heads that were kept outside.

    It looks only at the entries that the heads name. Together with a verification it proves everything before them.
    """

    tenant: TenantName
    heads: KeptHeads
