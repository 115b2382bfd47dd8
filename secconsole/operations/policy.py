"""Policy of a tenant: showing, previewing and changing it."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.factors.bypass import MOST_MINUTES, USUAL_MINUTES
from secconsole.domain.helpdesk import USUAL_RESETS, USUAL_STEP_UP, USUAL_WARNING, UnbindNeeds
from secconsole.domain.impact import Impact
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.policy import Rule, SignInFacts
from secconsole.domain.roles import Permission
from secconsole.domain.throttling.throttle import Bucket
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.bypass import BypassMinutes
from secconsole.operations.fields import (
    FactorKinds,
    GraceDays,
    HelpdeskText,
    IpAddress,
    Moment,
    ResetCount,
    StepUpMinutes,
    TenantName,
    UserName,
    Version,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Current policy.

    `version` belongs in a change, so that nobody overwrites what they have not seen. `recovery_view`: whether users may
    view their recovery codes again. `bypass_minutes`: how long a bypass code works by default, `bypass_most`: at most.
    `unbind_admins_need`: what unbinding users above the role *user* needs. `resets_warn`, `resets_most`: users that one
    operator resets within an hour. `step_up_minutes`: how long a step-up counts. `sessions_ended`, `tokens_ended`: by
    the change that this is the answer to. `reminders`: users without a factor are reminded by mail during their grace
    period. `frozen_since`: only platform administrators have been able to sign in since then. `helpdesk_text`: how
    users reach the helpdesk.
    """

    policy: PolicyMode
    grace_days: int
    kinds: tuple[FactorKind, ...]
    version: int
    changed: Moment | None
    changed_by: str
    required_since: Moment | None
    recovery_view: bool
    sessions_ended: int = 0
    tokens_ended: int = 0
    bypass_minutes: int = USUAL_MINUTES
    bypass_most: int = MOST_MINUTES
    unbind_needs: UnbindNeeds = UnbindNeeds.NONE
    reminders: bool = False
    frozen_since: Moment | None = None
    unbind_admins_need: UnbindNeeds = UnbindNeeds.NONE
    resets_warn: int = USUAL_WARNING
    resets_most: int = USUAL_RESETS
    step_up_minutes: int = USUAL_STEP_UP
    helpdesk_text: str = ""


@dataclass(frozen=True, slots=True)
class You:
    """Effects of a change on the caller.

    `by_password`: the caller's session was opened by a password alone, and stays open although others like it end.
    """

    login: str
    bound: bool
    whitelisted: bool
    must_enroll: bool
    locked_out: bool
    by_password: bool


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """Effects of a policy, as counts of users who are not disabled.

    `platform_admins_added`: platform administrators that would be whitelisted. `whitelisted_open`: entries without an
    end. `sessions`: open ones opened with a password only, of users who would have to show a factor now, which the
    change ends. `tokens`: those of such users that were created while no factor was bound, which the change ends too.
    `reminded`: users who get a mail on each day of reminders, if they have an address. `reminder_mails`: these mails
    together, for the whole grace period. Both are 0 without reminders.
    """

    policy: PolicyMode
    now: PolicyMode
    impact: Impact
    grace_days: int
    whitelisted_open: int
    platform_admins_added: int
    sessions: int
    you: You
    version: int
    tokens: int = 0
    reminders: bool = False
    reminded: int = 0
    reminder_mails: int = 0


@declare(
    "policy.show",
    "GET",
    "/v1/tenants/{tenant}/policy",
    Permission.SEE,
    example=lambda s: (ShowPolicy(tenant=s.TENANT), s.POLICY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPolicy(Operation[Policy]):
    """Show the policy."""

    tenant: TenantName


@declare(
    "policy.preview",
    "GET",
    "/v1/tenants/{tenant}/policy/preview",
    Permission.SEE,
    example=lambda s: (PreviewPolicy(tenant=s.TENANT, mode=PolicyMode.REQUIRED), s.PREVIEW_POLICY_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPolicy(Operation[PolicyPreview]):
    """Preview the effects of a policy.

    `grace_days`, `reminders`: of a change that includes them.
    """

    tenant: TenantName
    mode: PolicyMode
    grace_days: GraceDays | None = None
    reminders: bool | None = None


@declare(
    "policy.set",
    "PUT",
    "/v1/tenants/{tenant}/policy",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=(events.POLICY_SET, events.POLICY_WEAKENED),
    example=lambda s: (SetPolicy(tenant=s.TENANT, mode=PolicyMode.REQUIRED, grace_days=14, expect=1), s.POLICY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolicy(Operation[Policy]):
    """Set the policy, leaving parts that are None unchanged.

    Switching it on, from off or for the first time, whitelists the platform administrators unless `whitelist_admins` is
    false. Those of them who have a factor bound are still asked for it. `recovery_view` lets users view recovery codes
    that they create from then on. Withdrawing it applies to all codes. Password-only sessions end if their users have
    to show a factor now, except for the actor's own, unless `keep_sessions`. `bypass_minutes` and `bypass_most` apply
    to bypass codes that are issued from then on. `unbind_needs`: a caller check or an approval before unbinding.
    `unbind_admins_need`: the same for users above the role *user*, where the stricter rule applies. `resets_warn`,
    `resets_most`: users that one helpdesk operator resets within an hour, before a warning and at most.
    `step_up_minutes`: how long a step-up counts, in acts on this tenant and by its users, whichever is shorter. All
    administrators are notified when these rules get weaker. `reminders`: mails to users without a factor on the first
    day of their grace period, after 3 and 7 days, and on its last day. `helpdesk_text`: shown at sign-in to users who
    are asked for a factor. Raises `Stale` if `expect` is not the current
    version.
    """

    tenant: TenantName
    mode: PolicyMode | None = None
    grace_days: GraceDays | None = None
    kinds: FactorKinds | None = None
    recovery_view: bool | None = None
    bypass_minutes: BypassMinutes | None = None
    bypass_most: BypassMinutes | None = None
    unbind_needs: UnbindNeeds | None = None
    reminders: bool | None = None
    unbind_admins_need: UnbindNeeds | None = None
    resets_warn: ResetCount | None = None
    resets_most: ResetCount | None = None
    step_up_minutes: StepUpMinutes | None = None
    helpdesk_text: HelpdeskText | None = None
    whitelist_admins: bool = True
    keep_sessions: bool = False
    expect: Version | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Outcome of a user's sign-in with the right password now, and the line of the table that decides it.

    `because`: the deciding facts in words. `facts`: all facts that the table uses. `remind`: signed in, but only during
    the grace period. `bucket`: where a wrong entry from that address would count. Without an address a known network is
    assumed, if there is one. `locked_for`: where no entry is accepted now. `then_outcome`, `then_rule`: the outcome
    after a new password, if one is required first. `tell`: what to tell the user on the phone.
    """

    user: str
    login: str
    address: str
    outcome: SignInStatus
    rule: Rule
    message: str
    because: tuple[str, ...]
    remind: bool
    then_outcome: SignInStatus | None
    then_rule: Rule | None
    facts: SignInFacts
    at: Moment
    bucket: Bucket = Bucket.STRANGERS
    locked_for: tuple[Bucket, ...] = ()
    tell: tuple[str, ...] = ()

    @property
    def verdict(self) -> tuple[str, ...]:
        """The outcome and its reasons, a line each, in the same words everywhere."""
        return (self.message, *self.because)


@declare(
    "policy.explain",
    "GET",
    "/v1/tenants/{tenant}/users/{user}/sign-in-explained",
    Permission.SEE,
    example=lambda s: (ExplainSignIn(tenant=s.TENANT, user="ana.kral", address="203.0.113.9"), s.EXPLAIN_SIGN_IN_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSignIn(Operation[Explanation]):
    """Explain what a sign-in of a user with the right password would result in, and by which rule.

    `address`: the origin of the sign-in. Nothing is done or counted.
    """

    tenant: TenantName
    user: UserName
    address: IpAddress = ""
