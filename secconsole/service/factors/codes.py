"""Checks of codes against a user's factors: throttled, counted, and accepted once."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.factors.code import read_code
from secconsole.domain.factors.hotp import matching_counter
from secconsole.domain.factors.totp import Algorithm, TotpParameters, matching_step
from secconsole.domain.model import SENT_KINDS, FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import Bucket
from secconsole.service.context import Context
from secconsole.service.factors.passcodes import accepts, live_code
from secconsole.service.factors.throttling import count_failure, held, held_words, note_right_code
from secconsole.service.views import EXHAUSTED
from secconsole.store import factors
from secconsole.store.rows import FactorRecord, UserRecord
from secconsole.store.sealing.keys import DamagedSecret
from secconsole.store.sign_in import sessions

WRONG = "That code is not valid now. Check that the phone's clock is set automatically. Each code works once."
WRONG_SENT = "That code is wrong or has expired. Only the newest code works, once and for ten minutes."
EXHAUSTED_WORDS = (
    "This factor is locked after a hundred wrong codes. Ask the helpdesk to unbind it, then bind it again."
)


def check_code(
    context: Context,
    user: UserRecord,
    code: Secret[str],
    among: Sequence[FactorRecord],
    attempt: str = "",
    bucket: Bucket | None = None,
) -> tuple[FactorRecord | None, str]:
    """Check a code, and return the factor that it was used for, or None with a message after counting the failure.

    `attempt`: the attempt for which a code may have been sent. Codes of other attempts are never accepted. `bucket`:
    the counter of wrong codes, by default that of the caller's network. While it is held, nothing is checked or
    counted. The failure is stored although the answer is no, so the caller must return that answer and not raise.
    """
    if until := held(context, user, bucket):
        return None, held_words(context, until)
    usable = [f for f in among if f.failures < EXHAUSTED]
    apps = [f for f in usable if f.kind is FactorKind.TOTP and (f.state is FactorState.ACTIVE or f.given)]
    sent = live_code(context, attempt) if attempt else None
    addressed = [f for f in usable if sent is not None and f.kind in SENT_KINDS and f.id == sent.factor]
    for factor in addressed:
        if sent is not None and accepts(context, sent, code):
            note_sent_use(context, factor)
            note_right_code(context, user, bucket)
            return factor, ""
    for factor in apps:
        step = step_of(context, user, factor, code)
        if step is not None and _use(context, factor, step):
            note_right_code(context, user, bucket)
            return factor, ""
    count_failure(context, user, bucket)
    # Against each factor that the code was checked with: a hundred wrong ones in a row disable it (NIST SP 800-63B-4
    # section 3.2.2).
    factors.count_failure(context.connection, [f.pk for f in (*apps, *addressed)])
    if among and not usable:
        return None, EXHAUSTED_WORDS
    return None, WRONG if apps or not usable else WRONG_SENT


def _use(context: Context, factor: FactorRecord, step: int) -> bool:
    """Mark a time step as used, and confirm the app if an import left it pending.

    Return False if the step or a later one was used before.
    """
    if factor.state is FactorState.ACTIVE:
        return factors.use_step(context.connection, factor, step=step, now=context.now)
    done = factors.activate(context.connection, factor, step=step, now=context.now)
    if done:
        forget_other_proofs(context, factor)
    return done


def note_sent_use(context: Context, factor: FactorRecord) -> None:
    """Record the use of a code that was sent, and confirm the address or number if it was not confirmed yet."""
    if factor.state is FactorState.ACTIVE:
        factors.note_use(context.connection, factor, context.now)
        return
    factors.activate(context.connection, factor, step=-1, now=context.now)
    forget_other_proofs(context, factor)


def forget_other_proofs(context: Context, factor: FactorRecord) -> None:
    """Void the proofs of a user that were made without a new factor, in all sessions but the one that has shown it."""
    actor = context.found_actor
    own = actor.session.pk if actor and actor.session and actor.session.user_pk == factor.user_pk else None
    sessions.forget_proofs(context.connection, factor.user_pk, but=own)
    if own is not None:
        sessions.note_factor(context.connection, own, factor.kind)


def step_of(context: Context, user: UserRecord, factor: FactorRecord, code: Secret[str]) -> int | None:
    """Return the time step that a code matches, used or not, or the unused counter of a token that counts."""
    typed = read_code(code)
    if typed is None or typed.prefix:  # only codes that are sent have a prefix
        return None
    try:
        seed = seed_of(context, user, factor)
    except DamagedSecret as error:  # no code matches it, and the user's other factors still work
        context.damaged.append(error.place)
        return None
    if factor.counts:
        return matching_counter(seed, typed.digits.reveal(), factor.last_step, parameters_of(factor))
    return matching_step(seed, typed.digits.reveal(), context.now / 1000, parameters_of(factor))


def seed_of(context: Context, user: UserRecord, factor: FactorRecord) -> Secret[bytes]:
    sealed = factor.sealed or b""
    return context.keys.unseal(sealed, purpose="totp", tenant=str(user.tenant_pk), user=user.id, row=factor.id)


def seal_seed(context: Context, user: UserRecord, factor_id: str, seed: Secret[bytes]) -> bytes:
    return context.seal(seed, purpose="totp", tenant=str(user.tenant_pk), user=user.id, row=factor_id)


def parameters_of(factor: FactorRecord) -> TotpParameters:
    return TotpParameters(Algorithm(factor.algorithm), factor.digits, factor.period)
