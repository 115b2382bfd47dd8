"""Networks from which a tenant's users may sign in: listing, changing and checking them."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.networks.network_rules import Ground
from secconsole.domain.roles import Permission, Role
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Moment,
    Network,
    NetworkChoice,
    NetworkNote,
    OriginAddress,
    Roles,
    TenantName,
    TypedTenant,
    UserName,
)


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """Allowed network.

    `roles`: the users that it applies to, or empty for all. `until`: the first moment at which it allows nothing.
    `no_challenge`: a bound factor is not asked for from there; binding one is. `pending_until`: it is part of a change
    that is undone then, unless it is confirmed. `leaving`: it is removed, for good or by that change.
    """

    id: str
    network: str
    note: str
    roles: tuple[Role, ...]
    until: Moment | None
    no_challenge: bool
    created: Moment
    by: str
    pending_until: Moment | None = None
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class NetworkList:
    """All allowed networks.

    `pending_until`: when a change of them is undone, unless it is confirmed.
    """

    items: tuple[AllowedNetwork, ...]
    next: str | None = None
    pending_until: Moment | None = None


@dataclass(frozen=True, slots=True)
class NetworkChange:
    """Result of a change.

    `pending_until`: when it is undone, unless it is confirmed. None: it is final.
    """

    network: AllowedNetwork
    pending_until: Moment | None = None


@dataclass(frozen=True, slots=True)
class NetworkPreview:
    """Effects of a change.

    `you_allowed`: the caller could still sign in from `address`, where the call came from. `looked_at`: the users who
    signed in last within 90 days. `refused`: how many of them came only from networks that would no longer be allowed,
    the first of them as `logins`. `opens`: roles that only listed addresses allow now, and every address then.
    """

    network: str
    address: str
    you_allowed: bool
    refused: int
    looked_at: int
    logins: tuple[str, ...]
    opens: tuple[Role, ...] = ()

    @property
    def opens_words(self) -> str:
        """Return the warning about roles that every address would be open to, empty if there are none."""
        if not self.opens:
            return ""
        roles = "everyone" if len(self.opens) == len(Role) else ", ".join(self.opens)
        return f"Without it, every network is allowed for {roles}."


@dataclass(frozen=True, slots=True)
class NetworkVerdict:
    """Decision about a user at an address.

    `network`: the allowed network that contains it. `message`: in words.
    """

    login: str
    role: Role
    address: str
    allowed: bool
    ground: Ground
    network: AllowedNetwork | None
    message: str


@declare(
    "network.list",
    "GET",
    "/v1/tenants/{tenant}/networks",
    Permission.SEE,
    example=lambda s: (ListNetworks(tenant=s.TENANT), NetworkList((s.NETWORK,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListNetworks(Operation[NetworkList]):
    """List the allowed networks, oldest first.

    Without any, everything is allowed.
    """

    tenant: TenantName


@declare(
    "network.preview",
    "GET",
    "/v1/tenants/{tenant}/networks/preview",
    Permission.SEE,
    example=lambda s: (
        PreviewNetwork(tenant=s.TENANT, network="203.0.113.0/24"),
        NetworkPreview("203.0.113.0/24", "203.0.113.9", True, 2, 371, ("ben.ortiz", "cleo")),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewNetwork(Operation[NetworkPreview]):
    """Preview the addition of a network for some roles, or with `remove` the removal of an allowed one."""

    tenant: TenantName
    network: NetworkChoice
    roles: Roles = ()
    remove: bool = False


@declare(
    "network.add",
    "POST",
    "/v1/tenants/{tenant}/networks",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.NETWORK_ADDED,
    example=lambda s: (
        AddNetwork(tenant=s.TENANT, network="203.0.113.0/24", note="office"),
        NetworkChange(s.NETWORK),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class AddNetwork(Operation[NetworkChange]):
    """Allow a network, with which all others that no rule names are refused.

    `roles`: only for users with these roles, by default for all that do not outrank the caller. Users of whose role no
    rule speaks may come from anywhere. `no_challenge`: a bound factor is not asked for from there, except of platform
    administrators. A change that shuts out its author raises `Conflict` unless `confirm` is the tenant's name, and is
    then undone after five minutes, unless its author signs in from a network that is allowed now, or an administrator
    confirms it from there.
    """

    tenant: TenantName
    network: Network
    note: NetworkNote = ""
    roles: Roles = ()
    until: Moment | None = None
    no_challenge: bool = False
    confirm: TypedTenant = ""


@declare(
    "network.remove",
    "POST",
    "/v1/tenants/{tenant}/networks/remove",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.NETWORK_REMOVED,
    example=lambda s: (RemoveNetwork(tenant=s.TENANT, network="203.0.113.0/24"), NetworkChange(s.NETWORK)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveNetwork(Operation[NetworkChange]):
    """Remove an allowed network.

    Without any left, everything is allowed. A change that shuts out its author is confirmed and undone as for
    `network.add`.
    """

    tenant: TenantName
    network: NetworkChoice
    confirm: TypedTenant = ""


@declare(
    "network.confirm",
    "POST",
    "/v1/tenants/{tenant}/networks/confirm",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=events.NETWORK_CONFIRMED,
    example=lambda s: (ConfirmNetworks(tenant=s.TENANT), NetworkList((s.NETWORK,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmNetworks(Operation[NetworkList]):
    """Confirm a change of networks that waits, from an address that the changed networks allow."""

    tenant: TenantName


@declare(
    "network.revert",
    "POST",
    "/v1/tenants/{tenant}/networks/revert",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=events.NETWORK_REVERTED,
    example=lambda s: (RevertNetworks(tenant=s.TENANT), NetworkList(())),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RevertNetworks(Operation[NetworkList]):
    """Undo a change of networks that waits, before its time."""

    tenant: TenantName


@declare(
    "network.check",
    "GET",
    "/v1/tenants/{tenant}/users/{user}/network-check",
    Permission.SEE,
    example=lambda s: (
        CheckNetwork(tenant=s.TENANT, user="ana.kral", address="203.0.113.9"),
        NetworkVerdict(
            "ana.kral",
            Role.USER,
            "203.0.113.9",
            True,
            Ground.LISTED,
            s.NETWORK,
            "203.0.113.9 is in 203.0.113.0/24 (office).",
        ),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckNetwork(Operation[NetworkVerdict]):
    """Check whether a user may sign in from an address, and by which rule."""

    tenant: TenantName
    user: UserName
    address: OriginAddress
