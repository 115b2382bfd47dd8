"""Work for an operation outside of its transaction: passwords are compared and hashed, and requests prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from secconsole.domain.once import carried
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.service.authorise import authorise
from secconsole.service.context import Context, PasswordCheck
from secconsole.service.factors.hash_pool import Lane
from secconsole.service.factors.known_networks import Regulars, is_accepted
from secconsole.service.factors.passwords import Passwords
from secconsole.service.invocation import Invocation, Prepared
from secconsole.service.transactions import Transactions


class Preparation:
    """Preparation of operations, with passwords from networks of earlier sign-ins checked first."""

    def __init__(self, transactions: Transactions, passwords: Passwords) -> None:
        self._transactions, self._passwords = transactions, passwords
        self._regulars = Regulars()

    async def prepare(self, invocation: Invocation) -> Prepared | None:
        """Do what the handler needs before its transaction, or return None for a known request, which is replayed."""
        handler, prepared = invocation.handler, Prepared()
        if handler.reserve is not None:
            prepared.check = await self._check_password(handler.reserve, invocation)
            if prepared.check is None:
                return None
        if handler.prepare is not None:
            context = await self._look(handler.permit, invocation)
            if context is None:
                return None
            prepared.made = await handler.prepare(invocation.operation, context.tenant)
        if handler.hashes is not None:
            find = handler.hashes

            def find_passwords(context: Context, operation: Operation[Any]) -> None:
                context.prepared = prepared.made
                context.passwords = find(context, operation)

            context = await self._look(find_passwords, invocation)
            if context is None:
                return None
            prepared.passwords = context.passwords
            prepared.hashes = await self._hash(context.passwords, context, invocation.caller)
        return prepared

    def note_accepted(self, invocation: Invocation, reply: object) -> None:
        """Remember the network of a caller whose password was accepted."""
        if invocation.handler.reserve is not None and is_accepted(reply):
            self._regulars.note(invocation.caller)

    async def _check_password(
        self, reserve: Callable[[Context, Any], PasswordCheck], invocation: Invocation
    ) -> PasswordCheck | None:
        """Count the attempt, then check the password, or return None for a known request."""
        operation, caller, lock = invocation.operation, invocation.caller, invocation.lock

        def reserving(connection: sa.Connection) -> PasswordCheck | None:
            context = self._transactions.context(connection, invocation.source)
            if invocation.idempotent is not None and not invocation.idempotent.enter(context):
                return None
            authorise(context, operation, invocation.credential)
            return reserve(context, operation)

        # Reserved before anything is counted, and whether or not the login exists.
        lane = Lane.REGULAR if caller in self._regulars else Lane.SIGN_IN
        with self._passwords.place(lane, caller or lock) as place:
            check = await self._transactions.write(reserving, lock)
            if check is None or not check.needed:
                return check
            password = getattr(operation, "password")  # noqa: B009 - an operation that reserves has a password
            check.right = await self._passwords.check(check.stored if check.allowed else None, password, place)
            if check.right and check.stored and self._passwords.is_outdated(check.stored):
                check.new_hash = await self._passwords.hash(password, place)
        return check

    async def _look(self, look: Callable[[Context, Any], object] | None, invocation: Invocation) -> Context | None:
        """Look at the store as the operation's own transaction will, or return None for a known request."""

        def looking(connection: sa.Connection) -> Context | None:
            context = self._transactions.context(connection, invocation.source)
            if invocation.idempotent is not None and invocation.idempotent.is_known(context):
                return None
            authorise(context, invocation.operation, invocation.credential)
            if look is not None:
                look(context, invocation.operation)
            return context

        return await self._transactions.look(carried(looking))

    async def _hash(self, passwords: Sequence[Secret[str]], context: Context, caller: str) -> Sequence[str]:
        """Hash new passwords, with turns between tenants."""
        if not passwords:
            return ()
        payer = context.found_tenant.pk if context.found_tenant else caller
        with self._passwords.place(Lane.BULK if len(passwords) > 1 else Lane.CHANGE, payer) as place:
            return await self._passwords.hash_all(passwords, place)
