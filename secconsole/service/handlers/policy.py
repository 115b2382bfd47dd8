"""The policy: what it is, what a change would do, and the change."""

from __future__ import annotations

from dataclasses import replace

from secconsole.domain.errors import Invalid, Stale
from secconsole.domain.impact import Group, impact, must_bind, shut_out
from secconsole.domain.limits import LONGEST_GRACE
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.throttle import FOREVER
from secconsole.operations.policy import Policy, PolicyPreview, PreviewPolicy, SetPolicy, ShowPolicy, You
from secconsole.service.context import Context
from secconsole.service.handlers import handles
from secconsole.service.views import policy_view
from secconsole.store import recovery, tenants, users, whitelist
from secconsole.store.rows import ExemptionRecord, UserRecord

ADMIN_REASON = "platform administrator, put here when the second factor was switched on"


@handles(ShowPolicy)
def show_policy(context: Context, operation: ShowPolicy) -> Policy:
    return policy_view(context.tenant)


@handles(PreviewPolicy)
def preview_policy(context: Context, operation: PreviewPolicy) -> PolicyPreview:
    tenant = context.tenant
    switching_on = tenant.policy is PolicyMode.OFF and operation.mode is not PolicyMode.OFF
    added = [u for u in _platform_admins(context) if not u.whitelisted] if switching_on else []
    groups = _with_whitelisted(tenants.groups(context.connection, tenant.pk), added)
    return PolicyPreview(
        policy=operation.mode,
        now=tenant.policy,
        impact=impact(groups, operation.mode),
        grace_days=tenant.grace_days,
        whitelisted_open=whitelist.count_open(context.connection, tenant.pk) + len(added),
        platform_admins_added=len(added),
        you=_you(context, operation.mode, added),
        version=tenant.version,
    )


@handles(SetPolicy)
def set_policy(context: Context, operation: SetPolicy) -> Policy:
    tenant = context.tenant
    mode = tenant.policy if operation.mode is None else operation.mode
    grace = tenant.grace_days if operation.grace_days is None else operation.grace_days
    kinds = tenant.kinds if operation.kinds is None else operation.kinds
    view = tenant.recovery_view if operation.recovery_view is None else operation.recovery_view
    if not 0 <= grace <= LONGEST_GRACE:
        raise Invalid(f"The grace period is between 0 and {LONGEST_GRACE} days.", "grace_days")
    if FactorKind.TOTP not in kinds:
        raise Invalid("totp has to stay allowed: it is the one kind that everybody can bind by themselves.", "kinds")
    if operation.expect is not None and operation.expect != tenant.version:
        raise Stale(f"{tenant.changed_by} changed the policy meanwhile: it is {tenant.policy} now. Look again first.")
    if (mode, grace, kinds, view) == (tenant.policy, tenant.grace_days, tenant.kinds, tenant.recovery_view):
        context.unchanged = True
        return policy_view(tenant)
    newly_required = mode is PolicyMode.REQUIRED and tenant.policy is not PolicyMode.REQUIRED
    since = context.now if newly_required else tenant.required_since if mode is PolicyMode.REQUIRED else None
    actor = context.actor.login
    done = tenants.set_policy(
        context.connection, tenant, mode=mode, grace_days=grace, kinds=kinds, required_since=since,
        recovery_view=view, now=context.now, by=actor,
    )  # fmt: skip
    if not done:
        raise Stale("Somebody changed the policy at the same moment. Look again first.")
    if tenant.recovery_view and not view:
        recovery.erase_viewable(context.connection, tenant.pk)
    context.audit(
        "policy.set", before=tenant.policy, after=mode, grace_days=grace, kinds=",".join(kinds), recovery_view=view
    )
    if tenant.policy is PolicyMode.OFF and mode is not PolicyMode.OFF and operation.whitelist_admins:
        _whitelist_admins(context)
    return policy_view(tenants.tenant_by_pk(context.connection, tenant.pk))


def _whitelist_admins(context: Context) -> None:
    """So that nobody locks themselves out; those who have a factor bound stay asked for it."""
    for user in _platform_admins(context):
        if not user.whitelisted:
            entry = ExemptionRecord(user.pk, ADMIN_REASON, context.now, None, context.actor.login)
            whitelist.put_exemption(context.connection, user, entry)
            if user.status is BindingStatus.BOUND:
                users.change_user(context.connection, user.pk, keeps_factor=True)
            context.audit("whitelist.added", user, reason=ADMIN_REASON)


def _platform_admins(context: Context) -> list[UserRecord]:
    found = users.with_role(context.connection, context.tenant.pk, Role.PLATFORM_ADMIN)
    return [user for user in found if not user.disabled]


def _with_whitelisted(groups: tuple[Group, ...], added: list[UserRecord]) -> list[Group]:
    """The groups as they will be once some users are on the whitelist."""
    counts = {replace(group, count=0): group.count for group in groups}
    for user in added:
        before = _group_of(user)
        after = replace(
            before,
            whitelisted=True,
            keeps_factor=before.keeps_factor or before.status is BindingStatus.BOUND,
        )
        counts[before] = counts.get(before, 0) - 1
        counts[after] = counts.get(after, 0) + 1
    return [replace(group, count=count) for group, count in counts.items() if count]


def _group_of(user: UserRecord) -> Group:
    return Group(
        role=user.role,
        status=user.status,
        whitelisted=user.whitelisted,
        disabled=user.disabled,
        must_reset=user.must_reset,
        weak_only=user.weak_only,
        has_recovery=user.has_recovery,
        blocked=user.locked_until >= FOREVER,
        switched_on=user.switched_on,
        keeps_factor=user.keeps_factor,
        count=0,
    )


def _you(context: Context, mode: PolicyMode, added: list[UserRecord]) -> You:
    user = context.actor.user
    if user is None:
        return You(context.actor.login, bound=False, whitelisted=False, must_enroll=False, locked_out=False)
    listed = user.whitelisted or any(user.pk == other.pk for other in added)
    group = replace(_group_of(user), whitelisted=listed)
    return You(
        user.login,
        bound=user.status is BindingStatus.BOUND,
        whitelisted=listed,
        must_enroll=must_bind(group, mode),
        locked_out=shut_out(group, mode),
    )
