"""Output of `secconsole incident`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secconsole.cli.confirm import pluralize
from secconsole.cli.output import Column, Output, format_value
from secconsole.operations.alerts import Alert, AlertPage
from secconsole.operations.audit import AuditEntry
from secconsole.operations.incident import AllSessionsEnded, Freeze, Incident, NewNetwork
from secconsole.operations.incident_text import action_words, number
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import Job

_LISTED = 10  # addresses of programs
FREEZE: list[Column[Freeze]] = [
    Column("frozen_since", lambda f: f.frozen_since),
    Column("frozen_by", lambda f: f.frozen_by),
    Column("platform_admins", lambda f: f.platform_admins, "Platform administrators who can sign in"),
]
ENDED: list[Column[AllSessionsEnded]] = [
    Column("sessions", lambda e: e.sessions, "Sessions ended"),
    Column("tokens", lambda e: e.tokens, "Tokens ended"),
    Column("left", lambda e: e.left, "Still open"),
    Column("spared", lambda e: e.spared, "Left to users who outrank you"),
    Column("before", lambda e: e.before, "Opened before"),
    Column("own_ended", lambda e: e.own_ended, "Yours ended"),
]
ENTRIES: list[Column[AuditEntry]] = [
    Column("id", lambda e: e.id, "Id"),
    Column("at", lambda e: e.at, "When"),
    Column("actor", lambda e: e.actor, "Who"),
    Column("action", lambda e: e.action),
    Column("target", lambda e: e.target),
    Column("target_id", lambda e: e.target_id),
    Column("outcome", lambda e: e.outcome),
    Column("reason", lambda e: e.reason),
    Column("ticket", lambda e: e.ticket),
    Column("channel", lambda e: e.channel),
    Column("address", lambda e: e.address),
]
_ALERTS: list[Column[Alert]] = [
    Column("id", lambda a: a.id, "Alert"),
    Column("last", lambda a: a.last, "Last seen"),
    Column("rule", lambda a: a.rule),
    Column("summary", lambda a: a.summary),
]
_NETWORKS: list[Column[NewNetwork]] = [
    Column("network", lambda n: n.network, "New network"),
    Column("users", lambda n: n.users, numeric=True),
    Column("login", lambda n: n.login, "First user"),
    Column("first", lambda n: n.first, "Since"),
]


def show_status(out: Output, tenant: str, found: Incident, alerts: AlertPage, jobs: Sequence[Job]) -> None:
    """Print what is known, what each step would affect, and which were taken."""
    frozen = f"since {format_value(found.frozen_since)} by {found.frozen_by}" if found.frozen_since else "no"
    refused = f"{found.refused:,}{'+' if found.refused_capped else ''}"
    out.pairs(
        [
            ("Tenant", tenant),
            ("Frozen", frozen),
            ("Platform administrators who can sign in", found.platform_admins),
            ("Open sessions", found.sessions),
            ("Tokens", found.tokens),
            ("Of users who outrank you", found.spared),
            (
                "Secret key",
                f"{found.key_id}, last used {format_value(found.key_last_used)}" if found.key_id else "none",
            ),
            ("Known since", found.since),
            ("Open alerts", f"{len(alerts.items):,}{'+' if alerts.next else ''}"),
            ("Sign-ins refused", refused),
            *((f"Changes: {action_words(c.action)} ({c.outcome})", number(c)) for c in found.changes),
            *((f"Done: {action_words(step.action)}", f"{format_value(step.at)} by {step.by}") for step in found.done),
            *((f"Done: {KINDS[job.kind].title.lower()}", _job_words(job)) for job in jobs),
        ]
    )
    for line in integrations(found):
        out.line(line)
    if alerts.items:
        out.line()
        out.listing(_ALERTS, alerts.items)
    if found.networks:
        out.line()
        out.listing(_NETWORKS, found.networks)


def _job_words(job: Job) -> str:
    done = f"{job.done:,} of {job.total:,} users"
    return f"{format_value(job.created)} by {job.by}: {done} ({job.selection}), {job.state}, job {job.id}"


def integrations(found: Incident) -> Iterator[str]:
    """Yield which programs stop working without the secret key, as far as their checks of codes show."""
    for use in found.key_uses[:_LISTED]:
        times, last = pluralize(use.checks, "time"), format_value(use.last)
        yield f"A program at {use.address or 'this machine'} used the secret key {times}, last at {last}."
    if len(found.key_uses) > _LISTED:
        yield f"It was used from {len(found.key_uses) - _LISTED:,} more."
