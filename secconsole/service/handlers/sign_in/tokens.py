"""Personal access tokens: created, shown once, listed, revoked."""

from __future__ import annotations

from secconsole.domain.errors import Conflict, Invalid, NotFound, Unfit
from secconsole.domain.ident import is_id
from secconsole.domain.limits import LONGEST_LABEL, LONGEST_TOKEN, MOST_TOKENS
from secconsole.domain.scope import Scope, may_have, scope_phrase
from secconsole.domain.text import is_plain
from secconsole.operations.events import TOKEN_CREATED, TOKEN_REVOKED
from secconsole.operations.tokens import (
    CreateToken,
    ListOwnTokens,
    ListTokens,
    NewToken,
    RevokeToken,
    TokenPage,
    TokenRow,
)
from secconsole.service.authorise import TOKEN_PREFIX, need_proof
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.paging import check_limit
from secconsole.service.registry import handles
from secconsole.store.rows import TokenRecord
from secconsole.store.sealing.keys import new_token
from secconsole.store.sign_in import tokens

HOUR = 3_600_000
DAY = 24 * HOUR


@handles(CreateToken)
def create_token(context: Context, operation: CreateToken) -> NewToken:
    name = checked_name(operation.name)
    if not 1 <= operation.days <= LONGEST_TOKEN:
        raise Invalid(f"A token can be valid for 1 to {LONGEST_TOKEN} days.", "days")
    if not operation.scopes:
        raise Invalid("Name at least one scope.", "scopes")
    user, owner = context.actor.user, "" if context.actor.user else context.actor.login
    scopes = tuple(scope for scope in Scope if scope in operation.scopes)
    for scope in scopes:
        if not may_have(context.actor.role, scope):
            raise Conflict(f"A {context.actor.role} may not {scope}, so no token of theirs may.")
    if operation.tenant is None and user is None:
        raise Invalid("The owner of the store belongs to no tenant. Name the tenant of the token.", "tenant")
    if user is not None and context.tenant.pk != user.tenant_pk:
        raise Conflict("A token belongs to the tenant of its owner. Leave the tenant out.")
    live = tokens.live_tokens(
        context.connection, now=context.now, user_pk=user.pk if user else None, owner=owner, limit=MOST_TOKENS
    )
    if len(live) == MOST_TOKENS:
        raise Conflict(f"There are already {MOST_TOKENS} tokens. Revoke those that are no longer used.")
    token, id = new_token(TOKEN_PREFIX), context.new_id()
    expires = context.now + operation.days * DAY
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": context.tenant.pk,
        "user_pk": user.pk if user else None,
        "owner": owner,
        "name": name,
        "scopes": tokens.scopes_to(scopes),
        "created": context.now,
        "expires": expires,
    }
    tokens.add_token(context.connection, token, values)
    context.audit(
        TOKEN_CREATED, user, token=id, name=name, scopes=scope_phrase(scopes), expires=when(expires).isoformat()
    )
    return NewToken(id, token, name, scopes, when(context.now), when(expires))


@handles(ListOwnTokens)
def list_own_tokens(context: Context, operation: ListOwnTokens) -> TokenPage:
    actor = context.actor
    if actor.user is None and actor.token is not None and not actor.token.owner:
        return TokenPage(())  # a secret key owns none
    user_pk, owner = (actor.user.pk, "") if actor.user else (None, actor.login)
    rows = tokens.live_tokens(context.connection, now=context.now, user_pk=user_pk, owner=owner, limit=MOST_TOKENS)
    return TokenPage(tuple(_row(*row) for row in rows))


@handles(ListTokens)
def list_tokens(context: Context, operation: ListTokens) -> TokenPage:
    check_limit(operation.limit)
    if operation.cursor is not None and not is_id(operation.cursor):
        raise Unfit("That cursor is not valid. Start from the beginning.", "cursor")
    rows = tokens.live_tokens(
        context.connection,
        now=context.now,
        tenant_pk=context.tenant.pk,
        user_pk=context.target.pk if operation.user else None,
        before=operation.cursor,
        limit=operation.limit + 1,
    )
    page = [_row(*row) for row in rows[: operation.limit]]
    return TokenPage(tuple(page), page[-1].id if len(rows) > len(page) else None)


@handles(RevokeToken)
def revoke_token(context: Context, operation: RevokeToken) -> None:
    token = tokens.token_by_id(context.connection, context.tenant.pk, operation.token)
    if token is None:
        raise NotFound("There is no such token. It may have been revoked.")
    if not context.is_own:
        need_proof(context)
    tokens.end_token(context.connection, token.pk, now=context.now, why="revoked")
    context.audit(TOKEN_REVOKED, context.found_target, token=token.id, name=token.name)


def _row(token: TokenRecord, owner: str, user: str) -> TokenRow:
    assert token.expires is not None
    return TokenRow(
        token.id,
        token.name,
        token.scopes,
        owner,
        user,
        when(token.created),
        when(token.expires),
        when_or_none(token.last_used),
    )


def checked_name(name: str) -> str:
    """Return the name of a token or secret key without surrounding spaces, or raise `Invalid`."""
    name = name.strip()
    if not name or len(name) > LONGEST_LABEL or "\0" in name:
        raise Invalid(f"Name it after its purpose, with 1 to {LONGEST_LABEL} characters.", "name")
    if not is_plain(name):
        raise Unfit("The name contains invisible or control characters.", "name")
    return name
