"""Recovery codes: made, looked at again, and used in place of a factor's code.

A code is kept as a keyed digest. That is enough, since it has 125 random bits (see `domain/recovery.py`); the key keeps
even a copy of the database from telling whether a code that turned up somewhere is one of ours, and the user's id in it
keeps a row from counting for somebody else.
"""

from __future__ import annotations

import os

from secconsole.domain.errors import Conflict
from secconsole.domain.model import BindingStatus
from secconsole.domain.recovery import HOW_MANY, RANDOM_BYTES, read_recovery_code, recovery_code
from secconsole.domain.secret import Secret
from secconsole.domain.throttle import is_held
from secconsole.operations.recovery import (
    CreateRecoveryCodes,
    RecoveryCodes,
    RecoveryCodesLeft,
    ViewRecoveryCodes,
)
from secconsole.service.codes import count_failure, held_words
from secconsole.service.context import Context, when
from secconsole.service.handlers import handles
from secconsole.store import recovery, users
from secconsole.store.rows import TenantRow, UserRecord

RECOVERY = "recovery"  # where others name the kind or the id of a factor
WRONG = "That recovery code is not right, or it is used up: each works once."


@handles(CreateRecoveryCodes)
def create_recovery_codes(context: Context, operation: CreateRecoveryCodes) -> RecoveryCodes:
    user = context.target
    if user.status is not BindingStatus.BOUND:
        # Else whoever had only the password could make some in advance, and pass by the phone that is bound later.
        raise Conflict(f"Recovery codes stand in for a factor, and {user.login} has none bound. Bind one first.")
    voided = recovery.count_left(context.connection, user.pk)
    codes = tuple(recovery_code(os.urandom(RANDOM_BYTES)) for _ in range(HOW_MANY))
    recovery.replace_codes(context.connection, user.pk, [_row(context, user, code) for code in codes])
    context.audit("recovery.created", user, codes=HOW_MANY, voided=voided)
    return RecoveryCodes(codes, when(context.now), voided)


@handles(ViewRecoveryCodes)
def view_recovery_codes(context: Context, operation: ViewRecoveryCodes) -> RecoveryCodesLeft:
    user = context.own_account
    if not context.tenant.recovery_view:
        raise Conflict(f"The policy of {context.tenant.name} shows recovery codes only once. Make new ones instead.")
    rows = recovery.unused_codes(context.connection, user.pk)
    if not rows:
        raise Conflict("You have no recovery codes left. Make new ones.")
    if any(row.sealed is None for row in rows):
        raise Conflict("Yours were made while the policy showed them only once. Make new ones instead.")
    codes = tuple(Secret(context.keys.unseal(row.sealed, **_place(user, row.id)).reveal().decode()) for row in rows)
    context.audit("recovery.viewed", user, codes=len(codes))
    return RecoveryCodesLeft(codes, when(rows[0].created))


def is_recovery_code(typed: Secret[str]) -> bool:
    """Whether what was typed in place of a factor's code has the form of a recovery code."""
    return read_recovery_code(typed) is not None


def check_recovery_code(
    context: Context, tenant: TenantRow, user: UserRecord, typed: Secret[str]
) -> tuple[int | None, str]:
    """How many are left once this one is used, and what to say; None if it was not right, and the failure counted.

    As with a factor's code: while the account is held back nothing is checked and nothing counted.
    """
    if is_held(user.locked_until, context.now):
        return None, held_words(context, user)
    code = read_recovery_code(typed)
    if code is None or not recovery.use_code(context.connection, user.pk, _digest(context, user, code), context.now):
        count_failure(context, user)
        return None, WRONG
    if user.failures or user.locked_until:
        users.note_failure(context.connection, user.pk, failures=0, locked_until=0)
    left = recovery.count_left(context.connection, user.pk)
    context.audit("recovery.used", user, tenant=tenant, left=left)
    return left, _used_words(left)


def _used_words(left: int) -> str:
    used = "That recovery code is used up now."
    if left == 0:
        return f"{used} It was the last one: make new ones, and bind a phone if yours is lost."
    are = "1 is left" if left == 1 else f"{left} are left"
    return f"{used} {are}. If your phone is lost, bind another one before they run out."


def _row(context: Context, user: UserRecord, code: Secret[str]) -> dict[str, object]:
    signs = read_recovery_code(code)
    assert signs is not None
    id = context.new_id()
    sealed = None
    if context.tenant.recovery_view:
        sealed = context.keys.seal(Secret(code.reveal().encode()), **_place(user, id))
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
