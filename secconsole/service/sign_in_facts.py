"""What the table in `domain/policy.py` decides a sign-in by, as the store has it."""

from __future__ import annotations

from secconsole.domain.model import FactorState
from secconsole.domain.policy import SignInFacts
from secconsole.domain.throttle import is_held
from secconsole.service.context import Context
from secconsole.store import factors
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.whitelist import exemption_of

_DAY = 24 * 3_600_000


def sign_in_facts(context: Context, tenant: TenantRow, user: UserRecord, *, right: bool) -> SignInFacts:
    """The facts about somebody who is there; `right`: whether the password they gave is theirs."""
    live = factors.live_factors(context.connection, user.pk)
    return SignInFacts(
        known=True,
        password_right=right,
        disabled=user.disabled,
        held_back=is_held(user.locked_until, context.now),
        network_allowed=True,
        must_reset=user.must_reset,
        policy=tenant.policy,
        whitelisted=exemption_of(context.connection, user.pk, context.now) is not None,
        keeps_factor=user.keeps_factor,
        active_factor=any(f.state is FactorState.ACTIVE for f in live),
        pending_factor=any(f.state is FactorState.PENDING and f.given for f in live),
        switched_on=user.switched_on,
        in_grace=context.now < grace_end(tenant, user),
    )


def grace_end(tenant: TenantRow, user: UserRecord) -> int:
    """The millisecond from which on whoever has no factor binds one at sign-in."""
    return max(tenant.required_since or 0, user.created) + tenant.grace_days * _DAY
