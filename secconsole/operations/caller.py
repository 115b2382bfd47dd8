"""Who asks, and from where: what goes with every operation without being part of it."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class Nobody:
    """Not signed in; enough for the operations that come before a sign-in."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A session's token, a personal access token or a tenant's secret key; the last two begin with what they are."""

    token: Secret[str]


@dataclass(frozen=True, slots=True)
class StoreOwner:
    """The OS user who owns an embedded store and its key; the audit names them `local:NAME`."""

    name: str


Credential = Nobody | Bearer | StoreOwner


@dataclass(slots=True)
class IdempotencyKey:
    """What a caller names a request by, so that it is not done twice when it is sent twice; 1 to 64 visible characters.

    `replayed` is set when the request was answered with the reply to an earlier one.
    """

    text: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request came from. `channel`: console, command or api; `address`: the peer's, as the socket says it.

    `idle`: nobody does anything, it is only looked whether they still might; that keeps no session.
    """

    channel: str = "command"
    address: str = ""
    request_id: str = ""
    key: IdempotencyKey | None = None
    idle: bool = False
