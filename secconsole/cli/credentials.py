"""Credentials of a command: a token from a file, a session saved by `sign-in`, or ownership of the store."""

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
from secconsole.config.contexts import NamedContext
from secconsole.config.private import alone_with, read_private, write_private
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Credential, Nobody

if TYPE_CHECKING:
    from secconsole.backends.session_backend import TokenStore

TOKEN_VARIABLE = "SECCONSOLE_TOKEN_FILE"  # noqa: S105 - a variable's name


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session that lasts between commands.

    Its token is sent only to the backend that issued it.
    """

    backend: str
    tenant: str
    login: str
    token: Secret[str]


@dataclass(frozen=True, slots=True)
class ResolvedCredentials:
    """Credentials, the tenant of a saved session (or empty), and where to store a renewed token."""

    credential: Credential
    tenant: str = ""
    kept: TokenStore | None = None


class SessionFile:
    """The saved session of a context, shared by commands that run at the same time."""

    def __init__(self, target: NamedContext, session: KeptSession) -> None:
        self._target, self._session = target, session

    def locked(self) -> AbstractContextManager[None]:
        return alone_with(_path(self._target))

    def newest(self) -> Secret[str] | None:
        """Return the current token, or None if another user has signed in since.

        A command never continues as a user other than the one it began with.
        """
        now = kept_session(self._target)
        return now.token if now is not None and replace(now, token=self._session.token) == self._session else None

    def replace(self, token: Secret[str]) -> None:
        if self.newest() is not None:
            keep_session(self._target, replace(self._session, token=token))


class TokenFile:
    """A session token in a file that the caller named."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    def locked(self) -> AbstractContextManager[None]:
        return alone_with(self._path)

    def newest(self) -> Secret[str] | None:
        return _token(self._path)

    def replace(self, token: Secret[str]) -> None:
        write_private(self._path, token.reveal() + "\n")


def resolve_credentials(target: NamedContext, token_file: Path | None) -> ResolvedCredentials:
    """Return the credentials to use in a context.

    Raise `Unavailable` if others may read the token or session file.
    """
    named = token_file or os.environ.get(TOKEN_VARIABLE)
    if named:
        return ResolvedCredentials(Bearer(_token(Path(named))), kept=TokenFile(Path(named)))
    kept = kept_session(target)
    if kept is not None and kept.backend == target.backend:
        return ResolvedCredentials(Bearer(kept.token), kept.tenant, SessionFile(target, kept))
    if not target.backend:
        from secconsole.backends.owner import store_owner

        return ResolvedCredentials(store_owner() or Nobody())
    return ResolvedCredentials(Nobody())


def kept_session(target: NamedContext) -> KeptSession | None:
    """Return the saved session of a context, or None."""
    path = _path(target)
    if not os.path.lexists(path):
        return None
    try:
        kept = json.loads(read_private(path))
        backend, tenant, login, token = (kept[name] for name in ("backend", "tenant", "login", "token"))
        if not all(isinstance(text, str) for text in (backend, tenant, login, token)):
            raise ValueError("not text")
        return KeptSession(backend, tenant, login, Secret(token))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Invalid(f"{path} is damaged. Remove it and sign in again: rm {path}") from None


def keep_session(target: NamedContext, session: KeptSession) -> None:
    """Save the session with mode 0600."""
    path = _path(target)
    locations.ensure_private_dir(locations.data_home())
    locations.ensure_private_dir(path.parent)
    kept = {"backend": session.backend, "tenant": session.tenant, "login": session.login}
    write_private(path, json.dumps({**kept, "token": session.token.reveal()}))


def forget_session(target: NamedContext) -> None:
    """Remove the saved session, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _path(target).unlink()


def _path(target: NamedContext) -> Path:
    """Return the session file of a context.

    The file of an unnamed server is named by a hash, because an address may contain any character.
    """
    if target.name:
        return locations.data_home() / "sessions" / target.name
    if target.backend:
        digest = hashlib.sha256(target.backend.encode()).hexdigest()[:32]
        return locations.data_home() / "sessions" / f"@{digest}"  # not a valid context name
    return locations.data_home() / "session"


def _token(path: Path) -> Secret[str]:
    token = read_private(path).strip()
    if not token:
        raise Invalid(f"{path} does not contain a token.", "token-file")
    return Secret(token)
