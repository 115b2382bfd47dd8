"""Limit on how many users one operator unbinds and resets within an hour.

Operators without the right to manage users are refused beyond it. Administrators are only warned, because an incident
may need all users unbound. Reading and counting happen in one transaction, and a tenant has one writer at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.errors import LimitReached
from secconsole.domain.helpdesk import HOUR
from secconsole.domain.messages.sending import length_words
from secconsole.domain.roles import Permission, may
from secconsole.operations.events import RESETS_MANY
from secconsole.service.context import Context
from secconsole.store.helpdesk import resets


@dataclass(frozen=True, slots=True)
class Room:
    """Resets of the actor within the last hour. `wait`: milliseconds until the next one is possible."""

    done: int
    warn: int
    most: int
    is_limited: bool
    wait: int

    @property
    def left(self) -> int | None:
        """Number of users that may be reset now, None without a limit."""
        return max(self.most - self.done, 0) if self.is_limited else None

    def words(self, more: int = 0) -> str:
        """Return how near the limit is after some more resets, empty if not near."""
        done = self.done + more
        if done < self.warn:
            return ""
        who = "The policy allows" if self.is_limited else "Helpdesk operators may reset"
        if not self.is_limited and self.done >= self.most:  # others are not counted any further
            return f"You have reset {self.most:,} users or more within an hour. {who} {self.most:,}."
        users = f"{done:,} user{'' if done == 1 else 's'}"
        return f"You have reset {users} within an hour. {who} {self.most:,}."

    def refusal(self) -> str:
        return (
            f"You have reset {self.done:,} users within an hour, and the policy allows {self.most:,}. "
            f"The next one is possible in {length_words(max(self.wait, 1))}."
        )


def room_of(context: Context) -> Room:
    actor, rules = context.actor, context.tenant.helpdesk
    found = resets.recent(context.connection, context.tenant.pk, actor.id, actor.login, context.now)
    done = left = sum(users for _, users in found)
    wait = 0
    for at, users in found:
        if left < rules.resets_most:
            break
        left, wait = left - users, at + HOUR - context.now
    is_limited = not may(actor.role, Permission.MANAGE_USERS)
    return Room(done, rules.resets_warn, rules.resets_most, is_limited, wait)


def note_resets(context: Context, room: Room, users: int) -> str:
    """Count users who were reset, and return a warning if the limit is near, which is recorded when it becomes so."""
    actor = context.actor
    if room.is_limited or room.done < room.most:  # more need not be known of those who are not limited
        values: dict[str, object] = {
            "tenant_pk": context.tenant.pk,
            "by_id": actor.id,
            "by": actor.login,
            "at": context.now,
            "users": users,
        }
        resets.add(context.connection, values, context.now)
    if room.done < room.warn <= room.done + users:
        context.audit(RESETS_MANY, count=room.done + users, warn=room.warn, most=room.most)
    return room.words(users)


def note_refused(context: Context, room: Room, users: int) -> None:
    """Record that users of a bulk operation were refused for the limit."""
    context.audit(RESETS_MANY, outcome="refused", reason=room.refusal(), count=room.done, refused=users, most=room.most)


def refuse_beyond(context: Context) -> Room:
    """Return the actor's room for one more reset, or raise `LimitReached`."""
    room = room_of(context)
    if room.left == 0:
        raise LimitReached(room.refusal(), max(room.wait // 1000, 1))
    return room
