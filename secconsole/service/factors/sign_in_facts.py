"""Facts from the store on which the table in `domain/policy.py` decides a sign-in."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain import grace
from secconsole.domain.model import FactorState
from secconsole.domain.networks.network_rules import Admission
from secconsole.domain.policy import SignInFacts
from secconsole.domain.roles import Permission, Role, may, outranks
from secconsole.service.context import Context
from secconsole.service.factors.networks import admission_of
from secconsole.store import users
from secconsole.store.rows import BypassRecord, FactorRecord, TenantRow, UserRecord
from secconsole.store.sign_in.bypass import open_code
from secconsole.store.whitelist import exemption_of

DAY = grace.DAY


def sign_in_facts(
    context: Context,
    tenant: TenantRow,
    user: UserRecord,
    live: Sequence[FactorRecord],
    code: BypassRecord | None,
    *,
    right: bool,
    held_back: bool = False,
    admission: Admission | None = None,
) -> SignInFacts:
    """Return the facts about an existing user, whose factors are `live` and whose bypass code works now.

    `right`: the password was correct. `held_back`: wrong entries hold back sign-ins from this network. `admission`: the
    decision about the network, by default about that of the request.
    """
    admission = admission or admission_of(context, tenant, user.role)
    return SignInFacts(
        known=True,
        password_right=right,
        disabled=user.disabled,
        held_back=held_back,
        network_allowed=admission.is_allowed,
        network_exempt=admission.is_exempt,
        must_reset=user.must_reset,
        policy=tenant.policy,
        whitelisted=exemption_of(context.connection, user.pk, context.now) is not None,
        keeps_factor=user.keeps_factor,
        active_factor=any(f.state is FactorState.ACTIVE for f in live),
        pending_factor=any(f.state is FactorState.PENDING and f.given for f in live),
        switched_on=user.switched_on,
        platform_admin=user.role is Role.PLATFORM_ADMIN,
        in_grace=context.now < grace_end(tenant, user, context.now),
        bypass=code is not None,
        frozen=tenant.frozen_since is not None,
    )


def bypass_now(context: Context, user: UserRecord) -> BypassRecord | None:
    """Return the bypass code that a user can sign in with now."""
    found = open_bypass(context, user)
    return found if found is not None and found.starts <= context.now else None


def open_bypass(context: Context, user: UserRecord) -> BypassRecord | None:
    """Return a user's bypass code that works now or will, while its issuer could still issue it.

    Otherwise codes with a later start would outlast an operator who was disabled.
    """
    found = open_code(context.connection, user.pk, context.now)
    if found is None or not found.by_id:  # the owner of the store
        return found
    issuer = users.user_by_id(context.connection, found.by_id)
    if issuer is None or issuer.disabled or not may(issuer.role, Permission.UNBIND):
        return None
    return found if outranks(issuer.role, user.role) else None


def grace_end(tenant: TenantRow, user: UserRecord, now: int) -> int:
    """Return the millisecond from which a user without a factor has to bind one at sign-in."""
    since = tenant.required_since or 0
    return grace.grace_end(required_since=since, created=user.created, days=tenant.grace_days, now=now)


def must_bind_from(tenant: TenantRow, user: UserRecord, now: int) -> int | None:
    """Return the millisecond from which the policy makes a user bind a factor, None if it does not."""
    return grace.must_bind_from(
        tenant.policy,
        status=user.status,
        whitelisted=user.whitelisted,
        disabled=user.disabled,
        required_since=tenant.required_since or 0,
        created=user.created,
        days=tenant.grace_days,
        now=now,
    )
