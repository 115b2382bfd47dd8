"""Sessions, and sign-ins in progress (challenges)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.secret import Secret
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import ChallengeRecord, SessionRecord
from secconsole.store.schema import challenges, sessions
from secconsole.store.sealing.keys import token_hash
from secconsole.store.sign_in.tokens import end_tokens_of

_NO_SESSION = -1
_END = Prepared(
    sa.update(sessions).where(
        sessions.c.user_pk == sa.bindparam("of"), sessions.c.ended.is_(None), sessions.c.pk != sa.bindparam("but")
    ),
    ["ended", "ended_why"],
)
_VOID = Prepared(
    sa.update(challenges).where(challenges.c.user_pk == sa.bindparam("of"), challenges.c.used.is_(None)), ["used"]
)
# Sessions are found by the digest of their token, which itself is stored nowhere.
SESSION_BY_TOKEN = Prepared(sa.select(sessions).where(sessions.c.token_hash == sa.bindparam("hashed")))
CHALLENGE_BY_TOKEN = Prepared(sa.select(challenges).where(challenges.c.token_hash == sa.bindparam("hashed")))
_USE_CHALLENGE = Prepared(
    sa.update(challenges).where(challenges.c.pk == sa.bindparam("this"), challenges.c.used.is_(None)), ["used"]
)
_ADDED = (
    "id",
    "token_hash",
    "tenant_pk",
    "user_pk",
    "channel",
    "address",
    "created",
    "last_seen",
    "proved",
    "expires",
    "factor",
)
_ADD = Prepared(sa.insert(sessions).inline(), _ADDED)


def add_session(connection: sa.Connection, token: Secret[str], values: dict[str, object]) -> None:
    _ADD.change_one(connection, **values, token_hash=token_hash(token))


def session_by_token(connection: sa.Connection, token: Secret[str]) -> SessionRecord | None:
    row = SESSION_BY_TOKEN.row(connection, hashed=token_hash(token))
    return _session(row) if row else None


def touch_session(connection: sa.Connection, pk: int, *, last_seen: int) -> None:
    connection.execute(sa.update(sessions).where(sessions.c.pk == pk).values(last_seen=last_seen))


def renew_session(
    connection: sa.Connection, session: SessionRecord, token: Secret[str], *, now: int, factor: str = ""
) -> bool:
    """Replace the token of a session after a proof, or return False if it ended or its token has changed.

    `factor`: the kind that was used, if any. This statement decides which of two concurrent proofs wins.
    """
    same = sa.and_(sessions.c.pk == session.pk, sessions.c.token_hash == session.token_hash, sessions.c.ended.is_(None))
    new = {
        "token_hash": token_hash(token),
        "proved": now,
        "last_seen": now,
        "failures": 0,
        "factor": factor or session.factor,
    }
    return connection.execute(sa.update(sessions).where(same).values(new)).rowcount == 1


def note_factor(connection: sa.Connection, pk: int, factor: str) -> None:
    """Store the kind of factor used in a session that a password alone had opened."""
    # The factor that opened a session stays on record.
    query = sa.update(sessions).where(sessions.c.pk == pk, sessions.c.factor == "")
    connection.execute(query.values(factor=factor))


def note_failures(connection: sa.Connection, pk: int, failures: int) -> None:
    """Store the number of consecutive wrong proofs of a session."""
    connection.execute(sa.update(sessions).where(sessions.c.pk == pk).values(failures=failures))


def forget_failures(connection: sa.Connection, user_pk: int) -> None:
    """Reset the wrong proofs of all sessions of a user."""
    mine = sa.and_(sessions.c.user_pk == user_pk, sessions.c.ended.is_(None), sessions.c.failures > 0)
    connection.execute(sa.update(sessions).where(mine).values(failures=0))


def end_sessions(connection: sa.Connection, user_pk: int, *, now: int, why: str, but: int | None = None) -> int:
    """End a user's sessions except `but`, void their sign-ins in progress, and return the number of sessions.

    Their tokens end too, unless a session stays: then the owner is acting and can revoke them.
    """
    done = _END.change(connection, of=user_pk, but=_NO_SESSION if but is None else but, ended=now, ended_why=why)
    _VOID.change(connection, of=user_pk, used=now)
    if but is None or not _is_of(connection, but, user_pk):
        end_tokens_of(connection, user_pk, now=now, why=why)
    return done


def forget_proofs(connection: sa.Connection, user_pk: int, *, but: int | None = None) -> None:
    """Require a new proof of password and factor from all of a user's sessions except `but`."""
    query = sa.update(sessions).where(sessions.c.user_pk == user_pk, sessions.c.ended.is_(None))
    if but is not None:
        query = query.where(sessions.c.pk != but)
    connection.execute(query.values(proved=0))


def end_session(connection: sa.Connection, pk: int, *, now: int, why: str) -> None:
    query = sa.update(sessions).where(sessions.c.pk == pk, sessions.c.ended.is_(None))
    connection.execute(query.values(ended=now, ended_why=why))


def count_sessions(
    connection: sa.Connection, user_pk: int, now: int, *, seen_since: int, factor: str | None = None
) -> int:
    """Return the number of a user's open sessions, or only of those in which `factor` was used."""
    query = sa.select(sa.func.count()).select_from(sessions)
    if factor is not None:
        query = query.where(sessions.c.factor == factor)
    return int(connection.execute(query.where(*_open(user_pk, now, seen_since))).scalar_one())


def open_sessions(
    connection: sa.Connection, user_pk: int, now: int, *, seen_since: int, before: str | None, limit: int
) -> list[SessionRecord]:
    """Return a user's open sessions, newest first.

    `before` is the id of the last one on the previous page.
    """
    query = sa.select(sessions).where(*_open(user_pk, now, seen_since))
    if before is not None:
        query = query.where(sessions.c.id < before)
    return [_session(row) for row in connection.execute(query.order_by(sessions.c.id.desc()).limit(limit))]


def session_of(connection: sa.Connection, user_pk: int, id: str) -> SessionRecord | None:
    """Return a user's session that was not ended."""
    query = sa.select(sessions).where(sessions.c.user_pk == user_pk, sessions.c.id == id, sessions.c.ended.is_(None))
    row = connection.execute(query).one_or_none()
    return _session(row) if row else None


def add_challenge(connection: sa.Connection, token: Secret[str], values: dict[str, object]) -> None:
    connection.execute(sa.insert(challenges).values({**values, "token_hash": token_hash(token)}))


def challenge_by_token(connection: sa.Connection, token: Secret[str]) -> ChallengeRecord | None:
    row = CHALLENGE_BY_TOKEN.row(connection, hashed=token_hash(token))
    if row is None:
        return None
    values = dict(zip(_OF_CHALLENGE, row, strict=True))
    del values["token_hash"]
    values["no_session"] = bool(values["no_session"])  # SQLite has no booleans
    return ChallengeRecord(**values)


def use_challenge(connection: sa.Connection, pk: int, now: int) -> bool:
    """Finish a sign-in in progress, or return False if it was finished already."""
    return _USE_CHALLENGE.change_one(connection, this=pk, used=now)


def fail_challenge(connection: sa.Connection, pk: int) -> None:
    query = sa.update(challenges).where(challenges.c.pk == pk)
    connection.execute(query.values(failures=challenges.c.failures + 1))


def forget_old(connection: sa.Connection, before: int) -> None:
    """Delete sign-ins that ended long ago.

    Sessions stay, because the audit refers to them.
    """
    connection.execute(sa.delete(challenges).where(challenges.c.expires < before))


def _open(user_pk: int, now: int, seen_since: int) -> list[sa.ColumnElement[bool]]:
    mine = [sessions.c.user_pk == user_pk, sessions.c.ended.is_(None)]
    used = sessions.c.last_seen.between(seen_since, now + NOTICED)
    return [*mine, sessions.c.expires > now, used, sessions.c.created <= now + NOTICED]


def _is_of(connection: sa.Connection, pk: int, user_pk: int) -> bool:
    query = sa.select(sessions.c.pk).where(sessions.c.pk == pk, sessions.c.user_pk == user_pk)
    return connection.execute(query).one_or_none() is not None


def _session(row: Sequence[Any]) -> SessionRecord:
    values = dict(zip(_OF_SESSION, row, strict=True))
    del values["ended_why"]
    return SessionRecord(**values)


_OF_SESSION, _OF_CHALLENGE = (tuple(column.name for column in table.c) for table in (sessions, challenges))
