"""Backends that act with one session's token, which a step-up replaces."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, cast

from secconsole.backends.own_writes import OwnWrites
from secconsole.domain.errors import NotSignedIn
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential
from secconsole.operations.step_up import Proof, StepUp

R = TypeVar("R")

_REMEMBERED = 4  # tokens of one session; requests with older ones were abandoned long ago


class TokenStore(Protocol):
    """Storage of a session's token that several programs share."""

    def locked(self) -> AbstractContextManager[None]:
        """Lock out other programs that would replace the token."""
        ...

    def newest(self) -> Secret[str] | None:
        """Return the stored token, or None if the session is no longer stored.

        Call it while `locked`.
        """
        ...

    def replace(self, token: Secret[str]) -> None:
        """Store another token in its place.

        Call it while `locked`.
        """
        ...


class SessionBackend(ABC):
    """Base class of backends that act with one `credential`, which is set after signing in or out.

    A request that was refused because a step-up replaced its token is sent once more with the new one.
    """

    def __init__(self, credential: Credential, kept: TokenStore | None = None) -> None:
        self.credential = credential
        self._kept = kept
        self._own = OwnWrites()
        self._proving = asyncio.Lock()
        self._proof: asyncio.Task[Proof] | None = None
        self._tokens = [credential]  # of one session, the newest last

    @abstractmethod
    async def send(self, operation: Operation[R], credential: Credential) -> R:
        """Send an operation with a credential and return its reply."""

    async def perform(self, operation: Operation[R]) -> R:
        """Perform an operation and return its reply, or raise a `SecconsoleError` if it was not done."""
        used = self.credential
        if isinstance(operation, StepUp):
            # The new token is stored even if the caller stops waiting, as the old one is void.
            self._proof = asyncio.ensure_future(self._prove(operation, used))
            return cast(R, await asyncio.shield(self._proof))
        try:
            return await self.send(operation, used)
        except NotSignedIn:
            newer = await self._newer_than(used)
            if newer is None:
                raise
        return await self.send(operation, newer)

    async def _prove(self, operation: StepUp, used: Credential) -> Proof:
        async with self._proving:
            used = self._successor(used) or used
            kept = self._kept_for(used)
            with kept.locked() if kept is not None else nullcontext():
                used = self._kept_instead_of(used) or used
                proof = await self.send(operation, used)
                if proof.token is not None:
                    self._take_up(used, Bearer(proof.token))
                    if kept is not None:
                        kept.replace(proof.token)
            return proof

    async def _newer_than(self, used: Credential) -> Credential | None:
        """Return the credential that replaced another one here or in another program, or None."""
        async with self._proving:  # a step-up in progress may have replaced it already
            newer, kept = self._successor(used), self._kept_for(used)
            if newer is None and kept is not None:
                with kept.locked():
                    newer = self._kept_instead_of(used)
            return newer

    def _successor(self, used: Credential) -> Credential | None:
        """Return the credential in use if it belongs to the same session as a former one."""
        if self._tokens[-1] is not self.credential:
            return None  # a user signed in or out since
        return self.credential if any(token is used for token in self._tokens[:-1]) else None

    def _kept_for(self, used: Credential) -> TokenStore | None:
        """Return the storage of a credential, or None unless the backend started with it."""
        return self._kept if self._tokens[-1] is used is self.credential else None

    def _kept_instead_of(self, used: Credential) -> Credential | None:
        kept = self._kept_for(used)
        token = kept.newest() if kept is not None else None
        if token is None or not isinstance(used, Bearer) or token == used.token:
            return None
        self._take_up(used, Bearer(token))
        return self.credential

    def _take_up(self, used: Credential, new: Credential) -> None:
        if self.credential is not used:
            return
        if self._tokens[-1] is not used:
            self._tokens, self._kept = [used], None
        self._tokens = [*self._tokens, new][-_REMEMBERED:]
        self.credential = new
