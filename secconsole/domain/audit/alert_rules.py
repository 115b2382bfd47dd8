"""Rules of suspicious activity: their names, limits and settings, and the working hours that one of them needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from secconsole.domain.clock import moved_words
from secconsole.domain.errors import Invalid
from secconsole.domain.grace import DAY

DORMANT_DAYS = 30  # a sign-in after so many days is recorded as such
LONGEST_WINDOW = 7 * 24 * 60  # minutes
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAME, _TIME = f"({'|'.join(_DAYS)})", "([0-2][0-9]):([0-5][0-9])"
_HOURS = re.compile(rf"{_DAY_NAME}(?:-{_DAY_NAME})? {_TIME}-{_TIME}")
HOURS_ADVICE = "Write working hours as mon-fri 08:00-18:00."


class AlertRule(StrEnum):
    """Name of a rule, in the order of lists."""

    MANY_FAILURES = "many-failures"
    NETWORK_USERS = "network-users"
    OPERATOR_RESETS = "operator-resets"
    RESET_AND_ACT = "reset-and-act"
    OUT_OF_HOURS = "out-of-hours"
    DORMANT = "dormant-sign-in"
    RECOVERY_CODES = "recovery-codes"
    MANY_SMS = "many-sms"
    SEALED_SECRET = "sealed-secret"  # noqa: S105 - the name of a rule
    CLOCK_JUMP = "clock-jump"


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Kind:
    """Fixed properties of a rule.

    `unit`: what the threshold counts, empty if it counts nothing. `minutes`: the default window, 0 if it needs none.
    """

    about: str
    unit: str
    threshold: int
    highest: int
    minutes: int
    lowest: int = 1
    on: bool = True


KINDS: dict[AlertRule, Kind] = {
    AlertRule.MANY_FAILURES: Kind("many wrong entries for one user", "wrong entries", 20, 500, 30, 3),
    AlertRule.NETWORK_USERS: Kind("one network fails for many users", "users", 10, 500, 10, 2),
    AlertRule.OPERATOR_RESETS: Kind("many unbindings and password resets by one operator", "resets", 20, 500, 60, 2),
    AlertRule.RESET_AND_ACT: Kind("a reset, a binding from a new network, an operator's act", "", 1, 1, 1440),
    AlertRule.OUT_OF_HOURS: Kind("whitelist or policy changed out of hours", "changes", 1, 500, 60, on=False),
    AlertRule.DORMANT: Kind("a sign-in after a long time", "days", 90, 3650, 0, DORMANT_DAYS),
    AlertRule.RECOVERY_CODES: Kind("many users use recovery codes", "users", 5, 500, 60, 2),
    AlertRule.MANY_SMS: Kind("far more SMS than normal", "SMS", 100, 2_000, 60, 10),
    AlertRule.SEALED_SECRET: Kind("a sealed secret does not open", "", 1, 1, 0),
    AlertRule.CLOCK_JUMP: Kind("the clock was set", "", 1, 1, 0),
}


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Settings of a rule in one tenant.

    `minutes`: the window. `hours` and `zone`: working hours, of the rule that needs them.
    """

    rule: AlertRule
    on: bool
    threshold: int
    minutes: int
    hours: str = ""
    zone: str = "UTC"

    @property
    def window(self) -> int:
        """The window in milliseconds."""
        return self.minutes * 60_000


def default_settings(rule: AlertRule) -> RuleSettings:
    """Return the settings of a rule that nobody has changed."""
    kind = KINDS[rule]
    return RuleSettings(rule, kind.on, kind.threshold, kind.minutes)


def is_looser(after: RuleSettings, before: RuleSettings) -> bool:
    """Return True if a rule no longer finds some of what it found before, by its switch, threshold, window or hours."""
    if not before.on:
        return False
    changed = after.hours != before.hours or after.zone != before.zone
    return not after.on or after.threshold > before.threshold or after.minutes < before.minutes or changed


def check_settings(settings: RuleSettings) -> RuleSettings:
    """Return settings with normalized hours, or raise `Invalid` for those that the rule cannot have."""
    kind, rule = KINDS[settings.rule], settings.rule
    if not kind.lowest <= settings.threshold <= kind.highest:
        limits = f"between {kind.lowest} and {kind.highest} {kind.unit}".strip() if kind.unit else "1"
        raise Invalid(f"The threshold of {rule} must be {limits}.", "threshold")
    if not kind.minutes and settings.minutes:
        raise Invalid(f"{rule} has no window.", "minutes")
    if kind.minutes and not 1 <= settings.minutes <= _longest(rule):
        raise Invalid(f"The window must be between 1 and {_longest(rule)} minutes.", "minutes")
    if rule is not AlertRule.OUT_OF_HOURS:
        if settings.hours or settings.zone != "UTC":
            raise Invalid(f"{rule} has no working hours.", "hours")
        return settings
    if settings.on and not settings.hours:
        raise Invalid(f"Set the working hours first. {HOURS_ADVICE}", "hours")
    hours = " ".join(settings.hours.split()).casefold()
    if hours:
        WorkingHours.parse(hours, settings.zone)
    zone_of(settings.zone)
    return RuleSettings(rule, settings.on, settings.threshold, settings.minutes, hours, settings.zone)


def _longest(rule: AlertRule) -> int:
    return 1440 if rule is AlertRule.MANY_SMS else LONGEST_WINDOW


def zone_of(name: str) -> tzinfo:
    """Return a time zone, or raise `Invalid` for an unknown name."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Invalid("There is no such time zone. Name one like Europe/Prague.", "zone") from None


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Days and times at which changes are expected, on the clocks of a time zone."""

    days: frozenset[int]
    start: int  # minutes after midnight
    end: int
    zone: tzinfo

    @classmethod
    def parse(cls, text: str, zone: str) -> WorkingHours:
        """Return the working hours of a text such as `mon-fri 08:00-18:00`, or raise `Invalid`."""
        found = _HOURS.fullmatch(text)
        if found is None:
            raise Invalid(HOURS_ADVICE, "hours")
        first = _DAYS.index(found[1])
        last = _DAYS.index(found[2]) if found[2] else first
        start, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (3, 5))
        if not start < end <= 24 * 60:
            raise Invalid(f"Working hours end after they begin, on the same day. {HOURS_ADVICE}", "hours")
        length = (last - first) % 7 + 1
        return cls(frozenset((first + day) % 7 for day in range(length)), start, end, zone_of(zone))

    def contain(self, at: int) -> bool:
        """Return True if a time in milliseconds is within the working hours."""
        there = datetime.fromtimestamp(at / 1000, UTC).astimezone(self.zone)
        return there.weekday() in self.days and self.start <= there.hour * 60 + there.minute < self.end


def days_asleep(last_sign_in: int, now: int) -> int:
    """Return the days since the last sign-in, 0 if there was none."""
    return max(0, now - last_sign_in) // DAY if last_sign_in else 0


def alert_words(rule: AlertRule, number: int, name: str, minutes: int, others: int = 0) -> str:
    """Describe an alert in one line.

    `name`: its user, network or operator. `others`: how many further ones of the rule it sums up, which have no name.
    """
    if others:
        return f"{KINDS[rule].about}: {others:,} more {'time' if others == 1 else 'times'}, summed up"
    within = f" within {span_words(minutes)}" if minutes else ""
    match rule:
        case AlertRule.MANY_FAILURES:
            return f"{number:,} wrong entries for {name}{within}"
        case AlertRule.NETWORK_USERS:
            return f"network {name} failed for {number:,} users{within}"
        case AlertRule.OPERATOR_RESETS:
            return f"{number:,} unbindings and resets by {name}{within}"
        case AlertRule.RESET_AND_ACT:
            return f"{name} was reset, bound from a new network, and acted as an operator{within}"
        case AlertRule.OUT_OF_HOURS:
            return f"{number:,} {'change' if number == 1 else 'changes'} out of hours by {name}"
        case AlertRule.DORMANT:
            return f"{name} signed in after {number:,} days"
        case AlertRule.RECOVERY_CODES:
            return f"{number:,} users used recovery codes{within}"
        case AlertRule.MANY_SMS:
            return f"{number:,} SMS{within}, far more than normal"
        case AlertRule.SEALED_SECRET:
            return f"a sealed secret does not open: {name}"
        case AlertRule.CLOCK_JUMP:
            return f"the clock was set {moved_words(number * 1000)}"


def span_words(minutes: int) -> str:
    """Format a window such as `30 min`, `2 h` or `3 days`."""
    if minutes % 1440 == 0 and minutes > 1440:
        return f"{minutes // 1440} days"
    return f"{minutes // 60} h" if minutes % 60 == 0 and minutes >= 120 else f"{minutes} min"
