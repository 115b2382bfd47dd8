"""Throttling of wrong entries by their origin: strangers, known networks, or the session itself.

The rules are in `domain/throttling/throttle.py`. Every check of a password, code or recovery code goes through this
module. An application that checks a code for a user, with the secret key of the tenant, always counts as a stranger,
even inside a network that the user signed in from: its address is not where the entry was made, and those who guess
through it must not hold back the user there. A code accepted there makes no network known, for the same reason.
"""

from __future__ import annotations

from typing import Any

from secconsole.domain.messages.sending import length_words
from secconsole.domain.networks.network import network_of
from secconsole.domain.throttling.throttle import (
    PARTLY,
    Bucket,
    Reserved,
    Throttle,
    code_accepted,
    failed,
    held_until,
    is_locked,
    newly_held,
    proved,
    signed_in,
    taken_back,
    wait_until,
)
from secconsole.operations import events
from secconsole.service.context import Context, when
from secconsole.store import tenants
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sign_in import sessions, throttles

NEW_FOR = 24 * 3_600_000  # milliseconds during which a network counts as new for a user
LOCKED = "The account is locked after too many wrong entries. Ask the helpdesk to unlock it."
SLOWED = "Too many wrong entries. Wait {} before the next one."


def bucket_of(context: Context, user: UserRecord, address: str | None = None) -> Bucket:
    """Return the bucket of an entry for a user, by the caller's network or an address."""
    if address is None and is_application(context):
        return Bucket.STRANGERS
    return Bucket.STRANGERS if seen_here(context, user.pk, address) is None else Bucket.KNOWN


def is_application(context: Context) -> bool:
    """Return True if an application asks, whose address is not where the entry was made."""
    if context.application is not None:
        return True
    actor = context.found_actor
    return actor is not None and actor.user is None and actor.token is not None


def seen_here(context: Context, user_pk: int, address: str | None = None) -> int | None:
    """Return when a user was last seen in the caller's network or that of an address, or None if it is not known."""
    network = network_of(context.source.address if address is None else address)
    seen = throttles.last_seen(context.connection, user_pk, network or "", context.now)
    return seen if network else None


def from_new_network(context: Context, user: UserRecord) -> dict[str, Any]:
    """Return the fact that a user was not known in the caller's network a day ago, empty if they were."""
    network = network_of(context.source.address) or ""
    since = throttles.known_since(context.connection, user.pk, network, context.now)
    return {"new_network": True} if since is None or context.now - since < NEW_FOR else {}


def throttle_of(context: Context, user: UserRecord) -> Throttle:
    """Return the current wrong entries that count against a user."""
    return throttles.throttle_of(context.connection, user.pk)


def held(context: Context, user: UserRecord, bucket: Bucket | None = None) -> int:
    """Return when a bucket checks entries again: `FOREVER` if it is locked, 0 if it checks them now.

    Here and below no bucket means that of the caller's network, which is looked up only if it matters.
    """
    if not has_any(user):
        return 0
    return held_until(throttle_of(context, user), bucket or bucket_of(context, user), context.now)


def has_any(user: UserRecord) -> bool:
    """Return False if a user has no wrong entries that could hold anything back."""
    return bool(user.failures or user.locked_until)


def held_words(context: Context, until: int) -> str:
    """Describe why nothing is checked now, and for how long."""
    return LOCKED if until >= PARTLY else SLOWED.format(length_words(until - context.now))


def reserve(context: Context, user: UserRecord, bucket: Bucket | None = None) -> tuple[Reserved | None, int]:
    """Count a password as wrong before it is checked, or return None if it must not be checked.

    Also return the end of the caller's wait after that. A locked bucket answers like any other.
    """
    bucket = bucket or bucket_of(context, user)
    before = throttle_of(context, user)
    run = before.run(bucket)
    if until := wait_until(run, context.now):
        return None, until
    # Stored in a transaction of this step alone, so neither a kill nor a guess at the same time escapes the count.
    after = failed(before, bucket, context.now, password=True)
    throttles.keep_throttle(context.connection, user.pk, before, after, context.now)
    until = wait_until(after.run(bucket), context.now)
    if is_locked(before, bucket):
        return None, until
    return Reserved(bucket, run, after.run(bucket), newly_held(before, after, bucket, context.now)), until


def note_hold(context: Context, user: UserRecord, bucket: Bucket, until: int, tenant: TenantRow | None = None) -> None:
    """Record that wrong entries hold a bucket back or lock it, unless `until` is 0."""
    if not until:
        return
    tenant = tenant or context.found_tenant or tenants.tenant_by_pk(context.connection, user.tenant_pk)
    end = None if until >= PARTLY else when(until).isoformat()
    context.audit(events.USER_HELD, user, outcome="refused", tenant=tenant, bucket=bucket, until=end)


def held_meanwhile(context: Context, before: Throttle, reserved: Reserved) -> bool:
    """Return True if a correct password must be refused because of concurrent entries."""
    return held_until(taken_back(before, reserved), reserved.bucket, context.now) > 0


def uncount_failure(context: Context, user: UserRecord, before: Throttle, reserved: Reserved) -> None:
    """Uncount a password that turned out to be correct, keeping earlier failures."""
    throttles.keep_throttle(context.connection, user.pk, before, taken_back(before, reserved), context.now)


def count_failure(context: Context, user: UserRecord, bucket: Bucket | None = None) -> None:
    """Count a wrong code or recovery code."""
    before, bucket = throttle_of(context, user), bucket or bucket_of(context, user)
    after = failed(before, bucket, context.now, password=False)
    throttles.keep_throttle(context.connection, user.pk, before, after, context.now)
    note_hold(context, user, bucket, newly_held(before, after, bucket, context.now))


def note_right_code(context: Context, user: UserRecord, bucket: Bucket | None = None) -> None:
    """Reset the failures that a correct code ends in its bucket, for a step-up with the password too."""
    if not has_any(user):
        return
    before = throttle_of(context, user)
    bucket = bucket or bucket_of(context, user)
    after = proved(before) if bucket is Bucket.STEP_UP else code_accepted(before, bucket)
    throttles.keep_throttle(context.connection, user.pk, before, after, context.now)


def note_sign_in(context: Context, user: UserRecord) -> None:
    """Reset the failures that a completed sign-in ends, and mark its network as known."""
    before = throttle_of(context, user)
    after = signed_in(before, bucket_of(context, user))
    if not is_application(context) and (network := network_of(context.source.address)):
        throttles.note_network(context.connection, user.pk, network, context.now)
    if before != after:
        throttles.keep_throttle(context.connection, user.pk, before, after, context.now)


def unlock(context: Context, user: UserRecord) -> None:
    """Reset the failures of all buckets and sessions."""
    throttles.forget_throttle(context.connection, user.pk)
    sessions.forget_failures(context.connection, user.pk)
