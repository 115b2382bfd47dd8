"""Doing a request at most once: one that is sent again with its `Idempotency-Key` gets the reply it got before.

The reply is kept in the transaction of the change, so after a lost connection either both are there or neither is. An
error is not kept: nothing was done, and sending again tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

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
from secconsole.operations.shape import shape_of
from secconsole.operations.signin import Proof, StepUp
from secconsole.operations.wire import decode, encode
from secconsole.service.authorise import authenticate
from secconsole.service.context import Actor, Context
from secconsole.store import idempotency
from secconsole.store.idempotency import KeptReply
from secconsole.store.keys import KeyRing, token_hash

KEPT = 24 * 3_600_000
SECRETS_KEPT = 10 * 60_000  # no longer than an unbinding can be undone: then its seeds are wiped too
RUNNING = 30_000  # how long a request may take from counting a try to its answer, before it counts as cut short
_MINUTE = 60_000

Body = Callable[[sa.Connection], tuple[Any, Context]]

_REUSED = "This Idempotency-Key came with another request before. Nothing was done; give every request its own key."
_GONE_WORDS = "This was done before, and its reply is no longer given. Look at how things stand before doing it again."
_RUNNING_WORDS = "The same request is being done just now. Send it again in a second."
_EXPIRED = "The Idempotency-Key has just expired. Nothing was changed; send the request with a new one."


@dataclass(frozen=True, slots=True)
class Again:
    """What a request is answered with that is not done: the reply from before, or why there is none."""

    outcome: object

    def told(self, key: IdempotencyKey | None) -> Any:
        """The reply, marked as one given before; raises where there is none."""
        if isinstance(self.outcome, SecconsoleError):
            raise self.outcome
        if key is not None:
            key.replayed = True
        return self.outcome


class Once:
    """One request with a key, on its way through the transactions it needs."""

    def __init__(self, keys: KeyRing, operation: Operation[Any], credential: Credential, key: IdempotencyKey) -> None:
        self.key = key
        self._keys, self._operation, self._credential = keys, operation, credential
        self._name = keys.lookup(f"idempotency\0{_caller(operation, credential)}\0{key.text}")
        self._request = keys.lookup(f"request\0{operation.spec.name}\0{encode(operation).decode()}")
        self.is_entered = False  # in a transaction before its own

    def enter(self, context: Context) -> bool:
        """Enter the request in a transaction before its own; False if it is known already. Raises `StillRunning`."""
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
        """Forget that the request was entered: it came to nothing."""
        idempotency.withdraw(connection, self._name, self._request)

    def around(self, body: Body, context_of: Callable[[sa.Connection], Context]) -> Body:
        """Do a body unless it was done before; its reply is kept, or is `Again`."""

        def once(connection: sa.Connection) -> tuple[Any, Context]:
            context = context_of(connection)
            until = context.now + RUNNING
            if not self.is_entered and not idempotency.enter(
                connection, self._name, self._request, now=context.now, until=until
            ):
                return self._again(context), context
            reply, done = body(connection)
            self._keep(done, reply)
            return reply, done

        return once

    def _keep(self, context: Context, reply: object) -> None:
        text, is_secret = _text_of(reply)
        sealed = self._keys.seal(Secret(text), **self._place(context.found_actor))
        due, expires = (_minute(context.now + after) for after in (SECRETS_KEPT if is_secret else KEPT, KEPT))
        if not idempotency.keep(context.connection, self._name, self._request, sealed, due=due, expires=expires):
            raise StillRunning(_RUNNING_WORDS)  # took so long that it counted as cut short: its repetition has it now

    def _again(self, context: Context) -> Again:
        """Asked anew who it is: a session that has ended since gets nothing."""
        row = idempotency.find(context.connection, self._name, context.now)
        if self._operation.spec.permission is not Permission.NOBODY:
            try:
                context.found_actor = authenticate(context.connection, self._credential, context.now)
            except NotSignedIn as error:
                context.found_actor = self._proved(context, row)
                if context.found_actor is None:
                    return Again(error)
            if context.found_actor is None:
                raise NotSignedIn("You are not signed in. Sign in first.")
        if row is None or row.sealed is None:
            return Again(StillRunning(_RUNNING_WORDS))
        if row.request != self._request:
            # It may be a guess at a code or password: one is all that is compared with what was right.
            idempotency.spoil(context.connection, self._name)
            return Again(KeyReused(_REUSED))
        return self._open(row, context)

    def _proved(self, context: Context, row: KeptReply | None) -> Actor | None:
        """Whose session goes on with the token that this very proof gave it, the one that asks being void since.

        The key, the password and the code are what they were: whoever has them all is whoever proved. None for
        anybody else.
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

    def _open(self, row: KeptReply, context: Context) -> Again:
        if not row.sealed or row.due <= context.now:
            return Again(ReplyGone(_GONE_WORDS))
        try:
            text = self._keys.unseal(row.sealed, **self._place(context.found_actor))
            return Again(decode(text.reveal(), shape_of(type(self._operation)).reply))
        except (Unavailable, Invalid):  # another role or key by now, or a reply as an older server gave it
            return Again(ReplyGone(_GONE_WORDS))

    def _place(self, actor: Actor | None) -> dict[str, str]:
        """What a kept reply is bound to: who has another role by now may not have it.

        A proof has to be opened before it is known whose it is; its token says so, and ends with the role.
        """
        if isinstance(self._operation, StepUp):
            actor = None
        role = str(actor.role) if actor else ""
        return {"purpose": "reply", "user": actor.id if actor else "", "row": f"{self._name.hex()} {role}"}


def once_for(keys: KeyRing, operation: Operation[Any], credential: Credential, source: Source) -> Once | None:
    """None for what came without a key, and for what changes nothing."""
    if source.key is None or not operation.spec.writes:
        return None
    return Once(keys, operation, credential, source.key)


def vanished(connection: sa.Connection) -> tuple[Any, Context]:
    """The body of a request that was known, so that nothing was prepared for doing it."""
    raise Unavailable(_EXPIRED)


def _caller(operation: Operation[Any], credential: Credential) -> str:
    """Whose key it is. Before a sign-in: that of whoever knows the challenge, or of all who sign in to a tenant."""
    if operation.spec.permission is Permission.NOBODY:
        challenge = getattr(operation, "challenge", None)
        if isinstance(challenge, Secret):
            return f"challenge {token_hash(challenge).hex()}"
        return f"tenant {getattr(operation, 'tenant', '')}"
    if isinstance(credential, Bearer):
        return f"bearer {token_hash(credential.token).hex()}"
    return f"owner {credential.name}" if isinstance(credential, StoreOwner) else "nobody"


def _text_of(reply: object) -> tuple[bytes, bool]:
    """A reply as it is kept, and whether there is a secret in it."""
    found: list[object] = []

    def reveal(value: object) -> object:
        if not isinstance(value, Secret):
            raise TypeError(type(value).__name__)
        found.append(value)
        return value.reveal()

    return msgspec.json.encode(reply, enc_hook=reveal), bool(found)


def _minute(moment: int) -> int:
    """Up to a full minute, so that clearing is due once a minute and not for every row."""
    return -(-moment // _MINUTE) * _MINUTE
