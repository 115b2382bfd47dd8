"""Rows as the store returns them to the service: typed, with internal keys, never shown to users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from secconsole.domain.helpdesk import USUAL_RESETS, USUAL_STEP_UP, USUAL_WARNING, HelpdeskRules, UnbindNeeds
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, PolicyMode
from secconsole.domain.networks.network_rules import NetworkRule
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class TenantRow:
    pk: int
    id: str
    name: str
    created: int
    policy: PolicyMode
    grace_days: int
    kinds: tuple[FactorKind, ...]
    version: int
    changed: int | None
    changed_by: str
    required_since: int | None
    recovery_view: bool
    bypass_minutes: int
    bypass_most: int
    unbind_needs: UnbindNeeds
    reminders: bool = False
    frozen_since: int | None = None
    frozen_by: str = ""
    unbind_admins_need: UnbindNeeds = UnbindNeeds.NONE
    resets_warn: int = USUAL_WARNING
    resets_most: int = USUAL_RESETS
    step_up_minutes: int = USUAL_STEP_UP
    helpdesk_text: str = ""
    networks: tuple[NetworkRule, ...] = ()

    @property
    def helpdesk(self) -> HelpdeskRules:
        return HelpdeskRules(
            self.bypass_minutes,
            self.bypass_most,
            self.unbind_needs,
            self.unbind_admins_need,
            self.resets_warn,
            self.resets_most,
            self.step_up_minutes,
            self.helpdesk_text,
        )


@dataclass(frozen=True, slots=True)
class UserRecord:
    pk: int
    id: str
    tenant_pk: int
    login: str
    login_key: str
    name: str
    name_key: str
    email: str
    phone: str
    role: Role
    status: BindingStatus
    kinds: tuple[FactorKind, ...]
    weak_only: bool
    whitelisted: bool
    disabled: bool
    must_reset: bool
    switched_on: bool
    keeps_factor: bool
    password_hash: str | None
    failures: int
    locked_until: int
    last_sign_in: int
    created: int
    version: int
    skeleton: str | None
    has_recovery: bool
    password_until: int
    reminded: int = 0


@dataclass(frozen=True, slots=True)
class FactorRecord:
    pk: int
    id: str
    tenant_pk: int
    user_pk: int
    kind: FactorKind
    state: FactorState
    label: str
    address: str
    sealed: bytes | None
    algorithm: str
    digits: int
    period: int
    created: int
    expires: int | None
    bound: int | None
    last_used: int | None
    last_step: int
    failures: int
    removed: int | None
    removed_event: str | None
    given: bool
    weak_key: bool
    counts: bool
    key_digest: bytes | None


@dataclass(frozen=True, slots=True)
class ExemptionRecord:
    user_pk: int
    reason: str
    since: int
    until: int | None
    by: str


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """Allowed network with what is on record about it."""

    rule: NetworkRule
    note: str
    created: int
    by: str


@dataclass(frozen=True, slots=True)
class SessionRecord:
    pk: int
    id: str
    token_hash: bytes
    tenant_pk: int
    user_pk: int
    channel: str
    address: str
    created: int
    last_seen: int
    proved: int
    expires: int
    ended: int | None
    failures: int
    factor: str


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """Personal access token, a token of the store's owner (no `user_pk`), or a secret key (no `owner` either)."""

    pk: int
    id: str
    tenant_pk: int
    user_pk: int | None
    owner: str
    name: str
    scopes: tuple[Scope, ...]
    created: int
    expires: int | None
    last_used: int | None
    ended: int | None

    @property
    def is_key(self) -> bool:
        """True for the secret key of a tenant."""
        return self.user_pk is None and not self.owner


@dataclass(frozen=True, slots=True)
class BypassRecord:
    pk: int
    id: str
    tenant_pk: int
    user_pk: int
    digest: bytes
    by_id: str
    by: str
    reason: str
    ticket: str
    created: int
    starts: int
    expires: int
    used: int | None
    revoked: int | None


@dataclass(frozen=True, slots=True)
class ChallengeRecord:
    pk: int
    tenant_pk: int
    user_pk: int
    stage: str
    created: int
    expires: int
    failures: int
    used: int | None
    no_session: bool
    application: str
    application_key: str
    client: str


@cache
def kinds_from(text: str) -> tuple[FactorKind, ...]:
    return tuple(FactorKind(kind) for kind in text.split(",") if kind)


def kinds_to(kinds: tuple[FactorKind, ...]) -> str:
    # In a fixed order, so that equal sets are equal texts, which are counted and compared.
    return ",".join(kind for kind in FactorKind if kind in kinds)
