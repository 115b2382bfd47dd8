"""Factors of a user: enrollment, confirmation and removal by an administrator or the user, and checks of codes."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from secconsole.domain.factors.totp import TotpParameters
from secconsole.domain.helpdesk import UnbindNeeds
from secconsole.domain.limits import CODE_DIGITS, LONGEST_LABEL
from secconsole.domain.model import FactorState, PolicyMode
from secconsole.domain.policy import Rule, is_always_asked, is_frozen_out
from secconsole.domain.roles import Role
from secconsole.operations.caller import Bearer, Credential, Source
from secconsole.operations.events import FACTOR_REMOVED, FACTOR_RENAMED, VERIFY
from secconsole.operations.factors import (
    ConfirmFactor,
    EnrollFactor,
    FactorDetail,
    FactorList,
    ListFactors,
    RemoveFactor,
    RenameFactor,
    ShowFactor,
    Verdict,
    VerifyCode,
)
from secconsole.operations.signin import BindingStarted
from secconsole.operations.unbinding import Unbind
from secconsole.service.authorise import IDLE
from secconsole.service.context import Context, when
from secconsole.service.factors.bypass import refuse_in_bypass_session
from secconsole.service.factors.codes import check_code
from secconsole.service.factors.enrollment import confirm_enrollment, start_enrollment
from secconsole.service.factors.passcodes import why_no_code
from secconsole.service.handlers.recovery import RECOVERY, check_recovery_code, is_recovery_code
from secconsole.service.outbox.recipients import bound_addresses
from secconsole.service.registry import handles
from secconsole.service.views import factor_row
from secconsole.store import factors
from secconsole.store.engine.ahead import Ahead
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord
from secconsole.store.sealing.keys import token_hash
from secconsole.store.sign_in import sessions
from secconsole.store.sign_in.read_ahead import verify_ahead
from secconsole.store.sign_in.tokens import count_live

UNBIND_INSTEAD = (
    "This is the user's last factor, and the policy says what unbinding needs. Use secconsole unbind, or u in Users."
)
FROZEN = "Refused: sign-ins are frozen after a breach, until an administrator thaws them."
ENROLLMENT = 60 * 60_000  # how long a key waits for its first code


@handles(ListFactors)
def list_factors(context: Context, operation: ListFactors) -> FactorList:
    live = factors.live_factors(context.connection, context.target.pk)
    return FactorList(tuple(factor_row(f) for f in live))


@handles(ShowFactor)
def show_factor(context: Context, operation: ShowFactor) -> FactorDetail:
    factor, user = found_factor(context, operation.factor), context.target
    ending = tokens = 0
    if factor.state is FactorState.ACTIVE:
        ending = sessions.count_sessions(context.connection, user.pk, context.now, seen_since=context.now - IDLE)
        if context.is_own and context.actor.session is not None:
            ending -= 1  # the session of the actor stays, and its tokens with it
        else:
            tokens = count_live(context.connection, [user.pk], context.now)
    last = _is_last_active(factor, factors.live_factors(context.connection, user.pk))
    return FactorDetail(factor_row(factor), user.id, user.login, user.name, last, ending, tokens)


@handles(EnrollFactor)
def enroll_factor(context: Context, operation: EnrollFactor) -> BindingStarted:
    if operation.digits not in CODE_DIGITS:
        raise Invalid("The number of digits must be 6 or 8.", "digits")
    # A code that the helpdesk gave out must not be enough to bind a factor for good.
    if context.is_own:
        refuse_in_bypass_session(context)
    return start_enrollment(
        context,
        context.tenant,
        context.target,
        operation.kind,
        expires=context.now + ENROLLMENT,
        label=_checked_label(operation.label),
        parameters=TotpParameters(operation.algorithm, operation.digits),
        address=operation.address,
    )


@handles(ConfirmFactor)
def confirm_factor(context: Context, operation: ConfirmFactor) -> Verdict:
    factor = found_factor(context, operation.enrollment)
    if context.is_own:
        refuse_in_bypass_session(context)
    return confirm_enrollment(context, context.tenant, context.target, factor, operation.code)


@handles(RemoveFactor)
def remove_factor(context: Context, operation: RemoveFactor) -> FactorList:
    factor = found_factor(context, operation.factor)
    user = context.target
    live = factors.live_factors(context.connection, user.pk)
    others = [f for f in live if f.pk != factor.pk]
    if _is_last_active(factor, live):
        if context.is_own:
            refuse_while_required(context.tenant, user)
        # Without the last factor the user is unbound, so the rules of unbinding apply, with its undo.
        elif context.tenant.helpdesk.needs_for(user.role) is not UnbindNeeds.NONE or context.is_peer(user):
            raise NotAllowed(UNBIND_INSTEAD)
        elif words := context.why_not(user, Unbind.spec):
            raise NotAllowed(words)
    factors.remove(context.connection, user.pk, [factor.pk], now=context.now, event=None)
    if factor.state is FactorState.ACTIVE:  # nothing was ever proved with a pending one
        session = context.actor.session
        sessions.end_sessions(
            context.connection, user.pk, now=context.now, why="factor removed", but=session.pk if session else None
        )
    context.audit(
        FACTOR_REMOVED,
        user,
        former=bound_addresses([factor]),
        kind=factor.kind,
        factor=factor.id,
        state=factor.state,
    )
    return FactorList(tuple(factor_row(f) for f in others))


def _verify_ahead(operation: VerifyCode, credential: Credential, source: Source) -> Ahead | None:
    if not (operation.tenant + operation.user).isprintable():  # a text that cannot be stored would fail others too
        return None
    hashed = token_hash(credential.token) if isinstance(credential, Bearer) else None
    return verify_ahead(operation.tenant, operation.user, hashed)


@handles(VerifyCode, ahead=_verify_ahead)
def verify_code(context: Context, operation: VerifyCode) -> Verdict:
    user, frozen = context.target, context.tenant.frozen_since is not None
    if is_frozen_out(frozen=frozen, platform_admin=user.role is Role.PLATFORM_ADMIN):  # no code is checked or used up
        context.audit(VERIFY, user, outcome="refused", rule=Rule.FROZEN)
        return Verdict(False, FROZEN, when(context.now), counted=False)
    active = [f for f in factors.live_factors(context.connection, user.pk) if f.state is FactorState.ACTIVE]
    if user.disabled or not active:
        context.audit(VERIFY, user, outcome="refused")
        message = "The account is disabled." if user.disabled else "No factor is bound."
        return Verdict(False, message, when(context.now))
    # It cannot be a code, so it is not counted as a guess.
    if why := why_no_code(context, operation.code):
        context.unchanged = True
        return Verdict(False, why, when(context.now), counted=False)
    if is_recovery_code(operation.code):
        left, message = check_recovery_code(context, context.tenant, user, operation.code)
        found = None if left is None else RECOVERY
        context.audit(VERIFY, user, outcome="done" if found else "refused", factor=RECOVERY)
        return Verdict(found is not None, message, when(context.now), found)
    factor, message = check_code(context, user, operation.code, active)
    context.audit(VERIFY, user, outcome="done" if factor else "refused", factor=factor.id if factor else "")
    return Verdict(factor is not None, message, when(context.now), factor.id if factor else None)


@handles(RenameFactor)
def rename_factor(context: Context, operation: RenameFactor) -> FactorList:
    label, user = _checked_label(operation.label), context.target
    factor = found_factor(context, operation.factor)
    if factor.label == label:
        context.unchanged = True
    else:
        factors.rename(context.connection, factor, label)
        context.audit(FACTOR_RENAMED, user, factor=factor.id, before=factor.label, after=label)
    return FactorList(tuple(factor_row(f) for f in factors.live_factors(context.connection, user.pk)))


def found_factor(context: Context, id: str) -> FactorRecord:
    """Return a live factor of the tenant, or raise `NotFound`."""
    factor = factors.factor_by_id(context.connection, context.tenant.pk, id)
    if factor is None:
        raise NotFound("There is no such factor. It may have been removed or replaced.")
    return factor


def _is_last_active(factor: FactorRecord, live: Sequence[FactorRecord]) -> bool:
    """Return True if a factor is the only active one of its user."""
    active = [other.pk for other in live if other.state is FactorState.ACTIVE]
    return active == [factor.pk]


def refuse_while_required(tenant: TenantRow, user: UserRecord) -> None:
    """Raise if users may not remove their last factor, because the next sign-in would ask them to bind one.

    It applies during the grace period too, which is meant for binding one.
    """
    if why := why_required(tenant, user):
        raise Conflict(f"You cannot remove your last factor: {why}. To change phones, bind the new one first.")


def why_required(tenant: TenantRow, user: UserRecord) -> str:
    """Return why a user has to have a factor, empty if there is no reason."""
    if tenant.policy is PolicyMode.OFF:
        return ""
    if user.switched_on:
        return "an administrator requires one of you"
    spared = user.whitelisted and not is_always_asked(user.role, user.status)
    if tenant.policy is PolicyMode.REQUIRED and not spared:
        return f"the policy of {tenant.name} requires one of all users"
    return ""


def _checked_label(label: str) -> str:
    if len(label) > LONGEST_LABEL:
        raise Invalid(f"The label is longer than {LONGEST_LABEL} characters.", "label")
    return label
