"""The one way in: who, may they, step-up, password work outside of transactions, handler, audit, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import sqlalchemy as sa

from secconsole.domain.errors import NotAllowed, SecconsoleError, StepUpNeeded, Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Source
from secconsole.service import (
    account,
    audit,
    delivery,
    factors,
    imports,
    key_mail,
    policy,
    policy_explain,
    recovery,
    session,
    sessions,
    signin,
    tenants,
    tokens,
    unbinding,
    users,
    whitelist,
)
from secconsole.service.authorise import authenticate, authorise
from secconsole.service.claims import claim_of
from secconsole.service.context import Context, PasswordCheck
from secconsole.service.handlers import HANDLERS, Handler
from secconsole.service.idempotency import Again, Once, once_for, vanished
from secconsole.service.notices import Notices
from secconsole.service.passwords import Passwords
from secconsole.service.store import Store
from secconsole.service.sweep import is_due, sweep
from secconsole.store.claim import NOTHING, Claim
from secconsole.store.keys import KeyRing
from secconsole.store.sessions import touch_session
from secconsole.store.tenants import tenant_by_pk
from secconsole.store.tokens import touch_token

R = TypeVar("R")
T = TypeVar("T")

Clock = Callable[[], float]  # seconds since the epoch
AREAS = (
    account, audit, delivery, factors, imports, key_mail, policy, policy_explain, recovery, session, sessions, signin,
    tenants, tokens, unbinding, users, whitelist,
)  # fmt: skip
TOUCH_AFTER = 60_000
LOOK_AGAIN_AFTER = 1_000  # for what has become due
LONGEST_WAIT = 15.0  # seconds for the store to begin a write


class Service:
    """Performs operations on one store. Without a clock of its own it goes by the store's, which all servers share.

    `posted` is called after a commit that left something in the outbox. `stays_here`: what is in it goes nowhere, since
    this is a demo's store.
    """

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        passwords: Passwords,
        clock: Clock | None = None,
        posted: Callable[[], None] = lambda: None,
        *,
        stays_here: bool = False,
    ) -> None:
        self._store, self._keys, self._passwords, self._clock, self._posted = store, keys, passwords, clock, posted
        self._looked, self._stays_here = 0, stays_here

    async def perform(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        """Do an operation and return its reply; raise a `SecconsoleError` if nothing was done."""
        handler = HANDLERS[type(operation)]
        once = once_for(self._keys, operation, credential, source)
        try:
            prepared = await self._prepare(handler, operation, credential, source, once)
            body = self._body(handler, operation, credential, source, *prepared) if prepared else vanished
            if not operation.spec.writes:
                reply, context = await self._read(body, source)
            elif once is None:
                reply, context = await self._write(body, claim_of(operation, credential))
            else:
                body = once.around(body, lambda connection: self._context(connection, source))
                reply, context = await self._write(body, claim_of(operation, credential), repeatable=True)
        except SecconsoleError as error:
            if once is not None and once.is_entered:
                with suppress(Unavailable):
                    await self._write(once.withdraw)
            if isinstance(error, NotAllowed):
                await self._note_refusal(operation, credential, source, error)
            raise
        if context.posted:
            self._posted()
        if not source.idle:
            await self._keep_alive(context)
        return reply.told(source.key) if isinstance(reply, Again) else reply  # type: ignore[no-any-return]

    async def _prepare(
        self, handler: Handler, operation: Operation[Any], credential: Credential, source: Source, once: Once | None
    ) -> tuple[PasswordCheck | None, Sequence[Secret[str]], Sequence[str]] | None:
        """What is to be done outside of the transaction; None if the request is known: it is answered as before."""
        check: PasswordCheck | None = None
        wanted: Sequence[Secret[str]] = ()
        hashes: Sequence[str] = ()
        reserve = handler.reserve
        if reserve is not None:

            def reserving(connection: sa.Connection) -> PasswordCheck | None:
                context = self._context(connection, source)
                if once is not None and not once.enter(context):
                    return None
                authorise(context, operation, credential)
                return reserve(context, operation)

            check = await self._write(reserving, claim_of(operation, credential))
            if check is None:
                return None
            given = getattr(operation, "password")  # noqa: B009 - an operation that reserves has a password
            check.right = await self._passwords.check(check.stored, given) and check.allowed
            if check.right and check.stored and self._passwords.is_outdated(check.stored):
                check.new_hash = await self._passwords.hash(given)
        if handler.hashes is not None and (wanted := handler.hashes(operation)):

            def may(connection: sa.Connection) -> bool:
                context = self._context(connection, source)
                if once is not None and once.is_known(context):
                    return False
                authorise(context, operation, credential)
                return True

            if not await self._read(may, source):
                return None
            hashes = await asyncio.gather(*(self._passwords.hash(password) for password in wanted))
        return check, wanted, hashes

    def _body(
        self,
        handler: Handler,
        operation: Operation[Any],
        credential: Credential,
        source: Source,
        check: PasswordCheck | None,
        passwords: Sequence[Secret[str]],
        hashes: Sequence[str],
    ) -> Callable[[sa.Connection], tuple[Any, Context]]:
        def body(connection: sa.Connection) -> tuple[Any, Context]:
            context = self._context(connection, source)
            if operation.spec.writes and self._is_due(connection, context.now):
                sweep(context)
                context.entries = 0
            authorise(context, operation, credential)
            context.password, context.passwords, context.hashes = check, passwords, hashes
            reply = handler.run(context, operation)
            if operation.spec.writes and context.entries == 0 and not context.unchanged:
                context.audit(operation.spec.name, context.found_target)
            return reply, context

        return body

    def _context(self, connection: sa.Connection, source: Source) -> Context:
        now = self._clock() if self._clock is not None else self._store.now(connection)
        return Context(connection, self._keys, int(now * 1000), source, Notices(), stays_here=self._stays_here)

    async def _read(self, body: Callable[[sa.Connection], T], source: Source) -> T:
        def unless_due(connection: sa.Connection) -> tuple[bool, T | None]:
            if self._is_due(connection, self._context(connection, source).now):
                return True, None
            return False, body(connection)

        due, reply = await asyncio.wrap_future(self._store.read(unless_due))
        if due:
            # A full or read-only disk keeps nobody from looking; what has ended counts for nothing all the same.
            with suppress(Unavailable):
                await self._write(lambda connection: sweep(self._context(connection, source)))
            return await asyncio.wrap_future(self._store.read(body))
        return reply  # type: ignore[return-value]

    def _is_due(self, connection: sa.Connection, now: int) -> bool:
        """Whether to sweep. The store is asked once a second at most; entries say themselves until when they hold."""
        if abs(now - self._looked) < LOOK_AGAIN_AFTER:
            return False
        if is_due(connection, now):
            return True
        self._looked = now
        return False

    async def _write(
        self, body: Callable[[sa.Connection], T], claim: Claim = NOTHING, *, repeatable: bool = False
    ) -> T:
        future = self._store.write(body, claim, repeatable=repeatable)
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.wait_for(asyncio.shield(waiting), LONGEST_WAIT)
        except TimeoutError:
            if future.cancel():  # it had not begun, and never will
                raise Unavailable("The store is busy: another process is writing. Nothing was changed.") from None
            return await asyncio.shield(waiting)

    async def _note_refusal(
        self, operation: Operation[Any], credential: Credential, source: Source, error: NotAllowed
    ) -> None:
        if not operation.spec.writes or isinstance(error, StepUpNeeded):
            return

        def body(connection: sa.Connection) -> None:
            context = self._context(connection, source)
            context.found_actor = authenticate(connection, credential, context.now)
            if context.found_actor is not None and context.found_actor.tenant_pk is not None:
                tenant = tenant_by_pk(connection, context.found_actor.tenant_pk)
                context.audit(operation.spec.name, outcome="refused", reason=error.message, tenant=tenant)

        await self._write(body, claim_of(operation, credential))

    async def _keep_alive(self, context: Context) -> None:
        actor, now = context.found_actor, context.now
        if actor is None:
            return
        session, token = actor.session, actor.token
        # What was asked for is done: a disk that fills up just now must not make it look as if it were not.
        with suppress(Unavailable):
            if session is not None and now - session.last_seen > TOUCH_AFTER:
                await self._write(lambda connection: touch_session(connection, session.pk, last_seen=now))
            if token is not None and now - (token.last_used or 0) > TOUCH_AFTER:
                since = now - TOUCH_AFTER
                await self._write(lambda connection: touch_token(connection, token.pk, now=now, unless_since=since))
