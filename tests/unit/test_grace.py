"""The grace period: one for each user, which nothing begins again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.clock import NOTICED
from secconsole.domain.grace import DAY, grace_end, must_bind_from
from secconsole.domain.model import BindingStatus, PolicyMode

MOMENT = st.integers(0, 2_000 * DAY)
DAYS = st.integers(0, 365)


@given(required_since=MOMENT, created=MOMENT, days=DAYS, later=MOMENT)
def test_it_lasts_from_the_later_of_demand_and_creation(
    required_since: int, created: int, days: int, later: int
) -> None:
    now = max(required_since, created) + later
    end = grace_end(required_since=required_since, created=created, days=days, now=now)
    assert end == max(required_since, created) + days * DAY


@given(required_since=MOMENT, created=MOMENT, days=DAYS, now=MOMENT)
def test_it_never_lasts_longer_than_its_days_from_now(required_since: int, created: int, days: int, now: int) -> None:
    end = grace_end(required_since=required_since, created=created, days=days, now=now)
    assert end <= now + NOTICED + days * DAY
    for start in (required_since, created):
        assert end >= start + days * DAY or start > now + NOTICED


@given(
    policy=st.sampled_from(PolicyMode),
    status=st.sampled_from(BindingStatus),
    whitelisted=st.booleans(),
    disabled=st.booleans(),
    required_since=MOMENT,
    created=MOMENT,
    days=DAYS,
    now=MOMENT,
)
def test_only_users_without_a_factor_must_bind_and_only_if_it_is_required(
    policy: PolicyMode,
    status: BindingStatus,
    whitelisted: bool,
    disabled: bool,
    required_since: int,
    created: int,
    days: int,
    now: int,
) -> None:
    end = must_bind_from(
        policy,
        status=status,
        whitelisted=whitelisted,
        disabled=disabled,
        required_since=required_since,
        created=created,
        days=days,
        now=now,
    )
    left_alone = policy is not PolicyMode.REQUIRED or status is BindingStatus.BOUND or whitelisted or disabled
    assert (end is None) == left_alone
