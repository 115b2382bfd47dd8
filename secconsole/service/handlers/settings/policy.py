"""Operations on the policy: showing, previewing and changing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from secconsole.domain.errors import Invalid, Stale
from secconsole.domain.factors.bypass import check_limits
from secconsole.domain.helpdesk import HelpdeskRules, check_reset_limits, check_step_up, is_weaker
from secconsole.domain.impact import Group, impact, is_asked, must_bind, shut_out
from secconsole.domain.limits import LONGEST_GRACE
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.policy import is_switched_on
from secconsole.domain.reminders import count_reminded, reminder_days
from secconsole.domain.roles import Role
from secconsole.domain.text import one_line
from secconsole.domain.throttling.throttle import FOREVER
from secconsole.operations.events import POLICY_SET, POLICY_WEAKENED, WHITELIST_ADDED
from secconsole.operations.policy import Policy, PolicyPreview, PreviewPolicy, SetPolicy, ShowPolicy, You
from secconsole.service.context import Context
from secconsole.service.factors.password_sessions import Ended, count_ending, end_password_sessions
from secconsole.service.registry import handles
from secconsole.service.views import policy_view
from secconsole.store import history, tenants, users, whitelist
from secconsole.store.rows import ExemptionRecord, TenantRow, UserRecord
from secconsole.store.sign_in import recovery

ADMIN_REASON = "platform administrator, added when the second factor was switched on"


@handles(ShowPolicy)
def show_policy(context: Context, operation: ShowPolicy) -> Policy:
    return policy_view(context.tenant)


@handles(PreviewPolicy)
def preview_policy(context: Context, operation: PreviewPolicy) -> PolicyPreview:
    tenant = context.tenant
    switched_on = is_switched_on(tenant.policy, operation.mode, untouched=tenant.changed is None)
    added = [u for u in _platform_admins(context) if not u.whitelisted] if switched_on else []
    groups = _with_whitelisted(tenants.groups(context.connection, tenant.pk), added)
    ending = count_ending(context, tenant, operation.mode, spared=added)
    grace = tenant.grace_days if operation.grace_days is None else operation.grace_days
    reminders = tenant.reminders if operation.reminders is None else operation.reminders
    reminded = count_reminded(groups, operation.mode) if reminders else 0
    return PolicyPreview(
        policy=operation.mode,
        now=tenant.policy,
        impact=impact(groups, operation.mode),
        grace_days=grace,
        reminders=reminders,
        reminded=reminded,
        reminder_mails=reminded * len(reminder_days(grace)),
        whitelisted_open=whitelist.count_open(context.connection, tenant.pk) + len(added),
        platform_admins_added=len(added),
        sessions=ending.sessions,
        tokens=ending.tokens,
        you=_you(context, operation.mode, added),
        version=tenant.version,
    )


@dataclass(frozen=True, slots=True)
class _Rules:
    """Everything that `policy set` can change."""

    mode: PolicyMode
    grace_days: int
    kinds: tuple[FactorKind, ...]
    recovery_view: bool
    reminders: bool
    helpdesk: HelpdeskRules


@handles(SetPolicy)
def set_policy(context: Context, operation: SetPolicy) -> Policy:
    tenant = context.tenant
    before = _rules_of(tenant)
    after = _changed(before, operation)
    if operation.expect is not None and operation.expect != tenant.version:
        raise Stale(
            f"{tenant.changed_by} has changed the policy in the meantime. It is {tenant.policy} now. Check it first."
        )
    if after == before:
        context.unchanged = True
        return policy_view(tenant)
    mode = after.mode
    newly_required = mode is PolicyMode.REQUIRED and tenant.policy is not PolicyMode.REQUIRED
    # Later changes do not begin the grace period again.
    since = context.now if newly_required else tenant.required_since if mode is PolicyMode.REQUIRED else None
    done = tenants.set_policy(
        context.connection,
        tenant,
        mode=mode,
        grace_days=after.grace_days,
        kinds=after.kinds,
        required_since=since,
        recovery_view=after.recovery_view,
        reminders=after.reminders,
        helpdesk=after.helpdesk,
        now=context.now,
        by=context.actor.login,
    )
    if not done:
        raise Stale("Someone changed the policy at the same moment. Check it first.")
    # Copies that can be viewed exist only while the policy shows them.
    if before.recovery_view and not after.recovery_view:
        recovery.erase_viewable(context.connection, tenant.pk)
    switched_on = is_switched_on(tenant.policy, mode, untouched=tenant.changed is None)
    if switched_on and operation.whitelist_admins:
        _whitelist_admins(context)
    history.hasten(context.connection, tenant.pk)  # the first reminders leave with the next sweep
    # Which sessions end is decided by the new policy.
    changed = tenants.tenant_by_pk(context.connection, tenant.pk)
    ended = Ended() if operation.keep_sessions else end_password_sessions(context, changed)
    context.audit(
        POLICY_SET,
        before=tenant.policy,
        after=mode,
        grace_days=after.grace_days,
        kinds=",".join(after.kinds),
        recovery_view=after.recovery_view,
        reminders=after.reminders,
        sessions_ended=ended.sessions,
        tokens_ended=ended.tokens,
        **asdict(after.helpdesk),
    )
    _notify_of_weaker(context, before.helpdesk, after.helpdesk)
    return replace(policy_view(changed), sessions_ended=ended.sessions, tokens_ended=ended.tokens)


def _rules_of(tenant: TenantRow) -> _Rules:
    return _Rules(
        tenant.policy, tenant.grace_days, tenant.kinds, tenant.recovery_view, tenant.reminders, tenant.helpdesk
    )


def _changed(before: _Rules, operation: SetPolicy) -> _Rules:
    """Return the policy after a change, of which the fields that are left out stay, or raise `Invalid`."""
    grace = before.grace_days if operation.grace_days is None else operation.grace_days
    kinds = before.kinds if operation.kinds is None else operation.kinds
    if not 0 <= grace <= LONGEST_GRACE:
        raise Invalid(f"The grace period must be between 0 and {LONGEST_GRACE} days.", "grace_days")
    if FactorKind.TOTP not in kinds:
        raise Invalid(
            "totp must stay allowed, because it is the only kind that everyone can bind on their own.", "kinds"
        )
    return _Rules(
        before.mode if operation.mode is None else operation.mode,
        grace,
        kinds,
        before.recovery_view if operation.recovery_view is None else operation.recovery_view,
        before.reminders if operation.reminders is None else operation.reminders,
        _helpdesk_rules(before.helpdesk, operation),
    )


def _helpdesk_rules(before: HelpdeskRules, operation: SetPolicy) -> HelpdeskRules:
    """Return the rules after a change, or raise `Invalid` for those that cannot be."""
    most = before.bypass_most if operation.bypass_most is None else operation.bypass_most
    usual = min(before.bypass_minutes, most) if operation.bypass_minutes is None else operation.bypass_minutes
    check_limits(usual, most)
    needs = before.unbind_needs if operation.unbind_needs is None else operation.unbind_needs
    admins = before.unbind_admins_need if operation.unbind_admins_need is None else operation.unbind_admins_need
    resets = before.resets_most if operation.resets_most is None else operation.resets_most
    warn = min(before.resets_warn, resets) if operation.resets_warn is None else operation.resets_warn
    check_reset_limits(warn, resets)
    step_up = before.step_up_minutes if operation.step_up_minutes is None else operation.step_up_minutes
    check_step_up(step_up)
    text = before.helpdesk_text if operation.helpdesk_text is None else one_line(operation.helpdesk_text).strip()
    return HelpdeskRules(usual, most, needs, admins, warn, resets, step_up, text)


def _notify_of_weaker(context: Context, before: HelpdeskRules, after: HelpdeskRules) -> None:
    """Notify all administrators if the rules for unbinding get weaker, each with an audit entry."""
    if is_weaker(after, before):
        for user in users.administrators(context.connection, context.tenant.pk):
            context.audit(POLICY_WEAKENED, user, before=_rule_words(before), after=_rule_words(after))


def _rule_words(rules: HelpdeskRules) -> str:
    return (
        f"unbinding needs {rules.unbind_needs}, of users above the role user {rules.needs_for(Role.HELPDESK)}, "
        f"at most {rules.resets_most:,} an hour, step-up counts {rules.step_up_minutes} min"
    )


def _whitelist_admins(context: Context) -> None:
    """Whitelist platform administrators without a factor, so that they do not lock themselves out."""
    for user in _platform_admins(context):
        if not user.whitelisted:
            entry = ExemptionRecord(user.pk, ADMIN_REASON, context.now, None, context.actor.login)
            whitelist.put_exemption(context.connection, user, entry)
            if user.status is BindingStatus.BOUND:
                users.change_user(context.connection, user.pk, keeps_factor=True)
            context.audit(WHITELIST_ADDED, user, reason=ADMIN_REASON)


def _platform_admins(context: Context) -> list[UserRecord]:
    found = users.with_role(context.connection, context.tenant.pk, Role.PLATFORM_ADMIN)
    return [user for user in found if not user.disabled]


def _with_whitelisted(groups: tuple[Group, ...], added: list[UserRecord]) -> list[Group]:
    """Return the groups as they will be once some users are whitelisted."""
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
        return You(
            context.actor.login, bound=False, whitelisted=False, must_enroll=False, locked_out=False, by_password=False
        )
    listed = user.whitelisted or any(user.pk == other.pk for other in added)
    group = replace(_group_of(user), whitelisted=listed)
    return You(
        user.login,
        bound=user.status is BindingStatus.BOUND,
        whitelisted=listed,
        must_enroll=must_bind(group, mode),
        locked_out=shut_out(group, mode),
        by_password=_stays_open(context, group, mode),
    )


def _stays_open(context: Context, group: Group, mode: PolicyMode) -> bool:
    """Return True if the actor's own session is among those that would end if they belonged to others."""
    session = context.actor.session
    return session is not None and session.factor == "" and is_asked(group, mode)
