"""Sign-ins in progress, each bound to its tenant, user and attempt, for ten minutes and five wrong entries in total.

Choosing a factor or requesting codes changes neither limit. Binding a factor, when there is nothing to guard yet, has
higher ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from secconsole.domain.clock import is_from_future
from secconsole.domain.errors import NotFound
from secconsole.domain.model import SENT_KINDS, BindingStatus, FactorKind, FactorState, OfferedKind, SignInStatus
from secconsole.domain.policy import Decision, Rule, SignInFacts, decide_second_factor, is_frozen_out
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import PARTLY
from secconsole.operations.events import SIGN_IN, SIGN_IN_CODE
from secconsole.operations.signin import OfferedFactor, SignInAnswer
from secconsole.service.context import Application, Context, when
from secconsole.service.factors.networks import admission_of
from secconsole.service.factors.passcodes import live_code, sign_in_attempt
from secconsole.service.factors.sign_in_facts import bypass_now, sign_in_facts
from secconsole.service.factors.throttling import held
from secconsole.service.outbox.queue import can_send
from secconsole.service.views import masked
from secconsole.store import factors, tenants, users
from secconsole.store.rows import BypassRecord, ChallengeRecord, FactorRecord, TenantRow, UserRecord
from secconsole.store.sealing.keys import new_token
from secconsole.store.sign_in import sessions, tokens

LASTS = 10 * 60_000  # while waiting for a code
BINDING_LASTS = 30 * 60_000  # while the user may have to install an app first
MOST_WRONG = 5
MOST_WRONG_BINDING = 20

BYPASS_WORDS = "bypass code from the helpdesk"
OVER = "This sign-in has ended. Start again."


@dataclass(frozen=True)
class PendingSignIn:
    """A sign-in that waits for its next step: its token and its rows, as this transaction has read them."""

    context: Context
    token: Secret[str]
    challenge: ChallengeRecord
    tenant: TenantRow
    user: UserRecord

    @cached_property
    def live_factors(self) -> Sequence[FactorRecord]:
        """The user's factors, which no step of a sign-in changes before its answer."""
        return factors.live_factors(self.context.connection, self.user.pk)

    @cached_property
    def bypass(self) -> BypassRecord | None:
        """The user's bypass code that works now."""
        return bypass_now(self.context, self.user)


def begin(
    context: Context,
    tenant: TenantRow,
    user: UserRecord,
    decision: Decision,
    live: Sequence[FactorRecord],
    code: BypassRecord | None,
) -> SignInAnswer:
    """Start the step that the table decided on, with a challenge bound to tenant, user and attempt."""
    token = new_token()
    lasts = LASTS if decision.status is SignInStatus.SECOND_FACTOR else BINDING_LASTS
    values: dict[str, object] = {
        "tenant_pk": tenant.pk,
        "user_pk": user.pk,
        "stage": decision.status,
        "created": context.now,
        "expires": context.now + lasts,
        "no_session": not context.opens_session,
        **_of_application(context.application),
    }
    sessions.add_challenge(context.connection, token, values)
    sessions.forget_old(context.connection, context.now - 24 * 3_600_000)
    context.audit(
        SIGN_IN,
        user,
        outcome="continues",
        tenant=tenant,
        by=user.login,
        status=decision.status,
        rule=decision.rule,
    )
    return SignInAnswer(
        decision.status,
        challenge=token,
        factors=_offered(live, code) if decision.status is SignInStatus.SECOND_FACTOR else (),
        server_time=when(context.now),
        kinds=_bindable(context, tenant) if decision.status is SignInStatus.ENROLL else (),
        helpdesk=tenant.helpdesk_text,
    )


def find(context: Context, token: Secret[str], stage: SignInStatus) -> PendingSignIn | None:
    """Return the sign-in that waits for this step, or None if it has ended or its user may no longer sign in."""
    challenge = sessions.challenge_by_token(context.connection, token)
    if challenge is None or challenge.used is not None or challenge.stage != stage or challenge.expires <= context.now:
        return None
    if is_from_future(challenge.created, context.now):
        return None
    if not _continue_for(context, challenge):
        return None
    user = users.user_by_pk(context.connection, challenge.user_pk)
    tenant = tenants.tenant_by_pk(context.connection, challenge.tenant_pk)
    pending = PendingSignIn(context, token, challenge, tenant, user)
    if user.disabled or _refusal(context, tenant, user):
        return None
    if stage == SignInStatus.ENROLL and _must_show(pending):
        return None
    if stage != SignInStatus.SECOND_FACTOR and held(context, user) >= PARTLY:
        return None  # for a second factor, the check of the code reports it
    return pending


def _of_application(application: Application | None) -> dict[str, object]:
    """Return the columns of a challenge that say which application it is for."""
    if application is None:
        return {}
    return {"application": application.name, "application_key": application.key, "client": application.client}


def _continue_for(context: Context, challenge: ChallengeRecord) -> bool:
    """Continue a sign-in as it was started, or return False if the key of the application has ended."""
    context.opens_session = not challenge.no_session
    if not challenge.application:
        return True
    context.application = Application(challenge.application, challenge.application_key, challenge.client)
    live = tokens.live_keys(context.connection, challenge.tenant_pk, context.now) if challenge.application_key else ()
    return not challenge.application_key or challenge.application_key in {key.id for key in live}


def facts_of(pending: PendingSignIn) -> SignInFacts:
    """Return the facts that decide what is still required after the password."""
    code = pending.bypass
    return sign_in_facts(pending.context, pending.tenant, pending.user, pending.live_factors, code, right=True)


def _must_show(pending: PendingSignIn) -> bool:
    """Return True if a factor was bound or entered meanwhile: a password alone must not bypass it."""
    if pending.user.status is BindingStatus.BOUND:
        return True
    return decide_second_factor(facts_of(pending)).status is SignInStatus.SECOND_FACTOR


def own_enrollment(pending: PendingSignIn, id: str) -> FactorRecord:
    """Return the factor that the user of a sign-in is binding, or raise `NotFound`."""
    factor = factors.factor_by_id(pending.context.connection, pending.tenant.pk, id)
    if factor is None or factor.user_pk != pending.user.pk:
        raise NotFound("That enrollment was replaced by a newer one. Start again.")
    return factor


def _offered(live: Sequence[FactorRecord], code: BypassRecord | None) -> tuple[OfferedFactor, ...]:
    """Return the choices of a second step, with a bypass code first: a user who asked for one has no phone."""
    offered = [OfferedFactor(f.id, OfferedKind(f.kind), masked(f)) for f in usable_at_sign_in(live)]
    if code is not None:
        offered.insert(0, OfferedFactor(code.id, OfferedKind.BYPASS, BYPASS_WORDS, when(code.expires)))
    return tuple(offered)


def usable_at_sign_in(live: Sequence[FactorRecord]) -> list[FactorRecord]:
    """Return the active factors, and those entered by an administrator, which the first use confirms."""
    return sorted((f for f in live if f.state is FactorState.ACTIVE or f.given), key=lambda f: f.state)


def _bindable(context: Context, tenant: TenantRow) -> tuple[FactorKind, ...]:
    """Return the kinds that the policy allows and for which codes can be sent."""
    return tuple(kind for kind in tenant.kinds if kind not in SENT_KINDS or can_send(context, tenant, kind))


def wrong_code(pending: PendingSignIn, message: str) -> SignInAnswer:
    """Count a wrong entry, the last of which ends the sign-in."""
    context, challenge, user = pending.context, pending.challenge, pending.user
    most = MOST_WRONG_BINDING if challenge.stage == SignInStatus.ENROLL else MOST_WRONG
    sessions.fail_challenge(context.connection, challenge.pk)
    left = most - challenge.failures - 1
    context.audit(SIGN_IN_CODE, user, outcome="refused", tenant=pending.tenant, by=user.login, stage=challenge.stage)
    if left <= 0:
        sessions.use_challenge(context.connection, challenge.pk, context.now)
        return SignInAnswer(SignInStatus.REFUSED, message=f"{message} {OVER}", server_time=when(context.now), left=0)
    until = held(context, users.user_by_pk(context.connection, user.pk))  # the entry has just been counted there
    return waiting(pending, message, until, left=left)


def waiting(
    pending: PendingSignIn, message: str, retry_at: int, *, left: int | None = None, sent: bool = False
) -> SignInAnswer:
    """Return the same step again, with the prefix of the current code."""
    context, stage = pending.context, pending.challenge.stage
    code = live_code(context, sign_in_attempt(pending.token))
    return SignInAnswer(
        SignInStatus(stage),
        challenge=pending.token,
        factors=_offered(pending.live_factors, pending.bypass) if stage == SignInStatus.SECOND_FACTOR else (),
        kinds=_bindable(context, pending.tenant) if stage == SignInStatus.ENROLL else (),
        prefix=code.prefix if code else None,
        message=message,
        server_time=when(context.now),
        left=left,
        retry_at=when(retry_at) if context.now < retry_at < PARTLY else None,
        sent=sent,
        helpdesk=pending.tenant.helpdesk_text,
    )


def not_found(context: Context, token: Secret[str]) -> SignInAnswer:
    """Return the answer to a step for which `find` returned None.

    A sign-in that goes on during a freeze or from a network that is not allowed ends here, so that it leaves one entry.
    """
    challenge = sessions.challenge_by_token(context.connection, token)
    if challenge is not None and challenge.used is None and challenge.expires > context.now:
        user = users.user_by_pk(context.connection, challenge.user_pk)
        tenant = tenants.tenant_by_pk(context.connection, challenge.tenant_pk)
        if rule := _refusal(context, tenant, user):
            sessions.use_challenge(context.connection, challenge.pk, context.now)
            context.audit(SIGN_IN, user, outcome="refused", tenant=tenant, rule=rule)
    return over(context)


def _refusal(context: Context, tenant: TenantRow, user: UserRecord) -> Rule | None:
    """Return the rule of the tenant that refuses a sign-in since it began, if there is one."""
    if not admission_of(context, tenant, user.role).is_allowed:
        return Rule.NETWORK
    platform_admin = user.role is Role.PLATFORM_ADMIN
    frozen = is_frozen_out(frozen=tenant.frozen_since is not None, platform_admin=platform_admin)
    return Rule.FROZEN if frozen else None


def over(context: Context) -> SignInAnswer:
    """Return the answer for a sign-in that cannot continue."""
    context.unchanged = True
    return SignInAnswer(SignInStatus.REFUSED, message=OVER, server_time=when(context.now))
