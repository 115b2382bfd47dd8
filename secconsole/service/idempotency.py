"""Idempotent requests: one repeated with its `Idempotency-Key` gets its first reply.

The reply is stored in the transaction of the change, so after a lost connection either both exist or neither does.
Errors are not stored: nothing was done, and repeating the request tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.errors import (
    Invalid,
    KeyReused,
    NotSignedIn,
    ReplyGone,
    SecconsoleError,
    StillRunning,
    Unavailable,
)
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, IdempotencyKey, Source, StoreOwner
from secconsole.operations.request_schema import request_schema
from secconsole.operations.step_up import Proof, StepUp
from secconsole.operations.wire import decode, encode
from secconsole.service.authorise import authenticate, need_network
from secconsole.service.context import Actor, Context
from secconsole.store.engine import idempotency
from secconsole.store.engine.idempotency import KeptReply
from secconsole.store.sealing.keys import KeyRing, token_hash

KEPT = 24 * 3_600_000
SECRETS_KEPT = 10 * 60_000  # no longer than an unbinding can be undone, when its seeds are wiped too
RUNNING = 30_000  # how long a request may take from counting an attempt to its answer, before it counts as interrupted
_MINUTE = 60_000

Body = Callable[[sa.Connection], tuple[Any, Context]]

_REUSED = (
    "This Idempotency-Key came with a different request before. Nothing was done. Use a new key for every request."
)
_GONE_WORDS = (
    "This was already done, and its reply is no longer available. Check the current state before you repeat it."
)
_RUNNING_WORDS = "The same request is still running. Send it again in a second."
_EXPIRED = "The Idempotency-Key has just expired. Nothing was changed. Send the request with a new one."


@dataclass(frozen=True, slots=True)
class Replay:
    """Answer to a request that is not performed: its first reply, or why there is none."""

    outcome: object

    def reply(self, key: IdempotencyKey | None) -> Any:
        """Return the reply marked as a replay, or raise if there is none."""
        if isinstance(self.outcome, SecconsoleError):
            raise self.outcome
        if key is not None:
            key.replayed = True
        return self.outcome


class IdempotentRequest:
    """Request with a key, across the transactions that it needs."""

    def __init__(self, keys: KeyRing, operation: Operation[Any], credential: Credential, key: IdempotencyKey) -> None:
        self.key = key
        self._keys, self._operation, self._credential = keys, operation, credential
        self._name = keys.lookup(f"idempotency\0{_caller(operation, credential)}\0{key.text}")
        self._request = keys.lookup(f"request\0{operation.spec.name}\0{encode(operation).decode()}")
        self.is_entered = False  # in a transaction before its own

    def enter(self, context: Context) -> bool:
        """Enter the request in a transaction before its own, or return False if it is known.

        Raises `StillRunning`.
        """
        until = context.now + RUNNING
        self.is_entered = idempotency.enter(context.connection, self._name, self._request, now=context.now, until=until)
        if not self.is_entered:
            row = idempotency.find(context.connection, self._name, context.now)
            if row is None or row.sealed is None:
                raise StillRunning(_RUNNING_WORDS)
        return self.is_entered

    def is_known(self, context: Context) -> bool:
        return idempotency.find(context.connection, self._name, context.now) is not None

    def withdraw(self, connection: sa.Connection) -> None:
        """Remove the entry of a request that failed."""
        idempotency.withdraw(connection, self._name, self._request)

    def wrap(self, body: Body, context_of: Callable[[sa.Connection], Context]) -> Body:
        """Wrap a body so that it runs once and its reply is stored, and returns `Replay` otherwise."""

        def once(connection: sa.Connection) -> tuple[Any, Context]:
            context = context_of(connection)
            until = context.now + RUNNING
            if not self.is_entered and not idempotency.enter(
                connection, self._name, self._request, now=context.now, until=until
            ):
                return self._replay(context), context
            reply, done = body(connection)
            self._keep(done, reply)
            return reply, done

        return once

    def _keep(self, context: Context, reply: object) -> None:
        text, is_secret = _text_of(reply)
        self._keys.refresh()  # a rotation of the key wipes replies sealed with the old one
        sealed = self._keys.seal(Secret(text), **self._place(context.found_actor))
        due, expires = (_minute(context.now + after) for after in (SECRETS_KEPT if is_secret else KEPT, KEPT))
        if not idempotency.keep(context.connection, self._name, self._request, sealed, due=due, expires=expires):
            # it took so long that it counted as interrupted, and its repetition has the entry now
            raise StillRunning(_RUNNING_WORDS)

    def _replay(self, context: Context) -> Replay:
        """Return the answer to a repetition.

        The caller and the network are checked again first: an ended session gets nothing, and nobody from elsewhere.
        """
        row = idempotency.find(context.connection, self._name, context.now)
        if self._operation.spec.permission is not Permission.NOBODY:
            try:
                context.found_actor = authenticate(context.connection, self._credential, context.now)
            except NotSignedIn as error:
                context.found_actor = self._proved(context, row)
                if context.found_actor is None:
                    return Replay(error)
            if context.found_actor is None:
                raise NotSignedIn("You are not signed in. Sign in first.")
            need_network(context, self._operation, context.found_actor)
        if row is None or row.sealed is None:
            return Replay(StillRunning(_RUNNING_WORDS))
        if row.request != self._request:
            # It may be a guess at a code or password: only one may be compared with what was right.
            idempotency.spoil(context.connection, self._name)
            return Replay(KeyReused(_REUSED))
        return self._open(row, context)

    def _proved(self, context: Context, row: KeptReply | None) -> Actor | None:
        """Return the actor whose session continues with the token from this very proof, which replaced the caller's.

        The key, the password and the code match, so the caller is the one who proved. Return None for anyone else.
        """
        if not isinstance(self._operation, StepUp) or row is None:
            return None
        if row.request != self._request:
            idempotency.spoil(context.connection, self._name)  # as below: no second guess at what was right
            return None
        proof = self._open(row, context).outcome if row.sealed else None
        if isinstance(proof, Proof) and proof.token is not None:
            return authenticate(context.connection, Bearer(proof.token), context.now)
        return None

    def _open(self, row: KeptReply, context: Context) -> Replay:
        if not row.sealed or row.due <= context.now or _is_overdue(row, context.now):
            return Replay(ReplyGone(_GONE_WORDS))
        try:
            text = self._keys.unseal(row.sealed, **self._place(context.found_actor))
            return Replay(decode(text.reveal(), request_schema(type(self._operation)).reply))
        except (Unavailable, Invalid):  # another role or key by now, or a reply of an older server
            return Replay(ReplyGone(_GONE_WORDS))

    def _place(self, actor: Actor | None) -> dict[str, str]:
        """Return the place that a stored reply is bound to: it becomes unavailable if the actor's role changes.

        A proof has to be opened before its owner is known. Its token identifies the owner, and ends with the role.
        """
        if isinstance(self._operation, StepUp):
            actor = None
        role = str(actor.role) if actor else ""
        return {"purpose": "reply", "user": actor.id if actor else "", "row": f"{self._name.hex()} {role}"}


def idempotent_request(
    keys: KeyRing, operation: Operation[Any], credential: Credential, source: Source
) -> IdempotentRequest | None:
    """Return None for requests without a key, and for those that change nothing."""
    if source.key is None or not operation.spec.writes:
        return None
    return IdempotentRequest(keys, operation, credential, source.key)


def reply_expired(connection: sa.Connection) -> tuple[Any, Context]:
    """Raise `ReplyGone` in place of a request that was known, so that nothing was prepared for it."""
    raise Unavailable(_EXPIRED)


def _caller(operation: Operation[Any], credential: Credential) -> str:
    """Return the owner of a key: before a sign-in the holder of the challenge, or all who sign in to a tenant."""
    if operation.spec.permission is Permission.NOBODY:
        challenge = getattr(operation, "challenge", None)
        if isinstance(challenge, Secret):
            return f"challenge {token_hash(challenge).hex()}"
        return f"tenant {getattr(operation, 'tenant', '')}"
    if isinstance(credential, Bearer):
        return f"bearer {token_hash(credential.token).hex()}"
    return f"owner {credential.name}" if isinstance(credential, StoreOwner) else "nobody"


def _text_of(reply: object) -> tuple[bytes, bool]:
    """Return a reply as it is stored, and whether it contains a secret."""
    found: list[object] = []

    def reveal(value: object) -> object:
        if not isinstance(value, Secret):
            raise TypeError(type(value).__name__)
        found.append(value)
        return value.reveal()

    return msgspec.json.encode(reply, enc_hook=reveal), bool(found)


def _is_overdue(row: KeptReply, now: int) -> bool:
    """Return True for a reply with a secret that would be kept too long because of a wrong clock."""
    return row.due < row.expires and row.due - now > SECRETS_KEPT + _MINUTE + NOTICED


def _minute(moment: int) -> int:
    """Round up to a full minute, so that clearing is due once a minute and not for every row."""
    return -(-moment // _MINUTE) * _MINUTE
