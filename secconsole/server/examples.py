"""An example of every request and its reply, for the API's description: one small tenant on one morning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from secconsole.domain.delivery import MessageState, Purpose, SettingsState, Tls
from secconsole.domain.impact import Group, Impact
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag, PolicyMode, SignInStatus
from secconsole.domain.policy import Rule, SignInFacts
from secconsole.domain.recovery import RANDOM_BYTES, recovery_code
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.domain.search import UserFilter
from secconsole.domain.secret import Secret
from secconsole.operations import (
    account,
    audit,
    delivery,
    factors,
    policy,
    recovery,
    sessions,
    signin,
    tenants,
    tokens,
    unbinding,
    users,
    whitelist,
)
from secconsole.operations.base import Operation


@dataclass(frozen=True, slots=True)
class Example:
    """A request, and what it may be answered with."""

    request: Operation[object]
    reply: object


NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TENANT = "acme"
REASON, TICKET = "lost her phone, showed her badge at the desk", "HD-4711"

_PASSWORD = Secret("correct horse battery staple")
_ANOTHER = Secret("seven quiet otters by the weir")
_CODE = Secret("492817")
_TOKEN = Secret("s_4tq8Zk1vXw7mBq2Rr0yJ6c5d3f9H1aLuPeGoTnKi")
_CHALLENGE = Secret("c_9fW3nQxT0bR5uY7kEoL2hV8zMjD4aSgC1pXiNqKt")
_ANA, _BEN, _ROOT = "01KAMZ8X5R3T7W9Y2B4D6F8H0J", "01KAMZ9B7N1Q3S5V8X0Z2C4E6G", "01KAMYTQ0A2C4E6G8J0M2P4R6T"
_FACTOR, _PENDING = "01KAN0C1D3F5H7K9N1Q3S5V7X9", "01KAN4H2J4M6P8R0T2W4Y6A8C0"
_SESSION = "01KAN1D5F7H9K1N3Q5S7V9X1Z3"
_EVENT = "01KAN7M3P5R7T9W1Y3A5C7E9G1"

_user = users.UserRow(
    id=_ANA,
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
_unbound = replace(_user, status=BindingStatus.UNBOUND, factors=())
_other = users.UserRow(
    id=_BEN,
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
_factor = users.FactorRow(
    id=_FACTOR,
    kind=FactorKind.TOTP,
    state=FactorState.ACTIVE,
    label="work phone",
    masked="work phone",
    created=NOW - timedelta(days=40),
    bound=NOW - timedelta(days=40),
    last_used=NOW - timedelta(hours=1),
    exhausted=False,
)
_entry = audit.AuditEntry(
    id="01KAN7M3Q0S2V4X6Z8B0D2F4H6",
    at=NOW,
    actor="root",
    action="unbind",
    target="ana.kral",
    target_id=_ANA,
    outcome="done",
    reason=REASON,
    ticket=TICKET,
    channel="api",
    address="192.0.2.7",
    request_id="913b2c26ede40aaa",
    details={"event": _EVENT, "factors": 1, "sessions_ended": 1},
)
_exemption = whitelist.Exemption(
    user=_BEN,
    login="ben.ortiz",
    name="Ben Ortiz",
    role=Role.HELPDESK,
    status=BindingStatus.UNBOUND,
    reason="his phone is being repaired",
    since=NOW,
    until=NOW + timedelta(days=7),
    by="root",
)
_policy = policy.Policy(
    policy=PolicyMode.REQUIRED,
    grace_days=14,
    kinds=(FactorKind.TOTP,),
    version=2,
    changed=NOW,
    changed_by="root",
    required_since=NOW,
    recovery_view=False,
)
_started = signin.BindingStarted(
    enrollment=_PENDING,
    kind=FactorKind.TOTP,
    uri=Secret("otpauth://totp/acme:ana.kral?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=acme"),
    key=Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
    expires=NOW + timedelta(hours=1),
)
_mailed = signin.KeyMailed(True, "a•••@acme.example", retry_at=NOW + timedelta(seconds=40))
_smtp = delivery.SmtpSettings(
    state=SettingsState.PENDING,
    host="mail.acme.example",
    port=587,
    tls=Tls.STARTTLS,
    sender="mfa@acme.example",
    username="mfa",
    since=NOW,
    by="root",
)
_twilio = delivery.TwilioSettings(
    state=SettingsState.PENDING,
    account_sid="AC0123456789abcdef0123456789abcdef",
    sender="+15005550006",
    service="",
    base_url=delivery.TWILIO,
    since=NOW,
    by="root",
)
_complete = signin.SignInAnswer(SignInStatus.COMPLETE, token=_TOKEN, server_time=NOW)
_accepted = factors.Verdict(True, server_time=NOW, factor=_FACTOR)
_changed = users.UserChanged(_user, version=7)
_tenant = tenants.Tenant("01KAMYTP9Z1B3D5F7H9K1N3Q5S", TENANT, NOW - timedelta(days=90), PolicyMode.REQUIRED, 412)
_done = unbinding.Unbound(_ANA, "ana.kral")
_recovery = tuple(recovery_code(bytes([number]) * RANDOM_BYTES) for number in range(17, 177, 16))
_token = tokens.TokenRow(
    id="01KAN9R5T7V9X1Z3B5D7F9H1K3",
    name="ci",
    scopes=(Scope.READ,),
    owner="root",
    user=_ROOT,
    created=NOW,
    expires=NOW + timedelta(days=30),
    last_used=None,
)
_OLD_KEY, _NEW_KEY = "01KA1S6V8X0Z2B4D6F8H0K2M4P", "01KAN9T7W9Y1A3C5E7G9J1M3Q5"
_missing = whitelist.NotDone("cleo", "cleo", "There is no such user.")
_group = Group(
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
_impact = Impact(
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
)

_ALL = (
    Example(
        signin.SignIn(tenant=TENANT, login="ana.kral", password=_PASSWORD),
        signin.SignInAnswer(
            SignInStatus.SECOND_FACTOR,
            challenge=_CHALLENGE,
            factors=(signin.OfferedFactor(_FACTOR, FactorKind.TOTP, "work phone"),),
            server_time=NOW,
        ),
    ),
    Example(signin.VerifySignIn(challenge=_CHALLENGE, factor=_FACTOR, code=_CODE), _complete),
    Example(
        signin.SendCode(challenge=_CHALLENGE, factor=_FACTOR),
        signin.SignInAnswer(
            SignInStatus.SECOND_FACTOR,
            challenge=_CHALLENGE,
            factors=(signin.OfferedFactor(_FACTOR, FactorKind.SMS, "••• 009"),),
            prefix="XYWD",
            message="A code is on its way to ••• 009.",
            server_time=NOW,
            retry_at=NOW + timedelta(seconds=40),
            sent=True,
        ),
    ),
    Example(
        signin.SendStepUpCode(factor=_FACTOR),
        signin.CodeSent(
            sent=True,
            prefix="XYWD",
            masked="••• 009",
            expires=NOW + timedelta(minutes=10),
            retry_at=NOW + timedelta(seconds=40),
        ),
    ),
    Example(signin.StartBinding(challenge=_CHALLENGE), _started),
    Example(signin.MailSignInKey(challenge=_CHALLENGE, enrollment=_PENDING), _mailed),
    Example(signin.ConfirmBinding(challenge=_CHALLENGE, enrollment=_PENDING, code=_CODE), _complete),
    Example(signin.ChoosePassword(challenge=_CHALLENGE, password=_ANOTHER), _complete),
    Example(
        signin.WhoAmI(),
        signin.Identity(
            id=_ROOT,
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
        ),
    ),
    Example(
        signin.StepUp(password=_PASSWORD, code=_CODE),
        signin.Proof(True, until=NOW + timedelta(minutes=5), server_time=NOW, token=_TOKEN),
    ),
    Example(signin.SignOut(), None),
    Example(
        sessions.ListSessions(tenant=TENANT, user="ana.kral"),
        sessions.SessionPage(
            (
                sessions.SessionRow(
                    id=_SESSION,
                    created=NOW - timedelta(hours=1),
                    last_seen=NOW - timedelta(minutes=3),
                    expires=NOW + timedelta(hours=11),
                    channel="api",
                    address="192.0.2.7",
                    current=False,
                ),
            )
        ),
    ),
    Example(sessions.EndSession(tenant=TENANT, user="ana.kral", session=_SESSION), sessions.SessionsEnded(ended=1)),
    Example(sessions.EndOtherSessions(tenant=TENANT, user="ana.kral"), sessions.SessionsEnded(ended=3)),
    Example(
        account.ShowOwnRules(),
        account.OwnRules(
            policy=PolicyMode.REQUIRED,
            required=True,
            why="the policy of acme requires one of everybody",
            kinds=(FactorKind.TOTP,),
            recovery_view=False,
        ),
    ),
    Example(account.ChangePassword(password=_ANOTHER), account.PasswordChanged(sessions_ended=1)),
    Example(account.KeepFactor(keep=True), None),
    Example(account.SetContact(email="ana.kral@acme.example"), account.ContactSet("ana.kral@acme.example")),
    Example(account.CancelMfa(), account.Cancelled(factors=2, recovery_codes=10, sessions_ended=1)),
    Example(
        audit.ListAudit(tenant=TENANT, search="ana", actions=("unbind", "unbind.undone"), limit=20),
        audit.AuditPage((_entry,), next="1893"),
    ),
    Example(audit.VerifyAudit(tenant=TENANT), audit.AuditCheck(whole=True, entries=1912)),
    Example(
        users.ListUsers(tenant=TENANT, filter=UserFilter(words=("ana",), status=BindingStatus.BOUND), limit=20),
        users.UserPage((_user,)),
    ),
    Example(
        users.CountUsers(tenant=TENANT, filter=UserFilter(status=BindingStatus.UNBOUND)),
        users.UserCount(count=35, total=412),
    ),
    Example(users.FindPosition(tenant=TENANT, user="ana.kral"), 17),
    Example(
        users.ShowUser(tenant=TENANT, user="ana.kral"),
        users.UserDetail(
            user=_unbound,
            version=8,
            created=NOW - timedelta(days=90),
            factors=(),
            whitelist=None,
            undo=users.Undoable(_EVENT, NOW + timedelta(minutes=10), "root", REASON, TICKET, NOW),
            look_alikes=(users.LookAlike("01KAMZC8S0V2X4Z6B8D0F2H4K6", "ana.kra1", "Ana Kraljević"),),
            suspicions=(),
            failures=0,
            locked_until=None,
            locked=False,
            has_password=True,
            mfa_required=False,
            keeps_factor=False,
            sessions=0,
            tokens=0,
            events=(_entry,),
            recovery_left=0,
        ),
    ),
    Example(
        users.CreateUser(
            tenant=TENANT,
            login="ben.ortiz",
            name="Ben Ortiz",
            email="ben.ortiz@acme.example",
            phone="+420 601 123 456",
            role=Role.HELPDESK,
            password=_PASSWORD,
        ),
        users.UserChanged(_other, version=1),
    ),
    Example(
        users.ImportUsers(
            tenant=TENANT,
            users=(
                users.NewUser(2, "dora.novak", "Dora Novak", "dora.novak@acme.example"),
                users.NewUser(3, "eli stone", "Eli Stone"),
            ),
        ),
        users.ImportResult(
            created=1,
            updated=0,
            unchanged=0,
            rejected=(users.Rejected(3, "eli stone", "A login has no blanks in it."),),
        ),
    ),
    Example(
        users.DisableUser(tenant=TENANT, user="ana.kral", reason="has left the company"),
        users.UserChanged(replace(_user, flags=(Flag.DISABLED,)), version=8),
    ),
    Example(users.EnableUser(tenant=TENANT, user="ana.kral"), _changed),
    Example(
        users.ChangeRole(tenant=TENANT, user="ana.kral", role=Role.AUDITOR),
        users.UserChanged(replace(_user, role=Role.AUDITOR), version=8),
    ),
    Example(
        users.ResetPassword(tenant=TENANT, user="ana.kral"),
        users.PasswordReset(replace(_user, flags=(Flag.MUST_RESET,)), Secret("tulip-anchor-mirror-forty")),
    ),
    Example(users.UnlockUser(tenant=TENANT, user="ana.kral"), _changed),
    Example(users.RequireMfa(tenant=TENANT, user="ana.kral", required=True), _changed),
    Example(factors.ListFactors(tenant=TENANT, user="ana.kral"), factors.FactorList((_factor,))),
    Example(factors.EnrollFactor(tenant=TENANT, user="ana.kral", label="work phone"), _started),
    Example(factors.ConfirmFactor(tenant=TENANT, enrollment=_PENDING, code=_CODE), _accepted),
    Example(factors.MailKey(tenant=TENANT, enrollment=_PENDING), _mailed),
    Example(factors.RenameFactor(tenant=TENANT, factor=_FACTOR, label="work phone"), factors.FactorList((_factor,))),
    Example(factors.RemoveFactor(tenant=TENANT, factor=_FACTOR), factors.FactorList(())),
    Example(factors.VerifyCode(tenant=TENANT, user="ana.kral", code=_CODE), _accepted),
    Example(
        recovery.CreateRecoveryCodes(tenant=TENANT, user="ana.kral"),
        recovery.RecoveryCodes(_recovery, NOW, voided=3),
    ),
    Example(recovery.ViewRecoveryCodes(), recovery.RecoveryCodesLeft(_recovery[1:], NOW)),
    Example(
        delivery.ShowDelivery(tenant=TENANT),
        delivery.Delivery(
            smtp=(_smtp,),
            twilio=(replace(_twilio, state=SettingsState.ACTIVE),),
            day=(delivery.Sent(FactorKind.SMS, waiting=0, sent=214, failed=3, unsure=1, most=2_000),),
            recent=(
                delivery.MessageRow(
                    id=_EVENT,
                    at=NOW,
                    kind=FactorKind.SMS,
                    purpose=Purpose.SIGN_IN,
                    login="ana.kral",
                    masked="••• 009",
                    state=MessageState.FAILED,
                    attempts=1,
                    problem="Twilio says that this is not a phone number. Check it for a mistyped digit (21211).",
                ),
            ),
        ),
    ),
    Example(
        delivery.SetSmtp(
            tenant=TENANT, host="mail.acme.example", sender="mfa@acme.example", username="mfa", password=_PASSWORD
        ),
        _smtp,
    ),
    Example(
        delivery.SetTwilio(tenant=TENANT, account_sid=_twilio.account_sid, auth_token=_TOKEN, sender=_twilio.sender),
        _twilio,
    ),
    Example(
        delivery.TryDelivery(tenant=TENANT, kind=FactorKind.SMS, to="+1 500 555 0001"),
        delivery.TestStarted(
            sent=True,
            kind=FactorKind.SMS,
            masked="••• 001",
            prefix="XYWD",
            id=_EVENT,
            expires=NOW + timedelta(minutes=10),
            retry_at=NOW + timedelta(seconds=10),
        ),
    ),
    Example(
        delivery.ConfirmDelivery(tenant=TENANT, code=_CODE),
        delivery.TestResult(True, "Test completed successfully", FactorKind.SMS),
    ),
    Example(policy.ShowPolicy(tenant=TENANT), _policy),
    Example(
        policy.PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED),
        policy.PolicyPreview(
            policy=PolicyMode.REQUIRED,
            now=PolicyMode.OPTIONAL,
            impact=_impact,
            grace_days=14,
            whitelisted_open=1,
            platform_admins_added=0,
            you=policy.You("root", bound=True, whitelisted=False, must_enroll=False, locked_out=False),
            version=1,
        ),
    ),
    Example(policy.SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=14, expect=1), _policy),
    Example(
        policy.ExplainSignIn(tenant=TENANT, user="ana.kral", address="203.0.113.9"),
        policy.Explanation(
            user=_ANA,
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
                must_reset=False,
                policy=PolicyMode.REQUIRED,
                whitelisted=False,
                keeps_factor=False,
                active_factor=True,
                pending_factor=False,
                switched_on=False,
                in_grace=False,
            ),
            at=NOW,
        ),
    ),
    Example(
        tokens.CreateToken(name="ci", scopes=(Scope.READ,), days=30),
        tokens.NewToken(
            id=_token.id,
            token=Secret("secconsole_pat_V2pT9xQe5mZr7LkB1nYw3uHc8sJf4gDa6oNi0bXvKqE"),
            name="ci",
            scopes=(Scope.READ,),
            created=NOW,
            expires=NOW + timedelta(days=30),
        ),
    ),
    Example(tokens.ListOwnTokens(), tokens.TokenPage((_token,))),
    Example(tokens.ListTokens(tenant=TENANT, user="root", limit=100), tokens.TokenPage((_token,))),
    Example(tokens.RevokeToken(tenant=TENANT, token=_token.id), None),
    Example(
        tokens.ShowSecretKey(tenant=TENANT),
        tokens.SecretKey(_OLD_KEY, NOW - timedelta(days=60), NOW - timedelta(minutes=1), None, None),
    ),
    Example(
        tokens.RotateSecretKey(tenant=TENANT, overlap_hours=24),
        tokens.NewSecretKey(
            id=_NEW_KEY,
            key=Secret("secconsole_key_h7Rw2VtYp4Kc9ZmE1xQn6uJb3sLf8gDa5oNi0TvXqBk"),
            created=NOW,
            previous_id=_OLD_KEY,
            previous_until=NOW + timedelta(hours=24),
        ),
    ),
    Example(tenants.ListTenants(), tenants.TenantList((_tenant,))),
    Example(
        tenants.CreateTenant(name="beta works", admin="bea", password=_ANOTHER),
        tenants.Tenant("01KAN8Q4S6V8X0Z2B4D6F8H0K2", "beta works", NOW, PolicyMode.OFF, 1),
    ),
    Example(
        tenants.ShowAdoption(tenant=TENANT),
        tenants.Adoption(
            tenant=TENANT,
            policy=PolicyMode.REQUIRED,
            grace_days=14,
            required_since=NOW,
            groups=(_group, replace(_group, status=BindingStatus.UNBOUND, count=35)),
            locked=1,
            whitelisted_open=1,
            expiring_soon=2,
            at=NOW,
        ),
    ),
    Example(
        whitelist.ListWhitelist(tenant=TENANT, search="ben", limit=100),
        whitelist.WhitelistPage((_exemption,)),
    ),
    Example(
        whitelist.AddToWhitelist(
            tenant=TENANT, users=("ben.ortiz", "cleo"), reason="his phone is being repaired", until=_exemption.until
        ),
        whitelist.WhitelistChanged(("ben.ortiz",), (), (_missing,)),
    ),
    Example(
        whitelist.RemoveFromWhitelist(tenant=TENANT, users=("ben.ortiz",)),
        whitelist.WhitelistChanged(("ben.ortiz",), (), ()),
    ),
    Example(
        unbinding.PreviewUnbind(tenant=TENANT, users=("ana.kral", "cleo")),
        unbinding.UnbindPreview(
            bound=1,
            pending=0,
            already_unbound=0,
            whitelisted=0,
            sessions=1,
            tokens=0,
            recovery_codes=10,
            not_notified=0,
            failed=(_missing,),
            targets=(
                unbinding.UnbindTarget(
                    id=_ANA,
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
                    look_alikes=(),
                    suspicions=(),
                ),
            ),
            policy=PolicyMode.REQUIRED,
            mails=True,
        ),
    ),
    Example(
        unbinding.Unbind(tenant=TENANT, users=("ana.kral", "cleo"), reason=REASON, ticket=TICKET),
        unbinding.UnbindResult((_done,), (_missing,), _EVENT, NOW + timedelta(minutes=10)),
    ),
    Example(
        unbinding.UndoUnbind(tenant=TENANT, event=_EVENT),
        unbinding.UndoResult((_done,), (), _EVENT),
    ),
)

EXAMPLES: dict[str, Example] = {example.request.spec.name: example for example in _ALL}
