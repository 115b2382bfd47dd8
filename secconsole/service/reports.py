"""Entries and notes beside an operation, each in a separate transaction: refusals, damage, the clock, activity."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

import sqlalchemy as sa

from secconsole.domain.clock import Jump
from secconsole.domain.errors import LimitReached, NotAllowed, StepUpNeeded, Unavailable
from secconsole.operations.caller import Source
from secconsole.operations.events import RESETS_MANY
from secconsole.service.authorise import authenticate
from secconsole.service.clock import ClockWatch, is_worth_noting, jump_words, note_time, report_jump
from secconsole.service.context import Context
from secconsole.service.damage import is_reported, report_damage
from secconsole.service.invocation import Invocation
from secconsole.service.transactions import Transactions
from secconsole.store.engine.clock import clock_mark
from secconsole.store.engine.tenant_lock import TenantLock
from secconsole.store.sealing.keys import SealedPlace
from secconsole.store.sign_in.sessions import touch_session
from secconsole.store.sign_in.tokens import touch_token
from secconsole.store.tenants import all_tenants, tenant_by_pk

log = logging.getLogger(__name__)

TOUCH_AFTER = 60_000  # milliseconds between two notes that a session or token is in use


class Reports:
    """Reports about what is detected during operations, lost without harm if the store cannot be written."""

    def __init__(self, transactions: Transactions, watch: ClockWatch) -> None:
        self._transactions, self._watch = transactions, watch
        self.damaged_secrets = 0  # times that a secret did not open

    async def note_refusal(self, invocation: Invocation, error: NotAllowed) -> None:
        """Write into the audit that a user was not allowed to change something."""
        operation = invocation.operation
        if not invocation.writes or isinstance(error, StepUpNeeded):
            return

        def body(connection: sa.Connection) -> None:
            context = self._transactions.context(connection, invocation.source)
            context.found_actor = authenticate(connection, invocation.credential, context.now)
            if context.found_actor is not None and context.found_actor.tenant_pk is not None:
                tenant = tenant_by_pk(connection, context.found_actor.tenant_pk)
                event = RESETS_MANY if isinstance(error, LimitReached) else operation.spec.attempt
                context.audit(event, outcome="refused", reason=error.message, tenant=tenant)

        await self._transactions.write(body, invocation.lock)

    async def report_damage(self, places: Sequence[SealedPlace], source: Source) -> None:
        """Report secrets that could not be opened, each in a separate transaction and once, not for every attempt."""
        for place in dict.fromkeys(places):
            self.damaged_secrets += 1
            if not place.tenant:
                continue
            with suppress(Unavailable):
                tenant = await self._transactions.look(self._unreported(place, source))
                if tenant is not None:
                    await self._transactions.write(self._damage_report(place, source), TenantLock(tenant=tenant))

    async def watch_clock(self, now: int, source: Source) -> None:
        """Store the observed time, and report a moved clock to every tenant."""
        due, jumped = self._watch.observe(now)
        if not due:
            return
        with suppress(Unavailable):
            if not jumped and not await self._transactions.look(
                lambda connection: is_worth_noting(clock_mark(connection), now)
            ):
                return
            jump = await self._transactions.write(lambda connection: note_time(connection, now, jumped))
            if jump is None:
                return
            log.warning("%s", jump_words(jump))
            # Each tenant in a separate transaction, so that none waits for another.
            for tenant in await self._transactions.look(all_tenants):
                report = self._jump_report(jump, tenant.id, source.channel)
                await self._transactions.write(report, TenantLock(tenant=tenant.id))

    async def keep_alive(self, context: Context) -> None:
        """Note that the session or token of a request is in use."""
        actor, now = context.found_actor, context.now
        if actor is None:
            return
        session, token = actor.session, actor.token
        # The operation is done: a disk that fills up now must not make it look as if it were not.
        with suppress(Unavailable):
            if session is not None and abs(now - session.last_seen) > TOUCH_AFTER:
                await self._transactions.write(lambda connection: touch_session(connection, session.pk, last_seen=now))
            if token is not None and now - (token.last_used or 0) > TOUCH_AFTER:
                since = now - TOUCH_AFTER
                await self._transactions.write(
                    lambda connection: touch_token(connection, token.pk, now=now, unless_since=since)
                )

    def _unreported(self, place: SealedPlace, source: Source) -> Callable[[sa.Connection], str | None]:
        """Return a body that returns the tenant of a secret if it is still to be reported."""

        def look(connection: sa.Connection) -> str | None:
            now = self._transactions.context(connection, source).now
            return None if is_reported(connection, place, now) else tenant_by_pk(connection, int(place.tenant)).id

        return look

    def _damage_report(self, place: SealedPlace, source: Source) -> Callable[[sa.Connection], bool]:
        return lambda connection: report_damage(self._transactions.context(connection, source), place)

    def _jump_report(self, jump: Jump, tenant_id: str, channel: str) -> Callable[[sa.Connection], None]:
        """Return a body that records a jump in a tenant's audit, without addresses of callers from other tenants."""

        def report(connection: sa.Connection) -> None:
            report_jump(self._transactions.context(connection, Source(channel)), jump, tenant_id)

        return report
