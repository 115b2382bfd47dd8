"""Networks that a tenant allows, applied to the request at hand."""

from __future__ import annotations

from secconsole.domain.networks.network_rules import (
    Admission,
    Origin,
    admit,
    in_force,
    is_overdue,
    is_waiting,
    origin_of_request,
    removable,
)
from secconsole.domain.roles import Role
from secconsole.operations.events import NETWORK_CONFIRMED, NETWORK_ENDED, NETWORK_REVERTED
from secconsole.service.context import Context
from secconsole.store import networks
from secconsole.store.rows import TenantRow, UserRecord


def origin_here(context: Context) -> Origin:
    """Return the origin of the request: its peer, or the client that a trusted proxy names."""
    source = context.source
    return origin_of_request(source.address, remote=source.channel == "api", relayed=source.relayed)


def admission_of(context: Context, tenant: TenantRow, role: Role) -> Admission:
    """Decide whether a tenant's user with a role may come from where the request does.

    In an application it is where the application says that the user is. That may refuse a user, and exempts none.
    """
    application, origin = context.application, origin_here(context)
    if application is not None and application.client:
        origin = origin_of_request(application.client, remote=True, relayed=False)
    found = admit(tenant.networks, role, origin, context.now)
    return found if application is None else Admission(found.ground)


def confirm_by_sign_in(context: Context, tenant: TenantRow, user: UserRecord) -> str:
    """Confirm the change of networks that waits, if its author has just signed in under the new networks.

    Return the message about it, empty if there is none to confirm.
    """
    if not any(is_waiting(rule, context.now) and rule.pending_by == user.id for rule in tenant.networks):
        return ""
    networks.settle(context.connection, tenant.pk)
    context.audit(NETWORK_CONFIRMED, user, tenant=tenant, by=user.login, how="sign-in")
    return "Your change of the allowed networks is confirmed and stays."


def end_due(context: Context, tenant: TenantRow) -> bool:
    """Undo a change of networks that nobody confirmed in time, remove networks past their end, and return True if any.

    Neither changes a decision: both have counted as undone and ended since their time.
    """
    overdue = any(is_overdue(rule, context.now) for rule in tenant.networks)
    if overdue:
        networks.undo(context.connection, tenant.pk)
        context.audit(NETWORK_REVERTED, tenant=tenant, by="secconsole", why="not confirmed")
    ended = removable(in_force(tenant.networks, context.now), context.now)
    for rule in ended:
        networks.remove(context.connection, tenant.pk, rule.id)
        context.audit(
            NETWORK_ENDED, reason=rule.network, tenant=tenant, by="secconsole", network=rule.network, id=rule.id
        )
    return overdue or bool(ended)
