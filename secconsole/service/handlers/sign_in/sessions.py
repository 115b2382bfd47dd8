"""Sessions of a user, for themselves or an administrator."""

from __future__ import annotations

from secconsole.domain.errors import NotFound, Unfit
from secconsole.domain.ident import is_id
from secconsole.operations.events import SESSION_ENDED
from secconsole.operations.sessions import (
    EndOtherSessions,
    EndSession,
    ListSessions,
    SessionPage,
    SessionRow,
    SessionsEnded,
)
from secconsole.service.authorise import IDLE, need_proof
from secconsole.service.context import Context, when
from secconsole.service.paging import check_limit
from secconsole.service.registry import handles
from secconsole.store.rows import SessionRecord
from secconsole.store.sign_in import sessions


@handles(ListSessions)
def list_sessions(context: Context, operation: ListSessions) -> SessionPage:
    check_limit(operation.limit)
    if operation.cursor is not None and not is_id(operation.cursor):
        raise Unfit("That cursor is not valid. Start from the beginning.", "cursor")
    found = sessions.open_sessions(
        context.connection,
        context.target.pk,
        context.now,
        seen_since=context.now - IDLE,
        before=operation.cursor,
        limit=operation.limit + 1,
    )
    page = found[: operation.limit]
    rows = tuple(_row(context, session) for session in page)
    return SessionPage(rows, page[-1].id if len(found) > len(page) else None)


@handles(EndSession)
def end_session(context: Context, operation: EndSession) -> SessionsEnded:
    if not context.is_own:
        need_proof(context)
    user = context.target
    session = sessions.session_of(context.connection, user.pk, operation.session)
    if session is None:
        raise NotFound("There is no such session. It may have ended already.")
    sessions.end_session(context.connection, session.pk, now=context.now, why="ended manually")
    context.audit(SESSION_ENDED, user, session=session.id, sessions_ended=1)
    return SessionsEnded(1)


@handles(EndOtherSessions)
def end_other_sessions(context: Context, operation: EndOtherSessions) -> SessionsEnded:
    if not context.is_own:
        need_proof(context)
    user, own = context.target, context.actor.session
    ended = sessions.end_sessions(
        context.connection, user.pk, now=context.now, why="ended manually", but=own.pk if own else None
    )
    context.audit(SESSION_ENDED, user, sessions_ended=ended)
    return SessionsEnded(ended)


def _row(context: Context, session: SessionRecord) -> SessionRow:
    own = context.actor.session
    return SessionRow(
        id=session.id,
        created=when(session.created),
        last_seen=when(session.last_seen),
        expires=when(session.expires),
        channel=session.channel,
        address=session.address,
        current=own is not None and own.pk == session.pk,
        factor=session.factor,
    )
