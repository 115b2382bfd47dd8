"""Values that examples of requests and replies share: one small tenant on one morning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from secconsole.domain.audit.alert_rules import AlertRule, AlertState
from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.factors.bypass import bypass_code
from secconsole.domain.factors.recovery import RANDOM_BYTES, recovery_code
from secconsole.domain.helpdesk import ApprovalKind, ApprovalState
from secconsole.domain.impact import Group, Impact
from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.domain.messages.delivery import MessageState, Purpose, SettingsState, Tls
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag, OfferedKind, PolicyMode, SignInStatus
from secconsole.domain.policy import Rule, SignInFacts
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations import (
    alerts,
    approvals,
    audit,
    audit_retention,
    audit_streams,
    caller_check,
    delivery,
    factors,
    incident,
    invitations,
    jobs,
    networks,
    policy,
    sessions,
    signin,
    tenants,
    tokens,
    unbinding,
    users,
    whitelist,
)

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TENANT = "acme"
REASON, TICKET = "lost her phone, showed her badge at the desk", "HD-4711"

PASSWORD = Secret("correct horse battery staple")
ANOTHER = Secret("seven quiet otters by the weir")
CODE = Secret("492817")
BYPASS = bypass_code(b"0123456789")
SESSION_TOKEN = Secret("s_4tq8Zk1vXw7mBq2Rr0yJ6c5d3f9H1aLuPeGoTnKi")
CHALLENGE = Secret("c_9fW3nQxT0bR5uY7kEoL2hV8zMjD4aSgC1pXiNqKt")
ANA, BEN, ROOT = "01KAMZ8X5R3T7W9Y2B4D6F8H0J", "01KAMZ9B7N1Q3S5V8X0Z2C4E6G", "01KAMYTQ0A2C4E6G8J0M2P4R6T"
FACTOR_ID, PENDING_ID = "01KAN0C1D3F5H7K9N1Q3S5V7X9", "01KAN4H2J4M6P8R0T2W4Y6A8C0"
SESSION = "01KAN1D5F7H9K1N3Q5S7V9X1Z3"
EVENT = "01KAN7M3P5R7T9W1Y3A5C7E9G1"

USER = users.UserRow(
    id=ANA,
    login="ana.kral",
    name="Ana Králová",
    email="ana.kral@acme.example",
    phone="+420601123456",
    role=Role.USER,
    status=BindingStatus.BOUND,
    flags=(),
    factors=(FactorKind.TOTP,),
    last_sign_in=NOW - timedelta(hours=1),
    mfa_required=False,
)
UNBOUND = replace(USER, status=BindingStatus.UNBOUND, factors=())
OTHER = users.UserRow(
    id=BEN,
    login="ben.ortiz",
    name="Ben Ortiz",
    email="ben.ortiz@acme.example",
    phone="",
    role=Role.HELPDESK,
    status=BindingStatus.UNBOUND,
    flags=(Flag.WHITELISTED,),
    factors=(),
    last_sign_in=None,
    mfa_required=False,
)
FACTOR_ROW = users.FactorRow(
    id=FACTOR_ID,
    kind=FactorKind.TOTP,
    state=FactorState.ACTIVE,
    label="work phone",
    masked="work phone",
    created=NOW - timedelta(days=40),
    bound=NOW - timedelta(days=40),
    last_used=NOW - timedelta(hours=1),
    exhausted=False,
)
ENTRY = audit.AuditEntry(
    id="01KAN7M3Q0S2V4X6Z8B0D2F4H6",
    at=NOW,
    actor="root",
    action="unbind",
    target="ana.kral",
    target_id=ANA,
    outcome="done",
    reason=REASON,
    ticket=TICKET,
    channel="api",
    address="192.0.2.7",
    request_id="913b2c26ede40aaa",
    details={"event": EVENT, "factors": 1, "sessions_ended": 1},
)
HEAD = audit.AuditHead(
    tenant=TENANT,
    tenant_id="01KAMYTP9Z1B3D5F7H9K1M3P5R",
    chain="main",
    seq=1912,
    mac="5f" * 32,
    at=NOW,
    key_id="9c1e5a7700d24b38",
    signature="a3" * 32,
)
STREAM = audit_streams.AuditStream(
    id="01KAN8P5R7T9W1Y3A5C7E9G1J3",
    name="siem",
    kind=StreamKind.SYSLOG_TLS,
    to="siem.acme.example:6514",
    state=audit_streams.StreamState.CURRENT,
    sent=1912,
    newest=1912,
    behind=0,
    behind_since=None,
    last_sent=NOW,
    failures=0,
    problem="",
    failing_since=None,
    next_try=None,
    test=audit_streams.StreamTest.PASSED,
    tested=NOW - timedelta(days=2),
    test_problem="",
    created=NOW - timedelta(days=2),
    by="root",
)
RETENTION = audit_retention.Retention(
    keep_days=400,
    changed=NOW - timedelta(days=2),
    changed_by="root",
    removed=1_912,
    removed_at=NOW,
    newest=9_312,
    oldest=NOW - timedelta(days=400),
)
INVITED = invitations.Invited(ANA, "ana.kral", "a•••@acme.example")
EXEMPTION = whitelist.Exemption(
    user=BEN,
    login="ben.ortiz",
    name="Ben Ortiz",
    role=Role.HELPDESK,
    status=BindingStatus.UNBOUND,
    reason="his phone is being repaired",
    since=NOW,
    until=NOW + timedelta(days=7),
    by="root",
)
NETWORK = networks.AllowedNetwork(
    id="01KANAR3T5V7X9Z1B3D5F7H9K2",
    network="203.0.113.0/24",
    note="office",
    roles=(),
    until=None,
    no_challenge=False,
    created=NOW,
    by="root",
)
POLICY = policy.Policy(
    policy=PolicyMode.REQUIRED,
    grace_days=14,
    kinds=(FactorKind.TOTP,),
    version=2,
    changed=NOW,
    changed_by="root",
    required_since=NOW,
    recovery_view=False,
)
STARTED = signin.BindingStarted(
    enrollment=PENDING_ID,
    kind=FactorKind.TOTP,
    uri=Secret("otpauth://totp/acme:ana.kral?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=acme"),
    key=Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
    expires=NOW + timedelta(hours=1),
)
MAILED = signin.KeyMailed(True, "a•••@acme.example", retry_at=NOW + timedelta(seconds=40))
SMTP = delivery.SmtpSettings(
    state=SettingsState.PENDING,
    host="mail.acme.example",
    port=587,
    tls=Tls.STARTTLS,
    sender="mfa@acme.example",
    username="mfa",
    since=NOW,
    by="root",
)
TWILIO = delivery.TwilioSettings(
    state=SettingsState.PENDING,
    account_sid="AC0123456789abcdef0123456789abcdef",
    sender="+15005550006",
    service="",
    base_url=delivery.TWILIO,
    since=NOW,
    by="root",
)
COMPLETE = signin.SignInAnswer(SignInStatus.COMPLETE, token=SESSION_TOKEN, server_time=NOW)
ACCEPTED = factors.Verdict(True, server_time=NOW, factor=FACTOR_ID)
CHANGED = users.UserChanged(USER, version=7)
TENANT_ROW = tenants.Tenant("01KAMYTP9Z1B3D5F7H9K1N3Q5S", TENANT, NOW - timedelta(days=90), PolicyMode.REQUIRED, 412)
DONE = unbinding.Unbound(ANA, "ana.kral")
RECOVERY = tuple(recovery_code(bytes([number]) * RANDOM_BYTES) for number in range(17, 177, 16))
TOKEN_ROW = tokens.TokenRow(
    id="01KAN9R5T7V9X1Z3B5D7F9H1K3",
    name="ci",
    scopes=(Scope.READ,),
    owner="root",
    user=ROOT,
    created=NOW,
    expires=NOW + timedelta(days=30),
    last_used=None,
)
OLD_KEY, NEW_KEY = "01KA1S6V8X0Z2B4D6F8H0K2M4P", "01KAN9T7W9Y1A3C5E7G9J1M3Q5"
MISSING = whitelist.NotDone("cleo", "cleo", "There is no such user.")
GROUP = Group(
    role=Role.USER,
    status=BindingStatus.BOUND,
    whitelisted=False,
    disabled=False,
    must_reset=False,
    weak_only=False,
    has_recovery=True,
    blocked=False,
    switched_on=False,
    keeps_factor=False,
    count=371,
)
IMPACT = Impact(
    users=412,
    bound=371,
    pending=6,
    unbound=35,
    whitelisted=4,
    unaffected=374,
    must_enroll=37,
    locked_out=1,
    weak_only=0,
    admins_must_enroll=1,
    always_asked=1,
    no_longer_required=0,
)

ALERT = alerts.Alert(
    id="01KAN7M3R4T6V8X0Z2B4D6F8H0",
    rule=AlertRule.NETWORK_USERS,
    state=AlertState.OPEN,
    summary="network 192.0.2.0/24 failed for 41 users within 10 min",
    subject="192.0.2.0/24",
    name="192.0.2.0/24",
    number=41,
    minutes=10,
    events=41,
    others=0,
    created=NOW - timedelta(minutes=28),
    first=NOW - timedelta(minutes=33),
    last=NOW - timedelta(minutes=20),
    acknowledged=None,
    acknowledged_by="",
    note="",
)
ACKNOWLEDGED = replace(
    ALERT, state=AlertState.ACKNOWLEDGED, acknowledged=NOW, acknowledged_by="root", note="a test of the new firewall"
)
ALERT_RULE = alerts.RuleRow(
    AlertRule.NETWORK_USERS, "one network fails for many users", True, 20, "users", 10, hours="", zone="UTC"
)
WOULD_ALERT = alerts.WouldAlert(ALERT.summary, ALERT.subject, ALERT.name, 41, 41, ALERT.first, ALERT.last, (ENTRY.id,))

APPROVAL = approvals.Approval(
    id="01KAN7M3R2T4V6X8Z0B2D4F6H8",
    kind=ApprovalKind.UNBIND,
    user=ANA,
    login="ana.kral",
    name="Ana Králová",
    role=Role.USER,
    reason=REASON,
    ticket=TICKET,
    by="hana",
    created=NOW,
    until=NOW + timedelta(minutes=30),
    state=ApprovalState.PENDING,
    answer_by="",
    own=False,
)
GRANTED = replace(APPROVAL, state=ApprovalState.GRANTED, answer_by="root")
DENIED = replace(APPROVAL, state=ApprovalState.DENIED, answer_by="root")
CALLER_CHECK = caller_check.CallerCheck(
    "01KAN7M3Q1T3V5X7Z9B1D3F5H7", FactorKind.EMAIL, "a•••@acme.example", "root", None, NOW + timedelta(minutes=10)
)
CALLER_CHECKED = replace(CALLER_CHECK, confirmed=NOW)
CALLER_CHECK_STATE = caller_check.CallerCheckState(
    ANA,
    "ana.kral",
    (
        caller_check.CallerWay("record-email", FactorKind.EMAIL, "a•••@acme.example"),
        caller_check.CallerWay(FACTOR_ID, FactorKind.TOTP, "work phone"),
    ),
    None,
)

INCIDENT = incident.Incident(
    at=NOW,
    since=NOW - incident.USUAL_WINDOW,
    frozen_since=None,
    frozen_by="",
    sessions=214,
    tokens=9,
    spared=1,
    platform_admins=2,
    roles=(incident.RoleCount(Role.TENANT_ADMIN, users=2, bound=2, passwords=2),),
    networks=(incident.NewNetwork("203.0.113.0/24", users=7, login="ana.kral", first=NOW - timedelta(hours=7)),),
    networks_capped=False,
    changes=(incident.ActionCount("whitelist.added", "done", 2),),
    latest=(ENTRY,),
    refused=41,
    refused_capped=False,
    key_id=OLD_KEY,
    key_last_used=NOW - timedelta(minutes=1),
    key_uses=(incident.KeyUse("192.0.2.20", last=NOW - timedelta(minutes=1), checks=311),),
    done=(incident.StepDone("incident.frozen", NOW - timedelta(minutes=16), "tomas", EVENT),),
)
INCIDENT_REPORT = incident.IncidentReport(
    tenant=TENANT,
    at=NOW,
    since=NOW - incident.USUAL_WINDOW,
    until=NOW,
    frozen_since=None,
    counts=INCIDENT.changes,
    items=(ENTRY,),
)
SIGN_IN_REPLY = signin.SignInAnswer(
    SignInStatus.SECOND_FACTOR,
    challenge=CHALLENGE,
    factors=(signin.OfferedFactor(FACTOR_ID, OfferedKind.TOTP, "work phone"),),
    server_time=NOW,
)
SEND_CODE_REPLY = signin.SignInAnswer(
    SignInStatus.SECOND_FACTOR,
    challenge=CHALLENGE,
    factors=(signin.OfferedFactor(FACTOR_ID, OfferedKind.SMS, "••• 009"),),
    prefix="XYWD",
    message="A code is on its way to ••• 009.",
    server_time=NOW,
    retry_at=NOW + timedelta(seconds=40),
    sent=True,
)
SEND_STEP_UP_CODE_REPLY = signin.CodeSent(
    sent=True,
    prefix="XYWD",
    masked="••• 009",
    expires=NOW + timedelta(minutes=10),
    retry_at=NOW + timedelta(seconds=40),
)
SHOW_SIGN_IN_SENDING_REPLY = signin.SendStatus(
    MessageState.FAILED,
    "The owner of this number answered STOP. No SMS is delivered until they send START (21610). Nothing was sent.",
    server_time=NOW,
)
WHO_AM_I_REPLY = signin.Identity(
    id=ROOT,
    login="root",
    name="",
    role=Role.PLATFORM_ADMIN,
    tenant=TENANT,
    bound=True,
    signed_in_at=NOW,
    ends_at=NOW + timedelta(hours=12),
    proved_at=NOW,
    step_up_until=NOW + timedelta(minutes=5),
    email="root@acme.example",
    recovery_left=9,
    renew_recovery=True,
)
LIST_SESSIONS_REPLY = sessions.SessionPage(
    (
        sessions.SessionRow(
            id=SESSION,
            created=NOW - timedelta(hours=1),
            last_seen=NOW - timedelta(minutes=3),
            expires=NOW + timedelta(hours=11),
            channel="api",
            address="192.0.2.7",
            current=False,
            factor="totp",
        ),
    )
)
SHOW_USER_REPLY = users.UserDetail(
    user=UNBOUND,
    version=8,
    created=NOW - timedelta(days=90),
    factors=(),
    whitelist=None,
    undo=users.Undoable(EVENT, NOW + timedelta(minutes=10), "root", REASON, TICKET, NOW),
    look_alikes=(users.LookAlike("01KAMZC8S0V2X4Z6B8D0F2H4K6", "ana.kra1", "Ana Kraljević"),),
    suspicions=(),
    failures=0,
    locked_until=None,
    locked=False,
    has_password=True,
    mfa_required=False,
    keeps_factor=False,
    sessions=0,
    password_sessions=0,
    tokens=0,
    events=(ENTRY,),
    recovery_left=0,
    known_networks=2,
)
IMPORT_USERS_REPLY = users.ImportResult(
    created=1,
    updated=0,
    unchanged=0,
    rejected=(users.Rejected(3, "eli stone", "A login cannot contain spaces."),),
)
SHOW_DELIVERY_REPLY = delivery.Delivery(
    smtp=(SMTP,),
    twilio=(replace(TWILIO, state=SettingsState.ACTIVE),),
    day=(delivery.Sent(FactorKind.SMS, waiting=0, sent=214, failed=3, unsure=1, most=2_000),),
    recent=(
        delivery.MessageRow(
            id=EVENT,
            at=NOW,
            kind=FactorKind.SMS,
            purpose=Purpose.SIGN_IN,
            login="ana.kral",
            masked="••• 009",
            state=MessageState.FAILED,
            attempts=1,
            problem="Twilio reports that this is not a phone number. Check it for a mistyped digit (21211).",
        ),
    ),
)
TRY_DELIVERY_REPLY = delivery.TestStarted(
    sent=True,
    kind=FactorKind.SMS,
    masked="••• 001",
    prefix="XYWD",
    id=EVENT,
    expires=NOW + timedelta(minutes=10),
    retry_at=NOW + timedelta(seconds=10),
)
PREVIEW_POLICY_REPLY = policy.PolicyPreview(
    policy=PolicyMode.REQUIRED,
    now=PolicyMode.OPTIONAL,
    impact=IMPACT,
    grace_days=14,
    whitelisted_open=1,
    platform_admins_added=0,
    sessions=12,
    you=policy.You("root", bound=True, whitelisted=False, must_enroll=False, locked_out=False, by_password=False),
    version=1,
)
EXPLAIN_SIGN_IN_REPLY = policy.Explanation(
    user=ANA,
    login="ana.kral",
    address="203.0.113.9",
    outcome=SignInStatus.SECOND_FACTOR,
    rule=Rule.HAS_FACTOR,
    message="Asked for the second factor.",
    because=("The policy is required.", "A factor is bound: totp."),
    remind=False,
    then_outcome=None,
    then_rule=None,
    facts=SignInFacts(
        known=True,
        password_right=True,
        disabled=False,
        held_back=False,
        network_allowed=True,
        network_exempt=False,
        must_reset=False,
        policy=PolicyMode.REQUIRED,
        whitelisted=False,
        keeps_factor=False,
        active_factor=True,
        pending_factor=False,
        switched_on=False,
        platform_admin=False,
        in_grace=False,
    ),
    at=NOW,
)
SHOW_ADOPTION_REPLY = tenants.Adoption(
    tenant=TENANT,
    policy=PolicyMode.REQUIRED,
    grace_days=14,
    required_since=NOW,
    groups=(GROUP, replace(GROUP, status=BindingStatus.UNBOUND, count=35)),
    locked=1,
    whitelisted_open=1,
    expiring_soon=2,
    at=NOW,
    clock_jump=tenants.ClockJump(NOW, -2400),
    refused_by_clock=3,
    kinds=(tenants.KindCount(FactorKind.TOTP, 377, 371), tenants.KindCount(FactorKind.EMAIL, 6, 0)),
)
SHOW_HISTORY_REPLY = tenants.AdoptionHistory(
    tenant=TENANT,
    days=(
        tenants.DayFigures(NOW, users=410, bound=372, pending=None, whitelisted=None, overdue=None),
        tenants.DayFigures(NOW, users=412, bound=377, pending=2, whitelisted=3, overdue=12),
    ),
    complete=True,
)
PREVIEW_UNBIND_REPLY = unbinding.UnbindPreview(
    bound=1,
    pending=0,
    already_unbound=0,
    whitelisted=0,
    sessions=1,
    tokens=0,
    recovery_codes=10,
    not_notified=0,
    failed=(MISSING,),
    targets=(
        unbinding.UnbindTarget(
            id=ANA,
            login="ana.kral",
            name="Ana Králová",
            role=Role.USER,
            status=BindingStatus.BOUND,
            factors=(FactorKind.TOTP,),
            labels=("work phone",),
            masked=("work phone",),
            states=(FactorState.ACTIVE,),
            whitelisted=False,
            sessions=1,
            tokens=0,
            recovery_codes=10,
            notified=("a•••@acme.example",),
            binds_anew=True,
            password_mail="a•••@acme.example",  # noqa: S106 - an address
            no_password_mail="",
            look_alikes=(),
            suspicions=(),
        ),
    ),
    policy=PolicyMode.REQUIRED,
    mails=True,
)
JOB = jobs.Job(
    id="01KAN8A2C4E6G8J0M2P4R6T8V0",
    kind=JobKind.UNBIND,
    state=JobState.RUNNING,
    selection="2 named",
    reason=REASON,
    ticket=TICKET,
    by="hana",
    driver="hana",
    created=NOW,
    progress=NOW,
    ended=None,
    total=2,
    done=1,
    failed=1,
    skipped=0,
    pending=0,
    events=(EVENT,),
    steerable=True,
    driving=True,
)
JOB_ITEM = jobs.JobItem("", "cleo", "", ItemState.FAILED, "There is no such user.", None)
JOB_PREVIEW = jobs.JobPreview(
    total=1,
    done=0,
    skipped=1,
    failed=0,
    reasons=(jobs.JobReason(ItemState.SKIPPED, "Is not locked.", 1),),
    items=(jobs.JobItem(ANA, "ana.kral", "Ana Králová", ItemState.SKIPPED, "Is not locked.", None),),
)
