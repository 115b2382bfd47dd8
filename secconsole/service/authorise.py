"""Who asks, in which tenant, may they, on whom: asked the same way of every operation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from secconsole.domain.errors import NotAllowed, NotFound, NotSignedIn, StepUpNeeded
from secconsole.domain.roles import Permission, Role, may, may_act_on, may_phrase, roles_given_by
from secconsole.domain.scope import scope_phrase
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation, Spec
from secconsole.operations.caller import Bearer, Credential, StoreOwner
from secconsole.service.context import Actor, Context
from secconsole.store import factors, sessions, tenants, tokens, users
from secconsole.store.rows import UserRecord

IDLE = 60 * 60_000  # NIST SP 800-63B-4 section 2.2.3: at AAL2 at most an hour without activity
ABSOLUTE = 12 * 60 * 60_000  # and at most a day in all
STEP_UP = 5 * 60_000
# Known by sight, to people and to programs that look for secrets left lying about.
TOKEN_PREFIX, KEY_PREFIX = "secconsole_pat_", "secconsole_key_"

SESSION_ENDED = "Your session has ended. Sign in again."
_NO_TOKEN = "No token may do this, whatever its scope. Sign in to do it."  # noqa: S105 - words
_TOKEN_ENDED = "This token has expired, was revoked, or is none. Take another one."  # noqa: S105 - words


def authorise(context: Context, operation: Operation[Any], credential: Credential) -> None:
    """Fill the context in, or raise. Another tenant's things look exactly like things that do not exist."""
    spec = operation.spec
    if spec.permission is Permission.NOBODY:
        return
    context.found_actor = authenticate(context.connection, credential, context.now)
    if context.found_actor is None:
        raise NotSignedIn("You are not signed in. Sign in first.")
    actor = context.found_actor
    _need_scope(actor, spec)
    _find_tenant(context, operation, actor)
    allowed = may(actor.role, spec.permission)
    if not allowed and not spec.own:
        raise NotAllowed(f"A {actor.role} may not do this. Those who may: {may_phrase(spec.permission)}.")
    try:
        context.found_target = _find_target(context, operation)
    except NotFound:
        if not allowed:  # in the same words as for somebody who is there: whoever may not see others learns of none
            raise NotAllowed(_own_only(actor)) from None
        raise
    if not allowed and not context.is_own:
        raise NotAllowed(_own_only(actor))
    target = context.found_target if spec.on_lower and not (spec.own and context.is_own) else None
    if target is not None and not may_act_on(actor.role, target.role):
        raise NotAllowed(_outranked(actor, target.role, spec))
    if spec.step_up:
        need_proof(context)


def need_proof(context: Context) -> None:
    """Raise `StepUpNeeded` unless password and factor were proved just now; the store's owner has none to prove.

    A token proves nothing, however new it is.
    """
    if context.actor.token is not None:
        raise NotAllowed(_NO_TOKEN)
    session = context.actor.session
    if session is not None and context.now - session.proved > STEP_UP:
        raise StepUpNeeded("This needs your password and second factor again.")


def authenticate(connection: sa.Connection, credential: Credential, now: int) -> Actor | None:
    """Who a credential stands for; None for nobody. Raises `NotSignedIn` if it stands for nobody any more."""
    if isinstance(credential, StoreOwner):
        return Actor(f"local:{credential.name}", Role.PLATFORM_ADMIN)
    if not isinstance(credential, Bearer):
        return None
    if is_token(credential.token):
        return _with_token(connection, credential.token, now)
    session = sessions.session_by_token(connection, credential.token)
    ended = session is None or session.ended is not None or now >= session.expires or now - session.last_seen > IDLE
    if session is None or ended:
        raise NotSignedIn(SESSION_ENDED)
    user = users.user_by_pk(connection, session.user_pk)
    if user.disabled:
        raise NotSignedIn(SESSION_ENDED)
    return Actor(user.login, user.role, user, session)


def is_token(bearer: Secret[str]) -> bool:
    """Whether a bearer is a personal access token or a secret key by its form, rather than a session's."""
    return bearer.reveal().startswith((TOKEN_PREFIX, KEY_PREFIX))


def _with_token(connection: sa.Connection, bearer: Secret[str], now: int) -> Actor:
    token = tokens.token_by_secret(connection, bearer)
    if token is None or token.ended is not None or (token.expires is not None and now >= token.expires):
        raise NotSignedIn(_TOKEN_ENDED)
    if token.user_pk is None:
        # Neither is a user: they rank as an administrator of their tenant, and do what their scopes say.
        return Actor(token.owner or f"key:{token.id}", Role.TENANT_ADMIN, token=token)
    user = users.user_by_pk(connection, token.user_pk)
    if user.disabled:
        raise NotSignedIn(_TOKEN_ENDED)
    return Actor(user.login, user.role, user, token=token)


def _need_scope(actor: Actor, spec: Spec) -> None:
    if actor.token is None:
        return
    if spec.scope is None:
        raise NotAllowed(_NO_TOKEN)
    if spec.scope not in actor.token.scopes:
        has = scope_phrase(actor.token.scopes)
        raise NotAllowed(f"This token may not do this: it needs the scope {spec.scope}, and has {has}.")


def _outranked(actor: Actor, role: Role, spec: Spec) -> str:
    """Why not, and for programs what they may do it with: a secret key is known for its key, not for its rank."""
    said = f"A {actor.role} may not act on a {role}."
    if actor.token is None:
        return said
    if actor.user is None:
        what = "token of the store's owner" if actor.token.owner else "secret key"
        said = f"A {what} ranks as a {actor.role}, and may not act on a {role}."
    able = next(r for r in reversed(roles_given_by(Role.PLATFORM_ADMIN)) if may_act_on(r, role))
    return f"{said} Use a token with the scope {spec.scope} that a {able} has made."


def _own_only(actor: Actor) -> str:
    return f"A {actor.role} may do this for their own account only."


def _find_tenant(context: Context, operation: Operation[Any], actor: Actor) -> None:
    name = getattr(operation, "tenant", None)
    if name is None:
        if actor.tenant_pk is not None:
            context.found_tenant = tenants.tenant_by_pk(context.connection, actor.tenant_pk)
        return
    found = tenants.tenant_by_name(context.connection, name)
    foreign = found is not None and actor.tenant_pk is not None and actor.tenant_pk != found.pk
    if found is None or (foreign and actor.role is not Role.PLATFORM_ADMIN):
        raise NotFound("There is no such tenant.")
    context.found_tenant = found


def _find_target(context: Context, operation: Operation[Any]) -> UserRecord | None:
    name = getattr(operation, "user", "")
    factor_id = getattr(operation, "enrollment", "") or getattr(operation, "factor", "")
    if factor_id and context.found_tenant is not None:
        factor = factors.factor_by_id(context.connection, context.tenant.pk, factor_id)
        if factor is None:
            raise NotFound("There is no such factor. It may have been removed or replaced.")
        return users.user_by_pk(context.connection, factor.user_pk)
    token_id = getattr(operation, "token", "")
    if token_id and context.found_tenant is not None:
        token = tokens.token_by_id(context.connection, context.tenant.pk, token_id)
        if token is None:
            raise NotFound("There is no such token. It may have been revoked.")
        return users.user_by_pk(context.connection, token.user_pk) if token.user_pk is not None else None
    if not name or context.found_tenant is None:
        return None
    user = users.user_by_name(context.connection, context.tenant.pk, name)
    if user is None:
        raise NotFound("There is no such user.")
    return user
