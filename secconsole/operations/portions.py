"""Operations on more users than one request may name, with one request per portion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from secconsole.domain.errors import Unavailable
from secconsole.domain.limits import MOST_INVITED, PORTION
from secconsole.operations.audit import AuditCheck, VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.invitations import InvitationPreview, InvitationResult, InviteUsers, PreviewInvitation
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UnbindPreview, UnbindResult

VERIFIED_AT_ONCE = 20_000  # audit entries, well below a second

R = TypeVar("R")
T = TypeVar("T")


class Perform(Protocol):
    """Callable that performs operations, for a backend, a command or the console."""

    async def __call__(self, operation: Operation[R], /) -> R: ...


def in_portions(items: Sequence[T], most: int | None = None) -> Iterator[tuple[T, ...]]:
    """Yield the items in their order, at most so many at a time, or as many as one request may name."""
    most = PORTION if most is None else most
    return (tuple(items[start : start + most]) for start in range(0, len(items), most))


def fits_one_request(items: Sequence[object]) -> bool:
    """Return True if the items fit one portion."""
    return len(items) <= PORTION


async def preview_unbinding(perform: Perform, tenant: str, users: Sequence[str]) -> UnbindPreview:
    """Return one preview of unbinding all of these users, at least one."""
    parts = [await perform(PreviewUnbind(tenant=tenant, users=some)) for some in in_portions(users)]
    return UnbindPreview.merge(parts)


async def unbind_in_portions(perform: Perform, operation: Unbind) -> AsyncIterator[UnbindResult]:
    """Unbind the users in portions under one event, so that one undo restores all of them.

    Yields the result so far after each portion. Stopping the iteration leaves the rest unchanged.
    """
    done = UnbindResult((), (), "", None)
    for users in in_portions(operation.users):
        part = await perform(replace(operation, users=users, event=done.event))
        done = UnbindResult(
            done.unbound + part.unbound,
            done.failed + part.failed,
            part.event or done.event,
            part.undo_until or done.undo_until,
        )
        yield done


async def preview_invitations(perform: Perform, tenant: str, users: Sequence[str]) -> InvitationPreview:
    """Return one preview of inviting all of these users, at least one."""
    parts = [await perform(PreviewInvitation(tenant=tenant, users=some)) for some in in_portions(users)]
    return InvitationPreview(
        invited=tuple(user for part in parts for user in part.invited),
        again=sum(part.again for part in parts),
        failed=tuple(failed for part in parts for failed in part.failed),
        room=parts[0].room,
        mails=parts[0].mails,
    )


async def invite_in_portions(
    perform: Perform, tenant: str, users: Sequence[str], days: int
) -> AsyncIterator[InvitationResult]:
    """Invite the users in portions, and yield the result so far after each.

    Stopping the iteration leaves the rest without a first-time password.
    """
    done = InvitationResult((), (), None)
    for some in in_portions(users, MOST_INVITED):
        part = await perform(InviteUsers(tenant=tenant, users=some, days=days))
        done = InvitationResult(done.invited + part.invited, done.failed + part.failed, part.until or done.until)
        yield done


async def verify_in_parts(perform: Perform, tenant: str) -> AsyncIterator[AuditCheck]:
    """Verify a tenant's audit in parts, so that no request takes long.

    Yields the result so far after each part, and ends at the first entry that is wrong.
    """
    cursor: str | None = None
    while True:
        check = await perform(VerifyAudit(tenant=tenant, limit=VERIFIED_AT_ONCE, cursor=cursor))
        yield check
        if check.next is None or not check.whole:
            return
        if check.next == cursor:
            raise Unavailable("The server's response is invalid: the next part begins where this one does.")
        cursor = check.next
