"""Operations on the networks that a tenant allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from secconsole.domain.end_date import check_end
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from secconsole.domain.limits import LONGEST_NOTE, MOST_NETWORKS
from secconsole.domain.networks.network import LOCAL
from secconsole.domain.networks.network_rules import (
    CONFIRM_WITHIN,
    NetworkRule,
    This,
    admit,
    allowing,
    clashing,
    in_force,
    is_waiting,
    parse_network,
    parse_origin,
    restricted,
    uncovered,
)
from secconsole.domain.roles import Permission, Role, may, rank, roles_given_by
from secconsole.domain.throttling.throttle import KNOWN_FOR
from secconsole.operations.events import NETWORK_ADDED, NETWORK_CONFIRMED, NETWORK_REMOVED, NETWORK_REVERTED
from secconsole.operations.networks import (
    AddNetwork,
    CheckNetwork,
    ConfirmNetworks,
    ListNetworks,
    NetworkChange,
    NetworkList,
    NetworkPreview,
    NetworkVerdict,
    PreviewNetwork,
    RemoveNetwork,
    RevertNetworks,
)
from secconsole.service.context import Context, when
from secconsole.service.factors.networks import end_due, origin_here
from secconsole.service.registry import handles
from secconsole.service.views import admission_words, allowed_network
from secconsole.store import networks, tenants, users
from secconsole.store.rows import NetworkRecord

LOOKED_AT = 1_000  # users, so that a preview takes the same time in every tenant
NAMED = 8

_NOTHING_WAITS = "No change of the networks waits to be confirmed. It was confirmed or undone already."


@handles(ListNetworks)
def list_networks(context: Context, operation: ListNetworks) -> NetworkList:
    return _listed(context)


@handles(CheckNetwork)
def check_network(context: Context, operation: CheckNetwork) -> NetworkVerdict:
    origin = parse_origin(operation.address)
    if origin is None:
        raise Invalid("That is not an IP address. Enter one such as 203.0.113.9 or 2001:db8::7, or local.", "address")
    user, found = context.target, admit(context.tenant.networks, context.target.role, origin, context.now)
    record = networks.record_by_id(context.connection, context.tenant.pk, found.rule.id) if found.rule else None
    return NetworkVerdict(
        login=user.login,
        role=user.role,
        address=str(origin),
        allowed=found.is_allowed,
        ground=found.ground,
        network=allowed_network(record, context.now) if record else None,
        message=admission_words(origin, user.role, found, record.note if record else ""),
    )


@handles(PreviewNetwork)
def preview_network(context: Context, operation: PreviewNetwork) -> NetworkPreview:
    before = in_force(context.tenant.networks, context.now)
    if operation.remove:
        changed = _chosen(context, operation.network).rule
        after = [rule for rule in before if rule.id != changed.id]
    else:
        network = parse_network(operation.network)
        changed = NetworkRule("", network, _limited_to_rank(context, network, operation.roles))
        after = [*before, changed]
    seen = networks.latest_origins(
        context.connection, context.tenant.pk, since=context.now - KNOWN_FOR, limit=LOOKED_AT
    )
    # Once for each role, and not for each user.
    allowed = {role: (allowing(before, role, context.now), allowing(after, role, context.now)) for role in Role}
    refused = [
        login
        for login, role, origins in seen
        if any(map(allowed[role][0], origins)) and not any(map(allowed[role][1], origins))
    ]
    return NetworkPreview(
        network=changed.network,
        address=str(origin_here(context) or ""),
        you_allowed=not _shuts_out_the_actor(context, after),
        refused=len(refused),
        looked_at=len(seen),
        logins=tuple(refused[:NAMED]),
        opens=tuple(role for role in Role if role in restricted(before) - restricted(after)),
    )


@handles(AddNetwork)
def add_network(context: Context, operation: AddNetwork) -> NetworkChange:
    # One change at a time, so that an undo leads back to one known state.
    _refuse_while_another_waits(context)
    if len(operation.note) > LONGEST_NOTE:
        raise Invalid(f"The note is longer than {LONGEST_NOTE} characters.", "note")
    network = parse_network(operation.network)
    rule = NetworkRule(
        id=context.new_id(),
        network=network,
        roles=_limited_to_rank(context, network, operation.roles),
        until=_checked_end(context, operation.until),
        no_challenge=operation.no_challenge,
    )
    _need_rank(context, rule)
    before = in_force(context.tenant.networks, context.now)
    if len(before) >= MOST_NETWORKS:
        raise Conflict(f"A tenant can allow {MOST_NETWORKS} networks. Remove one, or combine several.")
    if (same := clashing(before, rule)) is not None:
        raise Conflict(f"{same.network} is allowed already{_for(same.roles)}. Remove it first to change it.")
    rule = _waiting_if_shut_out(context, rule, [*before, rule], operation.confirm)
    record = NetworkRecord(rule, operation.note.strip(), context.now, context.actor.login)
    networks.add(context.connection, context.tenant.pk, record)
    context.audit(
        NETWORK_ADDED,
        reason=_named(record),
        network=rule.network,
        roles=",".join(rule.roles),
        until=rule.until or None,
        no_challenge=rule.no_challenge,
        id=rule.id,
        pending_until=rule.pending_until or None,
    )
    return _changed(context, record)


@handles(RemoveNetwork)
def remove_network(context: Context, operation: RemoveNetwork) -> NetworkChange:
    _refuse_while_another_waits(context)
    record = _chosen(context, operation.network)
    _need_rank(context, record.rule)
    after = [rule for rule in in_force(context.tenant.networks, context.now) if rule.id != record.rule.id]
    rule = _waiting_if_shut_out(context, replace(record.rule, leaving=True), after, operation.confirm)
    if rule.pending_until:
        until, by = rule.pending_until, rule.pending_by
        done = networks.mark_leaving(context.connection, context.tenant.pk, rule.id, until=until, by=by)
    else:
        done = networks.remove(context.connection, context.tenant.pk, rule.id)
    if not done:
        raise NotFound("There is no such network. It may have been removed.")
    context.audit(
        NETWORK_REMOVED,
        reason=_named(record),
        network=rule.network,
        roles=",".join(rule.roles),
        id=rule.id,
        pending_until=rule.pending_until or None,
    )
    return _changed(context, replace(record, rule=rule))


@handles(ConfirmNetworks)
def confirm_networks(context: Context, operation: ConfirmNetworks) -> NetworkList:
    _need_a_change_that_waits(context)
    here = admit(context.tenant.networks, context.actor.role, origin_here(context), context.now)
    if not here.is_allowed:  # of the actor's own tenant, that was checked before
        raise Conflict("The changed networks do not allow your address. Confirm the change from one that they allow.")
    networks.settle(context.connection, context.tenant.pk)
    context.audit(NETWORK_CONFIRMED, how="call")
    return _listed(context)


@handles(RevertNetworks)
def revert_networks(context: Context, operation: RevertNetworks) -> NetworkList:
    _need_a_change_that_waits(context)
    networks.undo(context.connection, context.tenant.pk)
    context.audit(NETWORK_REVERTED)
    return _listed(context)


def _limited_to_rank(context: Context, network: str, roles: Sequence[Role]) -> tuple[Role, ...]:
    """Return the roles of a rule in order, where all of them means none above the actor's."""
    actor = context.actor.role
    if roles or network == LOCAL or not may(actor, Permission.MANAGE_POLICY):
        return _in_order(roles)
    return _in_order(roles_given_by(actor))


def _need_rank(context: Context, rule: NetworkRule) -> None:
    """Raise `NotAllowed` if a rule applies to users who outrank the actor, who could be shut out with it.

    One for this machine applies to all of them, because it leaves no other role there.
    """
    actor = context.actor.role
    for role in (role for role in Role if rank(role) > rank(actor)):
        concerned = rule.applies_to(role) or rule.network == LOCAL
        if role in rule.roles or (concerned and users.with_role(context.connection, context.tenant.pk, role)):
            raise NotAllowed(f"This network is also for the role {role}, which ranks above a {actor}. Ask a {role}.")


def _waiting_if_shut_out(
    context: Context, rule: NetworkRule, after: Sequence[NetworkRule], confirm: str
) -> NetworkRule:
    """Return the changed rule, as part of a change that waits if it shuts out its author, or raise."""
    name = context.tenant.name
    if (who := uncovered(after)) is not None:
        whom = "this machine" if isinstance(who, This) else f"a user with the role {who}"
        raise Conflict(f"Once the ends have passed, no network would allow {whom}. Allow one with no end date first.")
    if not _shuts_out_the_actor(context, after):
        return rule
    if not confirm:
        here = origin_here(context) or "your address"
        raise Conflict(f"This would shut you out, because {here} would not be allowed. Confirm with the name {name}.")
    if confirm.strip().casefold() != name.casefold():
        raise Invalid(f"That is not {name}. Nothing was changed.", "confirm")
    user = context.actor.user
    assert user is not None  # others are not shut out
    return replace(rule, pending_until=context.now + CONFIRM_WITHIN, pending_by=user.id)


def _shuts_out_the_actor(context: Context, after: Sequence[NetworkRule]) -> bool:
    """Return True if the actor is a user of the tenant and could not return from where they are."""
    actor = context.actor
    if actor.user is None or actor.user.tenant_pk != context.tenant.pk:
        return False
    return not admit(after, actor.role, origin_here(context), context.now).is_allowed


def _refuse_while_another_waits(context: Context) -> None:
    # A change that is overdue is undone now, whether or not a sweep has come by.
    if end_due(context, context.tenant):
        context.found_tenant = tenants.tenant_by_pk(context.connection, context.tenant.pk)
    waiting = _waiting(context)
    if waiting is not None:
        at = f"{when(waiting.pending_until):%H:%M:%S} UTC"
        raise Conflict(f"A change of the networks waits until {at}. Confirm or revert it first.")


def _need_a_change_that_waits(context: Context) -> None:
    if _waiting(context) is None:
        raise Conflict(_NOTHING_WAITS)


def _waiting(context: Context) -> NetworkRule | None:
    return next((rule for rule in context.tenant.networks if is_waiting(rule, context.now)), None)


def _chosen(context: Context, choice: str) -> NetworkRecord:
    """Return the network that was named by its id, or by itself if that is clear, or raise."""
    valid = {rule.id for rule in in_force(context.tenant.networks, context.now)}
    found = [one for one in networks.records(context.connection, context.tenant.pk) if one.rule.id in valid]
    named = [one for one in found if one.rule.id == choice.strip()]
    if not named:
        try:
            network = parse_network(choice)
        except Invalid:
            raise NotFound("There is no such network. It may have been removed.") from None
        named = [one for one in found if one.rule.network == network]
    if not named:
        raise NotFound("That network is not on the list. It may have been removed.")
    if len(named) > 1:
        ids = ", ".join(f"{one.rule.id}{_for(one.rule.roles)}" for one in named)
        raise Conflict(f"That network is on the list several times. Name one by its id: {ids}.")
    return named[0]


def _named(record: NetworkRecord) -> str:
    """Return a network with its note, for the column of reasons in the audit, which can be searched."""
    return f"{record.rule.network}, {record.note}" if record.note else record.rule.network


def _listed(context: Context) -> NetworkList:
    now, tenant = context.now, tenants.tenant_by_pk(context.connection, context.tenant.pk)
    waiting = [rule.pending_until for rule in tenant.networks if is_waiting(rule, now)]
    shown = [one for one in networks.records(context.connection, tenant.pk) if _is_shown(one.rule, now)]
    return NetworkList(
        tuple(allowed_network(one, now) for one in shown), pending_until=when(max(waiting)) if waiting else None
    )


def _is_shown(rule: NetworkRule, now: int) -> bool:
    """Return True for rules in force, and for one whose removal waits."""
    return bool(in_force([rule], now)) or (rule.leaving and is_waiting(rule, now))


def _changed(context: Context, record: NetworkRecord) -> NetworkChange:
    pending = record.rule.pending_until
    return NetworkChange(allowed_network(record, context.now), when(pending) if pending else None)


def _checked_end(context: Context, until: datetime | None) -> int:
    return check_end(until, context.now) if until is not None else 0


def _in_order(roles: Sequence[Role]) -> tuple[Role, ...]:
    """Return roles without duplicates in their fixed order, and none for all of them."""
    found = tuple(role for role in Role if role in roles)
    return () if len(found) == len(Role) else found


def _for(roles: Sequence[Role]) -> str:
    return f" for {', '.join(roles)}" if roles else ""
