"""Signals of suspicious activity in audit entries, and the decision when they are enough for an alert.

The same code evaluates new entries and, for a trial, past ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from secconsole.domain.audit.alert_rules import AlertRule, RuleSettings, WorkingHours
from secconsole.domain.clock import NOTICED
from secconsole.domain.networks.network import network_of

MOST_SIGNALS = 1_000  # of one subject: twice as many as any threshold
FAR_ABOVE = 3  # times the normal number of SMS
NORMAL = 7 * 24 * 3_600_000  # milliseconds that show what is normal
_BUCKET = 15 * 60_000
_RESET, _BOUND, _ACTED = "1 reset", "2 bound", "3 acted"

# Actions of audit entries, which operations/events.py declares.
REFUSED = ("sign-in", "sign-in.code", "user.held", "verify", "step-up")
_AT_SIGN_IN = ("sign-in", "sign-in.code", "user.held")  # an application's checks all come from its own network
RESETS = ("unbind", "user.reset", "user.password-reset")
POLICY_CHANGES = (
    "whitelist.added",
    "whitelist.changed",
    "whitelist.removed",
    "policy.set",
    "policy.weakened",
    "user.mfa-not-required",
    "network.added",
    "network.removed",
    "alert.rule-set",
)
OPERATORS_ACTS = (
    *RESETS,
    *POLICY_CHANGES,
    "user.role-changed",
    "user.disabled",
    "user.enabled",
    "bypass.issued",
    "secret-key.created",
    "secret-key.rotated",
    "secret-key.revoked",
    "delivery.set-smtp",
    "delivery.set-twilio",
)
BINDING, DORMANT, RECOVERY, SENT = "factor.confirmed", "sign-in.dormant", "recovery.used", "code.sent"
DAMAGED, JUMPED = "secret.damaged", "clock.jumped"

FAILURE_RULES = (AlertRule.MANY_FAILURES, AlertRule.NETWORK_USERS)  # of refused entries, the others of all others
ACTIONS: dict[AlertRule, tuple[str, ...]] = {
    AlertRule.MANY_FAILURES: REFUSED,
    AlertRule.NETWORK_USERS: _AT_SIGN_IN,
    AlertRule.OPERATOR_RESETS: RESETS,
    AlertRule.RESET_AND_ACT: (*OPERATORS_ACTS, BINDING),
    AlertRule.OUT_OF_HOURS: POLICY_CHANGES,
    AlertRule.DORMANT: (DORMANT,),
    AlertRule.RECOVERY_CODES: (RECOVERY,),
    AlertRule.MANY_SMS: (SENT,),
    AlertRule.SEALED_SECRET: (DAMAGED,),
    AlertRule.CLOCK_JUMP: (JUMPED,),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """The part of an audit entry that rules look at."""

    seq: int
    at: int
    action: str
    outcome: str
    actor: str
    actor_id: str
    target: str
    target_id: str
    address: str
    details: Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that counts for a rule.

    `subject`: the user, operator or network that it is counted for, shown as `name`. A later signal with the same `key`
    replaces an earlier one of the subject. `seq`: the number of its audit entry.
    """

    rule: AlertRule
    subject: str
    name: str
    key: str
    at: int
    seq: int
    weight: int = 1


def signals_of(entry: Entry, rules: Iterable[RuleSettings]) -> Iterator[Signal]:
    """Yield what an entry means to each rule that is on."""
    for settings in rules:
        if settings.on and entry.action in ACTIONS[settings.rule] and _has_outcome(entry, settings.rule):
            yield from _FINDERS[settings.rule](entry, settings)


def _has_outcome(entry: Entry, rule: AlertRule) -> bool:
    if rule in FAILURE_RULES:
        return entry.outcome == "refused"
    return entry.outcome == ("failed" if rule is AlertRule.SEALED_SECRET else "done")


def _signal(
    entry: Entry, settings: RuleSettings, subject: str, name: str, *, key: str = "", weight: int = 1
) -> Iterator[Signal]:
    yield Signal(settings.rule, subject, name, key or str(entry.seq), entry.at, entry.seq, weight)


def _many_failures(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    if entry.target_id:
        yield from _signal(entry, settings, entry.target_id, entry.target, weight=max(1, _int(entry, "attempts")))


def _network_users(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    address = entry.address.partition("/")[0]
    network = network_of(address) if address else None
    if network is not None:  # unknown logins have no id: each entry counts
        yield from _signal(entry, settings, network, network, key=entry.target_id)


def _resets(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    operator = entry.actor_id or entry.actor
    if entry.target_id and operator != entry.target_id:
        yield from _signal(entry, settings, operator, entry.actor)


def _reset_and_act(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    # During a sign-in the user has no id as an actor.
    is_own = entry.actor_id == entry.target_id or (not entry.actor_id and entry.actor == entry.target)
    if entry.action == BINDING:
        if is_own and entry.target_id and entry.details.get("new_network"):
            yield from _signal(entry, settings, entry.target_id, entry.target, key=_BOUND)
        return
    if entry.action in RESETS and entry.target_id and not is_own:
        yield from _signal(entry, settings, entry.target_id, entry.target, key=_RESET)
    if entry.actor_id and not is_own:
        yield from _signal(entry, settings, entry.actor_id, entry.actor, key=_ACTED)


def _out_of_hours(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    if settings.hours and not WorkingHours.parse(settings.hours, settings.zone).contain(entry.at):
        yield from _signal(entry, settings, entry.actor_id or entry.actor, entry.actor)


def _dormant(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    days = _int(entry, "days")
    if days > settings.threshold:
        yield from _signal(entry, settings, entry.target_id, entry.target, weight=days)


def _recovery(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    yield from _signal(entry, settings, "", "", key=entry.target_id)


def _sms(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    if entry.details.get("kind") == "sms":
        yield from _signal(entry, settings, "", "", key=str(entry.at // _BUCKET))


def _damaged(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    row, purpose = str(entry.details.get("row", "")), str(entry.details.get("purpose", ""))
    of = f" of {entry.target}" if entry.target else ""
    yield from _signal(entry, settings, row, f"{purpose}{of}")


def _jumped(entry: Entry, settings: RuleSettings) -> Iterator[Signal]:
    yield from _signal(entry, settings, "", "", weight=_int(entry, "seconds"))


_FINDERS: dict[AlertRule, Callable[[Entry, RuleSettings], Iterator[Signal]]] = {
    AlertRule.MANY_FAILURES: _many_failures,
    AlertRule.NETWORK_USERS: _network_users,
    AlertRule.OPERATOR_RESETS: _resets,
    AlertRule.RESET_AND_ACT: _reset_and_act,
    AlertRule.OUT_OF_HOURS: _out_of_hours,
    AlertRule.DORMANT: _dormant,
    AlertRule.RECOVERY_CODES: _recovery,
    AlertRule.MANY_SMS: _sms,
    AlertRule.SEALED_SECRET: _damaged,
    AlertRule.CLOCK_JUMP: _jumped,
}


def _int(entry: Entry, name: str) -> int:
    value = entry.details.get(name)
    return value if isinstance(value, int) else 0


def kept_for(settings: RuleSettings) -> int:
    """Return the milliseconds after which a signal no longer counts for anything."""
    return settings.window + (NORMAL if settings.rule is AlertRule.MANY_SMS else 0)


class Track:
    """Signals of one subject of a rule, of which only those within the window count."""

    def __init__(self, settings: RuleSettings, before: Iterable[Signal] = ()) -> None:
        self._settings = settings
        self._signals = {signal.key: signal for signal in before}

    @property
    def signals(self) -> Sequence[Signal]:
        """All signals that may still count, oldest first."""
        return tuple(self._signals.values())

    def add(self, signal: Signal) -> bool:
        """Add a signal, and return True if the rule is met from now on."""
        former = self._signals.pop(signal.key, None)
        if former is not None and self._settings.rule is AlertRule.MANY_SMS:
            signal = replace(signal, weight=signal.weight + former.weight)
        self._signals[signal.key] = signal
        self._drop_old(signal.at)
        return self._is_met(signal.at)

    def counted(self, now: int) -> list[Signal]:
        """Return the signals within the window, oldest first."""
        since, until = now - self._settings.window, now + NOTICED
        return [signal for signal in self._signals.values() if since <= signal.at <= until]

    def number(self, now: int) -> int:
        """Return what the threshold is compared with."""
        found = self.counted(now)
        if self._settings.rule in (AlertRule.DORMANT, AlertRule.CLOCK_JUMP):
            return found[-1].weight if found else 0
        if self._settings.rule in (AlertRule.NETWORK_USERS, AlertRule.RECOVERY_CODES):
            return len(found)
        return sum(signal.weight for signal in found)

    def _is_met(self, now: int) -> bool:
        match self._settings.rule:
            case AlertRule.DORMANT | AlertRule.SEALED_SECRET | AlertRule.CLOCK_JUMP:
                return True
            case AlertRule.RESET_AND_ACT:
                return [signal.key for signal in self.counted(now)] == [_RESET, _BOUND, _ACTED]
            case AlertRule.MANY_SMS:
                number = self.number(now)
                return number >= self._settings.threshold and number > FAR_ABOVE * self._normal(now)
        return self.number(now) >= self._settings.threshold

    def _normal(self, now: int) -> float:
        """Return the mean number of SMS of a window in the week before this one."""
        since = now - self._settings.window
        before = sum(s.weight for s in self._signals.values() if since - NORMAL <= s.at < since)
        return before * self._settings.window / NORMAL

    def _drop_old(self, now: int) -> None:
        oldest = now - kept_for(self._settings)
        old = [signal.key for signal in takewhile(lambda signal: signal.at < oldest, self._signals.values())]
        old += list(self._signals)[len(old) : max(len(old), len(self._signals) - MOST_SIGNALS)]
        for key in old:
            del self._signals[key]
