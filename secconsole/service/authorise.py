"""Who asks, in which tenant, may they, on whom: asked the same way of every operation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from secconsole.domain.errors import NotAllowed, NotFound, NotSignedIn, StepUpNeeded
from secconsole.domain.roles import Permission, Role, may, may_act_on, may_phrase
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, StoreOwner
from secconsole.service.context import Actor, Context
from secconsole.store import factors, sessions, tenants, users
from secconsole.store.rows import UserRecord

IDLE = 60 * 60_000  # NIST SP 800-63B-4 section 2.2.3: at AAL2 at most an hour without activity
ABSOLUTE = 12 * 60 * 60_000  # and at most a day in all
STEP_UP = 5 * 60_000


def authorise(context: Context, operation: Operation[Any], credential: Credential) -> None:
    """Fill the context in, or raise. Another tenant's things look exactly like things that do not exist."""
    spec = operation.spec
    if spec.permission is Permission.NOBODY:
        return
    context.found_actor = authenticate(context.connection, credential, context.now)
    if context.found_actor is None:
        raise NotSignedIn("You are not signed in. Sign in first.")
    actor = context.found_actor
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
    if context.found_target is not None and not (spec.own and context.is_own):
        if not allowed:
            raise NotAllowed(_own_only(actor))
        if spec.on_lower and not may_act_on(actor.role, context.found_target.role):
            raise NotAllowed(f"A {actor.role} may not act on a {context.found_target.role}.")
    if spec.step_up:
        need_proof(context)


def need_proof(context: Context) -> None:
    """Raise `StepUpNeeded` unless password and factor were proved just now; the store's owner has none to prove."""
    session = context.actor.session
    if session is not None and context.now - session.proved > STEP_UP:
        raise StepUpNeeded("This needs your password and second factor again.")


def authenticate(connection: sa.Connection, credential: Credential, now: int) -> Actor | None:
    """Who a credential stands for; None for nobody. Raises `NotSignedIn` if it stands for nobody any more."""
    if isinstance(credential, StoreOwner):
        return Actor(f"local:{credential.name}", Role.PLATFORM_ADMIN)
    if not isinstance(credential, Bearer):
        return None
    session = sessions.session_by_token(connection, credential.token)
    ended = session is None or session.ended is not None or now >= session.expires or now - session.last_seen > IDLE
    if session is None or ended:
        raise NotSignedIn("Your session has ended. Sign in again.")
    user = users.user_by_pk(connection, session.user_pk)
    if user.disabled:
        raise NotSignedIn("Your session has ended. Sign in again.")
    return Actor(user.login, user.role, user, session)


def _own_only(actor: Actor) -> str:
    return f"A {actor.role} may do this for their own account only."


def _find_tenant(context: Context, operation: Operation[Any], actor: Actor) -> None:
    name = getattr(operation, "tenant", None)
    if name is None:
        if actor.user is not None:
            context.found_tenant = tenants.tenant_by_pk(context.connection, actor.user.tenant_pk)
        return
    found = tenants.tenant_by_name(context.connection, name)
    foreign = found is not None and actor.user is not None and actor.user.tenant_pk != found.pk
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
    if not name or context.found_tenant is None:
        return None
    user = users.user_by_name(context.connection, context.tenant.pk, name)
    if user is None:
        raise NotFound("There is no such user.")
    return user
