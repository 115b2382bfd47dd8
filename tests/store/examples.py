"""One example of every operation with an effect, on a small organisation.

Documented examples of operations on one user are used as they are. All others need an example here, as a test checks.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import AlertRule
from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.helpdesk import PasswordChange
from secconsole.domain.jobs import JobKind
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations.account import CancelMfa, ChangePassword, KeepFactor, SetContact, ShowOwnRules
from secconsole.operations.alerts import (
    AcknowledgeAlert,
    ListAlertRules,
    ListAlerts,
    SetAlertRule,
    ShowAlert,
    TryAlertRule,
)
from secconsole.operations.approvals import DenyApproval, GrantApproval, ListApprovals, RequestApproval
from secconsole.operations.audit import CheckAuditHeads, ListAudit, ShowAuditHead, VerifyAudit
from secconsole.operations.audit_retention import RetainAudit, SetRetention, ShowRetention
from secconsole.operations.audit_streams import AddAuditStream, ListAuditStreams, RemoveAuditStream, TestAuditStream
from secconsole.operations.base import OPERATIONS, Operation, example_of
from secconsole.operations.bypass import IssueBypass, RevokeBypass
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.caller_check import ConfirmCallerCheck, ShowCallerCheck, StartCallerCheck
from secconsole.operations.challenges import StartChallenge
from secconsole.operations.clock import MendClock
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, SetTwilio, ShowDelivery, TryDelivery
from secconsole.operations.factor_import import ImportFactors, NewFactor
from secconsole.operations.factors import (
    ConfirmFactor,
    EnrollFactor,
    ListFactors,
    MailKey,
    RemoveFactor,
    RenameFactor,
    ShowEnrollmentSending,
    ShowFactor,
    VerifyCode,
)
from secconsole.operations.incident import (
    EndTenantSessions,
    FreezeSignIns,
    ReportIncident,
    SendAdvice,
    ShowAdvice,
    ShowIncident,
    ThawSignIns,
)
from secconsole.operations.invitations import InviteUsers, PreviewInvitation
from secconsole.operations.jobs import (
    AdvanceJob,
    CancelJob,
    ListJobs,
    PauseJob,
    PreviewJob,
    ResumeJob,
    RetryJob,
    ShowJob,
    StartJob,
)
from secconsole.operations.networks import (
    AddNetwork,
    ConfirmNetworks,
    ListNetworks,
    PreviewNetwork,
    RemoveNetwork,
    RevertNetworks,
)
from secconsole.operations.policy import ExplainSignIn, PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.recovery import CreateRecoveryCodes, ViewRecoveryCodes
from secconsole.operations.reminding import RemindUser
from secconsole.operations.reset import ResetUser
from secconsole.operations.sample.audit import HEAD
from secconsole.operations.secret_keys import (
    CreateSecretKey,
    ListSecretKeys,
    RevokeSecretKey,
    RotateSecretKey,
    RotateSecretKeys,
    ShowSecretKey,
)
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions
from secconsole.operations.signin import (
    ChoosePassword,
    ConfirmBinding,
    MailSignInKey,
    SendCode,
    ShowSignInSending,
    SignIn,
    SignOut,
    StartBinding,
    VerifySignIn,
    WhoAmI,
)
from secconsole.operations.step_up import SendStepUpCode, ShowStepUpSending, StepUp
from secconsole.operations.tenants import CreateTenant, ListTenants, ShowAdoption, ShowAdoptionHistory
from secconsole.operations.tokens import CreateToken, ListOwnTokens, ListTokens, RevokeToken
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UndoUnbind
from secconsole.operations.user_changes import (
    ChangeRole,
    DisableUser,
    EnableUser,
    RequireMfa,
    ResetPassword,
    UnlockUser,
)
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CountUsers, CreateUser, FindPosition, ListUsers, ShowUser
from secconsole.operations.whitelist import AddToWhitelist, ListWhitelist, RemoveFromWhitelist
from secconsole.service.outbox.queue import unseal_message
from secconsole.store import factors, tenants
from secconsole.store.schema import outbox
from tests.alerting import make_alert
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of

ANOTHER = Secret("another quite long password 77")


@dataclass(frozen=True)
class Asked:
    """An operation, and who asks for it (None: the owner of the store)."""

    operation: Operation[Any]
    who: Credential | None = None


Example = Callable[[Organisation], Awaitable[Asked]]
EXAMPLES: dict[type[Operation[Any]], Example] = {}


def of(operation: type[Operation[Any]]) -> Callable[[Example], Example]:
    def add(example: Example) -> Example:
        EXAMPLES[operation] = example
        return example

    return add


def simple(operation: Operation[Any]) -> None:
    """An example that needs nothing but ana, who has a phone."""

    async def example(organisation: Organisation) -> Asked:
        await ana_bound(organisation)
        return Asked(operation)

    EXAMPLES[type(operation)] = example


async def ana_bound(organisation: Organisation) -> None:
    await organisation.add("ana", name="Ana")
    await organisation.bind("ana")


async def required(organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))


async def enrolled(organisation: Organisation, login: str) -> str:
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user=login))
    organisation.seeds[login] = seed_of(started.key)
    return started.enrollment


async def challenge(organisation: Organisation, login: str, status: SignInStatus) -> Secret[str]:
    answer = await organisation.start(login)
    assert answer.status is status
    assert answer.challenge is not None
    return answer.challenge


for _operation in (
    ListAudit(tenant=TENANT),
    VerifyAudit(tenant=TENANT),
    ShowAuditHead(tenant=TENANT),
    CheckAuditHeads(tenant=TENANT, heads=(HEAD,)),
    ListFactors(tenant=TENANT, user="ana"),
    EnrollFactor(tenant=TENANT, user="ana", label="old phone"),
    CreateRecoveryCodes(tenant=TENANT, user="ana"),
    ShowPolicy(tenant=TENANT),
    ShowDelivery(tenant=TENANT),
    SetSmtp(tenant=TENANT, host="mail.acme.example", sender="mfa@acme.example", username="mfa", password=ANOTHER),
    SetTwilio(tenant=TENANT, account_sid="AC1", auth_token=Secret("an-example-of-a-token"), sender="+15005550006"),
    PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED),
    SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED),
    ExplainSignIn(tenant=TENANT, user="ana", address="203.0.113.9"),
    ListSessions(tenant=TENANT, user="ana"),
    ListTenants(),
    ShowAdoption(tenant=TENANT),
    ShowAdoptionHistory(tenant=TENANT),
    CreateTenant(name="beta", admin="bea", password=ANOTHER),
    PreviewUnbind(tenant=TENANT, users=("ana",)),
    PreviewInvitation(tenant=TENANT, users=("ana",)),
    Unbind(tenant=TENANT, users=("ana",), reason="lost", ticket="T-1"),
    ListUsers(tenant=TENANT),
    CountUsers(tenant=TENANT),
    FindPosition(tenant=TENANT, user="ana"),
    ShowUser(tenant=TENANT, user="ana"),
    CreateUser(tenant=TENANT, login="ben", password=ANOTHER),
    ImportUsers(tenant=TENANT, users=(NewUser(1, "ben", password=ANOTHER), NewUser(2, "ana", role="auditor"))),
    ImportFactors(tenant=TENANT, factors=(NewFactor(1, "ana", Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")),)),
    DisableUser(tenant=TENANT, user="ana", reason="left"),
    ChangeRole(tenant=TENANT, user="ana", role=Role.AUDITOR),
    ResetPassword(tenant=TENANT, user="ana"),
    ResetUser(tenant=TENANT, user="ana", reason="lost phone", password=PasswordChange.SHOW, bypass=30),
    RequireMfa(tenant=TENANT, user="ana"),
    ListNetworks(tenant=TENANT),
    ListAuditStreams(tenant=TENANT),
    ShowRetention(tenant=TENANT),
    SetRetention(tenant=TENANT, keep_days=400),
    AddAuditStream(tenant=TENANT, name="hook", kind=StreamKind.WEBHOOK, to="http://127.0.0.1:1/"),
    PreviewNetwork(tenant=TENANT, network="203.0.113.0/24"),
    AddNetwork(tenant=TENANT, network="203.0.113.0/24", roles=(Role.HELPDESK,)),  # shuts out nobody who asks
    ListWhitelist(tenant=TENANT),
    AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phone"),
    SignIn(tenant=TENANT, login="root", password=PASSWORD),
    ListAlerts(tenant=TENANT),
    ListAlertRules(tenant=TENANT),
    SetAlertRule(tenant=TENANT, rule=AlertRule.DORMANT, threshold=100),
    TryAlertRule(tenant=TENANT, rule=AlertRule.OPERATOR_RESETS, since=datetime(2027, 1, 1, tzinfo=UTC)),
    ListOwnTokens(),
    ListTokens(tenant=TENANT),
    ShowSecretKey(tenant=TENANT),
    ListSecretKeys(tenant=TENANT),
    CreateSecretKey(tenant=TENANT, name="vpn"),
    RotateSecretKeys(tenant=TENANT),
    FreezeSignIns(tenant=TENANT, reason="stolen passwords"),
    ShowAdvice(tenant=TENANT),
    ShowIncident(tenant=TENANT),
    ReportIncident(tenant=TENANT),
):
    simple(_operation)


@of(StartChallenge)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    made = await organisation.perform(CreateSecretKey(tenant=TENANT, name="wiki", scopes=(Scope.CHALLENGE,)))
    return Asked(StartChallenge(tenant=TENANT, login="ana"), Bearer(made.key))


@of(ShowAlert)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    return Asked(ShowAlert(tenant=TENANT, alert=await make_alert(organisation)))


@of(AcknowledgeAlert)
async def _(organisation: Organisation) -> Asked:
    return Asked(AcknowledgeAlert(tenant=TENANT, alert=await make_alert(organisation), note="known"))


@of(ThawSignIns)
async def _(organisation: Organisation) -> Asked:
    await organisation.perform(FreezeSignIns(tenant=TENANT))
    return Asked(ThawSignIns(tenant=TENANT))


@of(EndTenantSessions)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.sign_in("ana")
    return Asked(EndTenantSessions(tenant=TENANT))


@of(MendClock)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    organisation.clock.forward(days=370)
    await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))
    organisation.clock.forward(days=-370)
    return Asked(MendClock())


@of(VerifyCode)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    return Asked(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))


@of(ConfirmFactor)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    enrollment = await enrolled(organisation, "ana")
    return Asked(ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=organisation.code("ana")))


@of(RemoveFactor)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    return Asked(RemoveFactor(tenant=TENANT, factor=shown.factors[0].id))


@of(ShowFactor)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    return Asked(ShowFactor(tenant=TENANT, factor=shown.factors[0].id))


@of(RenameFactor)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    return Asked(RenameFactor(tenant=TENANT, factor=shown.factors[0].id, label="work phone"))


@of(UndoUnbind)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    return Asked(UndoUnbind(tenant=TENANT, event=done.event))


for _check in (ShowCallerCheck(tenant=TENANT, user="ana"), StartCallerCheck(tenant=TENANT, user="ana")):
    simple(_check)


@of(ConfirmCallerCheck)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    root = await organisation.sign_in("root")
    await organisation.perform(StartCallerCheck(tenant=TENANT, user="ana"), root)
    return Asked(ConfirmCallerCheck(tenant=TENANT, user="ana", code=organisation.code("ana")), root)


simple(RequestApproval(tenant=TENANT, user="ana", reason="lost phone"))
simple(ListApprovals(tenant=TENANT))
simple(PreviewJob(tenant=TENANT, kind=JobKind.UNBIND, users=("ana",)))
simple(StartJob(tenant=TENANT, kind=JobKind.UNBIND, users=("ana",), reason="lost"))
simple(ListJobs(tenant=TENANT))


async def started(organisation: Organisation, *users: str) -> str:
    """Start a job that unbinds users, by default ana."""
    await ana_bound(organisation)
    start = StartJob(tenant=TENANT, kind=JobKind.UNBIND, users=users or ("ana",), reason="lost")
    return (await organisation.perform(start)).id


for _steering in (ShowJob, PauseJob, ResumeJob, CancelJob):

    @of(_steering)
    async def _(organisation: Organisation, kind: type[ShowJob] = _steering) -> Asked:  # type: ignore[assignment]
        return Asked(kind(tenant=TENANT, job=await started(organisation)))


@of(AdvanceJob)
async def _(organisation: Organisation) -> Asked:
    """Only the one who drives a job advances it."""
    await ana_bound(organisation)
    await organisation.add("hana", Role.HELPDESK)
    hana = await organisation.sign_in("hana")
    start = StartJob(tenant=TENANT, kind=JobKind.UNBIND, users=("ana",), reason="lost")
    return Asked(AdvanceJob(tenant=TENANT, job=(await organisation.perform(start, hana)).id), hana)


@of(RetryJob)
async def _(organisation: Organisation) -> Asked:
    for login in ("hana", "harry"):
        await organisation.add(login, Role.HELPDESK)
    await organisation.bind("harry")
    hana = await organisation.sign_in("hana")
    start = StartJob(tenant=TENANT, kind=JobKind.UNBIND, users=("harry",), reason="lost")
    job = await organisation.perform(start, hana)
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id), hana)
    return Asked(RetryJob(tenant=TENANT, job=job.id))


async def asked_by_hana(organisation: Organisation) -> str:
    await ana_bound(organisation)
    await organisation.add("hana", Role.HELPDESK)
    hana = await organisation.sign_in("hana")
    asked = await organisation.perform(RequestApproval(tenant=TENANT, user="ana", reason="lost phone"), hana)
    return asked.id


@of(GrantApproval)
async def _(organisation: Organisation) -> Asked:
    return Asked(GrantApproval(tenant=TENANT, approval=await asked_by_hana(organisation)))


@of(DenyApproval)
async def _(organisation: Organisation) -> Asked:
    return Asked(DenyApproval(tenant=TENANT, approval=await asked_by_hana(organisation)))


@of(RevokeBypass)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.perform(IssueBypass(tenant=TENANT, user="ana", reason="phone at home"))
    return Asked(RevokeBypass(tenant=TENANT, user="ana"))


@of(EnableUser)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    return Asked(EnableUser(tenant=TENANT, user="ana"))


@of(UnlockUser)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=Secret("000000")))
    return Asked(UnlockUser(tenant=TENANT, user="ana"))


@of(RemoveFromWhitelist)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phone"))
    return Asked(RemoveFromWhitelist(tenant=TENANT, users=("ana",)))


@of(VerifySignIn)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    await required(organisation)
    token = await challenge(organisation, "ana", SignInStatus.SECOND_FACTOR)
    return Asked(VerifySignIn(challenge=token, factor="", code=organisation.code("ana")), Nobody())


@of(StartBinding)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await required(organisation)
    return Asked(StartBinding(challenge=await challenge(organisation, "ana", SignInStatus.ENROLL)), Nobody())


@of(ConfirmBinding)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await required(organisation)
    token = await challenge(organisation, "ana", SignInStatus.ENROLL)
    started = await organisation.perform(StartBinding(challenge=token), Nobody())
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmBinding(challenge=token, enrollment=started.enrollment, code=organisation.code("ana"))
    return Asked(confirm, Nobody())


@of(ChoosePassword)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    answer = await organisation.start("ana", reset.password)
    assert answer.challenge is not None
    return Asked(ChoosePassword(challenge=answer.challenge, password=ANOTHER), Nobody())


@of(WhoAmI)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    return Asked(WhoAmI(), await organisation.sign_in("ana"))


@of(StepUp)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    bearer = await organisation.sign_in("ana")
    organisation.clock.forward(minutes=6)
    return Asked(StepUp(password=PASSWORD, code=organisation.code("ana")), bearer)


@of(SignOut)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(SignOut(), await organisation.sign_in("ana"))


@of(EndSession)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    bearer = await organisation.sign_in("ana")
    listed = await organisation.perform(ListSessions(tenant=TENANT, user="ana"))
    return Asked(EndSession(tenant=TENANT, user="ana", session=listed.items[0].id), bearer)


@of(EndOtherSessions)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.sign_in("ana")
    return Asked(EndOtherSessions(tenant=TENANT, user="ana"), await organisation.sign_in("ana"))


@of(ShowOwnRules)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(ShowOwnRules(), await organisation.sign_in("ana"))


@of(ChangePassword)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(ChangePassword(password=ANOTHER), await organisation.sign_in("ana"))


@of(KeepFactor)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(KeepFactor(), await organisation.sign_in("ana"))


@of(SetContact)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana", email="ana@acme.example")
    return Asked(SetContact(email="ana@home.example"), await organisation.sign_in("ana"))


@of(CancelMfa)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    return Asked(CancelMfa(), await organisation.sign_in("ana"))


@of(ViewRecoveryCodes)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, recovery_view=True))
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    return Asked(ViewRecoveryCodes(), await organisation.sign_in("ana"))


async def ana_with_mail(organisation: Organisation) -> str:
    """Bind an address for ana with an unreachable mail server in effect, and return its factor."""
    await mail_set_up(organisation)
    kinds = (FactorKind.TOTP, FactorKind.EMAIL)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, kinds=kinds))
    await organisation.add("ana", email="ana@acme.example")
    enroll = EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.EMAIL)
    enrollment = (await organisation.perform(enroll)).enrollment
    await organisation.backend.delivery_worker.wait_idle()

    def bind(connection: sa.Connection) -> None:
        tenant = tenants.tenant_by_name(connection, TENANT)
        factor = factors.factor_by_id(connection, tenant.pk, enrollment) if tenant else None
        assert factor is not None
        assert factors.activate(connection, factor, step=-1, now=int(organisation.clock.now * 1000))

    await asyncio.wrap_future(organisation.backend.store.write(bind))
    organisation.clock.forward(minutes=1)
    return enrollment


async def tried(organisation: Organisation) -> Secret[str]:
    """Return the code of a test that no server receives."""
    await organisation.perform(SetSmtp(tenant=TENANT, host="127.0.0.1", port=1, sender="mfa@acme.example"))
    await organisation.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="root@acme.example"))
    await organisation.backend.delivery_worker.wait_idle()

    def look(connection: sa.Connection) -> Secret[str]:
        row = connection.execute(sa.select(outbox)).one()
        text = unseal_message(organisation.backend.keys, row.tenant_pk, row.id, row.sealed).text.reveal()
        return Secret(text.partition("enter this code: ")[2][5:11])

    return await asyncio.wrap_future(organisation.backend.store.read(look))


async def mail_set_up(organisation: Organisation) -> None:
    """Put settings of an unreachable mail server into effect."""
    await organisation.perform(ConfirmDelivery(tenant=TENANT, code=await tried(organisation)))


@of(SendAdvice)
async def _(organisation: Organisation) -> Asked:
    await mail_set_up(organisation)
    await organisation.add("ana", email="ana@acme.example")
    return Asked(SendAdvice(tenant=TENANT, user="ana"))


@of(InviteUsers)
async def _(organisation: Organisation) -> Asked:
    await mail_set_up(organisation)
    await organisation.perform(CreateUser(tenant=TENANT, login="ben", email="ben@acme.example"))
    return Asked(InviteUsers(tenant=TENANT, users=("ben",)))


@of(RemindUser)
async def _(organisation: Organisation) -> Asked:
    await mail_set_up(organisation)
    await organisation.perform(CreateUser(tenant=TENANT, login="ben", email="ben@acme.example"))
    await organisation.perform(RequireMfa(tenant=TENANT, user="ben", required=True))
    return Asked(RemindUser(tenant=TENANT, user="ben"))


@of(MailKey)
async def _(organisation: Organisation) -> Asked:
    await mail_set_up(organisation)
    await organisation.add("ana", email="ana@acme.example")
    return Asked(MailKey(tenant=TENANT, enrollment=await enrolled(organisation, "ana")))


@of(MailSignInKey)
async def _(organisation: Organisation) -> Asked:
    await mail_set_up(organisation)
    await organisation.add("ana", email="ana@acme.example")
    await required(organisation)
    token = await challenge(organisation, "ana", SignInStatus.ENROLL)
    started = await organisation.perform(StartBinding(challenge=token), Nobody())
    return Asked(MailSignInKey(challenge=token, enrollment=started.enrollment), Nobody())


@of(SendCode)
async def _(organisation: Organisation) -> Asked:
    factor = await ana_with_mail(organisation)
    token = await challenge(organisation, "ana", SignInStatus.SECOND_FACTOR)
    return Asked(SendCode(challenge=token, factor=factor), Nobody())


@of(SendStepUpCode)
async def _(organisation: Organisation) -> Asked:
    factor = await ana_with_mail(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    answer = await organisation.start("ana")
    assert answer.token is not None
    return Asked(SendStepUpCode(factor=factor), Bearer(answer.token))


@of(ShowSignInSending)
async def _(organisation: Organisation) -> Asked:
    await ana_with_mail(organisation)
    token = await challenge(organisation, "ana", SignInStatus.SECOND_FACTOR)
    return Asked(ShowSignInSending(challenge=token), Nobody())


@of(ShowStepUpSending)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(ShowStepUpSending(), await organisation.sign_in("ana"))


@of(ShowEnrollmentSending)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(ShowEnrollmentSending(tenant=TENANT, enrollment=await enrolled(organisation, "ana")))


@of(TryDelivery)
async def _(organisation: Organisation) -> Asked:
    await organisation.perform(SetSmtp(tenant=TENANT, host="127.0.0.1", port=1, sender="mfa@acme.example"))
    return Asked(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="root@acme.example"))


@of(ConfirmDelivery)
async def _(organisation: Organisation) -> Asked:
    return Asked(ConfirmDelivery(tenant=TENANT, code=await tried(organisation)))


@of(RemoveNetwork)
async def _(organisation: Organisation) -> Asked:
    await organisation.perform(AddNetwork(tenant=TENANT, network="203.0.113.0/24", roles=(Role.HELPDESK,)))
    return Asked(RemoveNetwork(tenant=TENANT, network="203.0.113.0/24"))


@of(RetainAudit)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    organisation.clock.forward(days=40)
    return Asked(RetainAudit(tenant=TENANT, keep_days=30))


async def a_stream(organisation: Organisation) -> None:
    """Add a receiver that is not there, which was tried already."""
    missing = str(organisation.home / "no.sock")
    await organisation.perform(AddAuditStream(tenant=TENANT, name="siem", kind=StreamKind.SYSLOG_UNIX, to=missing))
    await organisation.backend.stream_worker.wait_idle()


@of(TestAuditStream)
async def _(organisation: Organisation) -> Asked:
    await a_stream(organisation)
    return Asked(TestAuditStream(tenant=TENANT, stream="siem"))


@of(RemoveAuditStream)
async def _(organisation: Organisation) -> Asked:
    await a_stream(organisation)
    return Asked(RemoveAuditStream(tenant=TENANT, stream="siem"))


async def a_change_waits(organisation: Organisation) -> None:
    """Let a tenant administrator allow only a network that she is not in, which binds nobody who outranks her."""
    await organisation.add("tina", Role.TENANT_ADMIN)
    elsewhere, backend = Source("api", "203.0.113.9"), organisation.backend
    answer = await backend.perform_as(SignIn(tenant=TENANT, login="tina", password=PASSWORD), Nobody(), elsewhere)
    assert answer.token is not None
    shut_out = AddNetwork(tenant=TENANT, network="192.0.2.0/24", confirm=TENANT)
    assert (await backend.perform_as(shut_out, Bearer(answer.token), elsewhere)).pending_until


@of(ConfirmNetworks)
async def _(organisation: Organisation) -> Asked:
    await a_change_waits(organisation)
    return Asked(ConfirmNetworks(tenant=TENANT))


@of(RevertNetworks)
async def _(organisation: Organisation) -> Asked:
    await a_change_waits(organisation)
    return Asked(RevertNetworks(tenant=TENANT))


@of(CreateToken)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(CreateToken(name="ci"), await organisation.sign_in("ana"))


@of(RevokeToken)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    made = await organisation.perform(CreateToken(name="ci"), await organisation.sign_in("ana"))
    return Asked(RevokeToken(tenant=TENANT, token=made.id))


@of(RevokeSecretKey)
async def _(organisation: Organisation) -> Asked:
    await organisation.perform(RotateSecretKey(tenant=TENANT))
    return Asked(RevokeSecretKey(tenant=TENANT, key="default"))


@of(RotateSecretKey)
async def _(organisation: Organisation) -> Asked:
    await organisation.perform(RotateSecretKey(tenant=TENANT))
    return Asked(RotateSecretKey(tenant=TENANT, overlap_hours=1))


def of_one_user(operation: Operation[Any]) -> bool:
    """Return True if an operation names its user, and nothing else that has to be made first."""
    return hasattr(operation, "user") and not {"factor", "enrollment", "session", "token"} & set(operation.__slots__)


for _kind in OPERATIONS.values():
    _request: Any = example_of(_kind.spec.name).request
    if _kind not in EXAMPLES and of_one_user(_request):  # the documented one, of an existing user
        simple(dataclasses.replace(_request, tenant=TENANT, user="ana"))

READING = [operation for operation in OPERATIONS.values() if not operation.spec.writes]
WRITING = [operation for operation in OPERATIONS.values() if operation.spec.writes]


def secrets_in(value: object) -> Iterator[str]:
    """The text of every secret within an operation or a reply."""
    if isinstance(value, Secret):
        text = value.reveal()
        if isinstance(text, str):
            yield text
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from secrets_in(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from secrets_in(item)
