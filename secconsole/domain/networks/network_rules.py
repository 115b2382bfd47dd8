"""Networks that a tenant allows: from where its users may sign in, and from where no second factor is asked.

Rules that apply to nobody restrict nobody: a user for whose role there is no rule may come from anywhere. A rule past
its end allows nothing, but still restricts, so that an end never opens a tenant to everyone. `uncovered` finds rules
that would one day shut out a role altogether, which no change may leave behind.

Rules for `local` and for addresses are apart. `local` is this machine: the store itself, or a UNIX socket. It is
allowed, unless there are rules for `local` and none of them has the user's role.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from secconsole.domain.clock import NOTICED
from secconsole.domain.errors import Invalid
from secconsole.domain.networks.network import LOCAL, is_os_user
from secconsole.domain.roles import Role

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONFIRM_WITHIN = 5 * 60_000  # milliseconds after which a change that nobody confirmed is undone
_NOT_A_NETWORK = "That is not a network. Enter one such as 10.0.0.0/8, 2001:db8::/32 or local."
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class This(StrEnum):
    """This machine as the origin of a request."""

    MACHINE = LOCAL


Origin = Address | Network | This | None
"""Origin of a request. None is an unknown origin, and a network represents each of its addresses."""


@dataclass(frozen=True, slots=True)
class NetworkRule:
    """One allowed network.

    `network`: a network in its only spelling, or `local`. `roles`: those that it applies to, or empty for all. `until`:
    the millisecond from which it allows nothing, 0 with no end date. `no_challenge`: no bound factor is asked for from
    there. `pending_until`: the rule is part of a change that is undone then, 0 if it is not. `pending_by`: the id of
    the user who made that change. `leaving`: the change is the removal of the rule, and not its addition.
    """

    id: str
    network: str
    roles: tuple[Role, ...] = ()
    until: int = 0
    no_challenge: bool = False
    pending_until: int = 0
    pending_by: str = ""
    leaving: bool = False

    def applies_to(self, role: Role) -> bool:
        """Return True if the rule is for users with a role."""
        return not self.roles or role in self.roles

    def has_ended(self, now: int) -> bool:
        """Return True if the rule allows nothing any more."""
        return 0 < self.until <= now


class Ground(StrEnum):
    """Reason of a decision about an origin."""

    NO_RULE = "no-rule"  # none applies to the role, so any origin is allowed
    LOCAL = "local"  # this machine, which no rule mentions
    LISTED = "listed"  # a rule contains the origin
    OUTSIDE = "outside"  # rules apply, and none contains the origin
    UNREADABLE = "unreadable"  # rules apply, and the origin is unknown


@dataclass(frozen=True, slots=True)
class Admission:
    """Decision about an origin, with the rule that contains it, if any."""

    ground: Ground
    rule: NetworkRule | None = None

    @property
    def is_allowed(self) -> bool:
        return self.ground not in (Ground.OUTSIDE, Ground.UNREADABLE)

    @property
    def is_exempt(self) -> bool:
        """True if a bound factor is not asked for from there.

        Binding one is never exempt.
        """
        return self.rule is not None and self.rule.no_challenge


def admit(rules: Iterable[NetworkRule], role: Role, origin: Origin, now: int) -> Admission:
    """Decide about a user with a role who comes from an origin.

    Of several rules that contain it, the narrowest counts, and of the same network the one for certain roles.
    """
    scope = [rule for rule in in_force(rules, now) if (rule.network == LOCAL) == (origin is This.MACHINE)]
    mine = [rule for rule in scope if rule.applies_to(role)]
    if origin is This.MACHINE and not scope:
        return Admission(Ground.LOCAL)
    if origin is not This.MACHINE and not mine:
        return Admission(Ground.NO_RULE)
    if origin is None:
        return Admission(Ground.UNREADABLE)
    found = [rule for rule in mine if not rule.has_ended(now) and _contains(rule.network, origin)]
    if not found:
        return Admission(Ground.OUTSIDE)
    return Admission(Ground.LISTED, max(found, key=_narrowness))


def allowing(rules: Sequence[NetworkRule], role: Role, now: int) -> Callable[[Origin], bool]:
    """Return a function that tells as quickly as possible if `admit` allows an origin, for a great number of them."""
    mine = [rule for rule in in_force(rules, now) if rule.network != LOCAL and rule.applies_to(role)]
    machine = admit(rules, role, This.MACHINE, now).is_allowed
    found = [network for rule in mine if not rule.has_ended(now) and (network := _network(rule.network))]
    ranges = {version: _merged(network for network in found if network.version == version) for version in (4, 6)}

    def is_allowed(origin: Origin) -> bool:
        if isinstance(origin, This):
            return machine
        if not mine:
            return True
        if origin is None:
            return False
        starts, ends = ranges[origin.version]
        low, high = _ends(origin)
        at = bisect_right(starts, high) - 1
        return at >= 0 and ends[at] >= low

    return is_allowed


def _merged(networks: Iterable[Network]) -> tuple[list[int], list[int]]:
    """Return the first and the last addresses of networks in order, without those within others."""
    found = sorted(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]
    return [_ends(network)[0] for network in found], [_ends(network)[1] for network in found]


def _ends(origin: Address | Network) -> tuple[int, int]:
    if isinstance(origin, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return int(origin.network_address), int(origin.broadcast_address)
    return int(origin), int(origin)


def in_force(rules: Iterable[NetworkRule], now: int) -> list[NetworkRule]:
    """Return the rules that count at a moment: a change that waits counts until it is undone, and never after."""
    return [rule for rule in rules if not rule.pending_until or is_waiting(rule, now) != rule.leaving]


def is_waiting(rule: NetworkRule, now: int) -> bool:
    """Return True if a rule belongs to a change that can still be confirmed.

    A deadline that is too far away was set by a clock that was ahead, and has passed.
    """
    return now < rule.pending_until <= now + CONFIRM_WITHIN + NOTICED


def is_overdue(rule: NetworkRule, now: int) -> bool:
    """Return True if a rule belongs to a change that is undone and has to be cleared away."""
    return rule.pending_until > 0 and not is_waiting(rule, now)


def uncovered(rules: Sequence[NetworkRule]) -> Role | This | None:
    """Return a role, or this machine, that only rules with an end would allow, or None if there is none.

    When those have ended, nobody with that role could sign in from any address.
    """
    for role in Role:
        mine = [rule for rule in rules if rule.network != LOCAL and rule.applies_to(role)]
        if mine and all(rule.until for rule in mine):
            return role
    local = [rule for rule in rules if rule.network == LOCAL]
    return This.MACHINE if local and all(rule.until for rule in local) else None


def restricted(rules: Iterable[NetworkRule]) -> set[Role | This]:
    """Return the roles that rules restrict, and this machine if they mention it."""
    found: set[Role | This] = set()
    for rule in rules:
        if rule.network == LOCAL:
            found.add(This.MACHINE)
        else:
            found |= {role for role in Role if rule.applies_to(role)}
    return found


def removable(rules: Sequence[NetworkRule], now: int) -> list[NetworkRule]:
    """Return the rules past their end whose removal changes no decision."""
    ended = [rule for rule in rules if rule.has_ended(now)]
    left = [rule for rule in rules if not rule.has_ended(now)]
    return ended if restricted(rules) == restricted(left) else []


def clashing(rules: Iterable[NetworkRule], new: NetworkRule) -> NetworkRule | None:
    """Return a rule for the same network and a common role, or for all roles like the new one, or None."""
    for rule in rules:
        same = rule.network == new.network
        if same and (rule.roles == new.roles or set(rule.roles) & set(new.roles)):
            return rule
    return None


def parse_network(text: str) -> str:
    """Return a network in its only spelling, or raise `Invalid` for the field `network`.

    IPv4 networks mapped into IPv6 become IPv4 networks, as addresses do.
    """
    text = text.strip()
    if text.casefold() == LOCAL:
        return LOCAL
    try:
        found = ipaddress.ip_network(text, strict=False)
        given = ipaddress.ip_interface(text)
    except ValueError:
        raise Invalid(_NOT_A_NETWORK, "network") from None
    if "%" in text:
        raise Invalid("A network cannot have a zone. Leave out the part from % on.", "network")
    network = _plain_network(found)
    if given.ip != found.network_address:
        raise Invalid(f"That address is inside a network. Enter the network: {network}", "network")
    return str(network)


def origin_of_request(address: str, *, remote: bool, relayed: bool = False) -> Origin:
    """Return the origin of a request, as far as it is known.

    `remote`: it reached a server, which knows its peer. `relayed`: a proxy that nobody named passed it on.
    """
    if relayed:
        return None
    if not address:
        return None if remote else This.MACHINE
    return This.MACHINE if is_os_user(address) else parse_address(address)


def parse_origin(text: str) -> Origin:
    """Return the origin that a person names by an address or as `local`, or None if it is neither."""
    return This.MACHINE if text.strip().casefold() == LOCAL else parse_address(text.strip())


def parse_address(text: str) -> Address | None:
    """Return an address, an IPv4 address within IPv6 as IPv4, or None."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return found if mapped is None else mapped


def known_origin(network: str) -> Origin:
    """Return the origin that the networks of earlier sign-ins are stored as: a network, or this machine."""
    if network == LOCAL or is_os_user(network):
        return This.MACHINE
    return _network(network)


def _contains(network: str, origin: Address | Network | This) -> bool:
    if isinstance(origin, This):
        return True  # all rules that were compared are for it
    found = _network(network)
    if found is None:
        return False
    if isinstance(origin, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return origin in found
    return found.version == origin.version and found.overlaps(origin)


def _narrowness(rule: NetworkRule) -> tuple[int, bool]:
    found = _network(rule.network)
    return (found.prefixlen if found is not None else 0, bool(rule.roles))


@lru_cache(maxsize=8_192)
def _network(text: str) -> Network | None:
    """Return a stored network, or None for a text that is not one, which contains nothing."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _plain_network(network: Network) -> Network:
    """Return the IPv4 network that is mapped into an IPv6 one, else the network unchanged."""
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    return ipaddress.IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - 96))
