"""Authorisation, the same for every operation: the actor, the tenant, the permission and the target."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED, is_from_future, is_over
from secconsole.domain.errors import NotAllowed, NotFound, NotSignedIn, StepUpNeeded, WrongNetwork
from secconsole.domain.helpdesk import USUAL_STEP_UP
from secconsole.domain.limits import LONGEST_BEARER, LONGEST_OVERLAP
from secconsole.domain.networks.network_rules import This
from secconsole.domain.roles import (
    Permission,
    Role,
    may,
    may_act_on,
    may_phrase,
    roles_given_by,
)
from secconsole.domain.scope import scope_phrase
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation, Spec
from secconsole.operations.caller import Bearer, Credential, StoreOwner
from secconsole.operations.signin import SignOut
from secconsole.service.context import Actor, Context
from secconsole.service.factors.networks import admission_of, origin_here
from secconsole.store import factors, tenants, users
from secconsole.store.helpdesk import approvals
from secconsole.store.rows import TenantRow, TokenRecord, UserRecord
from secconsole.store.sign_in import sessions, tokens

IDLE = 60 * 60_000  # NIST SP 800-63B-4 section 2.2.3: at AAL2 at most an hour of inactivity
ABSOLUTE = 12 * 60 * 60_000  # and at most a day in total
# Recognisable for people and for secret scanners.
TOKEN_PREFIX, KEY_PREFIX = "secconsole_pat_", "secconsole_key_"

SESSION_ENDED = "Your session has ended. Sign in again."
_NO_TOKEN = "Tokens may not do this, whatever their scope. Sign in to do it."  # noqa: S105 - words
_TOKEN_ENDED = "This token has expired, was revoked, or is not valid. Use a different token."  # noqa: S105 - words


def authorise(context: Context, operation: Operation[Any], credential: Credential) -> None:
    """Fill in the context, or raise.

    Anything in another tenant looks exactly as if it did not exist.
    """
    spec = operation.spec
    if spec.permission is Permission.NOBODY:
        return
    context.found_actor = authenticate(context.connection, credential, context.now)
    if context.found_actor is None:
        raise NotSignedIn("You are not signed in. Sign in first.")
    actor = context.found_actor
    _need_scope(actor, spec)
    _find_tenant(context, operation, actor)
    allowed = may(actor.role, spec.permission) or (spec.permission is Permission.CHALLENGE and actor.user is None)
    if not allowed and not spec.own:
        need_permission(context, spec.permission)
    try:
        context.found_target = _find_target(context, operation)
    except NotFound:
        if not allowed:  # with the message for an existing target: callers who may not see others must not learn of any
            raise NotAllowed(_own_only(actor)) from None
        raise
    if not allowed and not context.is_own:
        raise NotAllowed(_own_only(actor))
    _need_rank(context, spec)
    if spec.step_up == "always":
        need_proof(context)


def authorise_in_job(context: Context, operation: Operation[Any]) -> None:
    """Fill in the target of what a job does to one user, or raise.

    Actor and tenant are those of the job's request. A proof was given when its driver started or resumed it.
    """
    need_permission(context, operation.spec.permission)
    context.found_target = _find_target(context, operation)
    _need_rank(context, operation.spec)


def need_permission(context: Context, permission: Permission) -> None:
    """Raise `NotAllowed` if the actor's role does not have a permission."""
    role = context.actor.role
    if permission is Permission.CHALLENGE:
        raise NotAllowed("This is for programs: use a secret key with the scope challenge.")
    if not may(role, permission):
        raise NotAllowed(f"A {role} may not do this. Allowed are: {may_phrase(permission)}.")


def _need_rank(context: Context, spec: Spec) -> None:
    """Raise `NotAllowed` if the actor may not act on the target."""
    target = context.found_target
    if target is None or not (spec.on_lower or spec.others_only):
        return
    if words := context.why_not(target, spec):
        raise NotAllowed(words if context.is_own else _for_program(context.actor, target.role, spec, words))


def need_proof(context: Context) -> None:
    """Raise `StepUpNeeded` unless password and factor were proved recently.

    The store's owner has none to prove. A token proves nothing, however new it is.
    """
    if context.actor.token is not None:
        raise NotAllowed(_NO_TOKEN)
    session = context.actor.session
    if session is not None and is_over(session.proved, fresh_for(context) + 1, context.now):
        raise StepUpNeeded("Confirm it's you first: this needs a code again, or your password if no factor is bound.")


def fresh_for(context: Context) -> int:
    """Return for how many milliseconds a proof counts: by the actor's tenant and the one acted on, the shorter time."""
    found, home = context.found_tenant, context.actor.tenant_pk
    tenants_asked = [found] if found is not None else []
    if home is not None and (found is None or found.pk != home):
        tenants_asked.append(tenants.tenant_by_pk(context.connection, home))
    return min((tenant.step_up_minutes for tenant in tenants_asked), default=USUAL_STEP_UP) * 60_000


def check_bearer(credential: Credential) -> None:
    """Raise `NotSignedIn` for a bearer that is longer than any valid one, before it is used."""
    if isinstance(credential, Bearer) and len(credential.token.reveal()) > LONGEST_BEARER:
        raise NotSignedIn(SESSION_ENDED)


def authenticate(connection: sa.Connection, credential: Credential, now: int) -> Actor | None:
    """Return the actor of a credential, None without one, or raise `NotSignedIn` if it is no longer valid."""
    if isinstance(credential, StoreOwner):
        return Actor(f"local:{credential.name}", Role.PLATFORM_ADMIN)
    if not isinstance(credential, Bearer):
        return None
    if is_token(credential.token):
        return _with_token(connection, credential.token, now)
    session = sessions.session_by_token(connection, credential.token)
    if session is None or session.ended is not None or now >= session.expires:
        raise NotSignedIn(SESSION_ENDED)
    # Times set by a wrong clock are ignored, both the end and the last use.
    if is_from_future(session.created, now) or is_over(session.last_seen, IDLE + 1, now):
        raise NotSignedIn(SESSION_ENDED)
    user = users.user_by_pk(connection, session.user_pk)
    if user.disabled:
        raise NotSignedIn(SESSION_ENDED)
    return Actor(user.login, user.role, user, session)


def is_token(bearer: Secret[str]) -> bool:
    """Return True if a bearer has the form of a personal access token or secret key, and not of a session."""
    return bearer.reveal().startswith((TOKEN_PREFIX, KEY_PREFIX))


def _with_token(connection: sa.Connection, bearer: Secret[str], now: int) -> Actor:
    token = tokens.token_by_secret(connection, bearer)
    if token is None or token.ended is not None or _has_expired(token, now):
        raise NotSignedIn(_TOKEN_ENDED)
    if token.user_pk is None:
        # Neither is a user: they rank as an administrator of their tenant, and may do what their scopes allow.
        return Actor(token.owner or f"key:{token.id}", Role.TENANT_ADMIN, token=token)
    user = users.user_by_pk(connection, token.user_pk)
    if user.disabled:
        raise NotSignedIn(_TOKEN_ENDED)
    return Actor(user.login, user.role, user, token=token)


def _has_expired(token: TokenRecord, now: int) -> bool:
    """Return True if a token has expired, or would last longer because a wrong clock created or replaced it."""
    if token.expires is None:  # a secret key that was not rotated
        return False
    ahead = (
        token.expires - now > LONGEST_OVERLAP * 3_600_000 + NOTICED
        if token.is_key
        else is_from_future(token.created, now)
    )
    return now >= token.expires or ahead


def _need_scope(actor: Actor, spec: Spec) -> None:
    if actor.token is None:
        return
    if spec.scope is None:
        raise NotAllowed(_NO_TOKEN)
    if spec.scope not in actor.token.scopes:
        has = scope_phrase(actor.token.scopes)
        raise NotAllowed(f"This token may not do this. It needs the scope {spec.scope}, and has {has}.")


def _for_program(actor: Actor, role: Role, spec: Spec, words: str) -> str:
    """Return why a target is out of reach, and for programs the credential that they need instead."""
    if actor.token is None:
        return words
    if actor.user is None:
        what = "token of the store's owner" if actor.token.owner else "secret key"
        words = f"A {what} ranks as a {actor.role}, and may not act on a {role}."
    able = next((r for r in reversed(roles_given_by(Role.PLATFORM_ADMIN)) if may_act_on(r, role, spec.ranks)), None)
    return f"{words} Use a token with the scope {spec.scope} created by a {able}." if able else words


def _own_only(actor: Actor) -> str:
    return f"A {actor.role} may do this only for their own account."


def _find_tenant(context: Context, operation: Operation[Any], actor: Actor) -> None:
    """Fill in the tenant, or raise.

    The networks of the actor's own tenant come first, so that nothing can be learned from anywhere else.
    """
    name = getattr(operation, "tenant", None)
    found = None if name is None else tenants.tenant_by_name(context.connection, name)
    if actor.tenant_pk is None:  # the owner of the store, who is above all rules
        home = None
    elif found is not None and found.pk == actor.tenant_pk:
        home = found
    else:
        home = tenants.tenant_by_pk(context.connection, actor.tenant_pk)
    _need_network(context, operation, actor, home)
    if name is None:
        context.found_tenant = home
        return
    foreign = found is not None and actor.tenant_pk is not None and actor.tenant_pk != found.pk
    if found is None or (foreign and actor.role is not Role.PLATFORM_ADMIN):
        raise NotFound("There is no such tenant.")
    context.found_tenant = found


def need_network(context: Context, operation: Operation[Any], actor: Actor) -> None:
    """Raise `WrongNetwork` if the actor's tenant does not allow the network of the request."""
    if actor.tenant_pk is not None:
        _need_network(context, operation, actor, tenants.tenant_by_pk(context.connection, actor.tenant_pk))


def _need_network(context: Context, operation: Operation[Any], actor: Actor, home: TenantRow | None) -> None:
    leaves = isinstance(operation, SignOut)  # from wherever a session was taken to, it may end
    if home is not None and not leaves and not admission_of(context, home, actor.role).is_allowed:
        raise WrongNetwork(_elsewhere(context, home))


def _elsewhere(context: Context, home: TenantRow) -> str:
    origin = origin_here(context)
    if origin is None:
        return f"Your address is unknown, and {home.name} allows only certain networks."
    where = "This machine" if isinstance(origin, This) else f"Your address {origin}"
    return f"{where} is not in the networks that {home.name} allows. Connect from one of them."


def _find_target(context: Context, operation: Operation[Any]) -> UserRecord | None:
    if operation.spec.permission is Permission.OWN_ACCOUNT:
        return None  # its handler looks among the actor's own things: nothing tells which others there are
    name = getattr(operation, "user", "")
    factor_id = getattr(operation, "enrollment", "") or getattr(operation, "factor", "")
    if factor_id and context.found_tenant is not None:
        factor = factors.factor_by_id(context.connection, context.tenant.pk, factor_id)
        if factor is None:
            raise NotFound("There is no such factor. It may have been removed or replaced.")
        return users.user_by_pk(context.connection, factor.user_pk)
    approval_id = getattr(operation, "approval", "")
    if approval_id and context.found_tenant is not None:
        approval = approvals.approval_by_id(context.connection, context.tenant.pk, approval_id)
        if approval is None:
            raise NotFound("There is no such request.")
        return users.user_by_pk(context.connection, approval.user_pk)
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
