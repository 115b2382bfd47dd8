"""Caller of an operation and its origin, which accompany the operation without being part of it."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class Nobody:
    """Anonymous caller, sufficient for operations before a sign-in."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Session token, personal access token or secret key, of which the last two have a prefix."""

    token: Secret[str]


@dataclass(frozen=True, slots=True)
class StoreOwner:
    """OS user who owns an embedded store and its key, in the audit as `local:NAME`."""

    name: str


Credential = Nobody | Bearer | StoreOwner


@dataclass(slots=True)
class IdempotencyKey:
    """Key by which a repeated request is recognised, with 1 to 64 visible characters.

    `replayed` is set when the request was answered with the reply to an earlier one.
    """

    text: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Origin of a request.

    `channel`: console, command or api. `address`: the peer's address on the socket. `idle`: an automatic check without
    user activity, which does not extend the session. `relayed`: a proxy that is not trusted passed it on through a UNIX
    socket, so that its origin is unknown.
    """

    channel: str = "command"
    address: str = ""
    request_id: str = ""
    key: IdempotencyKey | None = None
    idle: bool = False
    relayed: bool = False
