"""Operations on the whitelist."""

from __future__ import annotations

from secconsole.domain.end_date import check_end
from secconsole.domain.errors import Conflict, Invalid, Stale
from secconsole.domain.limits import LONGEST_REASON
from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations.events import WHITELIST_ADDED, WHITELIST_CHANGED, WHITELIST_REMOVED
from secconsole.operations.whitelist import (
    AddToWhitelist,
    ListWhitelist,
    RemoveFromWhitelist,
    Seen,
    WhitelistChanged,
    WhitelistPage,
)
from secconsole.service.context import Context, milliseconds
from secconsole.service.factors.password_sessions import Ended, end_password_sessions
from secconsole.service.handlers.users.named import with_addresses
from secconsole.service.handlers.users.user_fields import check_words
from secconsole.service.paging import check_limit
from secconsole.service.registry import handles
from secconsole.service.views import exemption
from secconsole.store import users, whitelist
from secconsole.store.rows import ExemptionRecord, UserRecord


@handles(ListWhitelist)
def list_whitelist(context: Context, operation: ListWhitelist) -> WhitelistPage:
    check_limit(operation.limit)
    check_words(operation.search.split())
    found = whitelist.list_exemptions(
        context.connection,
        context.tenant.pk,
        search=operation.search,
        after=operation.cursor or "",
        limit=operation.limit + 1,
        now=context.now,
    )
    page = found[: operation.limit]
    more = len(found) > len(page)
    return WhitelistPage(tuple(exemption(user, entry) for user, entry in page), page[-1][0].login_key if more else None)


@handles(AddToWhitelist)
def add_to_whitelist(context: Context, operation: AddToWhitelist) -> WhitelistChanged:
    reason = checked_reason(operation.reason)
    until = check_end(operation.until, context.now) if operation.until else None
    named, failed = with_addresses(context, operation.users)
    targets, refused = context.targets(named, operation.spec)
    failed += refused
    changed: list[str] = []
    unchanged: list[str] = []
    for user in targets:
        old = whitelist.exemption_of(context.connection, user.pk, context.now)
        if operation.expect is not None:
            _refuse_stale(user, old, operation.expect)
        if old is not None and (operation.only_new or (old.reason, old.until) == (reason, until)):
            unchanged.append(user.login)
            continue
        changed.append(user.login)
        if operation.check_only:
            continue
        since = old.since if old else context.now
        entry = ExemptionRecord(user.pk, reason, since, until, context.actor.login)
        whitelist.put_exemption(context.connection, user, entry)
        context.audit(WHITELIST_CHANGED if old else WHITELIST_ADDED, user, reason=reason, until=until)
    context.unchanged = operation.check_only or not changed
    return WhitelistChanged(tuple(changed), tuple(unchanged), tuple(failed))


@handles(RemoveFromWhitelist)
def remove_from_whitelist(context: Context, operation: RemoveFromWhitelist) -> WhitelistChanged:
    targets, failed = context.targets(operation.users, operation.spec)
    leaving = [user for user in targets if user.whitelisted]
    if not operation.accept_lockout:
        warn_of_lockout(context, leaving)
    for user in leaving:
        whitelist.drop_exemption(context.connection, user.pk)
        context.audit(WHITELIST_REMOVED, user)
    ended = (
        Ended() if operation.keep_sessions or not leaving else end_password_sessions(context, context.tenant, leaving)
    )
    unchanged = [user.login for user in targets if not user.whitelisted]
    context.unchanged = not leaving
    changed = tuple(user.login for user in leaving)
    return WhitelistChanged(changed, tuple(unchanged), tuple(failed), ended.sessions, ended.tokens)


def checked_reason(reason: str) -> str:
    """Return a reason as it is stored, or raise `Invalid` if it is empty."""
    if not reason.strip():
        raise Invalid("Enter a reason. Others will rely on it later.", "reason")
    if len(reason) > LONGEST_REASON:
        raise Invalid(f"The reason is longer than {LONGEST_REASON} characters.", "reason")
    return reason.strip()


def _refuse_stale(user: UserRecord, now: ExemptionRecord | None, seen: Seen) -> None:
    """Raise if an entry has changed since the caller began to edit it."""
    if now is None:
        raise Stale(f"{user.login} was removed from the whitelist in the meantime. Nothing was changed.")
    if (now.reason, now.until) != (seen.reason, milliseconds(seen.until) if seen.until else None):
        raise Stale(
            f"{now.by} has changed the entry of {user.login} in the meantime. Nothing was changed. Check it first."
        )


def warn_of_lockout(context: Context, leaving: list[UserRecord]) -> None:
    """Raise if no platform administrator could sign in any more without binding a factor first."""
    if context.tenant.policy is PolicyMode.OFF:
        return
    admins = [u for u in users.with_role(context.connection, context.tenant.pk, Role.PLATFORM_ADMIN) if not u.disabled]
    out = {user.pk for user in leaving}
    if not any(user.pk in out and user.status is not BindingStatus.BOUND for user in admins):
        return
    if not any(u.status is BindingStatus.BOUND or (u.whitelisted and u.pk not in out) for u in admins):
        names = ", ".join(u.login for u in admins if u.pk in out)
        raise Conflict(
            f"{names} is the last platform administrator on the whitelist and has no factor bound: "
            "this can lock everyone out. Bind a factor first, or confirm it."
        )
