"""Factors of a user, enrolled, confirmed and removed by an administrator or by themselves; and codes checked."""

from __future__ import annotations

from secconsole.domain.errors import Conflict, Invalid, NotFound
from secconsole.domain.limits import CODE_DIGITS, LONGEST_LABEL
from secconsole.domain.model import FactorState, PolicyMode
from secconsole.domain.totp import TotpParameters
from secconsole.operations.factors import (
    ConfirmFactor,
    EnrollFactor,
    FactorList,
    ListFactors,
    RemoveFactor,
    RenameFactor,
    Verdict,
    VerifyCode,
)
from secconsole.operations.signin import BindingStarted
from secconsole.service.codes import check_code
from secconsole.service.context import Context, when
from secconsole.service.enrollment import confirm_enrollment, start_enrollment
from secconsole.service.handlers import handles
from secconsole.service.notified import bound_addresses
from secconsole.service.recovery import RECOVERY, check_recovery_code, is_recovery_code
from secconsole.service.views import factor_row
from secconsole.store import factors, sessions
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord

ENROLLMENT = 60 * 60_000  # how long a key waits for its first code


@handles(ListFactors)
def list_factors(context: Context, operation: ListFactors) -> FactorList:
    live = factors.live_factors(context.connection, context.target.pk)
    return FactorList(tuple(factor_row(f) for f in live))


@handles(EnrollFactor)
def enroll_factor(context: Context, operation: EnrollFactor) -> BindingStarted:
    if operation.digits not in CODE_DIGITS:
        raise Invalid("A code has 6 or 8 digits.", "digits")
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
    return confirm_enrollment(context, context.tenant, context.target, factor, operation.code)


@handles(RemoveFactor)
def remove_factor(context: Context, operation: RemoveFactor) -> FactorList:
    factor = found_factor(context, operation.factor)
    user = context.target
    others = [f for f in factors.live_factors(context.connection, user.pk) if f.pk != factor.pk]
    last = factor.state is FactorState.ACTIVE and not any(f.state is FactorState.ACTIVE for f in others)
    if context.is_own and last:
        refuse_while_required(context.tenant, user)
    factors.remove(context.connection, user.pk, [factor.pk], now=context.now, event=None)
    if factor.state is FactorState.ACTIVE:  # nothing was ever proved with one that is pending
        session = context.actor.session
        sessions.end_sessions(
            context.connection, user.pk, now=context.now, why="factor removed", but=session.pk if session else None
        )
    context.audit(
        "factor.removed", user, former=bound_addresses([factor]), kind=factor.kind, factor=factor.id,
        state=factor.state,
    )  # fmt: skip
    return FactorList(tuple(factor_row(f) for f in others))


@handles(VerifyCode)
def verify_code(context: Context, operation: VerifyCode) -> Verdict:
    user = context.target
    active = [f for f in factors.live_factors(context.connection, user.pk) if f.state is FactorState.ACTIVE]
    if user.disabled or not active:
        context.audit("verify", user, outcome="refused")
        message = "The account is disabled." if user.disabled else "No factor is bound."
        return Verdict(False, message, when(context.now))
    if is_recovery_code(operation.code):
        left, message = check_recovery_code(context, context.tenant, user, operation.code)
        found = None if left is None else RECOVERY
        context.audit("verify", user, outcome="done" if found else "refused", factor=RECOVERY)
        return Verdict(found is not None, message, when(context.now), found)
    factor, message = check_code(context, user, operation.code, active)
    context.audit("verify", user, outcome="done" if factor else "refused", factor=factor.id if factor else "")
    return Verdict(factor is not None, message, when(context.now), factor.id if factor else None)


@handles(RenameFactor)
def rename_factor(context: Context, operation: RenameFactor) -> FactorList:
    label, user = _checked_label(operation.label), context.target
    factor = found_factor(context, operation.factor)
    if factor.label == label:
        context.unchanged = True
    else:
        factors.rename(context.connection, factor, label)
        context.audit("factor.renamed", user, factor=factor.id, before=factor.label, after=label)
    return FactorList(tuple(factor_row(f) for f in factors.live_factors(context.connection, user.pk)))


def found_factor(context: Context, id: str) -> FactorRecord:
    """A live factor of the tenant; raises `NotFound`."""
    factor = factors.factor_by_id(context.connection, context.tenant.pk, id)
    if factor is None:
        raise NotFound("There is no such factor. It may have been removed or replaced.")
    return factor


def refuse_while_required(tenant: TenantRow, user: UserRecord) -> None:
    """Raise if users may not be without a factor by their own doing: they would have to bind one at the next sign-in.

    It holds during the grace period too, which is there to bind one in.
    """
    if why := why_required(tenant, user):
        raise Conflict(f"A factor is required of you: {why}. To change phones, bind the new one first.")


def why_required(tenant: TenantRow, user: UserRecord) -> str:
    """Why a user may not be without a factor, in words; empty if they may."""
    if tenant.policy is PolicyMode.OFF:
        return ""
    if user.switched_on:
        return "an administrator requires one of you"
    if tenant.policy is PolicyMode.REQUIRED and not user.whitelisted:
        return f"the policy of {tenant.name} requires one of everybody"
    return ""


def _checked_label(label: str) -> str:
    if len(label) > LONGEST_LABEL:
        raise Invalid(f"The label is longer than {LONGEST_LABEL} characters.", "label")
    return label
