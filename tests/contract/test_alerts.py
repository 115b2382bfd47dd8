"""Alerts of suspicious activity: what raises one and what does not, who acknowledges it, and what a flood does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.domain.audit.alert_rules import AlertRule, AlertState
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.alerts import (
    AcknowledgeAlert,
    Alert,
    ListAlertRules,
    ListAlerts,
    SetAlertRule,
    ShowAlert,
    TryAlertRule,
)
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import ConfirmBinding, SignIn, StartBinding
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ResetPassword
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.service.alerts.raising import MOST_IN_AN_HOUR
from secconsole.store.schema import alert_signals
from tests.organisation import PASSWORD, START, TENANT, Organisation, seed_of

WRONG = Secret("not the password at all")


async def sweep(organisation: Organisation) -> list[Alert]:
    """Apply the rules, and return the open alerts, newest first."""
    await organisation.backend.alert_worker.sweep()
    return await alerts(organisation)


async def alerts(organisation: Organisation, state: AlertState | None = AlertState.OPEN) -> list[Alert]:
    return list((await organisation.perform(ListAlerts(tenant=TENANT, state=state))).items)


async def guess(organisation: Organisation, login: str, address: str = "203.0.113.7") -> None:
    """Enter a wrong password from an address."""
    sign_in = SignIn(tenant=TENANT, login=login, password=WRONG)
    await organisation.backend.perform_as(sign_in, Nobody(), Source("api", address))


async def guess_often(organisation: Organisation, login: str, times: int, address: str = "203.0.113.7") -> None:
    """Enter wrong passwords two minutes apart, so that each has an entry."""
    for _ in range(times):
        await guess(organisation, login, address)
        organisation.clock.forward(minutes=2)


async def rule(organisation: Organisation, name: AlertRule, **changes: object) -> None:
    await organisation.perform(SetAlertRule(tenant=TENANT, rule=name, **changes))  # type: ignore[arg-type]


async def test_many_failures_of_one_user_raise_one_alert_that_counts_further_ones(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=4)
    await guess_often(organisation, "ana", 3)
    assert await sweep(organisation) == []
    await guess_often(organisation, "ana", 1)
    (found,) = await sweep(organisation)
    assert (found.rule, found.name, found.number, found.events) == (AlertRule.MANY_FAILURES, "ana", 4, 4)
    assert found.summary == "4 wrong entries for ana within 30 min"
    await guess_often(organisation, "ana", 2)
    (again,) = await sweep(organisation)
    assert (again.id, again.number, again.events) == (found.id, 6, 6)
    detail = await organisation.perform(ShowAlert(tenant=TENANT, alert=found.id))
    assert [entry.action for entry in detail.entries] == ["sign-in"] * 4 + ["user.held", "sign-in"]
    assert {entry.outcome for entry in detail.entries} == {"refused"}
    raised = (await organisation.perform(ListAudit(tenant=TENANT, action="alert.raised"))).items
    assert [(entry.actor, entry.target, entry.details["alert"]) for entry in raised] == [
        ("secconsole", "ana", found.id)
    ]
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


@pytest.mark.alike
async def test_failures_outside_the_window_do_not_count(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=4, minutes=5)
    await guess_often(organisation, "ana", 8)
    assert await sweep(organisation) == []


async def test_failures_that_were_summed_up_count_each(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=4)
    for _ in range(4):
        await guess(organisation, "ana")
    assert await sweep(organisation) == []
    organisation.clock.forward(minutes=2)
    await organisation.perform(ListAlertRules(tenant=TENANT))  # sums up the minute
    (found,) = await sweep(organisation)
    assert (found.number, found.events) == (4, 2)


async def test_each_entry_counts_once_for_any_number_of_sweeps(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=4)
    await guess_often(organisation, "ana", 5)
    worker = organisation.backend.alert_worker
    await asyncio.gather(*(worker.sweep() for _ in range(4)))
    await worker.sweep()
    (found,) = await alerts(organisation)
    assert (found.number, found.events) == (5, 5)
    assert len((await organisation.perform(ListAudit(tenant=TENANT, action="alert.raised"))).items) == 1


async def test_one_network_that_fails_for_many_users(organisation: Organisation) -> None:
    await rule(organisation, AlertRule.NETWORK_USERS, threshold=3)
    for login in ("ana", "ben", "cleo"):
        await organisation.add(login)
    for host, login in enumerate(("ana", "ben", "ben")):
        await guess(organisation, login, f"203.0.113.{host}")
        organisation.clock.forward(seconds=61)
    await guess(organisation, "cleo", "198.51.100.4")
    assert await sweep(organisation) == []
    await guess(organisation, "cleo", "203.0.113.99")
    (found,) = await sweep(organisation)
    assert (found.rule, found.subject, found.number) == (AlertRule.NETWORK_USERS, "203.0.113.0/24", 3)


@pytest.mark.alike
async def test_many_resets_by_one_operator_and_not_by_two(organisation: Organisation) -> None:
    await rule(organisation, AlertRule.OPERATOR_RESETS, threshold=3)
    for login in ("ana", "ben", "cleo"):
        await organisation.add(login)
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("tina", Role.TENANT_ADMIN)
    await organisation.bind("ana")
    hana, tina = await organisation.sign_in("hana"), await organisation.sign_in("tina")
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"), hana)
    await organisation.perform(ResetPassword(tenant=TENANT, user="ben"), tina)
    await organisation.perform(ResetPassword(tenant=TENANT, user="cleo"), tina)
    assert await sweep(organisation) == []
    await organisation.perform(ResetPassword(tenant=TENANT, user="cleo"), tina)
    (found,) = await sweep(organisation)
    assert (found.rule, found.name, found.number) == (AlertRule.OPERATOR_RESETS, "tina", 3)
    with pytest.raises(NotAllowed, match="your own account"):
        await organisation.perform(AcknowledgeAlert(tenant=TENANT, alert=found.id, note="me"), tina)


@pytest.mark.alike
async def test_a_change_out_of_hours_in_the_zone_of_the_tenant(organisation: Organisation) -> None:
    start = datetime.fromtimestamp(START, UTC)
    with pytest.raises(Invalid, match="working hours first"):
        await rule(organisation, AlertRule.OUT_OF_HOURS, on=True)
    hours = f"mon-sun {start - timedelta(hours=1):%H}:00-{start + timedelta(hours=2):%H}:00"
    await rule(organisation, AlertRule.OUT_OF_HOURS, on=True, hours=hours)
    await organisation.backend.alert_worker.sweep()
    await organisation.add("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phone"))
    assert await sweep(organisation) == []
    organisation.clock.forward(minutes=180)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    (found,) = await sweep(organisation)
    assert (found.rule, found.name) == (AlertRule.OUT_OF_HOURS, "local:jane")
    await rule(organisation, AlertRule.OUT_OF_HOURS, zone="Asia/Tokyo")
    with pytest.raises(Invalid, match="no such time zone"):
        await rule(organisation, AlertRule.OUT_OF_HOURS, zone="Europe/Atlantis")


async def test_a_sign_in_after_ninety_days(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("ben")
    for login in ("ana", "ben"):
        await organisation.sign_in(login)
    organisation.clock.forward(days=89)
    await organisation.sign_in("ben")
    assert await sweep(organisation) == []
    organisation.clock.forward(days=2)
    await organisation.sign_in("ana")
    (found,) = await sweep(organisation)
    assert (found.rule, found.name, found.number) == (AlertRule.DORMANT, "ana", 91)
    assert found.summary == "ana signed in after 91 days"


async def test_an_acknowledged_alert_counts_from_zero_again(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=3)
    await guess_often(organisation, "ana", 3)
    (found,) = await sweep(organisation)
    for note in ("", "  "):
        with pytest.raises(Invalid):
            await organisation.perform(AcknowledgeAlert(tenant=TENANT, alert=found.id, note=note))
    done = await organisation.perform(AcknowledgeAlert(tenant=TENANT, alert=found.id, note=" her new keyboard "))
    assert (done.state, done.note, done.acknowledged_by) == (AlertState.ACKNOWLEDGED, "her new keyboard", "local:jane")
    with pytest.raises(Conflict, match="local:jane"):
        await organisation.perform(AcknowledgeAlert(tenant=TENANT, alert=found.id, note="again"))
    with pytest.raises(NotFound):
        await organisation.perform(AcknowledgeAlert(tenant=TENANT, alert="01KAN7M3R4T6V8X0Z2B4D6F8H0", note="x"))
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="alert.acknowledged"))).items[0]
    assert (entry.reason, entry.details["before"], entry.details["after"]) == (
        "her new keyboard",
        "open",
        "acknowledged",
    )
    await guess_often(organisation, "ana", 2)
    assert await sweep(organisation) == []
    await guess_often(organisation, "ana", 1)
    (second,) = await sweep(organisation)
    assert second.id != found.id
    assert [alert.id for alert in await alerts(organisation, None)] == [second.id, found.id]
    page = await organisation.perform(ListAlerts(tenant=TENANT, state=AlertState.ACKNOWLEDGED, limit=1))
    assert (page.open, page.oldest, page.next) == (1, second.created, None)


@pytest.mark.alike
async def test_rules_are_set_with_before_and_after_and_within_their_limits(organisation: Organisation) -> None:
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=5, minutes=60)
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=5)
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="alert.rule-set"))).items
    assert entry.details["before"] == "on, threshold 20, 30 min"
    assert entry.details["after"] == "on, threshold 5, 60 min"
    wrong: list[tuple[AlertRule, dict[str, object]]] = [
        (AlertRule.MANY_FAILURES, {"threshold": 2}),
        (AlertRule.MANY_FAILURES, {"threshold": 501}),
        (AlertRule.MANY_FAILURES, {"minutes": 0}),
        (AlertRule.CLOCK_JUMP, {"minutes": 5}),
        (AlertRule.DORMANT, {"hours": "mon-fri 08:00-18:00"}),
        (AlertRule.OUT_OF_HOURS, {"hours": "from nine to five"}),
        (AlertRule.OUT_OF_HOURS, {"hours": "mon-fri 18:00-08:00"}),
    ]
    for name, changes in wrong:
        with pytest.raises(Invalid):
            await rule(organisation, name, **changes)
    listed = (await organisation.perform(ListAlertRules(tenant=TENANT))).items
    assert [row.rule for row in listed] == list(AlertRule)
    assert [row.rule for row in listed if not row.on] == [AlertRule.OUT_OF_HOURS]


@pytest.mark.alike
async def test_a_rule_that_is_off_raises_nothing_but_can_be_tried(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, on=False)
    since = datetime.fromtimestamp(organisation.clock.now, UTC)
    await guess_often(organisation, "ana", 6)
    assert await sweep(organisation) == []

    async def tried(threshold: int) -> list[tuple[str, int, int]]:
        operation = TryAlertRule(tenant=TENANT, rule=AlertRule.MANY_FAILURES, since=since, threshold=threshold)
        trial = await organisation.perform(operation)
        assert trial.whole
        assert trial.raised == len(trial.items)
        return [(one.name, one.number, len(one.entries)) for one in trial.items]

    assert await tried(5) == [("ana", 6, 6)]
    assert await tried(7) == []
    assert await alerts(organisation, None) == []
    organisation.clock.forward(days=2)
    later = TryAlertRule(
        tenant=TENANT,
        rule=AlertRule.MANY_FAILURES,
        threshold=5,
        since=datetime.fromtimestamp(organisation.clock.now, UTC),
    )
    assert (await organisation.perform(later)).read == 0


async def test_a_trial_finds_what_the_sweep_found(organisation: Organisation) -> None:
    since = datetime.fromtimestamp(organisation.clock.now, UTC)
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=3)
    for login in ("ana", "ben"):
        await organisation.add(login)
        await guess_often(organisation, login, 4)
    live = await sweep(organisation)
    trial = await organisation.perform(TryAlertRule(tenant=TENANT, rule=AlertRule.MANY_FAILURES, since=since))
    assert [(one.summary, one.events, one.last) for one in trial.items] == [
        (one.summary, one.events, one.last) for one in live
    ]


@pytest.mark.alike
async def test_roles_see_and_only_administrators_change(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=3)
    await guess_often(organisation, "ana", 3)
    (found,) = await sweep(organisation)
    who: dict[Role, Credential] = {}
    for role in (Role.USER, Role.AUDITOR, Role.HELPDESK, Role.TENANT_ADMIN):
        await organisation.add(f"{role}-x", role)
        who[role] = await organisation.sign_in(f"{role}-x")
    with pytest.raises(NotAllowed):
        await organisation.perform(ListAlerts(tenant=TENANT), who[Role.USER])
    acknowledge = AcknowledgeAlert(tenant=TENANT, alert=found.id, note="known")
    for role in (Role.AUDITOR, Role.HELPDESK):
        assert (await organisation.perform(ListAlerts(tenant=TENANT), who[role])).open == 1
        assert (await organisation.perform(ShowAlert(tenant=TENANT, alert=found.id), who[role])).entries
        for operation in (acknowledge, SetAlertRule(tenant=TENANT, rule=AlertRule.DORMANT, on=False)):
            with pytest.raises(NotAllowed):
                await organisation.perform(operation, who[role])
    assert (await organisation.perform(acknowledge, who[Role.TENANT_ADMIN])).state is AlertState.ACKNOWLEDGED


@pytest.mark.alike
async def test_another_tenant_learns_nothing(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=3)
    await guess_often(organisation, "ana", 3)
    (found,) = await sweep(organisation)
    await organisation.perform(CreateTenant(name="other", admin="olga", password=PASSWORD, role=Role.TENANT_ADMIN))
    assert (await organisation.perform(ListAlerts(tenant="other"))).items == ()
    for operation in (
        ShowAlert(tenant="other", alert=found.id),
        AcknowledgeAlert(tenant="other", alert=found.id, note="x"),
    ):
        with pytest.raises(NotFound):
            await organisation.perform(operation)
    await organisation.backend.alert_worker.sweep()
    assert (await organisation.perform(ListAlerts(tenant="other"))).items == ()


async def test_a_flood_is_summed_up(organisation: Organisation) -> None:
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=3)
    await rule(organisation, AlertRule.NETWORK_USERS, on=False)
    logins = [f"user{number}" for number in range(MOST_IN_AN_HOUR + 3)]
    for login in logins:
        await organisation.add(login)
    for _ in range(3):
        for login in logins:
            await guess(organisation, login)
        organisation.clock.forward(minutes=2)
    found = await sweep(organisation)
    assert len(found) == MOST_IN_AN_HOUR + 1
    (rest,) = (alert for alert in found if alert.subject == "*")
    assert (rest.others, rest.rule) == (3, AlertRule.MANY_FAILURES)
    assert "3 more times" in rest.summary


async def test_rows_of_signals_are_bounded(organisation: Organisation) -> None:
    await organisation.add("ana")
    await rule(organisation, AlertRule.MANY_FAILURES, threshold=500, minutes=5)
    for _ in range(4):
        await guess_often(organisation, "ana", 5)
        await sweep(organisation)
    count = sa.select(sa.func.count()).select_from(alert_signals)
    backend: EmbeddedBackend = organisation.backend
    rows = await asyncio.wrap_future(backend.store.read(lambda connection: connection.execute(count).scalar_one()))
    assert rows <= 6


async def taken_over(organisation: Organisation, policy: PolicyMode) -> tuple[Bearer, Source]:
    """Unbind tina, and let an intruder with her password sign in from a strange network and bind there."""
    backend = organisation.backend
    await organisation.add("uma")
    await organisation.add("tina", Role.TENANT_ADMIN)
    await organisation.bind("tina")
    await organisation.sign_in("tina")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=policy))
    organisation.clock.forward(days=3)
    await organisation.perform(Unbind(tenant=TENANT, users=("tina",), reason="lost"))
    strange = Source("api", "203.0.113.66")
    answer = await backend.perform_as(SignIn(tenant=TENANT, login="tina", password=PASSWORD), Nobody(), strange)
    if answer.token is not None:
        tina = Bearer(answer.token)
        started = await backend.perform_as(EnrollFactor(tenant=TENANT, user="tina"), tina, strange)
        organisation.seeds["tina"] = seed_of(started.key)
        enrolled = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("tina"))
        assert (await backend.perform_as(enrolled, tina, strange)).accepted
        return tina, strange
    assert answer.challenge is not None
    begun = await backend.perform_as(StartBinding(challenge=answer.challenge), Nobody(), strange)
    organisation.seeds["tina"] = seed_of(begun.key)
    confirm = ConfirmBinding(challenge=answer.challenge, enrollment=begun.enrollment, code=organisation.code("tina"))
    answer = await backend.perform_as(confirm, Nobody(), strange)
    assert answer.token is not None
    return Bearer(answer.token), strange


@pytest.mark.parametrize("policy", [PolicyMode.OPTIONAL, PolicyMode.REQUIRED])
async def test_a_takeover_after_a_reset(organisation: Organisation, policy: PolicyMode) -> None:
    tina, strange = await taken_over(organisation, policy)
    assert await sweep(organisation) == []
    exempt = AddToWhitelist(tenant=TENANT, users=("uma",), reason="x")
    await organisation.backend.perform_as(exempt, tina, strange)
    (found,) = await sweep(organisation)
    assert (found.rule, found.name, found.events) == (AlertRule.RESET_AND_ACT, "tina", 3)
    detail = await organisation.perform(ShowAlert(tenant=TENANT, alert=found.id))
    assert [entry.action for entry in detail.entries] == ["unbind", "factor.confirmed", "whitelist.added"]


@pytest.mark.alike
async def test_a_reset_and_a_binding_at_home_are_ordinary(organisation: Organisation) -> None:
    await organisation.add("uma")
    await organisation.add("tina", Role.TENANT_ADMIN)
    await organisation.bind("tina")
    await organisation.sign_in("tina")
    organisation.clock.forward(days=3)
    await organisation.perform(Unbind(tenant=TENANT, users=("tina",), reason="lost"))
    answer = await organisation.start("tina")
    assert answer.token is not None
    tina = Bearer(answer.token)
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="tina"), tina)
    organisation.seeds["tina"] = seed_of(started.key)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("tina"))
    assert (await organisation.perform(confirm, tina)).accepted
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("uma",), reason="x"), tina)
    assert await sweep(organisation) == []


@pytest.mark.alike
async def test_a_signed_in_administrator_sets_and_tries_a_rule(organisation: Organisation) -> None:
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    changed = SetAlertRule(tenant=TENANT, rule=AlertRule.NETWORK_USERS, threshold=7)
    assert (await organisation.perform(changed, tina)).threshold == 7
    since = datetime.fromtimestamp(START, UTC)
    for rule in AlertRule:
        hours = "mon-fri 08:00-18:00" if rule is AlertRule.OUT_OF_HOURS else None
        trial = await organisation.perform(TryAlertRule(tenant=TENANT, rule=rule, since=since, hours=hours), tina)
        assert (trial.rule.rule, trial.whole) == (rule, True)
    page = await organisation.perform(ListAlerts(tenant=TENANT, rule=AlertRule.DORMANT, state=AlertState.OPEN), tina)
    assert page.items == ()
