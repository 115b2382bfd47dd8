"""Sessions, and sign-ins that are under way (challenges)."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.secret import Secret
from secconsole.store.keys import token_hash
from secconsole.store.rows import ChallengeRecord, SessionRecord
from secconsole.store.schema import challenges, sessions
from secconsole.store.tokens import end_tokens_of

_BY_TOKEN = sa.select(sessions).where(sessions.c.token_hash == sa.bindparam("hashed"))


def add_session(connection: sa.Connection, token: Secret[str], values: dict[str, object]) -> None:
    connection.execute(sa.insert(sessions).values({**values, "token_hash": token_hash(token)}))


def session_by_token(connection: sa.Connection, token: Secret[str]) -> SessionRecord | None:
    row = connection.execute(_BY_TOKEN, {"hashed": token_hash(token)}).one_or_none()
    return _session(row) if row else None


def touch_session(connection: sa.Connection, pk: int, *, last_seen: int) -> None:
    connection.execute(sa.update(sessions).where(sessions.c.pk == pk).values(last_seen=last_seen))


def renew_session(connection: sa.Connection, session: SessionRecord, token: Secret[str], *, now: int) -> bool:
    """Give a session that was just proved another token; False if it has ended or has another one already.

    This statement decides which of two who prove at once goes on.
    """
    same = sa.and_(sessions.c.pk == session.pk, sessions.c.token_hash == session.token_hash, sessions.c.ended.is_(None))
    new = {"token_hash": token_hash(token), "proved": now, "last_seen": now}
    return connection.execute(sa.update(sessions).where(same).values(new)).rowcount == 1


def end_sessions(connection: sa.Connection, user_pk: int, *, now: int, why: str, but: int | None = None) -> int:
    """End a user's sessions (all `but` one) and void their sign-ins under way; how many sessions that were.

    Their tokens end with the sessions, unless one of these stays: then it is the owner who acts, and can revoke them.
    """
    open_ = sa.and_(sessions.c.user_pk == user_pk, sessions.c.ended.is_(None))
    if but is not None:
        open_ = sa.and_(open_, sessions.c.pk != but)
    done = connection.execute(sa.update(sessions).where(open_).values(ended=now, ended_why=why)).rowcount
    under_way = sa.and_(challenges.c.user_pk == user_pk, challenges.c.used.is_(None))
    connection.execute(sa.update(challenges).where(under_way).values(used=now))
    if but is None or not _is_of(connection, but, user_pk):
        end_tokens_of(connection, user_pk, now=now, why=why)
    return done


def forget_proofs(connection: sa.Connection, user_pk: int, *, but: int | None = None) -> None:
    """Have all of a user's sessions (but one) prove password and factor again before what needs that."""
    query = sa.update(sessions).where(sessions.c.user_pk == user_pk, sessions.c.ended.is_(None))
    if but is not None:
        query = query.where(sessions.c.pk != but)
    connection.execute(query.values(proved=0))


def end_session(connection: sa.Connection, pk: int, *, now: int, why: str) -> None:
    query = sa.update(sessions).where(sessions.c.pk == pk, sessions.c.ended.is_(None))
    connection.execute(query.values(ended=now, ended_why=why))


def count_sessions(connection: sa.Connection, user_pk: int, now: int, *, seen_since: int) -> int:
    """How many sessions of a user can be acted with."""
    query = sa.select(sa.func.count()).select_from(sessions)
    return int(connection.execute(query.where(*_open(user_pk, now, seen_since))).scalar_one())


def open_sessions(
    connection: sa.Connection, user_pk: int, now: int, *, seen_since: int, before: str | None, limit: int
) -> list[SessionRecord]:
    """The same sessions, newest first; `before` is the id of the last one of a page."""
    query = sa.select(sessions).where(*_open(user_pk, now, seen_since))
    if before is not None:
        query = query.where(sessions.c.id < before)
    return [_session(row) for row in connection.execute(query.order_by(sessions.c.id.desc()).limit(limit))]


def session_of(connection: sa.Connection, user_pk: int, id: str) -> SessionRecord | None:
    """A user's session that was not ended."""
    query = sa.select(sessions).where(sessions.c.user_pk == user_pk, sessions.c.id == id, sessions.c.ended.is_(None))
    row = connection.execute(query).one_or_none()
    return _session(row) if row else None


def add_challenge(connection: sa.Connection, token: Secret[str], values: dict[str, object]) -> None:
    connection.execute(sa.insert(challenges).values({**values, "token_hash": token_hash(token)}))


def challenge_by_token(connection: sa.Connection, token: Secret[str]) -> ChallengeRecord | None:
    row = connection.execute(sa.select(challenges).where(challenges.c.token_hash == token_hash(token))).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    values.pop("token_hash")
    return ChallengeRecord(**values)


def use_challenge(connection: sa.Connection, pk: int, now: int) -> bool:
    """Finish a sign-in under way; False if it was finished already."""
    query = sa.update(challenges).where(challenges.c.pk == pk, challenges.c.used.is_(None))
    return connection.execute(query.values(used=now)).rowcount == 1


def fail_challenge(connection: sa.Connection, pk: int) -> None:
    query = sa.update(challenges).where(challenges.c.pk == pk)
    connection.execute(query.values(failures=challenges.c.failures + 1))


def forget_old(connection: sa.Connection, before: int) -> None:
    """Delete sign-ins that ended long ago; sessions stay, since the audit speaks of them."""
    connection.execute(sa.delete(challenges).where(challenges.c.expires < before))


def _open(user_pk: int, now: int, seen_since: int) -> list[sa.ColumnElement[bool]]:
    mine = [sessions.c.user_pk == user_pk, sessions.c.ended.is_(None)]
    return [*mine, sessions.c.expires > now, sessions.c.last_seen >= seen_since]


def _is_of(connection: sa.Connection, pk: int, user_pk: int) -> bool:
    query = sa.select(sessions.c.pk).where(sessions.c.pk == pk, sessions.c.user_pk == user_pk)
    return connection.execute(query).one_or_none() is not None


def _session(row: sa.Row[tuple[object, ...]]) -> SessionRecord:
    values = dict(row._mapping)
    values.pop("ended_why")
    return SessionRecord(**values)
