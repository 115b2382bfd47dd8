"""Values of examples about a tenant's policy, networks, delivery and adoption."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from secconsole.domain.impact import Group, Impact
from secconsole.domain.messages.delivery import MessageState, Purpose, SettingsState, Tls
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode, SignInStatus
from secconsole.domain.policy import Rule, SignInFacts
from secconsole.domain.roles import Role
from secconsole.operations import delivery, networks, policy, tenants
from secconsole.operations.sample.basics import ANA, EVENT, NOW, TENANT

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
TENANT_ROW = tenants.Tenant("01KAMYTP9Z1B3D5F7H9K1N3Q5S", TENANT, NOW - timedelta(days=90), PolicyMode.REQUIRED, 412)
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
