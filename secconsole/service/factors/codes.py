"""Checking a code against a user's factors: throttled, counted, and accepted once."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.domain.sending import length_words
from secconsole.domain.throttle import FOREVER, held_until, is_held
from secconsole.domain.totp import Algorithm, TotpParameters, matching_step
from secconsole.service.context import Context
from secconsole.service.passcodes import SENT_KINDS, accepts, live_code
from secconsole.service.views import EXHAUSTED
from secconsole.store import factors, sessions, users
from secconsole.store.rows import FactorRecord, UserRecord

WRONG = "That code is not right for now. Is the phone's clock the same as the server's? Each code works once."
WRONG_SENT = "That is not the code, or it holds no longer: only the newest does, once and for ten minutes."
LOCKED = "Too many wrong entries: the account is locked. The helpdesk can unlock it."
SLOWED = "Too many wrong entries. Wait {} before the next one."
EXHAUSTED_WORDS = "This factor took a hundred wrong codes and must be bound anew. The helpdesk can unbind it."


def check_code(
    context: Context, user: UserRecord, code: Secret[str], among: Sequence[FactorRecord], attempt: str = ""
) -> tuple[FactorRecord | None, str]:
    """The factor that a code is right for, now used; or None, the failure counted, and what to say.

    `attempt`: what a code may have been sent for; another attempt's is never right. While the account is held back
    nothing is checked and nothing counted. A failure is kept although the answer is no: the caller returns that answer
    and does not raise.
    """
    if is_held(user.locked_until, context.now):
        return None, held_words(context, user)
    usable = [f for f in among if f.failures < EXHAUSTED]
    apps = [f for f in usable if f.kind is FactorKind.TOTP and f.state is FactorState.ACTIVE]
    sent = live_code(context, attempt) if attempt else None
    addressed = [f for f in usable if sent is not None and f.kind in SENT_KINDS and f.id == sent.factor]
    for factor in addressed:
        if sent is not None and accepts(context, sent, code):
            note_sent_use(context, factor)
            _forgive(context, user)
            return factor, ""
    for factor in apps:
        step = step_of(context, user, factor, code)
        if step is not None and factors.use_step(context.connection, factor, step=step, now=context.now):
            _forgive(context, user)
            return factor, ""
    count_failure(context, user)
    factors.count_failure(context.connection, [f.pk for f in (*apps, *addressed)])
    if among and not usable:
        return None, EXHAUSTED_WORDS
    return None, WRONG if apps or not usable else WRONG_SENT


def note_sent_use(context: Context, factor: FactorRecord) -> None:
    """A code that went to an address or number came back: one that was not proved to be the user's own now is."""
    if factor.state is FactorState.ACTIVE:
        factors.note_use(context.connection, factor, context.now)
        return
    factors.activate(context.connection, factor, step=-1, now=context.now)
    # What was proved before was proved without this factor; only who shows it here, signed in as the user, has done so.
    actor = context.found_actor
    own = actor.session.pk if actor and actor.session and actor.session.user_pk == factor.user_pk else None
    sessions.forget_proofs(context.connection, factor.user_pk, but=own)


def _forgive(context: Context, user: UserRecord) -> None:
    if user.failures or user.locked_until:
        users.note_failure(context.connection, user.pk, failures=0, locked_until=0)


def step_of(context: Context, user: UserRecord, factor: FactorRecord, code: Secret[str]) -> int | None:
    """The time step that a code fits, whether used or not."""
    return matching_step(seed_of(context, user, factor), code.reveal(), context.now / 1000, parameters_of(factor))


def seed_of(context: Context, user: UserRecord, factor: FactorRecord) -> Secret[bytes]:
    sealed = factor.sealed or b""
    return context.keys.unseal(sealed, purpose="totp", tenant=str(user.tenant_pk), user=user.id, row=factor.id)


def seal_seed(context: Context, user: UserRecord, factor_id: str, seed: Secret[bytes]) -> bytes:
    return context.keys.seal(seed, purpose="totp", tenant=str(user.tenant_pk), user=user.id, row=factor_id)


def parameters_of(factor: FactorRecord) -> TotpParameters:
    return TotpParameters(Algorithm(factor.algorithm), factor.digits, factor.period)


def count_failure(context: Context, user: UserRecord) -> int:
    """One more wrong entry, whatever the channel; how many that makes."""
    failures = user.failures + 1
    users.note_failure(context.connection, user.pk, failures=failures, locked_until=held_until(failures, context.now))
    return failures


def take_back(context: Context, user: UserRecord) -> UserRecord:
    """The password was right: the try that was counted beforehand was none. Earlier failures stay."""
    failures = max(0, user.failures - 1)
    others = context.password is None or user.failures != context.password.reserved
    held = user.locked_until if others else 0
    users.note_failure(context.connection, user.pk, failures=failures, locked_until=held)
    return users.user_by_pk(context.connection, user.pk)


def held_words(context: Context, user: UserRecord) -> str:
    """Why nothing is checked now, and for how long."""
    return LOCKED if user.locked_until >= FOREVER else SLOWED.format(length_words(user.locked_until - context.now))
