"""Sign-ins under way: each bound to its tenant, user and attempt, for ten minutes, and for five wrong entries in all.

Which factor is picked and how often a code is asked for changes neither the time nor the count. Binding one, where
nothing is guarded yet, has more of both.
"""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.errors import NotFound
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, SignInStatus
from secconsole.domain.policy import Decision, decide_second_factor
from secconsole.domain.secret import Secret
from secconsole.domain.throttle import FOREVER
from secconsole.operations.signin import OfferedFactor, SignInAnswer
from secconsole.service.context import Context, when
from secconsole.service.outgoing import can_send
from secconsole.service.passcodes import SENT_KINDS, live_code, sign_in_attempt
from secconsole.service.sign_in_facts import sign_in_facts
from secconsole.service.views import masked
from secconsole.store import factors, sessions, tenants, users
from secconsole.store.keys import new_token
from secconsole.store.rows import ChallengeRecord, FactorRecord, TenantRow, UserRecord

LASTS = 10 * 60_000  # waiting for a code
BINDING_LASTS = 30 * 60_000  # waiting for somebody to install an app first
MOST_WRONG = 5
MOST_WRONG_BINDING = 20

OVER = "This sign-in has ended. Start again."


def begin(context: Context, tenant: TenantRow, user: UserRecord, decision: Decision) -> SignInAnswer:
    """Ask for what the table decided: a challenge, bound to tenant, user and this attempt."""
    token = new_token()
    lasts = LASTS if decision.status is SignInStatus.SECOND_FACTOR else BINDING_LASTS
    values: dict[str, object] = {
        "tenant_pk": tenant.pk,
        "user_pk": user.pk,
        "stage": decision.status,
        "created": context.now,
        "expires": context.now + lasts,
    }
    sessions.add_challenge(context.connection, token, values)
    sessions.forget_old(context.connection, context.now - 24 * 3_600_000)
    context.audit(
        "sign-in", user, outcome="continues", tenant=tenant, by=user.login, status=decision.status,
        rule=decision.rule,
    )  # fmt: skip
    return SignInAnswer(
        decision.status,
        challenge=token,
        factors=_offered(context, user) if decision.status is SignInStatus.SECOND_FACTOR else (),
        server_time=when(context.now),
        kinds=_bindable(context, tenant) if decision.status is SignInStatus.ENROLL else (),
    )


def find(
    context: Context, token: Secret[str], stage: SignInStatus
) -> tuple[ChallengeRecord, TenantRow, UserRecord] | None:
    """A sign-in under way that waits for this step, and whose user may still sign in."""
    challenge = sessions.challenge_by_token(context.connection, token)
    if challenge is None or challenge.used is not None or challenge.stage != stage or challenge.expires <= context.now:
        return None
    user = users.user_by_pk(context.connection, challenge.user_pk)
    tenant = tenants.tenant_by_pk(context.connection, challenge.tenant_pk)
    if user.disabled or (stage == SignInStatus.ENROLL and _must_show(context, tenant, user)):
        return None
    if user.locked_until >= FOREVER and stage != SignInStatus.SECOND_FACTOR:  # there checking the code says so
        return None
    return challenge, tenant, user


def _must_show(context: Context, tenant: TenantRow, user: UserRecord) -> bool:
    """Whether a phone was bound or entered meanwhile, by an administrator say: a password alone must not pass it by."""
    if user.status is BindingStatus.BOUND:
        return True
    return decide_second_factor(sign_in_facts(context, tenant, user, right=True)).status is SignInStatus.SECOND_FACTOR


def own_enrollment(context: Context, tenant: TenantRow, user: UserRecord, id: str) -> FactorRecord:
    """What whoever is signing in is binding; raises `NotFound` for anything else."""
    factor = factors.factor_by_id(context.connection, tenant.pk, id)
    if factor is None or factor.user_pk != user.pk:
        raise NotFound("That binding was replaced by a newer one. Start it again.")
    return factor


def _offered(context: Context, user: UserRecord) -> tuple[OfferedFactor, ...]:
    live = factors.live_factors(context.connection, user.pk)
    return tuple(OfferedFactor(f.id, f.kind, masked(f)) for f in usable_at_sign_in(live))


def usable_at_sign_in(live: Sequence[FactorRecord]) -> list[FactorRecord]:
    """The active factors, and the addresses and numbers that an administrator entered: their first use proves them."""
    return sorted((f for f in live if f.state is FactorState.ACTIVE or f.given), key=lambda f: f.state)


def _bindable(context: Context, tenant: TenantRow) -> tuple[FactorKind, ...]:
    """The kinds that the policy allows, less those that no code could be sent for."""
    return tuple(kind for kind in tenant.kinds if kind not in SENT_KINDS or can_send(context, tenant, kind))


def wrong_code(
    context: Context,
    challenge: ChallengeRecord,
    tenant: TenantRow,
    user: UserRecord,
    token: Secret[str],
    message: str,
) -> SignInAnswer:
    """Count a wrong entry; the last one that is allowed ends the sign-in."""
    most = MOST_WRONG_BINDING if challenge.stage == SignInStatus.ENROLL else MOST_WRONG
    sessions.fail_challenge(context.connection, challenge.pk)
    left = most - challenge.failures - 1
    context.audit("sign-in.code", user, outcome="refused", tenant=tenant, by=user.login, stage=challenge.stage)
    if left <= 0:
        sessions.use_challenge(context.connection, challenge.pk, context.now)
        return SignInAnswer(SignInStatus.REFUSED, message=f"{message} {OVER}", server_time=when(context.now), left=0)
    after = users.user_by_pk(context.connection, user.pk)
    return waiting(context, challenge, user, token, message, after.locked_until, left=left)


def waiting(
    context: Context,
    challenge: ChallengeRecord,
    user: UserRecord,
    token: Secret[str],
    message: str,
    retry_at: int,
    *,
    left: int | None = None,
    sent: bool = False,
) -> SignInAnswer:
    """The same step again, with the letters of the code that holds now."""
    code = live_code(context, sign_in_attempt(token))
    tenant = tenants.tenant_by_pk(context.connection, challenge.tenant_pk)
    return SignInAnswer(
        SignInStatus(challenge.stage),
        challenge=token,
        factors=_offered(context, user) if challenge.stage == SignInStatus.SECOND_FACTOR else (),
        kinds=_bindable(context, tenant) if challenge.stage == SignInStatus.ENROLL else (),
        prefix=code.prefix if code else None,
        message=message,
        server_time=when(context.now),
        left=left,
        retry_at=when(retry_at) if context.now < retry_at < FOREVER else None,
        sent=sent,
    )


def over(context: Context) -> SignInAnswer:
    """The answer once there is nothing to go on with."""
    context.unchanged = True
    return SignInAnswer(SignInStatus.REFUSED, message=OVER, server_time=when(context.now))
