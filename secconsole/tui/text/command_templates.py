"""Templates of the commands that do the same as an operation.

A secret is never an argument, so no field that holds one is in a template: the command asks for it.
"""

from __future__ import annotations

from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.jobs import JobKind
from secconsole.domain.model import FactorKind
from secconsole.operations.audit_retention import SetRetention
from secconsole.operations.audit_streams import AddAuditStream
from secconsole.operations.base import Operation
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.jobs import StartJob

# `{field}` is an argument. `--option={field}` is left out if the field is empty, `--option=={field}` if it is None.
# `--flag?{field}` is there if the field is true, `--flag!{field}` if it is false.
TEMPLATES: dict[str, str] = {
    "account.cancel-mfa": "account cancel-mfa",
    "account.contact": "account contact {email}",
    "account.keep-factor": "account keep-factor --off!{keep}",
    "alert.acknowledge": "alert acknowledge {alert} --note={note}",
    "alert.rule.set": "alert rule set {rule} --on?{on} --off!{on} --threshold={threshold} --minutes={minutes} "
    "--hours={hours} --zone={zone}",
    "approval.deny": "approval deny {approval}",
    "approval.grant": "approval grant {approval}",
    "approval.request": "approval request {user} --reason={reason} --ticket={ticket} --kind={kind}",
    "audit.list": "audit list --search={search} --group={group} --outcome={outcome} --actor={actor} --user={user} "
    "--ticket={ticket} --address={address} --since={since} --until={until}",
    "audit-retention.run": "audit retain --keep={keep_days}",
    "audit-retention.set": "audit retention set {keep_days}",
    "audit-stream.remove": "audit stream remove {stream}",
    "audit-stream.test": "audit stream test {stream}",
    "bypass.issue": "bypass {user} --reason={reason} --ticket={ticket} --minutes={minutes} --from={starts}",
    "bypass.revoke": "bypass {user} --revoke",
    "caller-check.confirm": "caller-check confirm {user}",
    "caller-check.start": "caller-check start {user} --channel={channel} --way={way}",
    "delivery.set-smtp": "delivery set-smtp --host={host} --port={port} --sender={sender} --tls={tls} "
    "--user={username} --helo={helo}",
    "delivery.set-twilio": "delivery set-twilio --account-sid={account_sid} --from={sender} "
    "--messaging-service={service} --base-url={base_url}",
    "delivery.try": "delivery test --kind={kind} --to={to}",
    "factor.confirm": "factor confirm {enrollment}",
    "factor.mail-key": "factor mail-key {enrollment} --to={address}",
    "factor.remove": "factor remove {factor}",
    "factor.rename": "factor rename {factor} {label}",
    "incident.end-sessions": "incident end-sessions --and-mine?{own}",
    "incident.freeze": "incident freeze --reason={reason}",
    "incident.send-advice": "incident advice {user}",
    "incident.thaw": "incident thaw --reason={reason}",
    "job.cancel": "job cancel {job}",
    "job.pause": "job pause {job}",
    "job.resume": "job resume {job}",
    "job.retry": "job retry {job}",
    "network.add": "network add {network} --note={note} --role={roles} --until={until} --no-challenge?{no_challenge} "
    "--confirm={confirm}",
    "network.check": "network check {address} {user}",
    "network.confirm": "network confirm",
    "network.remove": "network remove {network} --confirm={confirm}",
    "network.revert": "network revert",
    "password.change": "account password",
    "policy.explain": "policy explain {user} --from={address}",
    "policy.set": "policy set {mode} --grace-days={grace_days} --kinds={kinds} --recovery-view?{recovery_view} "
    "--no-recovery-view!{recovery_view} --bypass-minutes={bypass_minutes} --bypass-most={bypass_most} "
    "--unbind-needs={unbind_needs} --unbind-admins-need={unbind_admins_need} --resets-warn={resets_warn} "
    "--resets-most={resets_most} --step-up-minutes={step_up_minutes} --helpdesk-text=={helpdesk_text} "
    "--reminders={reminders} "
    "--keep-sessions?{keep_sessions} --no-whitelist-admins!{whitelist_admins}",
    "recovery.create": "recovery-codes {user}",
    "secret-key.create": "secret-key create {name} --scope={scopes}",
    "secret-key.revoke": "secret-key revoke {key}",
    "secret-key.rotate": "secret-key rotate {name} --overlap-hours=={overlap_hours}",
    "secret-key.rotate-all": "incident rotate-secret --overlap-hours=={overlap_hours}",
    "session.end": "session end {session} --user={user}",
    "session.end-others": "session end --others --user={user}",
    "tenant.create": "tenant create {name} --admin={admin} --role={role}",
    "token.create": "token create --name={name} --scope={scopes} --days={days}",
    "token.revoke": "token revoke {token}",
    "unbind": "unbind {users} --reason={reason} --ticket={ticket} --verified-by={verified_by} --bypass={bypass}",
    "unbind.undo": "undo {event} {users} --reason={reason}",
    "user.create": "user create {login} --name={name} --email={email} --phone={phone} --role={role}",
    "user.disable": "user disable {user} --reason={reason}",
    "user.enable": "user enable {user}",
    "user.invite": "user invite {users} --days={days}",
    "user.remind": "user remind {user}",
    "user.rename": "user rename {user} --login=={login} --name=={name} --email=={email} --phone=={phone}",
    "user.require-mfa": "user require-mfa {user} --off!{required} --keep-sessions?{keep_sessions}",
    "user.reset": "reset {user} --reason={reason} --ticket={ticket} --verified-by={verified_by} --bypass={bypass}",
    "user.reset-password": "user reset-password {user}",
    "user.role": "user role {user} {role}",
    "user.unlock": "user unlock {user}",
    "whitelist.add": "whitelist add {users} --reason={reason} --until={until}",
    "whitelist.remove": "whitelist remove {users} --keep-sessions?{keep_sessions}",
}

_JOBS = {
    JobKind.UNBIND: "unbind {users} --filter=={filter} --reason={reason} --ticket={ticket} --verified-by={verified_by}",
    JobKind.UNLOCK: "user unlock {users} --filter=={filter}",
    JobKind.REQUIRE_MFA: "user require-mfa {users} --filter=={filter} --keep-sessions?{keep_sessions}",
    JobKind.RESET_PASSWORD: "user reset-password {users} --filter=={filter} --days={days} "
    "--without-mail?{without_mail} --by-mail",
    JobKind.DISABLE: "user disable {users} --filter=={filter} --reason={reason}",
    JobKind.WHITELIST_ADD: "whitelist add {users} --filter=={filter} --reason={reason} --until={until}",
    JobKind.WHITELIST_REMOVE: "whitelist remove {users} --filter=={filter} --keep-sessions?{keep_sessions}",
    JobKind.INVITE: "user invite {users} --filter=={filter} --days={days}",
    JobKind.ADVISE: "incident advice {users} --filter=={filter}",
    JobKind.REMIND: "user remind {users} --filter=={filter}",
}
_STREAMS = {
    StreamKind.SYSLOG_TLS: "audit stream add {name} --syslog={to}",
    StreamKind.SYSLOG_UNIX: "audit stream add {name} --socket={to}",
    # The URL of a webhook may hold a secret, so it is read from a file.
    StreamKind.WEBHOOK: "audit stream add {name} --webhook-file=FILE",
}
_FACTORS = {
    FactorKind.TOTP: "factor enroll {user} --label={label} --algorithm={algorithm} --digits={digits}",
    FactorKind.SMS: "factor enroll {user} --kind={kind} --label={label} --phone={address}",
    FactorKind.EMAIL: "factor enroll {user} --kind={kind} --label={label} --email={address}",
}


def template_of(operation: Operation[object]) -> str:
    """Return the template of the command that does the same, or an empty string if there is none."""
    match operation:
        case StartJob(listed=True):
            return ""  # new passwords go to a list, which only `incident reset-passwords` writes, by role
        case StartJob(kind=job):
            return _JOBS[job]
        case SetRetention(keep_days=0):
            return "audit retention set forever"
        case EnrollFactor(kind=kind):
            return _FACTORS[kind]
        case AddAuditStream():
            return _STREAMS[operation.kind] + _stream_options(operation)
        case _:
            return TEMPLATES.get(operation.spec.name, "")


def _stream_options(operation: AddAuditStream) -> str:
    """Return options whose values are the content of files, with FILE to be replaced by their names."""
    files = {
        "--receiver-ca": operation.ca,
        "--client-certificate": operation.certificate,
        "--client-key": operation.key,
    }
    return "".join(f" {option}=FILE" for option, content in files.items() if content) + " --from-start?{from_start}"
