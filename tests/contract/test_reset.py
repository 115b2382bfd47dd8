"""Reset of a user in one guarded step: all of it or nothing, not of equals, and not too many within an hour."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import KINDS, AlertRule
from secconsole.domain.errors import Conflict, LimitReached, NotAllowed
from secconsole.domain.helpdesk import ApprovalKind, PasswordChange, UnbindNeeds
from secconsole.domain.jobs import ItemState, JobKind
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.roles import Role
from secconsole.operations.alerts import SetAlertRule
from secconsole.operations.approvals import GrantApproval, ListApprovals, RequestApproval
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential
from secconsole.operations.caller_check import ConfirmCallerCheck, StartCallerCheck
from secconsole.operations.job_driver import drive_job
from secconsole.operations.jobs import RetryJob, ShowJob, StartJob
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.reset import ResetResult, ResetUser
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UndoUnbind
from secconsole.operations.user_changes import RenameUser, ResetPassword
from secconsole.operations.users import ShowUser
from secconsole.store.schema import metadata
from tests.delivery.post import Post, post_for
from tests.organisation import PASSWORD, TENANT, Organisation

REASON, TICKET = "lost phone", "T-17"


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    """Mail is set up."""
    async with post_for(organisation) as made:
        await made.set_up()
        yield made


def reset(user: str = "ana", **values: object) -> ResetUser:
    given = {"reason": REASON, "ticket": TICKET, **values}
    return ResetUser(tenant=TENANT, user=user, **given)  # type: ignore[arg-type]


async def entries(organisation: Organisation, action: str) -> tuple[AuditEntry, ...]:
    return tuple((await organisation.perform(ListAudit(tenant=TENANT, action=action))).items)


async def desk(organisation: Organisation, *users: str) -> Bearer:
    """Add users with phones, and return a helpdesk operator's session."""
    for login in users or ("ana",):
        await organisation.add(login, email=f"{login}@acme.example")
        await organisation.bind(login)
    await organisation.add("hana", Role.HELPDESK)
    return await organisation.sign_in("hana")


async def test_a33_one_step_does_all_and_one_entry_names_all(post: Post) -> None:
    organisation = post.organisation
    hana = await desk(organisation)
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"), await organisation.sign_in("ana"))
    await organisation.perform(StartCallerCheck(tenant=TENANT, user="ana", channel=FactorKind.TOTP), hana)
    confirm = ConfirmCallerCheck(tenant=TENANT, user="ana", code=organisation.code("ana", 1))
    assert (await organisation.perform(confirm, hana)).accepted
    done = await organisation.perform(reset(password=PasswordChange.MAIL, bypass=30, verified_by="Ben"), hana)
    assert (done.factors, done.recovery_codes, done.mailed) == (1, 10, "a•••@acme.example")
    assert done.sessions_ended >= 1
    assert done.password is None
    assert done.bypass is not None
    assert done.caller_check is not None
    (entry,) = await entries(organisation, "user.reset")
    wanted = {
        "event": done.event,
        "factors": 1,
        "recovery_codes": 10,
        "password": "mail",
        "to": "a•••@acme.example",
        "caller": "totp",
        "verified_by": "Ben",
        "sessions_ended": done.sessions_ended,
        "notified": 1,
    }
    assert {name: entry.details[name] for name in wanted} == wanted
    assert (entry.actor, entry.target, entry.reason, entry.ticket) == ("hana", "ana", REASON, TICKET)
    assert entry.details["bypass_ends"] == done.bypass.until.isoformat()
    assert await entries(organisation, "unbind") == ()
    assert await entries(organisation, "user.password-mailed") == ()
    assert (await organisation.start("ana", PASSWORD)).status is SignInStatus.REFUSED
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event), hana)
    assert [user.login for user in undone.restored] == ["ana"]
    assert (await organisation.start("ana", PASSWORD)).status is SignInStatus.REFUSED  # the password stays reset


@pytest.mark.alike
async def test_administrators_may_be_shown_a_one_time_password_and_helpdesk_may_not(organisation: Organisation) -> None:
    hana = await desk(organisation)
    with pytest.raises(NotAllowed):
        await organisation.perform(reset(password=PasswordChange.SHOW), hana)
    with pytest.raises(Conflict, match="Mail is not set up"):
        await organisation.perform(reset(password=PasswordChange.MAIL), hana)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.status == "bound"
    done = await organisation.perform(reset(password=PasswordChange.SHOW))
    assert done.password is not None
    assert (await organisation.start("ana", done.password)).status is SignInStatus.NEW_PASSWORD


@pytest.mark.alike
async def test_helpdesk_mails_no_password_to_an_address_that_is_new(post: Post) -> None:
    organisation = post.organisation
    hana = await desk(organisation)
    await organisation.perform(RenameUser(tenant=TENANT, user="ana", email="mallory@acme.example"))
    with pytest.raises(Conflict, match="24 hours"):
        await organisation.perform(reset(password=PasswordChange.MAIL), hana)
    organisation.clock.forward(days=1, minutes=1)
    hana = await organisation.sign_in("hana")
    assert (await organisation.perform(reset(password=PasswordChange.MAIL), hana)).mailed == "m•••@acme.example"


@pytest.mark.alike
async def test_a_user_without_a_factor_is_reset_too(organisation: Organisation) -> None:
    hana = await desk(organisation)
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason=REASON))
    await organisation.sign_in("ana")
    done = await organisation.perform(reset(), hana)
    assert (done.factors, done.sessions_ended, done.event, done.undo_until) == (0, 1, "", None)


@pytest.mark.alike
async def test_nobody_resets_equals_and_platform_administrators_need_a_second_person(
    organisation: Organisation,
) -> None:
    people = {
        "tina": Role.TENANT_ADMIN,
        "tom": Role.TENANT_ADMIN,
        "pia": Role.PLATFORM_ADMIN,
        "pit": Role.PLATFORM_ADMIN,
        "pam": Role.PLATFORM_ADMIN,
    }
    for login, role in people.items():
        await organisation.add(login, role)
        await organisation.bind(login)
    tina, pia, pam = [await organisation.sign_in(login) for login in ("tina", "pia", "pam")]
    for operation in (reset("tom"), ResetPassword(tenant=TENANT, user="tom"), reset("pia")):
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, tina)
    assert not (await organisation.perform(Unbind(tenant=TENANT, users=("tom",), reason=REASON), tina)).unbound
    await organisation.perform(reset("tom"), pia)  # an administrator of higher rank
    with pytest.raises(NotAllowed, match="second person"):
        await organisation.perform(reset("pit"), pia)
    with pytest.raises(NotAllowed, match="lower rank"):
        await organisation.perform(ResetPassword(tenant=TENANT, user="pit"), pia)
    refused = await organisation.perform(Unbind(tenant=TENANT, users=("pit",), reason=REASON), pia)
    assert "second person" in refused.failed[0].reason
    ask = RequestApproval(tenant=TENANT, user="pit", reason=REASON, ticket=TICKET, kind=ApprovalKind.RESET)
    asked = await organisation.perform(ask, pia)
    await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), pam)
    done = await organisation.perform(reset("pit", password=PasswordChange.SHOW), pia)
    assert (done.approved_by, done.password is not None) == ("pam", True)


@pytest.mark.alike
async def test_a_tenant_can_ask_for_more_above_user(organisation: Organisation) -> None:
    hana = await desk(organisation)
    await organisation.add("otto", Role.AUDITOR)
    await organisation.bind("otto")
    changed = await organisation.perform(SetPolicy(tenant=TENANT, unbind_admins_need=UnbindNeeds.APPROVAL))
    assert (changed.unbind_needs, changed.unbind_admins_need) == (UnbindNeeds.NONE, UnbindNeeds.APPROVAL)
    refused = await organisation.perform(Unbind(tenant=TENANT, users=("otto", "ana"), reason=REASON), hana)
    assert ([u.login for u in refused.unbound], [f.login for f in refused.failed]) == (["ana"], ["otto"])
    with pytest.raises(NotAllowed, match="second person"):
        await organisation.perform(reset("otto"), hana)
    await organisation.perform(
        SetPolicy(tenant=TENANT, unbind_needs=UnbindNeeds.APPROVAL, unbind_admins_need=UnbindNeeds.NONE)
    )
    with pytest.raises(NotAllowed, match="second person"):  # the stricter rule counts
        await organisation.perform(reset("otto"), hana)


@pytest.mark.alike
async def test_an_approval_counts_for_its_ticket_and_kind_only(post: Post) -> None:
    organisation = post.organisation
    hana = await desk(organisation)
    await organisation.add("hugo", Role.HELPDESK)
    await organisation.perform(SetPolicy(tenant=TENANT, unbind_needs=UnbindNeeds.APPROVAL))
    ask = RequestApproval(tenant=TENANT, user="ana", reason=REASON, ticket=TICKET)
    asked = await organisation.perform(ask, hana)
    await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), await organisation.sign_in("hugo"))
    for values in ({"ticket": "T-18"}, {"reason": "stolen"}, {"password": PasswordChange.MAIL}):
        with pytest.raises(NotAllowed, match="second person"):
            await organisation.perform(reset(**values), hana)
    assert (await organisation.perform(reset(), hana)).approved_by == "hugo"


async def test_open_requests_are_limited_and_listed_in_pages(organisation: Organisation) -> None:
    names = [f"u{number:02}" for number in range(21)]
    for login in names:
        await organisation.add(login)
    await organisation.add("hana", Role.HELPDESK)
    hana = await organisation.sign_in("hana")
    for login in names[:20]:
        await organisation.perform(RequestApproval(tenant=TENANT, user=login, reason=REASON), hana)
    with pytest.raises(Conflict, match="limit"):
        await organisation.perform(RequestApproval(tenant=TENANT, user="u20", reason=REASON), hana)
    await organisation.perform(RequestApproval(tenant=TENANT, user="u00", reason="another"), hana)  # replaces one
    await organisation.perform(RequestApproval(tenant=TENANT, user="u20", reason=REASON))  # by another user
    seen: list[str] = []
    cursor = None
    while True:
        page = await organisation.perform(ListApprovals(tenant=TENANT, limit=8, cursor=cursor))
        seen += [item.login for item in page.items]
        if (cursor := page.next) is None:
            break
    assert sorted(seen) == names


async def many(organisation: Organisation, number: int) -> tuple[Bearer, list[str]]:
    names = [f"u{each:02}" for each in range(number)]
    hana = await desk(organisation, *names)
    await organisation.perform(SetPolicy(tenant=TENANT, resets_warn=2, resets_most=3))
    return hana, names


async def test_an_operator_is_warned_and_then_refused_until_the_hour_is_over(organisation: Organisation) -> None:
    hana, names = await many(organisation, 5)
    assert (await organisation.perform(reset(names[0]), hana)).warning == ""
    organisation.clock.forward(minutes=10)
    hana = await organisation.sign_in("hana")
    done = await organisation.perform(Unbind(tenant=TENANT, users=(names[1],), reason=REASON), hana)
    assert "2 users within an hour" in done.warning
    (warned,) = await entries(organisation, "resets.many")
    assert (warned.actor, warned.outcome, warned.details["count"]) == ("hana", "done", 2)
    last = await organisation.perform(Unbind(tenant=TENANT, users=(names[2], names[3]), reason=REASON), hana)
    assert ([u.login for u in last.unbound], len(last.failed)) == ([names[2]], 1)
    with pytest.raises(LimitReached, match="possible in 50 min"):
        await organisation.perform(reset(names[3]), hana)
    assert [(e.outcome, e.actor) for e in await entries(organisation, "resets.many")][:2] == [("refused", "hana")] * 2
    seen = await organisation.perform(PreviewUnbind(tenant=TENANT, users=(names[3],)), hana)
    assert "possible in" in seen.limit
    organisation.clock.forward(minutes=51)
    hana = await organisation.sign_in("hana")
    await organisation.perform(reset(names[3]), hana)
    with pytest.raises(LimitReached):
        await organisation.perform(reset(names[4]), hana)


@pytest.mark.alike
async def test_a50_administrators_are_warned_and_may_go_on(organisation: Organisation) -> None:
    _, names = await many(organisation, 6)
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    done = await organisation.perform(Unbind(tenant=TENANT, users=tuple(names), reason=REASON), tina)
    assert (len(done.unbound), "6 users within an hour" in done.warning) == (6, True)
    again = await organisation.perform(reset(names[0]), tina)
    assert again.warning


async def test_a01_two_consoles_at_once_do_not_exceed_the_limit(organisation: Organisation) -> None:
    hana, names = await many(organisation, 6)
    other = await organisation.sign_in("hana")
    acts = [(reset(name), hana if number % 2 else other) for number, name in enumerate(names)]
    done = await asyncio.gather(*(organisation.perform(act, who) for act, who in acts), return_exceptions=True)
    assert sum(isinstance(each, ResetResult) for each in done) == 3
    assert sum(isinstance(each, LimitReached) for each in done) == 3


@pytest.mark.alike
async def test_weaker_rules_are_mailed_to_all_administrators(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("tina", Role.TENANT_ADMIN, email="tina@acme.example")
    await organisation.perform(SetPolicy(tenant=TENANT, unbind_needs=UnbindNeeds.APPROVAL, resets_most=5))
    assert await entries(organisation, "policy.weakened") == ()
    who: Credential = await organisation.sign_in("root")
    await organisation.perform(SetPolicy(tenant=TENANT, unbind_needs=UnbindNeeds.CHECK), who)
    found = await entries(organisation, "policy.weakened")
    assert {(e.target, e.details["notified"]) for e in found} == {("root", 0), ("tina", 1)}
    await organisation.perform(SetPolicy(tenant=TENANT, resets_most=6), who)
    assert len(await entries(organisation, "policy.weakened")) == 4


@pytest.mark.alike
async def test_looser_rules_of_alerts_are_mailed_to_all_administrators(post: Post) -> None:
    """A tenant administrator who switches alerts off does so in sight of the others."""
    organisation, rule = post.organisation, AlertRule.OPERATOR_RESETS
    await organisation.add("tina", Role.TENANT_ADMIN, email="tina@acme.example")
    who: Credential = await organisation.sign_in("root")
    await organisation.perform(SetAlertRule(tenant=TENANT, rule=rule, threshold=KINDS[rule].threshold - 1), who)
    assert await entries(organisation, "alert.rule-loosened") == ()
    await organisation.perform(SetAlertRule(tenant=TENANT, rule=rule, on=False), who)
    found = await entries(organisation, "alert.rule-loosened")
    assert {(e.target, e.details["notified"]) for e in found} == {("root", 0), ("tina", 1)}
    await organisation.perform(SetAlertRule(tenant=TENANT, rule=rule, threshold=KINDS[rule].threshold + 1), who)
    assert len(await entries(organisation, "alert.rule-loosened")) == 2, "it is off already"


async def test_a43_no_password_or_code_of_a_reset_is_in_the_audit_or_in_any_table(post: Post) -> None:
    organisation = post.organisation
    hana = await desk(organisation)
    done = await organisation.perform(reset(password=PasswordChange.MAIL, bypass=30), hana)
    await post.wait_idle()
    mails = [str(mail.get_content()) for mail in post.mailbox.mails if "ana@" in str(mail["To"])]
    (password,) = {found for mail in mails for found in re.findall(r"\b[a-z2-9]{4}(?:-[a-z2-9]{4}){3}\b", mail)}
    shown = await organisation.perform(reset(password=PasswordChange.SHOW))
    assert done.bypass is not None
    assert shown.password is not None
    secrets = (password, done.bypass.code.reveal(), shown.password.reveal())
    stored = await asyncio.wrap_future(organisation.backend.store.read(everything))
    entries_of = await organisation.perform(ListAudit(tenant=TENANT, limit=500))
    for secret in secrets:
        assert secret not in stored
        assert secret.encode().hex() not in stored
        assert secret not in str(entries_of.items)
    assert REASON in stored, "the search finds what is there"


def everything(connection: sa.Connection) -> str:
    """Return all rows of all tables as text, with bytes as hexadecimal digits."""
    rows = (row for table in metadata.sorted_tables for row in connection.execute(sa.select(table)))
    return "\n".join(str([v.hex() if isinstance(v, bytes) else v for v in row]) for row in rows)


async def test_a_job_of_helpdesk_counts_each_user_and_its_refused_ones_can_be_tried_again(
    organisation: Organisation,
) -> None:
    hana, names = await many(organisation, 5)
    start = StartJob(tenant=TENANT, kind=JobKind.UNBIND, users=tuple(names), reason=REASON)
    job = await organisation.perform(start, hana)

    async def perform(operation: Operation[Any]) -> Any:
        return await organisation.perform(operation, hana)

    steps = [step async for step in drive_job(perform, TENANT, job.id, at_once=2)]
    assert (steps[-1].done, steps[-1].failed) == (3, 2)
    shown = await organisation.perform(ShowJob(tenant=TENANT, job=job.id))
    assert "possible in" in next(item.reason for item in shown.items if item.state is ItemState.FAILED)
    organisation.clock.forward(minutes=61)
    hana = await organisation.sign_in("hana")
    await organisation.perform(RetryJob(tenant=TENANT, job=job.id), hana)
    steps = [step async for step in drive_job(perform, TENANT, job.id, at_once=2)]
    assert (steps[-1].done, steps[-1].failed) == (5, 0)
