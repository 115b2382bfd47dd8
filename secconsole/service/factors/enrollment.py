"""Binding a factor: it is pending until a code from it was right, and only then does it replace the old one."""

from __future__ import annotations

import os

from secconsole.domain.errors import Conflict, Unfit
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.otpauth import key_text, otpauth_uri
from secconsole.domain.secret import Secret
from secconsole.domain.totp import DEFAULT, SEED_BYTES, TotpParameters, clock_offset
from secconsole.operations.factors import Verdict
from secconsole.operations.signin import BindingStarted
from secconsole.service.codes import WRONG, parameters_of, seal_seed, seed_of, step_of
from secconsole.service.context import Context, when
from secconsole.service.passcodes import SENT_KINDS
from secconsole.service.sent_factors import confirm_sent, start_sent
from secconsole.store import factors, outbox, sessions
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
    """Make a new key for a user; an earlier one that was never confirmed is dropped, an active one stays.

    For e-mail and SMS there is no key: a code is sent to the `address`, or without one to the user's own. The policy
    says which kinds users bind themselves; an administrator may add any to somebody else's account.
    """
    if kind not in tenant.kinds and (context.found_actor is None or context.is_own):
        raise Conflict(f"The policy of {tenant.name} does not allow {kind}. An administrator may allow or add it.")
    if kind in SENT_KINDS:
        return start_sent(context, tenant, user, kind, address=address, label=label)
    if address:
        raise Unfit("An authenticator app has no address.", "address")
    factors.drop_pending(context.connection, user.pk, kind, context.now)
    outbox.void(context.connection, key_attempt(user), context.now)  # the key of that one, if it has not left yet
    seed = Secret(os.urandom(SEED_BYTES))
    id = context.new_id()
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": tenant.pk,
        "user_pk": user.pk,
        "kind": kind,
        "state": FactorState.PENDING,
        "label": label,
        "sealed": seal_seed(context, user, id, seed),
        "algorithm": parameters.algorithm,
        "digits": parameters.digits,
        "period": parameters.period,
        "created": context.now,
        "expires": expires,
    }
    factors.add_factor(context.connection, values)
    context.audit("factor.enrollment-started", user, tenant=tenant, by=_who(context, user), kind=kind, factor=id)
    uri = key_uri(tenant, user, parameters, seed)
    return BindingStarted(id, kind, uri, Secret(key_text(seed)), when(expires))


def key_uri(tenant: TenantRow, user: UserRecord, parameters: TotpParameters, seed: Secret[bytes]) -> Secret[str]:
    """What carries a key into an authenticator app."""
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
    """Make a pending factor active if the code is from it; the step it used is then used, and the old factor gone."""
    if factor.state is not FactorState.PENDING:
        raise Conflict("That factor is bound already.")
    if factor.kind in SENT_KINDS:
        return confirm_sent(context, tenant, user, factor, code)
    if factor.expires is not None and factor.expires <= context.now:
        raise Conflict("That key was not confirmed in time. Start binding again.")
    step = step_of(context, user, factor, code)
    if step is None:
        context.audit("factor.confirmed", user, outcome="refused", tenant=tenant, by=_who(context, user))
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
    if old:
        factors.remove(context.connection, user.pk, old, now=context.now, event=None)
    # What was proved before was proved without this factor; only who shows it here, signed in as the user, has done so.
    actor = context.found_actor
    own = actor.session.pk if actor and actor.session and actor.session.user_pk == user.pk else None
    sessions.forget_proofs(context.connection, user.pk, but=own)
    context.audit(
        "factor.confirmed", user, tenant=tenant, by=_who(context, user), kind=factor.kind, factor=factor.id,
        replaced=len(old),
    )  # fmt: skip
    return Verdict(True, server_time=when(context.now), factor=factor.id)


def key_attempt(user: UserRecord) -> str:
    """What a mail with a user's key is for: they bind one app at a time."""
    return f"key {user.id}"


def _wrong(context: Context, user: UserRecord, factor: FactorRecord, code: Secret[str]) -> str:
    offset = clock_offset(seed_of(context, user, factor), code.reveal(), context.now / 1000, parameters_of(factor))
    if offset:
        way = "ahead of" if offset > 0 else "behind"
        return (
            f"The phone's clock is about {abs(offset)} seconds {way} the server's. Set it to automatic and try again."
        )
    return WRONG


def _who(context: Context, user: UserRecord) -> str:
    """Nobody is signed in yet while binding at sign-in: then it is the user themselves."""
    return "" if context.found_actor else user.login
