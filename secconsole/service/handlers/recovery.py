"""Recovery codes: creating and viewing them, and using them in place of a factor's code.

A code is stored as a keyed digest, which is enough for 125 random bits (see `domain/factors/recovery.py`). The key
prevents even a copy of the database from confirming that a code found somewhere belongs to it, and the user's id in the
digest prevents a row from counting for another user.
"""

from __future__ import annotations

import os

from secconsole.domain.errors import Conflict
from secconsole.domain.factors.recovery import HOW_MANY, RANDOM_BYTES, read_recovery_code, recovery_code
from secconsole.domain.model import BindingStatus
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import Bucket
from secconsole.operations.events import RECOVERY_CREATED, RECOVERY_USED, RECOVERY_VIEWED
from secconsole.operations.recovery import (
    CreateRecoveryCodes,
    RecoveryCodes,
    RecoveryCodesLeft,
    ViewRecoveryCodes,
)
from secconsole.service.context import Context, when
from secconsole.service.factors.throttling import count_failure, held, held_words, note_right_code
from secconsole.service.registry import handles
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sign_in import recovery

RECOVERY = "recovery"  # in place of the kind or id of a factor
WRONG = "That recovery code is wrong or was already used. Each works once."


@handles(CreateRecoveryCodes)
def create_recovery_codes(context: Context, operation: CreateRecoveryCodes) -> RecoveryCodes:
    user = context.target
    if user.status is not BindingStatus.BOUND:
        # Otherwise someone with only the password could create codes in advance, and bypass the phone that is bound
        # later.
        raise Conflict(f"Recovery codes replace a lost factor, and {user.login} has none bound. Bind one first.")
    voided = recovery.count_left(context.connection, user.pk)
    codes = tuple(recovery_code(os.urandom(RANDOM_BYTES)) for _ in range(HOW_MANY))
    recovery.replace_codes(context.connection, user.pk, [_row(context, user, code) for code in codes])
    context.audit(RECOVERY_CREATED, user, codes=HOW_MANY, voided=voided)
    return RecoveryCodes(codes, when(context.now), voided)


@handles(ViewRecoveryCodes)
def view_recovery_codes(context: Context, operation: ViewRecoveryCodes) -> RecoveryCodesLeft:
    user = context.own_account
    if not context.tenant.recovery_view:
        raise Conflict(f"The policy of {context.tenant.name} shows recovery codes only once. Create new ones instead.")
    rows = recovery.unused_codes(context.connection, user.pk)
    if not rows:
        raise Conflict("You have no recovery codes left. Create new ones.")
    if any(row.sealed is None for row in rows):
        raise Conflict("Your codes were created while the policy showed them only once. Create new ones instead.")
    codes = tuple(Secret(context.keys.unseal(row.sealed, **_place(user, row.id)).reveal().decode()) for row in rows)
    context.audit(RECOVERY_VIEWED, user, codes=len(codes))
    return RecoveryCodesLeft(codes, when(rows[0].created))


def is_recovery_code(typed: Secret[str]) -> bool:
    """Return True if the typed text has the form of a recovery code."""
    return read_recovery_code(typed) is not None


def check_recovery_code(
    context: Context, tenant: TenantRow, user: UserRecord, typed: Secret[str], bucket: Bucket | None = None
) -> tuple[int | None, str]:
    """Use a recovery code, and return how many are left with a message, or None after counting the failure.

    As with a factor's code, nothing is checked or counted while the bucket is held.
    """
    if until := held(context, user, bucket):
        return None, held_words(context, until)
    code = read_recovery_code(typed)
    if code is None or not recovery.use_code(context.connection, user.pk, _digest(context, user, code), context.now):
        count_failure(context, user, bucket)
        return None, WRONG
    note_right_code(context, user, bucket)
    left = recovery.count_left(context.connection, user.pk)
    context.audit(RECOVERY_USED, user, tenant=tenant, left=left)
    return left, _used_words(left)


def _used_words(left: int) -> str:
    used = "That recovery code is now used up."
    if left == 0:
        return f"{used} It was the last one. Create new ones, and bind a phone if yours is lost."
    are = "1 is left" if left == 1 else f"{left} are left"
    return f"{used} {are}. If your phone is lost, bind another one before they run out."


def _row(context: Context, user: UserRecord, code: Secret[str]) -> dict[str, object]:
    signs = read_recovery_code(code)
    assert signs is not None
    id = context.new_id()
    sealed = None
    if context.tenant.recovery_view:
        sealed = context.seal(Secret(code.reveal().encode()), **_place(user, id))
    return {
        "id": id,
        "tenant_pk": user.tenant_pk,
        "digest": _digest(context, user, signs),
        "sealed": sealed,
        "created": context.now,
    }


def _digest(context: Context, user: UserRecord, signs: Secret[str]) -> bytes:
    return context.keys.lookup(f"recovery\0{user.id}\0{signs.reveal()}")


def _place(user: UserRecord, row: str) -> dict[str, str]:
    return {"purpose": "recovery", "tenant": str(user.tenant_pk), "user": user.id, "row": row}
