"""Secret keys of a tenant: created, shown once, rotated, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from secconsole.domain.errors import Conflict, Invalid, NotFound
from secconsole.domain.limits import LONGEST_OVERLAP, MOST_KEYS
from secconsole.domain.scope import Scope, scope_phrase
from secconsole.operations.events import SECRET_KEY_CREATED, SECRET_KEY_REVOKED, SECRET_KEY_ROTATED
from secconsole.operations.secret_keys import (
    DEFAULT_KEY,
    USUAL_SCOPES,
    CreateSecretKey,
    ListSecretKeys,
    NewSecretKey,
    NewSecretKeys,
    RevokeSecretKey,
    RotateSecretKey,
    RotateSecretKeys,
    SecretKey,
    SecretKeyPage,
    ShowSecretKey,
)
from secconsole.service.authorise import KEY_PREFIX
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.handlers.sign_in.tokens import checked_name
from secconsole.service.registry import handles
from secconsole.store.rows import TokenRecord
from secconsole.store.sealing.keys import new_token
from secconsole.store.sign_in import tokens

HOUR = 3_600_000
NO_KEY = "There is no secret key of that name. secconsole secret-key list shows their names."


@handles(ShowSecretKey)
def show_secret_key(context: Context, operation: ShowSecretKey) -> SecretKey:
    return _shown(operation.name, _live(context).get(operation.name, ()))


@handles(ListSecretKeys)
def list_secret_keys(context: Context, operation: ListSecretKeys) -> SecretKeyPage:
    return SecretKeyPage(tuple(_shown(name, keys) for name, keys in _live(context).items()))


@handles(CreateSecretKey)
def create_secret_key(context: Context, operation: CreateSecretKey) -> NewSecretKey:
    name, live = checked_name(operation.name), _live(context)
    if not operation.scopes:
        raise Invalid("Name at least one scope.", "scopes")
    if name in live:
        raise Conflict(f"There is already a secret key named {name}. Use another name, or rotate that one.")
    if len(live) >= MOST_KEYS:
        raise Conflict(f"There are already {MOST_KEYS} secret keys. Revoke those that are no longer used.")
    made = _make(context, name, operation.scopes)
    context.audit(SECRET_KEY_CREATED, key=made.id, name=name, scopes=scope_phrase(made.scopes))
    return made


@handles(RotateSecretKey)
def rotate_secret_key(context: Context, operation: RotateSecretKey) -> NewSecretKey:
    live = _live(context)
    if operation.name not in live and operation.name != DEFAULT_KEY:
        raise NotFound(NO_KEY)
    return _rotate(context, operation.name, live.get(operation.name, ()), operation.overlap_hours)


@handles(RotateSecretKeys)
def rotate_secret_keys(context: Context, operation: RotateSecretKeys) -> NewSecretKeys:
    live = _live(context) or {DEFAULT_KEY: []}
    return NewSecretKeys(tuple(_rotate(context, name, keys, operation.overlap_hours) for name, keys in live.items()))


@handles(RevokeSecretKey)
def revoke_secret_key(context: Context, operation: RevokeSecretKey) -> None:
    named = _live(context)
    by_id = [key for keys in named.values() for key in keys if key.id == operation.key]
    ending = by_id or named.get(operation.key, [])
    if not ending:
        raise NotFound(NO_KEY)
    for key in ending:
        tokens.end_token(context.connection, key.pk, now=context.now, why="revoked")
        context.audit(SECRET_KEY_REVOKED, key=key.id, name=key.name)


def _rotate(context: Context, name: str, live: Sequence[TokenRecord], overlap_hours: int) -> NewSecretKey:
    """Replace the key of a name, which is created if there is none."""
    if not 0 <= overlap_hours <= LONGEST_OVERLAP:
        raise Invalid(f"The old key can stay valid for 0 to {LONGEST_OVERLAP} hours.", "overlap_hours")
    old, before = _current(live), _previous(live)
    until = context.now + overlap_hours * HOUR
    overlapping = old if overlap_hours else None
    # At most two keys of a name are valid, so the one before the previous ends now.
    if before is not None:
        tokens.end_token(context.connection, before.pk, now=context.now, why="rotated")
    if overlapping is not None:
        tokens.expire_token(context.connection, overlapping.pk, until)
    elif old is not None:
        tokens.end_token(context.connection, old.pk, now=context.now, why="rotated")
    newest = old or before
    made = _make(context, name, newest.scopes if newest else USUAL_SCOPES)
    old_id = old.id if old else None
    context.audit(SECRET_KEY_ROTATED, key=made.id, name=name, previous=old_id, overlap_hours=overlap_hours)
    if overlapping is None:
        return made
    return NewSecretKey(made.id, made.key, made.created, overlapping.id, when(until), name, made.scopes)


def _make(context: Context, name: str, scopes: Sequence[Scope]) -> NewSecretKey:
    """Store a new key, and return it."""
    key, id = new_token(KEY_PREFIX), context.new_id()
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": context.tenant.pk,
        "name": name,
        "scopes": tokens.scopes_to(scopes),
        "created": context.now,
    }
    tokens.add_token(context.connection, key, values)
    return NewSecretKey(id, key, when(context.now), None, None, name, tuple(s for s in Scope if s in scopes))


def _live(context: Context) -> dict[str, list[TokenRecord]]:
    """Return the tenant's valid keys by name, each with the previous one while it is valid."""
    live = sorted(tokens.live_keys(context.connection, context.tenant.pk, context.now), key=lambda key: key.name)
    return {name: list(keys) for name, keys in groupby(live, key=lambda key: key.name)}


def _current(live: Sequence[TokenRecord]) -> TokenRecord | None:
    return next((key for key in live if key.expires is None), None)


def _previous(live: Sequence[TokenRecord]) -> TokenRecord | None:
    return next((key for key in live if key.expires is not None), None)


def _shown(name: str, live: Sequence[TokenRecord]) -> SecretKey:
    key, previous = _current(live), _previous(live)
    newest = key or previous
    return SecretKey(
        key.id if key else None,
        when(key.created) if key else None,
        when_or_none(key.last_used) if key else None,
        previous.id if previous else None,
        when_or_none(previous.expires) if previous else None,
        name,
        newest.scopes if newest else (),
    )
