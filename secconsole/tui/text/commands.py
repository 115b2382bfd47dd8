"""Commands that do the same as an operation of the console, with its arguments, for a shell.

A secret is never an argument, so no field that holds one is in a template: the command asks for it.
"""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.operations.base import Operation

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
    "audit-retention.run": "audit retain --keep={keep_days}",
    "audit-stream.remove": "audit stream remove {stream}",
    "audit-stream.test": "audit stream test {stream}",
    "bypass.issue": "bypass {user} --reason={reason} --ticket={ticket} --minutes={minutes} --from={starts}",
    "bypass.revoke": "bypass {user} --revoke",
    "caller-check.start": "caller-check start {user} --channel={channel} --way={way}",
    "delivery.set-smtp": "delivery set-smtp --host={host} --port={port} --sender={sender} --tls={tls} "
    "--user={username} --helo={helo}",
    "delivery.set-twilio": "delivery set-twilio --account-sid={account_sid} --from={sender} "
    "--messaging-service={service} --base-url={base_url}",
    "delivery.try": "delivery test --kind={kind} --to={to}",
    "factor.mail-key": "factor mail-key {enrollment} --to={address}",
    "factor.remove": "factor remove {factor}",
    "factor.rename": "factor rename {factor} {label}",
    "incident.end-sessions": "incident end-sessions --and-mine?{own}",
    "incident.freeze": "incident freeze --reason={reason}",
    "incident.thaw": "incident thaw --reason={reason}",
    "job.cancel": "job cancel {job}",
    "job.pause": "job pause {job}",
    "job.resume": "job resume {job}",
    "job.retry": "job retry {job}",
    "network.add": "network add {network} --note={note} --role={roles} --until={until} --no-challenge?{no_challenge} "
    "--confirm={confirm}",
    "network.confirm": "network confirm",
    "network.remove": "network remove {network} --confirm={confirm}",
    "network.revert": "network revert",
    "password.change": "account password",
    "policy.set": "policy set {mode} --grace-days={grace_days} --kinds={kinds} --recovery-view?{recovery_view} "
    "--no-recovery-view!{recovery_view} --bypass-minutes={bypass_minutes} --bypass-most={bypass_most} "
    "--unbind-needs={unbind_needs} --unbind-admins-need={unbind_admins_need} --resets-warn={resets_warn} "
    "--resets-most={resets_most} --step-up-minutes={step_up_minutes} --reminders={reminders} "
    "--keep-sessions?{keep_sessions} --no-whitelist-admins!{whitelist_admins}",
    "recovery.create": "recovery-codes {user}",
    "secret-key.rotate": "secret-key rotate --overlap-hours=={overlap_hours}",
    "session.end": "session end {session} --user={user}",
    "session.end-others": "session end --others --user={user}",
    "token.revoke": "token revoke {token}",
    "unbind": "unbind {users} --reason={reason} --ticket={ticket} --verified-by={verified_by} --bypass={bypass}",
    "unbind.undo": "undo {event} {users} --reason={reason}",
    "user.create": "user create {login} --name={name} --email={email} --phone={phone} --role={role}",
    "user.disable": "user disable {user} --reason={reason}",
    "user.enable": "user enable {user}",
    "user.invite": "user invite {users} --days={days}",
    "user.rename": "user rename {user} --login=={login} --name=={name} --email=={email} --phone=={phone}",
    "user.require-mfa": "user require-mfa {user} --off!{required} --keep-sessions?{keep_sessions}",
    "user.reset": "reset {user} --reason={reason} --ticket={ticket} --verified-by={verified_by} --bypass={bypass}",
    "user.reset-password": "user reset-password {user}",
    "user.role": "user role {user} {role}",
    "user.unlock": "user unlock {user}",
    "whitelist.add": "whitelist add {users} --reason={reason} --until={until}",
    "whitelist.remove": "whitelist remove {users} --keep-sessions?{keep_sessions}",
}
_FIELD = re.compile(r"(?P<option>--[a-z-]+)?(?P<how>==|=|\?|!)?\{(?P<field>[a-z_]+)\}")
_JOINED = frozenset({"kinds"})


def command_line(operation: Operation[object]) -> str:
    """Return the command that does the same, or an empty string if there is none."""
    template = TEMPLATES.get(operation.spec.name)
    if template is None:
        return ""
    words: list[str] = []
    arguments: list[str] = []
    options: list[str] = []
    for part in template.split():
        found = _FIELD.fullmatch(part)
        if found is None:
            (options if part.startswith("--") else words).append(part)
        else:
            value = getattr(operation, found["field"])
            assert not isinstance(value, Secret), part
            texts = _texts(value, joined=found["field"] in _JOINED)
            if found["option"] is None:
                arguments += texts
            else:
                options += _option(found["option"], found["how"], value, texts)
    if tenant := str(getattr(operation, "tenant", "") or ""):
        options.append(f"--tenant={shlex.quote(visible(tenant))}")
    quoted = [shlex.quote(text) for text in arguments]
    dashed = any(text.startswith("-") for text in arguments)  # such a word would be read as an option
    rest = [*options, "--", *quoted] if dashed else [*quoted, *options]
    return " ".join(["secconsole", *words, *rest])


def _option(name: str, how: str, value: object, texts: list[str]) -> list[str]:
    if how in "?!":
        return [name] if value is (how == "?") else []
    if value is None or (how == "=" and not any(texts)):
        return []
    return [f"{name}={shlex.quote(text)}" for text in texts]


def _texts(value: object, *, joined: bool) -> list[str]:
    """Return a value as arguments, each on one line: a line end that is pasted would run what comes before it."""
    if value is None:
        return []
    if isinstance(value, tuple):
        found = [text for item in value for text in _texts(item, joined=False)]
        return [",".join(found)] if joined and found else found
    if isinstance(value, bool):
        return ["on" if value else "off"]
    if isinstance(value, datetime):
        return [value.astimezone(UTC).isoformat()]
    return [visible(str(value))]
