"""A tenant's policy: show it, see what a change would do, change it."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.impact import Impact
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.policy import Rule, SignInFacts
from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import FactorKinds, GraceDays, IpAddress, Moment, TenantName, UserName, Version


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds now. `version` goes into a change, so that nobody overwrites what they have not seen.

    `recovery_view`: whether users may look at their recovery codes again.
    """

    policy: PolicyMode
    grace_days: int
    kinds: tuple[FactorKind, ...]
    version: int
    changed: Moment | None
    changed_by: str
    required_since: Moment | None
    recovery_view: bool


@dataclass(frozen=True, slots=True)
class You:
    """What a change would mean for whoever asks."""

    login: str
    bound: bool
    whitelisted: bool
    must_enroll: bool
    locked_out: bool


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """What a policy would do, in counts of users who are not disabled.

    `platform_admins_added`: platform administrators that would be put on the whitelist. `whitelisted_open`: entries
    without an end.
    """

    policy: PolicyMode
    now: PolicyMode
    impact: Impact
    grace_days: int
    whitelisted_open: int
    platform_admins_added: int
    you: You
    version: int


@declare("policy.show", "GET", "/v1/tenants/{tenant}/policy", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPolicy(Operation[Policy]):
    """Show the policy."""

    tenant: TenantName


@declare("policy.preview", "GET", "/v1/tenants/{tenant}/policy/preview", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPolicy(Operation[PolicyPreview]):
    """Say what a policy would do before it is set."""

    tenant: TenantName
    mode: PolicyMode


@declare("policy.set", "PUT", "/v1/tenants/{tenant}/policy", Permission.MANAGE_POLICY, dangerous=True, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolicy(Operation[Policy]):
    """Set the policy; None leaves a part as it is.

    Switching from off puts the platform administrators on the whitelist unless `whitelist_admins` is false; those of
    them who have a factor bound are still asked for it. `recovery_view` lets users look again at the recovery codes
    that they make from then on; taken back, at none. Raises `Stale` when `expect` is not the version that holds.
    """

    tenant: TenantName
    mode: PolicyMode | None = None
    grace_days: GraceDays | None = None
    kinds: FactorKinds | None = None
    recovery_view: bool | None = None
    whitelist_admins: bool = True
    expect: Version | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a sign-in of one user would come to now, with the right password, and by which line of the table.

    `because`: the facts that led there, in words; `facts`: all that the table goes by. `remind`: in, but not for long.
    `then_outcome`, `then_rule`: what follows once a new password was chosen, where that is asked for first.
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


@declare("policy.explain", "GET", "/v1/tenants/{tenant}/users/{user}/sign-in-explained", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSignIn(Operation[Explanation]):
    """Say what would happen to a user who signed in now with the right password, and by which rule.

    `address`: where the sign-in would come from. Nothing is done, and nothing counted.
    """

    tenant: TenantName
    user: UserName
    address: IpAddress = ""
