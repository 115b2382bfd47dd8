"""The rules of suspicious activity over entries made by hand: what meets each one, and what narrowly does not."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.audit.alert_rules import (
    KINDS,
    AlertRule,
    RuleSettings,
    WorkingHours,
    alert_words,
    check_settings,
    days_asleep,
    default_settings,
)
from secconsole.domain.audit.alert_signals import (
    ACTIONS,
    MOST_SIGNALS,
    Entry,
    Signal,
    Track,
    signals_of,
)
from secconsole.domain.errors import Invalid
from secconsole.operations import load_all
from secconsole.operations.events import EVENTS

load_all()
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_800_000_000_000


def entry(at: int, action: str, *, seq: int = 0, outcome: str = "done", **fields: object) -> Entry:
    texts = {"actor": "", "actor_id": "", "target": "", "target_id": "", "address": ""}
    details = {name: value for name, value in fields.items() if name not in texts}
    given_texts = {name: str(fields.get(name, "")) for name in texts}
    return Entry(seq or at, NOW + at, action, outcome, details=details, **given_texts)  # type: ignore[arg-type]


def met(entries: Iterable[Entry], rule: AlertRule, **changes: object) -> list[tuple[str, int]]:
    """Return subject and number of each time that a rule is met for the first time or again."""
    base = default_settings(rule)
    values = {"threshold": base.threshold, "minutes": base.minutes, "hours": "", "zone": "UTC"} | changes
    settings = RuleSettings(rule, on=True, **values)  # type: ignore[arg-type]
    tracks: dict[str, Track] = {}
    found = []
    for one in entries:
        for signal in signals_of(one, [settings]):
            track = tracks.setdefault(signal.subject, Track(settings))
            if track.add(signal):
                found.append((signal.subject, track.number(signal.at)))
    return found


def test_every_action_that_a_rule_looks_at_is_an_event() -> None:
    assert {action for actions in ACTIONS.values() for action in actions} <= EVENTS.keys()
    assert list(KINDS) == list(ACTIONS) == list(AlertRule)


def recovery(at: int, user: str) -> Entry:
    return entry(at, "recovery.used", actor=user, target=user, target_id=user, left=3)


def test_recovery_codes_of_many_users_and_not_of_one() -> None:
    rule = AlertRule.RECOVERY_CODES
    assert met([recovery(minute * MINUTE, f"u{minute}") for minute in range(5)], rule) == [("", 5)]
    assert met([recovery(minute * MINUTE, "u1") for minute in range(9)], rule) == []
    assert met([recovery(number * 20 * MINUTE, f"u{number}") for number in range(9)], rule) == []


def sms(at: int, kind: str = "sms") -> Entry:
    return entry(at, "code.sent", target_id="u", kind=kind)


def test_sms_far_above_the_normal_and_not_a_busy_week() -> None:
    rule = AlertRule.MANY_SMS
    burst = [sms(7 * DAY + second * 1_000, "sms") for second in range(120)]
    quiet = [sms(hour * HOUR) for hour in range(24 * 7)]
    assert met([*quiet, *burst], rule)[0] == ("", 100)
    busy = [sms(minute * MINUTE) for minute in range(24 * 60 * 7)]
    assert met([*busy, *burst[:100]], rule) == []
    assert met([sms(second * 1_000, "email") for second in range(500)], rule) == []


def test_a_secret_that_does_not_open_and_a_clock_that_jumps() -> None:
    damaged = entry(0, "secret.damaged", outcome="failed", target="ana", row="01F", purpose="totp")
    assert met([damaged], AlertRule.SEALED_SECRET) == [("01F", 1)]
    assert met([entry(0, "secret.damaged", outcome="done", row="01F")], AlertRule.SEALED_SECRET) == []
    assert met([entry(0, "clock.jumped", seconds=-7200)], AlertRule.CLOCK_JUMP) == [("", -7200)]
    assert met([entry(0, "clock.mended", factors=1)], AlertRule.CLOCK_JUMP) == []


def reset(at: int, user: str = "tina", action: str = "unbind") -> Entry:
    return entry(at, action, actor="hana", actor_id="hana", target=user, target_id=user)


def bound(at: int, user: str = "tina", **more: object) -> Entry:
    return entry(at, "factor.confirmed", actor=user, target=user, target_id=user, **more)


def acted(at: int, user: str = "tina", action: str = "policy.set") -> Entry:
    return entry(at, action, actor=user, actor_id=user, target="bob", target_id="bob")


def test_a_reset_a_new_network_and_an_act_in_this_order_only() -> None:
    rule = AlertRule.RESET_AND_ACT
    far = {"new_network": True}
    assert met([acted(1), reset(2), bound(3, **far), acted(4)], rule) == [("tina", 3)]
    assert met([reset(2, action="user.password-reset"), bound(3, **far), acted(4, action="unbind")], rule)
    near_misses = (
        [reset(1), bound(2), acted(3)],  # a known network
        [bound(1, **far), acted(2)],  # no reset
        [bound(1, **far), reset(2), acted(3)],  # bound before the reset
        [reset(1), bound(2, **far)],  # no act
        [reset(1), bound(2, **far), acted(3, "otto")],  # another operator
        [reset(1), bound(2, **far), acted(2 * DAY)],  # too late
        [reset(1), reset(2, "tina"), bound(3, "uma", **far), acted(4)],  # another user
    )
    for entries in near_misses:
        assert met(entries, rule) == [], entries


def change(at: datetime, action: str = "whitelist.added") -> Entry:
    return entry(int(at.timestamp() * 1000) - NOW, action, seq=1, actor="hana", actor_id="hana")


@pytest.mark.parametrize(
    ("at", "is_out"),
    [
        ("2027-01-15T08:00+01:00", False),  # a Friday
        ("2027-01-15T07:59+01:00", True),
        ("2027-01-15T17:59+01:00", False),
        ("2027-01-15T18:00+01:00", True),
        ("2027-01-16T12:00+01:00", True),  # a Saturday
        ("2027-07-15T07:30+02:00", True),
        ("2027-07-15T08:00+02:00", False),  # in summer an hour earlier by UTC
    ],
)
def test_out_of_hours_by_the_clock_of_the_zone(at: str, is_out: bool) -> None:
    found = met(
        [change(datetime.fromisoformat(at))], AlertRule.OUT_OF_HOURS, hours="mon-fri 08:00-18:00", zone="Europe/Prague"
    )
    assert bool(found) == is_out


def test_a_week_that_begins_on_sunday() -> None:
    hours = WorkingHours.parse("sun-thu 08:00-16:00", "UTC")
    days = [hours.contain(int(datetime(2027, 1, day, 9, tzinfo=UTC).timestamp() * 1000)) for day in range(10, 17)]
    assert days == [True] * 5 + [False] * 2  # 10 January 2027 is a Sunday


def test_dormant_days() -> None:
    assert [days_asleep(last, 100 * DAY) for last in (0, 1, 10 * DAY, 200 * DAY)] == [0, 99, 90, 0]
    for days, is_met in ((90, False), (91, True)):
        one = entry(0, "sign-in.dormant", actor="ana", target="ana", target_id="ana", days=days)
        assert bool(met([one], AlertRule.DORMANT)) == is_met


def test_the_checks_of_an_application_do_not_make_its_network_suspicious() -> None:
    checks = [
        entry(n, "verify", outcome="refused", target=f"u{n}", target_id=f"u{n}", address="203.0.113.5")
        for n in range(50)
    ]
    assert met(checks, AlertRule.NETWORK_USERS) == []
    assert met(checks, AlertRule.MANY_FAILURES) == []


def failure(at: int, user: str = "ana", **more: object) -> Entry:
    return entry(at, "sign-in", outcome="refused", target=user, target_id=user, address="2001:db8::7", **more)


@given(st.lists(st.integers(0, 3 * 60), max_size=60), st.integers(3, 12), st.integers(1, 90))
def test_a_rule_is_met_exactly_when_a_window_has_so_many(minutes: list[int], threshold: int, window: int) -> None:
    times = sorted(minute * MINUTE for minute in minutes)
    entries = [failure(at, seq=number) for number, at in enumerate(times, 1)]
    found = met(entries, AlertRule.MANY_FAILURES, threshold=threshold, minutes=window)
    counts = [
        sum(at - window * MINUTE <= other for other in times[: at_index + 1]) for at_index, at in enumerate(times)
    ]
    assert [number for _, number in found] == [count for count in counts if count >= threshold]


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 5)), max_size=60), st.integers(2, 5))
def test_distinct_users_are_counted_once_each(entries: list[tuple[int, int]], threshold: int) -> None:
    ordered = sorted(entries)
    made = [failure(minute * MINUTE, f"u{user}", seq=number) for number, (minute, user) in enumerate(ordered, 1)]
    found = met(made, AlertRule.NETWORK_USERS, threshold=threshold)
    expected = [
        len({user for at, user in ordered[: index + 1] if minute - 10 <= at})
        for index, (minute, _) in enumerate(ordered)
    ]
    assert [number for _, number in found] == [number for number in expected if number >= threshold]


def test_the_signals_of_a_subject_are_bounded() -> None:
    settings = RuleSettings(AlertRule.MANY_FAILURES, on=True, threshold=500, minutes=10_080)
    track = Track(settings)
    for number in range(MOST_SIGNALS + 50):
        track.add(Signal(settings.rule, "ana", "ana", str(number), NOW, number))
    assert len(track.signals) == MOST_SIGNALS
    assert track.number(NOW) == MOST_SIGNALS


@given(st.sampled_from(list(AlertRule)), st.integers(-10, 5_000), st.integers(-10, 20_000))
def test_settings_are_valid_or_refused_and_each_rule_has_words(rule: AlertRule, threshold: int, minutes: int) -> None:
    settings = RuleSettings(rule, on=False, threshold=threshold, minutes=minutes)
    with suppress(Invalid):
        assert check_settings(settings) == settings
    assert alert_words(rule, threshold, "ana", max(0, minutes))


def test_the_defaults_are_valid() -> None:
    for rule in AlertRule:
        assert check_settings(default_settings(rule)) == default_settings(rule)
