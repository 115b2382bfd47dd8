"""Pipeline of all operations: authentication, permission, step-up, password hashing, handler, audit, commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import sqlalchemy as sa

from secconsole.domain.audience import Audience, audience_of
from secconsole.domain.errors import NotAllowed, SecconsoleError, Unavailable
from secconsole.domain.networks.reach import PUBLIC, Reach
from secconsole.domain.once import remembering
from secconsole.operations.base import Operation
from secconsole.operations.bounds import check_limits
from secconsole.operations.caller import Credential, Source
from secconsole.operations.signin import WhoAmI
from secconsole.service.authorise import authorise, check_bearer
from secconsole.service.clock import ClockWatch
from secconsole.service.context import Context
from secconsole.service.factors.passwords import Passwords
from secconsole.service.fairness import Courtesy
from secconsole.service.handlers import load_all
from secconsole.service.idempotency import Body, Replay, idempotent_request, reply_expired
from secconsole.service.invocation import Invocation, Prepared, split
from secconsole.service.normalized import spell_out
from secconsole.service.preparation import Preparation
from secconsole.service.registry import HANDLERS
from secconsole.service.reports import Reports
from secconsole.service.store import Store
from secconsole.service.transactions import Clock, Transactions
from secconsole.store.sealing.keys import DamagedSecret, KeyRing

R = TypeVar("R")

load_all()


class Service:
    """Executor of operations on one store, by default with the store's clock, which all servers share.

    `posted` is called after a commit that left something in the outbox. `stays_here`: messages are not sent, because
    the store belongs to a demo. `reach`: hosts that delivery settings may name.
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
        reach: Reach = PUBLIC,
        watch: ClockWatch | None = None,
    ) -> None:
        self._keys, self._posted = keys, posted
        self._transactions = Transactions(store, keys, clock, stays_here=stays_here, reach=reach, posted=posted)
        self._preparation = Preparation(self._transactions, passwords)
        # An explicit clock is trusted, unless a monotonic one to compare it with is given too.
        self._reports = Reports(self._transactions, watch or (ClockWatch() if clock is None else ClockWatch(clock)))
        self._courtesy = Courtesy()

    @property
    def damaged_secrets(self) -> int:
        """Times that a secret could not be opened, for monitoring."""
        return self._reports.damaged_secrets

    async def perform(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        """Perform an operation and return its reply, or raise a `SecconsoleError` if nothing was done."""
        check_limits(operation)  # before anything reads its texts
        check_bearer(credential)
        with self._courtesy.short():
            if not operation.spec.writes:
                return await self._perform(operation, credential, source)
            with remembering({}):
                await spell_out(operation)  # before its tenant is locked
                return await self._perform(operation, credential, source)

    async def tend(self) -> None:
        """Do what is due by time, as every request does too."""
        await self._transactions.read(lambda connection: None, Source("server"))

    async def audience(self, credential: Credential, source: Source) -> Audience:
        """Return what a caller may see and so be notified of, or raise what `WhoAmI` would."""

        def body(connection: sa.Connection) -> Audience:
            context = self._transactions.context(connection, source)
            authorise(context, WhoAmI(), credential)
            return audience_of(context.actor.role, context.actor.tenant_pk, context.actor.id)

        return await self._transactions.read(body, source)

    async def _perform(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        idempotent = idempotent_request(self._keys, operation, credential, source)
        invocation = Invocation(operation, HANDLERS[type(operation)], credential, source, idempotent)
        try:
            reply, context = await self._run(invocation)
        except SecconsoleError as error:
            if idempotent is not None and idempotent.is_entered:
                with suppress(Unavailable):
                    await self._transactions.write(idempotent.withdraw)
            if isinstance(error, NotAllowed):
                await self._reports.note_refusal(invocation, error)
            if isinstance(error, DamagedSecret):
                await self._reports.report_damage([error.place], source)
            raise
        self._preparation.note_accepted(invocation, reply)
        if context.damaged:
            await self._reports.report_damage(context.damaged, source)
        if context.posted:
            self._posted()
        await self._reports.watch_clock(context.now, source)
        if not source.idle:
            await self._reports.keep_alive(context)
        return reply.reply(source.key) if isinstance(reply, Replay) else reply  # type: ignore[no-any-return]

    async def _run(self, invocation: Invocation) -> tuple[Any, Context]:
        parts = split(invocation, await self._preparation.prepare(invocation))
        if len(parts) > 1:
            with self._courtesy.long():
                return await self._run_in_parts(invocation, parts)
        return await self._transact(self._body(invocation, parts[0]) if parts else reply_expired, invocation)

    async def _run_in_parts(self, invocation: Invocation, parts: Sequence[Prepared]) -> tuple[Any, Context]:
        """Run an operation in several transactions.

        Once the first is committed, an error of a later one is part of the reply and does not become an exception.
        """
        how, idempotent, lock = invocation.handler.parts, invocation.idempotent, invocation.lock
        assert how is not None
        if idempotent is not None and not await self._transactions.write(
            lambda connection: idempotent.enter(self._transactions.context(connection, invocation.source)), lock
        ):
            return await self._transact(reply_expired, invocation)
        replies: list[Any] = []
        posted = False
        for part in parts:
            await self._courtesy.give_way()
            try:
                reply, context = await self._transactions.write(self._body(invocation, part), lock)
            except SecconsoleError as error:
                if not replies:
                    raise
                if isinstance(error, NotAllowed):
                    await self._reports.note_refusal(invocation, error)
                replies += [how.refuse(left.made, error) for left in parts[len(replies) :]]
                break
            replies.append(reply)
            posted |= context.posted
        reply = how.join(replies)
        context.posted = posted

        def keep(connection: sa.Connection) -> tuple[Any, Context]:
            kept = self._transactions.context(connection, invocation.source)
            kept.found_actor = context.found_actor
            return reply, kept

        if idempotent is not None:
            with suppress(Unavailable):  # it was done, whether or not the reply can be stored
                await self._transact(keep, invocation)
        return reply, context

    async def _transact(self, body: Body, invocation: Invocation) -> tuple[Any, Context]:
        source, idempotent = invocation.source, invocation.idempotent
        if not invocation.writes:
            return await self._transactions.read(body, source)
        if idempotent is None:
            return await self._transactions.write(body, invocation.lock, ahead=invocation.ahead)
        body = idempotent.wrap(body, lambda connection: self._transactions.context(connection, source))
        return await self._transactions.write(body, invocation.lock, repeatable=True)

    def _body(self, invocation: Invocation, prepared: Prepared) -> Body:
        """Return the body of one transaction of an operation: authorise, run the handler, write the audit."""
        operation = invocation.operation

        def body(connection: sa.Connection) -> tuple[Any, Context]:
            context = self._transactions.context(connection, invocation.source)
            if invocation.writes:
                self._transactions.sweep_if_due(context)
            authorise(context, operation, invocation.credential)
            context.password, context.prepared = prepared.check, prepared.made
            context.passwords, context.hashes = prepared.passwords, prepared.hashes
            reply = invocation.handler.run(context, operation)
            if invocation.writes and context.entries == 0 and not context.unchanged:
                context.audit(operation.spec.attempt, context.found_target)
            return reply, context

        return body
