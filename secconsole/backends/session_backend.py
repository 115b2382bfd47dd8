"""Acting as somebody: a proof of oneself replaces the session's token, and everything goes on with the new one."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, cast

from secconsole.domain.errors import NotSignedIn
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential
from secconsole.operations.signin import Proof, StepUp

R = TypeVar("R")

_REMEMBERED = 4  # tokens of one session: what is asked with one that is older has been given up long ago


class KeptToken(Protocol):
    """Where a session's token stays between programs, several of which may act with it at once."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep other programs from proving and replacing meanwhile."""
        ...

    def newest(self) -> Secret[str] | None:
        """The token as it is kept now; None if that session is kept no longer. Call it while `alone`."""
        ...

    def replace(self, token: Secret[str]) -> None:
        """Keep another one in its place. Call it while `alone`."""
        ...


class Acting(ABC):
    """What backends share that act with one `credential`; set it after signing in or out.

    What was asked with a token that a proof replaced meanwhile, and so was refused, is asked once more with the new
    one.
    """

    def __init__(self, credential: Credential, kept: KeptToken | None = None) -> None:
        self.credential = credential
        self._kept = kept
        self._proving = asyncio.Lock()
        self._proof: asyncio.Task[Proof] | None = None
        self._tokens = [credential]  # of one session, the newest last

    @abstractmethod
    async def ask_as(self, operation: Operation[R], credential: Credential) -> R:
        """Do what is asked as somebody."""

    async def perform(self, operation: Operation[R]) -> R:
        """Do what is asked and return the reply; raise a `SecconsoleError` if it was not done."""
        used = self.credential
        if isinstance(operation, StepUp):
            # Whoever does not wait for the answer must not be left with a token that is void: it is taken up anyway.
            self._proof = asyncio.ensure_future(self._prove(operation, used))
            return cast(R, await asyncio.shield(self._proof))
        try:
            return await self.ask_as(operation, used)
        except NotSignedIn:
            newer = await self._newer_than(used)
            if newer is None:
                raise
        return await self.ask_as(operation, newer)

    async def _prove(self, operation: StepUp, used: Credential) -> Proof:
        async with self._proving:
            used = self._successor(used) or used
            kept = self._kept_for(used)
            with kept.alone() if kept is not None else nullcontext():
                used = self._kept_instead_of(used) or used
                proof = await self.ask_as(operation, used)
                if proof.token is not None:
                    self._take_up(used, Bearer(proof.token))
                    if kept is not None:
                        kept.replace(proof.token)
            return proof

    async def _newer_than(self, used: Credential) -> Credential | None:
        """What has replaced a credential, here or in another program; None if nothing has."""
        async with self._proving:  # a proof under way may have replaced it already, and not know yet
            newer, kept = self._successor(used), self._kept_for(used)
            if newer is None and kept is not None:
                with kept.alone():
                    newer = self._kept_instead_of(used)
            return newer

    def _successor(self, used: Credential) -> Credential | None:
        """The credential in use, if it is of the same session as one before."""
        if self._tokens[-1] is not self.credential:
            return None  # somebody signed in or out since
        return self.credential if any(token is used for token in self._tokens[:-1]) else None

    def _kept_for(self, used: Credential) -> KeptToken | None:
        """Where a credential is kept: only what the backend began with is."""
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
