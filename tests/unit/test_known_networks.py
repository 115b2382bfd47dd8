"""Networks whose passwords are checked first: recently used ones are kept, and only successes count."""

from __future__ import annotations

import pytest

from secconsole.domain.model import SignInStatus
from secconsole.operations.signin import SignInAnswer
from secconsole.operations.step_up import Proof
from secconsole.service.factors.known_networks import Regulars, is_accepted


def test_the_least_recently_used_networks_are_forgotten() -> None:
    seen = Regulars(most=2)
    for network in ("a", "b", "a", "c"):
        seen.note(network)
    assert [network in seen for network in "abc"] == [True, False, True]


@pytest.mark.parametrize("status", list(SignInStatus))
def test_every_reply_except_a_refusal_counts(status: SignInStatus) -> None:
    assert is_accepted(SignInAnswer(status)) is (status is not SignInStatus.REFUSED)


def test_a_step_up_counts_if_it_was_accepted() -> None:
    assert is_accepted(Proof(True))
    assert not is_accepted(Proof(False))
    assert not is_accepted(None)
