"""Keys of other programs, bound without a code: who, how, once, and what they are accepted for."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest

from secconsole.domain.errors import Invalid, NotAllowed, SecconsoleError, StepUpNeeded
from secconsole.domain.factors.totp import DEFAULT, Algorithm, TotpParameters, code_for_step, time_step
from secconsole.domain.model import FactorKind, FactorState, Flag, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.import_rules import MOST_APPS, REMOVED, UNKNOWN_USER
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Nobody
from secconsole.operations.clock import MendClock
from secconsole.operations.factor_import import FactorsImported, ImportFactors, NewFactor
from secconsole.operations.factors import ListFactors, Verdict, VerifyCode
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.operations.tenants import ShowAdoption
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.users import CountUsers, ListUsers
from tests.organisation import PASSWORD, TENANT, Organisation

SEED = b"12345678901234567890"
KEY = Secret(base64.b32encode(SEED).decode())
OTHER = Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJR")


async def imported(organisation: Organisation, *lines: NewFactor, **options: bool) -> FactorsImported:
    return await organisation.perform(ImportFactors(tenant=TENANT, factors=lines, **options))


def outcome(result: FactorsImported) -> list[tuple[str, str]]:
    return [(item.state.value, item.reason) for item in result.items]


def code(organisation: Organisation, parameters: TotpParameters = DEFAULT, steps: int = 0) -> Secret[str]:
    step = time_step(organisation.clock.now, parameters.period) + steps
    return Secret(code_for_step(Secret(SEED), step, parameters))


async def verify(organisation: Organisation, typed: Secret[str], login: str = "ana") -> Verdict:
    return await organisation.perform(VerifyCode(tenant=TENANT, user=login, code=typed))


async def test_the_next_code_of_an_imported_key_is_accepted_once(organisation: Organisation) -> None:
    await organisation.add("ana")
    result = await imported(organisation, NewFactor(1, "ANA", KEY, label="Pixel 8"))
    assert (result.taken, result.known, result.waits, result.refused, result.weak) == (1, 0, 0, 0, 0)
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert (factor.state, factor.label, factor.weak_key) == (FactorState.ACTIVE, "Pixel 8", False)
    typed = code(organisation)
    assert (await verify(organisation, typed)).accepted
    assert not (await verify(organisation, typed)).accepted


@pytest.mark.parametrize(
    ("algorithm", "digits", "period"),
    [("SHA1", 6, 60), ("SHA256", 8, 30), ("SHA512", 7, 20), ("sha-1", 8, 15), ("SHA1", 6, 120)],
)
async def test_each_key_is_checked_by_its_own_parameters(
    organisation: Organisation, algorithm: str, digits: int, period: int
) -> None:
    await organisation.add("ana")
    line = NewFactor(1, "ana", KEY, algorithm=algorithm, digits=digits, period=period)
    assert outcome(await imported(organisation, line)) == [("taken", "")]
    parameters = TotpParameters(Algorithm(algorithm.upper().replace("-", "")), digits, period)
    early = code(organisation, parameters, steps=-2)
    typed = code(organisation, parameters)
    assert not (await verify(organisation, early)).accepted
    assert (await verify(organisation, typed)).accepted
    assert not (await verify(organisation, typed)).accepted


async def test_a_repeated_import_binds_nothing_twice(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("bob")
    lines = (NewFactor(1, "ana", KEY), NewFactor(2, "ana", KEY), NewFactor(3, "ana", OTHER), NewFactor(4, "bob", KEY))
    checked = await imported(organisation, *lines, check_only=True)
    assert (checked.taken, checked.known) == (3, 1)
    assert (await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items == ()
    assert outcome(await imported(organisation, *lines)) == outcome(checked)
    again = await imported(organisation, *lines)
    assert (again.taken, again.known) == (0, 4)
    assert len((await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items) == 2


async def test_a_key_enrolled_here_is_known_too(organisation: Organisation) -> None:
    await organisation.add("ana")
    seed = await organisation.bind("ana")
    line = NewFactor(1, "ana", Secret(base64.b32encode(seed.reveal()).decode()))
    assert outcome(await imported(organisation, line)) == [("known", "Already bound.")]


async def test_a_key_that_was_unbound_is_not_bound_again_by_the_old_file(organisation: Organisation) -> None:
    await organisation.add("ana")
    await imported(organisation, NewFactor(1, "ana", KEY))
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="stolen"))
    assert outcome(await imported(organisation, NewFactor(1, "ana", KEY))) == [("refused", REMOVED)]


async def test_lines_wait_for_their_users(organisation: Organisation) -> None:
    lines = (NewFactor(1, "ana", KEY), NewFactor(2, "", KEY, serial="260012"))
    waiting = await imported(organisation, *lines)
    assert [item.state.value for item in waiting.items] == ["waits", "waits"]
    assert waiting.items[0].reason == UNKNOWN_USER
    await organisation.add("ana")
    assert (await imported(organisation, *lines)).taken == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"secret": Secret("not base 32!")}, "Base32"),
        ({"secret": Secret("GEZDGNBV")}, "40 bits"),
        ({"secret": Secret("A" * 400)}, "bits"),
        ({"digits": 5}, "digits"),
        ({"period": 14}, "period"),
        ({"period": 121}, "period"),
        ({"algorithm": "MD5"}, "algorithm"),
        ({"kind": "hotp", "counter": -1}, "counter"),
        ({"kind": "ocra"}, "ocra"),
        ({"user": "a" * 300}, "256"),
    ],
)
async def test_bad_lines_are_refused_alone_without_their_keys(
    organisation: Organisation, change: dict[str, object], words: str
) -> None:
    await organisation.add("ana")
    bad = replace(NewFactor(1, "ana", KEY), **change)  # type: ignore[arg-type]
    result = await imported(organisation, bad, NewFactor(2, "ana", OTHER))
    assert (result.refused, result.taken) == (1, 1)
    assert words in result.items[0].reason
    assert bad.secret.reveal() not in repr(result)


async def test_a_token_that_counts_is_accepted_once_and_a_little_ahead(organisation: Organisation) -> None:
    await organisation.add("ana")
    line = NewFactor(1, "ana", KEY, kind="hotp", counter=3)
    assert outcome(await imported(organisation, line)) == [("taken", "")]
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert factor.counts
    accepted: dict[int, list[bool]] = {}
    for counter in (2, 3, 3, 7, 5, 7, 17, 18):
        verdict = await verify(organisation, Secret(code_for_step(Secret(SEED), counter)))
        accepted.setdefault(counter, []).append(verdict.accepted)
    # 2, 5: used or skipped. 17 is the last of the ten after 7.
    assert accepted == {2: [False], 3: [True, False], 7: [True, False], 5: [False], 17: [True], 18: [True]}


async def test_a_counter_is_used_once_by_requests_at_the_same_time(organisation: Organisation) -> None:
    await organisation.add("ana")
    await imported(organisation, NewFactor(1, "ana", KEY, kind="hotp"))
    typed = Secret(code_for_step(Secret(SEED), 4))
    request = VerifyCode(tenant=TENANT, user="ana", code=typed)
    verdicts = await asyncio.gather(*(organisation.backend.perform(request) for _ in range(6)))
    assert sorted(verdict.accepted for verdict in verdicts) == [False] * 5 + [True]


async def test_a_repaired_clock_moves_no_counter(organisation: Organisation) -> None:
    await organisation.add("ana")
    high = 2**50
    await imported(organisation, NewFactor(1, "ana", KEY, kind="hotp", counter=high))
    await organisation.perform(MendClock())
    assert not (await verify(organisation, Secret(code_for_step(Secret(SEED), high - 1)))).accepted
    assert (await verify(organisation, Secret(code_for_step(Secret(SEED), high)))).accepted


async def logins(organisation: Organisation, wanted: UserFilter) -> list[str]:
    """Return the logins that the list shows, as many as are counted."""
    found = [user.login for user in (await organisation.perform(ListUsers(tenant=TENANT, filter=wanted))).items]
    assert (await organisation.perform(CountUsers(tenant=TENANT, filter=wanted))).count == len(found)
    return found


async def test_short_keys_are_taken_and_counted(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("ben")
    await imported(organisation, NewFactor(1, "ben", KEY))
    for key in ("GEZDGNBVGY3TQOJQ", "GEZDGNBVGY3TQOJR"):
        assert (await imported(organisation, NewFactor(1, "ana", Secret(key)))).weak == 1
    assert (await organisation.perform(ShowAdoption(tenant=TENANT))).weak_keys == 1
    short, long = UserFilter(flag=Flag.WEAK_KEY), UserFilter(not_flag=(Flag.WEAK_KEY,), factor=FactorKind.TOTP)
    assert [await logins(organisation, wanted) for wanted in (short, long)] == [["ana"], ["ben"]]
    assert all(factor.weak_key for factor in (await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items)
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="too short"))
    assert (await organisation.perform(ShowAdoption(tenant=TENANT))).weak_keys == 0
    assert await logins(organisation, short) == []


async def test_a_user_has_a_limited_number_of_apps(organisation: Organisation) -> None:
    await organisation.add("ana")
    keys = [Secret(base64.b32encode(bytes([number]) * 20).decode()) for number in range(MOST_APPS + 1)]
    result = await imported(organisation, *(NewFactor(line, "ana", key) for line, key in enumerate(keys, start=1)))
    assert (result.taken, result.refused) == (MOST_APPS, 1)


async def test_a_pending_key_counts_after_its_first_use_at_a_sign_in(organisation: Organisation) -> None:
    await organisation.add("ana")
    await imported(organisation, NewFactor(1, "ana", KEY), pending=True)
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert factor.state is FactorState.PENDING
    assert not (await verify(organisation, code(organisation))).accepted
    again = await imported(organisation, NewFactor(1, "ana", KEY))
    assert again.known == 1
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", required=True))
    answer = await organisation.perform(SignIn(tenant=TENANT, login="ana", password=PASSWORD), Nobody())
    assert (answer.status, len(answer.factors)) == (SignInStatus.SECOND_FACTOR, 1)
    assert answer.challenge is not None
    typed = code(organisation)
    done = await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=typed), Nobody())
    assert done.status is SignInStatus.COMPLETE
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert factor.state is FactorState.ACTIVE
    assert not (await verify(organisation, typed)).accepted


async def test_only_administrators_with_a_proof_import_and_only_for_lower_ranks(organisation: Organisation) -> None:
    for login, role in (
        ("ana", Role.USER),
        ("hana", Role.HELPDESK),
        ("tom", Role.TENANT_ADMIN),
        ("eve", Role.TENANT_ADMIN),
    ):
        await organisation.add(login, role)
    tom, hana = await organisation.sign_in("tom"), await organisation.sign_in("hana")
    lines = tuple(NewFactor(line, login, KEY) for line, login in enumerate(("ana", "hana", "eve", "root"), start=1))
    request = ImportFactors(tenant=TENANT, factors=lines)
    with pytest.raises(NotAllowed):
        await organisation.perform(request, hana)
    organisation.clock.forward(minutes=20)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(request, tom)
    done = await organisation.perform(request, await organisation.prove(tom))
    assert [item.state.value for item in done.items] == ["taken", "taken", "refused", "refused"]


async def test_entries_and_errors_have_no_key(organisation: Organisation) -> None:
    await organisation.add("ana")
    await imported(organisation, NewFactor(1, "ana", KEY, serial="T-1"))
    entries = (await organisation.perform(ListAudit(tenant=TENANT))).items
    actions = [entry.action for entry in entries]
    assert {"factor.imported", "factors.imported"} <= set(actions)
    assert KEY.reveal() not in repr(entries)
    with pytest.raises(SecconsoleError) as refused:
        await imported(organisation, NewFactor(1, "ana", Secret(KEY.reveal() * 40)))
    assert isinstance(refused.value, Invalid)
    assert KEY.reveal() not in str(refused.value)
