"""Who a command acts as: a token from a file, a session kept by `sign-in`, or the owner of the store."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from secconsole.config import locations
from secconsole.config.contexts import Context
from secconsole.config.private import alone_with, read_private, write_private
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Credential, Nobody

if TYPE_CHECKING:
    from secconsole.backends.acting import KeptToken

TOKEN_VARIABLE = "SECCONSOLE_TOKEN_FILE"  # noqa: S105 - a variable's name


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session that stays between commands; it counts for the backend it was made at, and is sent to no other."""

    backend: str
    tenant: str
    login: str
    token: Secret[str]


@dataclass(frozen=True, slots=True)
class Acts:
    """Who acts. `tenant`: the one that a kept session belongs to, else empty; `kept`: where a new token is to go."""

    credential: Credential
    tenant: str = ""
    kept: KeptToken | None = None


class SessionFile:
    """The session that `sign-in` left in a context, for commands that run at the same time."""

    def __init__(self, place: Context, session: KeptSession) -> None:
        self._place, self._session = place, session

    def alone(self) -> AbstractContextManager[None]:
        return alone_with(_path(self._place))

    def newest(self) -> Secret[str] | None:
        """None once somebody else signed in there: a command goes on as whoever it began as, or not at all."""
        now = kept_session(self._place)
        return now.token if now is not None and replace(now, token=self._session.token) == self._session else None

    def replace(self, token: Secret[str]) -> None:
        if self.newest() is not None:
            keep_session(self._place, replace(self._session, token=token))


class TokenFile:
    """A session's token in a file of somebody's own."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    def alone(self) -> AbstractContextManager[None]:
        return alone_with(self._path)

    def newest(self) -> Secret[str] | None:
        return _token(self._path)

    def replace(self, token: Secret[str]) -> None:
        write_private(self._path, token.reveal() + "\n")


def acts_in(place: Context, token_file: Path | None) -> Acts:
    """Who acts in a context. Raises `Unavailable` for a token or session file that others may read."""
    named = token_file or os.environ.get(TOKEN_VARIABLE)
    if named:
        return Acts(Bearer(_token(Path(named))), kept=TokenFile(Path(named)))
    kept = kept_session(place)
    if kept is not None and kept.backend == place.backend:
        return Acts(Bearer(kept.token), kept.tenant, SessionFile(place, kept))
    if not place.backend:
        from secconsole.backends.embedded import store_owner

        return Acts(store_owner() or Nobody())
    return Acts(Nobody())


def kept_session(place: Context) -> KeptSession | None:
    """The session that `sign-in` left in a context, if any."""
    path = _path(place)
    if not os.path.lexists(path):
        return None
    try:
        kept = json.loads(read_private(path))
        backend, tenant, login, token = (kept[name] for name in ("backend", "tenant", "login", "token"))
        if not all(isinstance(text, str) for text in (backend, tenant, login, token)):
            raise ValueError("not text")
        return KeptSession(backend, tenant, login, Secret(token))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Invalid(f"{path} is damaged. Take it away and sign in again: rm {path}") from None


def keep_session(place: Context, session: KeptSession) -> None:
    """Write the session down, 0600."""
    path = _path(place)
    locations.ensure_private_dir(locations.data_home())
    locations.ensure_private_dir(path.parent)
    kept = {"backend": session.backend, "tenant": session.tenant, "login": session.login}
    write_private(path, json.dumps({**kept, "token": session.token.reveal()}))


def forget_session(place: Context) -> None:
    """Remove the kept session, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _path(place).unlink()


def _path(place: Context) -> Path:
    """A file for each context; for servers without a name one by their address, which may hold anything."""
    if place.name:
        return locations.data_home() / "sessions" / place.name
    if place.backend:
        known_by = hashlib.sha256(place.backend.encode()).hexdigest()[:32]
        return locations.data_home() / "sessions" / f"@{known_by}"  # no context is called like that
    return locations.data_home() / "session"


def _token(path: Path) -> Secret[str]:
    token = read_private(path).strip()
    if not token:
        raise Invalid(f"{path} holds no token.", "token-file")
    return Secret(token)
