"""Registry of audit actions, each with its group, its words and the notice to the user.

Events of several operations, or of none, are declared here. `declare(records=…)` names the events that an operation
records, and an event of one operation alone may be declared there. A refused attempt is recorded under the operation's
name, which `declare` adds to the registry.

NIST SP 800-63B-4 sections 4.1.2.1, 4.2.3 and 4.6: binding, recovery and invalidation are notified to every address on
record, with a way to object. A notice belongs to the event, so every way to cause the event sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from secconsole.domain.helpdesk import PasswordChange
from secconsole.domain.model import FactorKind, FactorState

Detail = str | int | bool | None
Details = Mapping[str, Detail]


class EventGroup(StrEnum):
    """Groups that the audit can be filtered by, in their order on screens."""

    SIGN_INS = "sign-ins"
    FACTORS = "factors"
    UNBINDING = "unbinding"
    WHITELIST = "whitelist"
    POLICY = "policy"
    USERS = "users"
    INCIDENT = "incident"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Notice:
    """Text of `delivery/defaults`, with its additional placeholders and the entries that it is sent for."""

    text: str
    values: Callable[[Details], Mapping[str, str]] = lambda details: {}
    applies: Callable[[Details], bool] = lambda details: True


@dataclass(frozen=True, slots=True)
class Event:
    """Action in the audit.

    `words` fit before "by hana". `notice`: the mail that the user gets, if any.
    """

    action: str
    group: EventGroup
    words: str
    notice: Notice | None = None


EVENTS: dict[str, Event] = {}


def event(action: str, group: EventGroup, words: str, notice: Notice | None = None) -> Event:
    """Add an event to the registry and return it, or raise `ValueError` if its action exists."""
    if action in EVENTS:
        raise ValueError(f"two events are named {action}")
    EVENTS[action] = Event(action, group, words, notice)
    return EVENTS[action]


def actions_of(group: str) -> tuple[str, ...]:
    """Return the actions of a group, which is complete after `operations.load_all()`."""
    return tuple(found.action for found in EVENTS.values() if found.group == group)


def utc_words(moment: datetime) -> str:
    """Return a moment with its offset and time zone, because the reader may be anywhere."""
    return f"{moment:%Y-%m-%d %H:%M:%S} +00:00 (UTC)"


_KINDS = {
    FactorKind.TOTP: "An authenticator app",
    FactorKind.EMAIL: "An e-mail address",
    FactorKind.SMS: "A phone number",
}


def _factor(details: Details) -> Mapping[str, str]:
    instead = " (replacing the previous one)" if details.get("replaced") else ""
    return {"factor": f"{_KINDS[FactorKind(str(details['kind']))]}{instead}"}


def _end(details: Details) -> Mapping[str, str]:
    until = details.get("until")
    if not isinstance(until, int):
        return {"until": "with no end date"}
    return {"until": f"until {utc_words(datetime.fromtimestamp(until / 1000, UTC))}"}


def _period(details: Details) -> Mapping[str, str]:
    starts, ends = (utc_words(datetime.fromisoformat(str(details[name]))) for name in ("starts", "ends"))
    return {"starts": starts, "ends": ends}


def _token(details: Details) -> Mapping[str, str]:
    end = datetime.fromisoformat(str(details["expires"]))
    return {"name": str(details["name"]), "scopes": str(details["scopes"]), "until": utc_words(end)}


def _reset(details: Details) -> str:
    """Return what a reset did, in one sentence for the user."""
    done = ["all sessions and tokens ended"]
    if details["factors"]:
        done.insert(0, "all second factors and recovery codes stopped working")
    if details["password"] == PasswordChange.MAIL:
        done.append(f"the password was replaced by a first-time one, mailed to {details['to']}")
    elif details["password"] == PasswordChange.SHOW:
        done.append("the password was replaced by a one-time one")
    if details["bypass_ends"]:
        done.append("a code for one sign-in was issued")
    return ", ".join(done)


_BOUND = Notice("bound", _factor)
_REMOVED = Notice("removed", _factor, lambda details: details["state"] == FactorState.ACTIVE)
_KEY_MAILED = Notice(
    "key-mailed", lambda details: {"address": str(details["to"])}, lambda details: not details["on_record"]
)
_CONTACT = Notice("contact", lambda details: {"address": str(details["after"])})
_PHONE = Notice("phone", lambda details: {"number": str(details["after"])})
_PASSWORD_MAILED = Notice("password-mailed", lambda details: {"address": str(details["to"])})
_WEAKENED = Notice("weakened", lambda details: {name: str(details[name]) for name in ("before", "after")})
_LOOSENED = Notice(
    "alert-loosened",
    lambda details: {
        "rule": str(details["alert_rule"]),
        "before": str(details["before"]),
        "after": str(details["after"]),
    },
)
_BYPASS_ISSUED = Notice("bypass-issued", _period)
_RECOVERY_USED = Notice("recovery-used", lambda details: {"left": str(details["left"])})

SIGN_IN = event("sign-in", EventGroup.SIGN_INS, "signed in")
DORMANT_SIGN_IN = event("sign-in.dormant", EventGroup.SIGN_INS, "signed in after a long time")
SIGN_IN_CODE = event("sign-in.code", EventGroup.SIGN_INS, "gave a code")
SIGN_OUT = event("sign-out", EventGroup.SIGN_INS, "signed out")
USER_HELD = event("user.held", EventGroup.SIGN_INS, "held back after wrong entries")
STEP_UP = event("step-up", EventGroup.SIGN_INS, "proved who they are")
VERIFY = event("verify", EventGroup.SIGN_INS, "code checked")
PASSWORD_CHANGED = event("password.changed", EventGroup.SIGN_INS, "changed the password", Notice("password-changed"))
SESSION_ENDED = event("session.ended", EventGroup.SIGN_INS, "ended sessions")
TOKEN_CREATED = event("token.created", EventGroup.SIGN_INS, "made a token", Notice("token", _token))
TOKEN_REVOKED = event("token.revoked", EventGroup.SIGN_INS, "revoked a token")
SECRET_KEY_CREATED = event("secret-key.created", EventGroup.SIGN_INS, "made a secret key")
SECRET_KEY_ROTATED = event("secret-key.rotated", EventGroup.SIGN_INS, "renewed a secret key")
SECRET_KEY_REVOKED = event("secret-key.revoked", EventGroup.SIGN_INS, "revoked a secret key")
FACTOR_ENROLLMENT_STARTED = event("factor.enrollment-started", EventGroup.FACTORS, "began to bind")
FACTOR_CONFIRMED = event("factor.confirmed", EventGroup.FACTORS, "bound a factor", _BOUND)
FACTOR_IMPORTED = event("factor.imported", EventGroup.FACTORS, "imported a factor", _BOUND)
FACTORS_IMPORTED = event("factors.imported", EventGroup.FACTORS, "imported factors")
FACTOR_REMOVED = event("factor.removed", EventGroup.FACTORS, "removed a factor", _REMOVED)
FACTOR_RENAMED = event("factor.renamed", EventGroup.FACTORS, "renamed a factor")
FACTOR_KEY_MAILED = event("factor.key-mailed", EventGroup.FACTORS, "mailed a key", _KEY_MAILED)
ACCOUNT_KEEP_FACTOR = event("account.keep-factor", EventGroup.FACTORS, "chose whether to be asked for a factor")
ACCOUNT_MFA_CANCELLED = event("account.mfa-cancelled", EventGroup.FACTORS, "removed all factors", Notice("cancelled"))
ACCOUNT_CONTACT_CHANGED = event(
    "account.contact-changed", EventGroup.FACTORS, "changed the address on record", _CONTACT
)
ACCOUNT_PHONE_CHANGED = event("account.phone-changed", EventGroup.FACTORS, "changed the phone number on record", _PHONE)
RECOVERY_CREATED = event("recovery.created", EventGroup.FACTORS, "made recovery codes", Notice("recovery-made"))
RECOVERY_VIEWED = event("recovery.viewed", EventGroup.FACTORS, "viewed recovery codes")
RECOVERY_USED = event("recovery.used", EventGroup.FACTORS, "used a recovery code", _RECOVERY_USED)
BYPASS_ISSUED = event("bypass.issued", EventGroup.FACTORS, "issued a bypass code", _BYPASS_ISSUED)
BYPASS_USED = event("bypass.used", EventGroup.FACTORS, "signed in with a bypass code", Notice("bypass-used"))
BYPASS_REVOKED = event("bypass.revoked", EventGroup.FACTORS, "revoked a bypass code")
APPROVAL_REQUESTED = event("approval.requested", EventGroup.UNBINDING, "asked for approval")
APPROVAL_GRANTED = event("approval.granted", EventGroup.UNBINDING, "approved a request")
APPROVAL_DENIED = event("approval.denied", EventGroup.UNBINDING, "denied a request")
CALLER_CHECK_STARTED = event("caller-check.started", EventGroup.UNBINDING, "started a caller check")
CALLER_CHECKED = event("caller-check.confirmed", EventGroup.UNBINDING, "checked a caller")
CODE_SENT = event("code.sent", EventGroup.FACTORS, "was sent a code")
RESETS_MANY = event("resets.many", EventGroup.UNBINDING, "reset many users")
USER_RESET = event(
    "user.reset", EventGroup.UNBINDING, "reset", Notice("reset", lambda details: {"what": _reset(details)})
)
POLICY_WEAKENED = event("policy.weakened", EventGroup.POLICY, "weakened the rules for unbinding", _WEAKENED)
UNBIND = event("unbind", EventGroup.UNBINDING, "unbound", Notice("unbound"))
UNBIND_UNDONE = event("unbind.undone", EventGroup.UNBINDING, "unbinding undone", Notice("unbind-undone"))
WHITELIST_ADDED = event("whitelist.added", EventGroup.WHITELIST, "put on the whitelist", Notice("whitelisted", _end))
WHITELIST_CHANGED = event("whitelist.changed", EventGroup.WHITELIST, "whitelist entry changed")
WHITELIST_REMOVED = event("whitelist.removed", EventGroup.WHITELIST, "removed from the whitelist")
WHITELIST_EXPIRED = event("whitelist.expired", EventGroup.WHITELIST, "whitelist entry ended")
POLICY_SET = event("policy.set", EventGroup.POLICY, "switched the policy")
USERS_REMINDED = event("policy.reminded", EventGroup.POLICY, "reminded users to bind a factor")
USER_REMINDED = event("user.reminded", EventGroup.POLICY, "reminded to bind a factor")
USER_MFA_REQUIRED = event("user.mfa-required", EventGroup.POLICY, "second factor required")
USER_MFA_NOT_REQUIRED = event("user.mfa-not-required", EventGroup.POLICY, "second factor no longer required")
NETWORK_ADDED = event("network.added", EventGroup.POLICY, "allowed a network")
NETWORK_REMOVED = event("network.removed", EventGroup.POLICY, "removed an allowed network")
NETWORK_ENDED = event("network.ended", EventGroup.POLICY, "allowed network ended")
NETWORK_CONFIRMED = event("network.confirmed", EventGroup.POLICY, "confirmed a change of networks")
NETWORK_REVERTED = event("network.reverted", EventGroup.POLICY, "undid a change of networks")
DELIVERY_SET_SMTP = event("delivery.set-smtp", EventGroup.POLICY, "set up a mail server")
DELIVERY_SET_TWILIO = event("delivery.set-twilio", EventGroup.POLICY, "set up Twilio")
DELIVERY_TESTED = event("delivery.tested", EventGroup.POLICY, "tested how codes are sent")
USER_CREATED = event("user.created", EventGroup.USERS, "created")
USER_IMPORTED = event("user.imported", EventGroup.USERS, "imported")
USER_DISABLED = event("user.disabled", EventGroup.USERS, "disabled")
USER_ENABLED = event("user.enabled", EventGroup.USERS, "enabled")
USER_ROLE_CHANGED = event("user.role-changed", EventGroup.USERS, "role changed")
USER_PASSWORD_RESET = event("user.password-reset", EventGroup.USERS, "password reset", Notice("password-reset"))
USER_PASSWORD_MAILED = event("user.password-mailed", EventGroup.USERS, "password reset by mail", _PASSWORD_MAILED)
USER_INVITED = event("user.invited", EventGroup.USERS, "invited")
INVITATION_ENDED = event("user.invitation-ended", EventGroup.USERS, "first-time password ended unused")
USER_UNLOCKED = event("user.unlocked", EventGroup.USERS, "unlocked")
JOB_STARTED = event("job.started", EventGroup.USERS, "started a job")
JOB_PAUSED = event("job.paused", EventGroup.USERS, "paused a job")
JOB_RESUMED = event("job.resumed", EventGroup.USERS, "resumed a job")
JOB_CANCELLED = event("job.cancelled", EventGroup.USERS, "cancelled a job")
JOB_RETRIED = event("job.retried", EventGroup.USERS, "tried the failed users of a job again")
JOB_FINISHED = event("job.finished", EventGroup.USERS, "finished a job")
TENANT_CREATED = event("tenant.created", EventGroup.USERS, "made the organisation")
AUDIT_STREAM_ADDED = event("audit.stream-added", EventGroup.SYSTEM, "added a receiver of the audit")
AUDIT_STREAM_TESTED = event("audit.stream-tested", EventGroup.SYSTEM, "tested a receiver of the audit")
AUDIT_STREAM_REMOVED = event("audit.stream-removed", EventGroup.SYSTEM, "removed a receiver of the audit")
AUDIT_RETENTION_SET = event("audit.retention-set", EventGroup.SYSTEM, "set how long the audit is kept")
AUDIT_RETAINED = event("audit.retained", EventGroup.SYSTEM, "removed old entries of the audit")
ALERT_RAISED = event("alert.raised", EventGroup.SYSTEM, "noticed suspicious activity")
ALERT_ACKNOWLEDGED = event("alert.acknowledged", EventGroup.SYSTEM, "acknowledged an alert")
ALERT_RULE_SET = event("alert.rule-set", EventGroup.POLICY, "changed a rule of alerts")
ALERT_RULE_LOOSENED = event("alert.rule-loosened", EventGroup.POLICY, "loosened a rule of alerts", _LOOSENED)
INCIDENT_FROZEN = event("incident.frozen", EventGroup.INCIDENT, "froze sign-ins")
INCIDENT_THAWED = event("incident.thawed", EventGroup.INCIDENT, "thawed sign-ins")
INCIDENT_ADVISED = event("incident.advised", EventGroup.INCIDENT, "sent advice")
INCIDENT_SESSIONS_ENDED = event("incident.sessions-ended", EventGroup.INCIDENT, "ended all sessions")
CLOCK_JUMPED = event("clock.jumped", EventGroup.SYSTEM, "noticed that the clock was set")
CLOCK_MENDED = event("clock.mended", EventGroup.SYSTEM, "repaired the effects of a wrong clock")
SECRET_DAMAGED = event("secret.damaged", EventGroup.SYSTEM, "found a secret that does not open")
STORE_BACKED_UP = event("store.backed-up", EventGroup.SYSTEM, "backed up the store")
KEY_ROTATED = event("key.rotated", EventGroup.SYSTEM, "rotated the master key")
STORE_RESTORED = event("store.restored", EventGroup.SYSTEM, "restored the store")
