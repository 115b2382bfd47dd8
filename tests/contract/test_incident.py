"""Handling of a breach: freeze and thaw, ending all sessions, and the report. A12, A14, A23, A41, A50."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secconsole.domain.errors import Invalid, NotAllowed, NotFound, NotSignedIn, StepUpNeeded
from secconsole.domain.model import SignInStatus
from secconsole.domain.policy import Rule
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Nobody, Source
from secconsole.operations.factors import VerifyCode
from secconsole.operations.incident import (
    EndTenantSessions,
    FreezeSignIns,
    IncidentReport,
    ReportIncident,
    ShowIncident,
    ThawSignIns,
)
from secconsole.operations.policy import ExplainSignIn, ShowPolicy
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import SignIn, VerifySignIn, WhoAmI
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.tokens import CreateToken
from secconsole.operations.user_changes import ChangeRole
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import OWNER, PASSWORD, ROOT, TENANT, Organisation

FREEZE, THAW, SHOW, REPORT = (
    kind(tenant=TENANT) for kind in (FreezeSignIns, ThawSignIns, ShowIncident, ReportIncident)
)
END = EndTenantSessions(tenant=TENANT)


async def from_address(organisation: Organisation, login: str, address: str) -> None:
    """Complete a sign-in from an address, as it reaches a server."""
    operation = SignIn(tenant=TENANT, login=login, password=PASSWORD)
    answer = await organisation.backend.perform_as(operation, Nobody(), Source("api", address))
    assert answer.status is SignInStatus.COMPLETE


async def administrator(organisation: Organisation, login: str = "tomas") -> Bearer:
    await organisation.add(login, Role.TENANT_ADMIN)
    return await organisation.sign_in(login)


# ---- freeze ----------------------------------------------------------------------------------------------------------


@pytest.mark.alike
async def test_a_frozen_tenant_lets_in_platform_administrators_only(organisation: Organisation) -> None:
    await organisation.add("ana")
    tomas = await administrator(organisation)
    frozen = await organisation.perform(replace(FREEZE, reason="stolen passwords"), tomas)
    assert (frozen.frozen_by, frozen.platform_admins) == ("tomas", 1)
    assert frozen.frozen_since is not None
    for login in ("ana", "tomas"):
        assert (await organisation.start(login)).status is SignInStatus.REFUSED
    assert (await organisation.start(ROOT)).status is SignInStatus.COMPLETE
    await organisation.perform(THAW, tomas)
    assert (await organisation.start("ana")).status is SignInStatus.COMPLETE
    done = (await organisation.perform(ListAudit(tenant=TENANT, group="incident"))).items
    assert [(entry.action, entry.actor) for entry in done] == [
        ("incident.thawed", "tomas"),
        ("incident.frozen", "tomas"),
    ]
    assert done[1].reason == "stolen passwords"


@pytest.mark.alike
async def test_a_freeze_answers_a_right_password_like_a_wrong_one(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(FREEZE)
    right, wrong = await organisation.start("ana"), await organisation.start("ana", Secret("a wrong password"))
    assert right == wrong
    assert (right.challenge, right.token) == (None, None)


@pytest.mark.alike
async def test_open_sessions_go_on_and_may_thaw(organisation: Organisation) -> None:
    tomas = await administrator(organisation)
    await organisation.perform(FREEZE, tomas)
    assert (await organisation.perform(WhoAmI(), tomas)).login == "tomas"
    assert (await organisation.perform(ShowPolicy(tenant=TENANT), tomas)).frozen_since is not None
    assert (await organisation.perform(THAW, tomas)).frozen_since is None


@pytest.mark.alike
async def test_a_freeze_of_someone_of_higher_rank_is_not_for_a_tenant_administrator_to_end(
    organisation: Organisation,
) -> None:
    """The stolen account may be an administrator's, whose session goes on."""
    tomas = await administrator(organisation)
    for by in (await organisation.sign_in(ROOT), OWNER):
        await organisation.perform(FREEZE, by)
        with pytest.raises(NotAllowed, match="outranks you"):
            await organisation.perform(THAW, tomas)
        await organisation.perform(FREEZE, tomas)  # changes nothing, so the freeze does not become his
        with pytest.raises(NotAllowed, match="outranks you"):
            await organisation.perform(THAW, tomas)
        assert (await organisation.perform(ShowPolicy(tenant=TENANT), tomas)).frozen_since is not None
        await organisation.perform(THAW)


@pytest.mark.alike
async def test_a50_platform_administrators_and_the_owner_can_always_thaw(organisation: Organisation) -> None:
    tomas = await administrator(organisation)
    await organisation.perform(FREEZE, tomas)
    await organisation.perform(replace(END, own=True), tomas)
    root = await organisation.sign_in(ROOT)
    assert (await organisation.perform(THAW, root)).frozen_since is None
    await organisation.perform(FREEZE, root)
    assert (await organisation.perform(THAW)).frozen_since is None  # the owner of the store


async def test_a_sign_in_in_progress_does_not_get_past_a_freeze(organisation: Organisation) -> None:
    await organisation.add("ben")
    await organisation.bind("ben")
    ben = await organisation.start("ben")
    assert ben.challenge is not None
    await organisation.perform(FREEZE)
    answer = await organisation.perform(
        VerifySignIn(challenge=ben.challenge, factor="", code=organisation.code("ben")), Nobody()
    )
    assert (answer.status, answer.token) == (SignInStatus.REFUSED, None)
    await organisation.perform(THAW)
    again = VerifySignIn(challenge=ben.challenge, factor="", code=organisation.code("ben"))
    assert (await organisation.perform(again, Nobody())).status is SignInStatus.REFUSED  # it ended


@pytest.mark.alike
async def test_programs_get_refused_and_no_code_is_used_up(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    key = Bearer((await organisation.perform(RotateSecretKey(tenant=TENANT))).key)
    verify = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    await organisation.perform(FREEZE)
    refused = await organisation.perform(verify, key)
    assert (refused.accepted, refused.counted) == (False, False)
    assert "frozen" in refused.message
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="verify"))).items[0]
    assert (entry.outcome, entry.details["rule"]) == ("refused", "frozen")
    await organisation.perform(THAW)
    assert (await organisation.perform(verify, key)).accepted


async def test_programs_still_check_codes_of_platform_administrators(organisation: Organisation) -> None:
    await organisation.bind(ROOT)
    await organisation.perform(FREEZE)
    verify = VerifyCode(tenant=TENANT, user=ROOT, code=organisation.code(ROOT))
    assert (await organisation.perform(verify)).accepted


@pytest.mark.alike
async def test_explain_names_the_freeze(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(FREEZE)
    reply = await organisation.perform(ExplainSignIn(tenant=TENANT, user="ana"))
    assert (reply.outcome, reply.rule) == (SignInStatus.REFUSED, Rule.FROZEN)
    assert reply.because[0].startswith("Sign-ins to acme have been frozen since ")
    assert (await organisation.perform(ExplainSignIn(tenant=TENANT, user=ROOT))).outcome is SignInStatus.COMPLETE


async def test_refused_sign_ins_of_a_freeze_are_audited_with_its_rule(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(FREEZE)
    await organisation.start("ana")
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="sign-in", user="ana"))).items[0]
    assert (entry.outcome, entry.details["rule"]) == ("refused", "frozen")


@pytest.mark.alike
async def test_freezing_and_thawing_twice_changes_nothing_more(organisation: Organisation) -> None:
    first = await organisation.perform(FREEZE)
    organisation.clock.forward(minutes=5)
    assert await organisation.perform(FREEZE) == first
    await organisation.perform(THAW)
    await organisation.perform(THAW)
    assert len((await organisation.perform(ListAudit(tenant=TENANT, group="incident"))).items) == 2


@pytest.mark.alike
async def test_a14_a_freeze_of_one_tenant_does_not_concern_another(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="globex"))
    await organisation.perform(CreateUser(tenant="globex", login="gus", password=PASSWORD))
    await organisation.perform(FREEZE)
    operation = SignIn(tenant="globex", login="gus", password=PASSWORD)
    answer = await organisation.perform(operation, Nobody())
    assert answer.token is not None
    ended = await organisation.perform(END)
    assert ended.sessions == 0
    assert (await organisation.perform(WhoAmI(), Bearer(answer.token))).login == "gus"


# ---- who may ---------------------------------------------------------------------------------------------------------

EVERY: tuple[Operation[object], ...] = (FREEZE, THAW, END, SHOW, REPORT)


@pytest.mark.alike
@pytest.mark.parametrize("role", [Role.HELPDESK, Role.AUDITOR, Role.USER])
async def test_only_administrators_handle_incidents(organisation: Organisation, role: Role) -> None:
    await organisation.add("someone", role)
    who = await organisation.sign_in("someone")
    for operation in EVERY:
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, who)
    assert (await organisation.perform(ShowPolicy(tenant=TENANT))).frozen_since is None


@pytest.mark.alike
async def test_a14_an_administrator_of_another_tenant_learns_nothing(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="globex"))
    await organisation.perform(CreateUser(tenant="globex", login="gus", role=Role.TENANT_ADMIN, password=PASSWORD))
    answer = await organisation.perform(SignIn(tenant="globex", login="gus", password=PASSWORD), Nobody())
    assert answer.token is not None
    for operation in EVERY:
        with pytest.raises(NotFound) as real:
            await organisation.perform(operation, Bearer(answer.token))
        with pytest.raises(NotFound) as made_up:
            await organisation.perform(replace(operation, tenant="nowhere"), Bearer(answer.token))
        assert str(real.value) == str(made_up.value)


@pytest.mark.alike
async def test_a12_each_step_needs_a_recent_proof(organisation: Organisation) -> None:
    tomas = await administrator(organisation)
    organisation.clock.forward(minutes=6)
    for operation in (FREEZE, THAW, END):
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, tomas)
    await organisation.perform(SHOW, tomas)


async def test_tokens_do_nothing_in_an_incident(organisation: Organisation) -> None:
    tomas = await administrator(organisation)
    token = Bearer((await organisation.perform(CreateToken(name="ci", scopes=(Scope.READ,)), tomas)).token)
    for operation in EVERY:
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, token)


# ---- all sessions ----------------------------------------------------------------------------------------------------


async def test_a23_all_sessions_and_tokens_end_but_the_callers_session(organisation: Organisation) -> None:
    tomas = await administrator(organisation)
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    token = Bearer((await organisation.perform(CreateToken(name="ci"), ana)).token)
    own = Bearer((await organisation.perform(CreateToken(name="mine"), tomas)).token)
    await organisation.bind("ana")
    waiting = await organisation.start("ana")
    assert waiting.challenge is not None
    ana = await organisation.sign_in("ana")
    shown = await organisation.perform(SHOW, tomas)
    assert (shown.tokens, shown.spared) == (2, 0)
    ended = await organisation.perform(END, tomas)
    assert (ended.sessions, ended.tokens, ended.left, ended.own_ended) == (shown.sessions, 2, 0, False)
    for who in (ana, token, own):
        with pytest.raises(NotSignedIn):
            await organisation.perform(WhoAmI(), who)
    assert (await organisation.perform(WhoAmI(), tomas)).login == "tomas"
    step = VerifySignIn(challenge=waiting.challenge, factor="", code=organisation.code("ana"))
    assert (await organisation.perform(step, Nobody())).status is SignInStatus.REFUSED
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="incident.sessions-ended"))).items[0]
    assert (entry.details["sessions_ended"], entry.details["tokens_ended"]) == (shown.sessions, 2)


async def test_the_callers_session_ends_last_if_that_is_wanted(organisation: Organisation) -> None:
    tomas = await administrator(organisation)
    await organisation.add("ana")
    await organisation.sign_in("ana")
    await organisation.sign_in("ana")
    part = await organisation.perform(replace(END, own=True, limit=1), tomas)
    assert (part.sessions, part.left, part.own_ended) == (1, 1, False)
    rest = await organisation.perform(replace(END, own=True, before=part.before), tomas)
    assert (rest.sessions, rest.left, rest.own_ended) == (2, 0, True)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), tomas)


async def test_a50_parts_end_each_session_once_and_a_repetition_ends_none(organisation: Organisation) -> None:
    await organisation.add("ana")
    for _ in range(5):
        await organisation.sign_in("ana")
    ended, part = 0, await organisation.perform(replace(END, limit=2))
    while True:
        ended += part.sessions
        if not part.left:
            break
        part = await organisation.perform(replace(END, limit=2, before=part.before))
    assert ended == 5
    again = await organisation.perform(END)
    assert (again.sessions, again.tokens, again.left) == (0, 0, 0)


async def test_sessions_that_were_opened_later_stay(organisation: Organisation) -> None:
    await organisation.add("ana")
    before = datetime.fromtimestamp(organisation.clock.now, UTC)
    organisation.clock.forward(seconds=10)
    ana = await organisation.sign_in("ana")
    assert (await organisation.perform(replace(END, before=before))).sessions == 0
    assert (await organisation.perform(WhoAmI(), ana)).login == "ana"


@pytest.mark.alike
async def test_a_tenant_administrator_ends_no_session_of_a_platform_administrator(organisation: Organisation) -> None:
    root = await organisation.sign_in(ROOT)
    tomas = await administrator(organisation)
    ended = await organisation.perform(END, tomas)
    assert (ended.sessions, ended.spared) == (0, 1)
    assert (await organisation.perform(WhoAmI(), root)).login == ROOT


# ---- what is known, and the report -----------------------------------------------------------------------------------


async def test_networks_are_new_if_nobody_signed_in_from_there_before(organisation: Organisation) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
    await from_address(organisation, "ana", "198.51.100.7")
    organisation.clock.forward(days=3)
    await from_address(organisation, "ben", "198.51.100.9")  # new for Ben, not for the organisation
    await from_address(organisation, "ana", "203.0.113.5")
    organisation.clock.forward(minutes=1)
    await from_address(organisation, "ben", "203.0.113.77")
    (found,) = (await organisation.perform(SHOW)).networks
    assert (found.network, found.users, found.login) == ("203.0.113.0/24", 2, "ana")
    wider = replace(SHOW, since=datetime.fromtimestamp(organisation.clock.now, UTC) - timedelta(days=7))
    assert [n.network for n in (await organisation.perform(wider)).networks] == ["203.0.113.0/24", "198.51.100.0/24"]


async def test_changes_of_a_window_are_counted_and_the_latest_named(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="guest"))
    organisation.clock.forward(days=2)
    await organisation.perform(ChangeRole(tenant=TENANT, user="ana", role=Role.HELPDESK))
    shown = await organisation.perform(SHOW)
    assert [(each.action, each.outcome, each.count) for each in shown.changes] == [("user.role-changed", "done", 1)]
    assert [entry.target for entry in shown.latest] == ["ana"]
    week = await organisation.perform(replace(SHOW, since=shown.at - timedelta(days=7)))
    assert {each.action for each in week.changes} >= {"user.role-changed", "whitelist.added", "user.created"}


async def test_programs_that_a_rotation_stops_are_shown_by_address(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    key = await organisation.perform(RotateSecretKey(tenant=TENANT))
    operation = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    await organisation.backend.perform_as(operation, Bearer(key.key), Source("api", "192.0.2.20"))
    shown = await organisation.perform(SHOW)
    assert shown.key_id == key.id
    assert [(use.address, use.checks) for use in shown.key_uses] == [("192.0.2.20", 1)]


async def test_steps_that_were_taken_are_shown_with_time_and_name(organisation: Organisation) -> None:
    tomas = await administrator(organisation)
    await organisation.perform(FREEZE, tomas)
    await organisation.perform(END, tomas)
    shown = await organisation.perform(SHOW, tomas)
    assert [(step.action, step.by) for step in shown.done] == [
        ("incident.frozen", "tomas"),
        ("incident.sessions-ended", "tomas"),
    ]
    assert (shown.frozen_since, shown.frozen_by) == (shown.at, "tomas")


async def whole_report(organisation: Organisation, operation: ReportIncident) -> list[IncidentReport]:
    pages = [await organisation.perform(operation)]
    while pages[-1].next:
        pages.append(await organisation.perform(replace(operation, cursor=pages[-1].next)))
    return pages


async def test_a_report_has_the_acts_of_its_window_and_counts_the_daily_ones(organisation: Organisation) -> None:
    await organisation.add("old")
    organisation.clock.forward(days=2)
    for number in range(5):
        await organisation.add(f"user{number}")
    await organisation.sign_in("old")
    await organisation.perform(FREEZE)
    pages = await whole_report(organisation, replace(REPORT, limit=2))
    assert len(pages) == 3
    items = [entry for page in pages for entry in page.items]
    assert [entry.action for entry in items] == ["incident.frozen", *["user.created"] * 5]
    counts = {(each.action, each.outcome): each.count for each in pages[0].counts}
    assert counts[("sign-in", "done")] == 1
    assert counts[("user.created", "done")] == 5
    assert not pages[1].counts


async def test_a_report_ends_where_its_window_does(organisation: Organisation) -> None:
    since = datetime.fromtimestamp(organisation.clock.now, UTC)
    await organisation.add("ana")
    organisation.clock.forward(minutes=5)
    until = datetime.fromtimestamp(organisation.clock.now, UTC)
    await organisation.add("ben")
    report = await organisation.perform(replace(REPORT, since=since, until=until))
    assert [entry.target for entry in report.items] == ["ana"]


async def test_a41_an_incident_leaves_the_audit_whole(organisation: Organisation) -> None:
    await organisation.perform(FREEZE)
    await organisation.perform(END)
    await organisation.perform(THAW)
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


@pytest.mark.alike
async def test_a_window_in_the_future_is_refused(organisation: Organisation) -> None:
    later = datetime.fromtimestamp(organisation.clock.now, UTC) + timedelta(hours=1)
    for operation in (replace(SHOW, since=later), replace(REPORT, since=later)):
        with pytest.raises(Invalid, match="future"):
            await organisation.perform(operation)
    with pytest.raises(Invalid, match="before the beginning"):
        await organisation.perform(replace(REPORT, until=later - timedelta(days=30)))


async def test_a_report_has_no_page_of_more_than_asked_for(organisation: Organisation) -> None:
    with pytest.raises(Invalid):
        await organisation.perform(replace(REPORT, limit=501))
