"""Enrollment of factors: a factor is pending until a code from it was correct, and only then replaces the old one."""

from __future__ import annotations

import os

from secconsole.domain.clock import is_from_future
from secconsole.domain.errors import Conflict, Unfit
from secconsole.domain.factors.code import read_code
from secconsole.domain.factors.otpauth import key_text, otpauth_uri
from secconsole.domain.factors.totp import DEFAULT, SEED_BYTES, TotpParameters, clock_offset
from secconsole.domain.model import SENT_KINDS, FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.events import FACTOR_CONFIRMED, FACTOR_ENROLLMENT_STARTED
from secconsole.operations.factors import Verdict
from secconsole.operations.signin import BindingStarted
from secconsole.service.context import Context, when
from secconsole.service.factors.codes import WRONG, forget_other_proofs, parameters_of, seed_of, step_of
from secconsole.service.factors.factor_keys import key_columns
from secconsole.service.factors.passcodes import why_no_code
from secconsole.service.factors.sent_factors import confirm_sent, start_sent
from secconsole.service.factors.throttling import from_new_network
from secconsole.store import factors, outbox
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord


def start_enrollment(
    context: Context,
    tenant: TenantRow,
    user: UserRecord,
    kind: FactorKind,
    *,
    expires: int,
    label: str = "",
    parameters: TotpParameters = DEFAULT,
    address: str = "",
) -> BindingStarted:
    """Start an enrollment with a new key, which drops an unconfirmed one and keeps an active one.

    For e-mail and SMS there is no key: a code is sent to the `address`, or by default to the user's own. The policy
    limits the kinds that users bind themselves. An administrator may add any kind to another user's account.
    """
    if kind not in tenant.kinds and (context.found_actor is None or context.is_own):
        raise Conflict(f"The policy of {tenant.name} does not allow {kind}. Ask an administrator to allow or add it.")
    if kind in SENT_KINDS:
        return start_sent(context, tenant, user, kind, address=address, label=label)
    if address:
        raise Unfit("An authenticator app has no address.", "address")
    factors.drop_pending(context.connection, user.pk, kind, context.now)
    outbox.void(context.connection, key_attempt(user), context.now)  # the earlier key, if it was not sent yet
    seed = Secret(os.urandom(SEED_BYTES))
    id = context.new_id()
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": tenant.pk,
        "user_pk": user.pk,
        "kind": kind,
        "state": FactorState.PENDING,
        "label": label,
        "algorithm": parameters.algorithm,
        "digits": parameters.digits,
        "period": parameters.period,
        "created": context.now,
        "expires": expires,
    }
    factors.add_factor(context.connection, values | key_columns(context, user, id, seed))
    context.audit(FACTOR_ENROLLMENT_STARTED, user, tenant=tenant, by=_who(context, user), kind=kind, factor=id)
    uri = key_uri(tenant, user, parameters, seed)
    return BindingStarted(id, kind, uri, Secret(key_text(seed)), when(expires))


def key_uri(tenant: TenantRow, user: UserRecord, parameters: TotpParameters, seed: Secret[bytes]) -> Secret[str]:
    """Return the URI that carries a key into an authenticator app."""
    return otpauth_uri(
        seed=seed,
        account=user.login,
        issuer=tenant.name,
        algorithm=parameters.algorithm,
        digits=parameters.digits,
        period=parameters.period,
    )


def confirm_enrollment(
    context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord, code: Secret[str]
) -> Verdict:
    """Activate a pending factor if the code matches, which uses its time step and removes the old factor."""
    if factor.state is not FactorState.PENDING:
        raise Conflict("That factor is bound already.")
    if factor.kind in SENT_KINDS:
        return confirm_sent(context, tenant, user, factor, code)
    if factor.expires is not None and (factor.expires <= context.now or is_from_future(factor.created, context.now)):
        raise Conflict("That key was not confirmed in time. Start the enrollment again.")
    if why := why_no_code(context, code):
        context.unchanged = True
        return Verdict(False, why, when(context.now), counted=False)
    step = step_of(context, user, factor, code)
    if step is None:
        context.audit(FACTOR_CONFIRMED, user, outcome="refused", tenant=tenant, by=_who(context, user))
        return Verdict(False, _wrong(context, user, factor, code), when(context.now))
    outbox.note_answer(context.connection, key_attempt(user))
    old = [
        f.pk
        for f in factors.live_factors(context.connection, user.pk)
        if f.kind is factor.kind and f.state is FactorState.ACTIVE
    ]
    if not factors.activate(context.connection, factor, step=step, now=context.now):
        raise Conflict("That factor is bound already.")
    outbox.void(context.connection, key_attempt(user), context.now)  # from now on that key opens the account
    # After the activation: without an active factor the recovery codes would be voided with the old one.
    if old:
        factors.remove(context.connection, user.pk, old, now=context.now, event=None)
    forget_other_proofs(context, factor)
    context.audit(
        FACTOR_CONFIRMED,
        user,
        tenant=tenant,
        by=_who(context, user),
        kind=factor.kind,
        factor=factor.id,
        replaced=len(old),
        **from_new_network(context, user),
    )
    return Verdict(True, server_time=when(context.now), factor=factor.id)


def key_attempt(user: UserRecord) -> str:
    """Return the attempt of a mail with a user's key, of which there is one at a time."""
    return f"key {user.id}"


def _wrong(context: Context, user: UserRecord, factor: FactorRecord, code: Secret[str]) -> str:
    typed = read_code(code)
    digits = typed.digits.reveal() if typed is not None else ""
    offset = clock_offset(seed_of(context, user, factor), digits, context.now / 1000, parameters_of(factor))
    if offset:
        way = "ahead of" if offset > 0 else "behind"
        return (
            f"The phone's clock is about {abs(offset)} seconds {way} the server's. Set it to automatic and try again."
        )
    return WRONG


def _who(context: Context, user: UserRecord) -> str:
    """Return the actor's name, which is the user's own while they bind a factor at sign-in."""
    return "" if context.found_actor else user.login
