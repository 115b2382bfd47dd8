"""Steps against a breach: their keys and names, what each would do, and when each was last done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from textual.content import Content

from secconsole.domain.jobs import ENDED, JobKind
from secconsole.domain.roles import Role, may_act_on, rank
from secconsole.operations import events
from secconsole.operations.incident import Incident, RoleCount, StepDone
from secconsole.operations.incident_text import latest_job
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import Job
from secconsole.tui.text.format import count, exact, glyph, moment, plural
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.board import Cell
from secconsole.tui.widgets.columns import cut

_NAME, _DONE = 26, 22  # cells of the columns
_MOST_NAMED = 3


class Step(StrEnum):
    """Steps against a breach, in the order in which they are taken."""

    FREEZE = "freeze"
    SESSIONS = "end-sessions"
    PASSWORDS = "reset-passwords"
    KEY = "rotate-secret"
    BINDING = "require-binding"
    ADVICE = "advice"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class StepText:
    """Key and name of a step, and the events or the kind of job that show that it was taken."""

    key: str
    name: str
    events: tuple[events.Event, ...] = ()
    kind: JobKind | None = None


STEPS: dict[Step, StepText] = {
    Step.FREEZE: StepText("f", "Freeze sign-ins", (events.INCIDENT_FROZEN, events.INCIDENT_THAWED)),
    Step.SESSIONS: StepText("e", "End sessions and tokens", (events.INCIDENT_SESSIONS_ENDED,)),
    Step.PASSWORDS: StepText("p", "Reset passwords", kind=JobKind.RESET_PASSWORD),
    Step.KEY: StepText("k", "Rotate the secret keys", (events.SECRET_KEY_ROTATED,)),
    Step.BINDING: StepText("b", "Require new binding", kind=JobKind.UNBIND),
    Step.ADVICE: StepText("a", "Advice for devices", kind=JobKind.ADVISE),
    Step.REPORT: StepText("o", "Report"),
}


def step_line(found: Incident, jobs: Sequence[Job], step: Step, now: datetime, *, utf8: bool) -> Cell:
    """Return the line of a step: key, name, numbers, and when it was last done."""
    text = STEPS[step]
    newest = latest_job(jobs, text.kind, found.since)
    done = _job_words(newest, now) if newest is not None else done_words(found.done, text.events, now)
    done = done or glyph("dash", utf8=utf8)
    name = "Thaw sign-ins" if step is Step.FREEZE and found.frozen_since else text.name

    def content(width: int) -> Content:
        room = width - _NAME - 2 - _DONE
        words = f" {cut(_numbers(step, found), room)}" if room > 10 else ""
        return join((f"{text.key} ", "bold $key"), f"{name:<{_NAME - 1}}", (words, "$muted"), " ", done)

    return Cell(content, step)


def done_words(done: Sequence[StepDone], among: Sequence[events.Event], now: datetime) -> str:
    """Return the last time and author of a step, empty if it was not taken: `today 09:14 tomas`."""
    actions = [event.action for event in among]
    newest = max((step for step in done if step.action in actions), key=lambda step: step.at, default=None)
    return f"{moment(newest.at, now)} {newest.by}" if newest is not None else ""


def affected(step: Step, role: RoleCount) -> int:
    """Return how many users of a role a step would act on."""
    return {Step.PASSWORDS: role.passwords, Step.BINDING: role.bound}.get(step, role.users)


def roles_of(step: Step, found: Incident, actor: Role) -> list[RoleCount]:
    """Return the roles that a step can be taken for by an actor, the highest first."""
    kind = STEPS[step].kind
    assert kind is not None
    ranks = KINDS[kind].operation.spec.ranks
    able = (role for role in found.roles if affected(step, role) and may_act_on(actor, role.role, ranks))
    return sorted(able, key=lambda role: -rank(role.role))


def role_number(step: Step, role: RoleCount) -> str:
    """Return how many users of a role a step affects, in words."""
    what = {Step.PASSWORDS: "with a password", Step.BINDING: "with a factor"}[step]
    return f"{count(affected(step, role))} {what}, of {plural(role.users, 'user')}"


def effect(step: Step, found: Incident) -> Content:
    """Return what a step would do, which is also its dry run."""
    return lines(*_EFFECTS[step](found))


def _freeze(found: Incident) -> Sequence[Part]:
    if found.frozen_since is not None:
        return ("Thaw: users can sign in again.", f"Frozen since {exact(found.frozen_since)}, by {found.frozen_by}.")
    users = sum(role.users for role in found.roles if role.role is not Role.PLATFORM_ADMIN)
    able = plural(found.platform_admins, "platform admin")
    does = (
        f"Freeze: {plural(users, 'user')} cannot sign in until you thaw it. {able} can. Open sessions go on, and e "
        'ends them. Programs that check codes get "refused".'
    )
    if not found.platform_admins:
        return does, ("Once your session ends, only the owner of the store can thaw it.", "$danger")
    return does, "You can thaw while your session is open, platform admins always."


def _sessions(found: Incident) -> Sequence[Part]:
    rows: list[Part] = [
        f"End: {plural(found.sessions, 'session')}, {plural(found.tokens, 'token')}, and sign-ins in progress.",
        "Yours stays, so that you can go on. Users can sign in again, unless you freeze first.",
    ]
    if found.spared:
        rows.append((f"{count(found.spared)} of platform administrators stay: they outrank you.", "$status-pending"))
    return rows


def _passwords(found: Incident) -> Sequence[Part]:
    return (
        f"Reset: {plural(_all(Step.PASSWORDS, found), 'password')}, by role. Each user gets a one-time password by "
        "mail, or it goes to a list in a file. Their sessions end.",
        "It cannot be undone. Your own password stays: change it in My account.",
    )


def _binding(found: Incident) -> Sequence[Part]:
    return (
        f"Unbind: the factors of {plural(_all(Step.BINDING, found), 'user')}, by role. They bind again at their next "
        "sign-in, so reset passwords first if those leaked.",
        "J, then x undoes it for ten minutes. Your own factors stay.",
    )


def _advice(found: Incident) -> Sequence[Part]:
    return (
        "Advice: what users do with a phone or computer that may be infected.",
        "It is shown, and can be copied or mailed to users. The text is yours to replace: secconsole text show advice.",
    )


def _key(found: Incident) -> Sequence[Part]:
    if found.key_id is None:
        return ("There is no secret key, so no program uses one.",)
    rows: list[Part] = ["Rotate: programs stop working until they have the new keys."]
    if not found.key_uses:
        return [*rows, "No program has checked a code with one lately."]
    rows += [
        f"{use.address or 'this machine'}: {plural(use.checks, 'check')}, last {exact(use.last)}"
        for use in found.key_uses[:_MOST_NAMED]
    ]
    if more := len(found.key_uses) - _MOST_NAMED:
        rows += [f"and {plural(more, 'more address', 'more addresses')}"] if more > 0 else []
    return rows


def _report(found: Incident) -> Sequence[Part]:
    return (
        "Report: who did what, when and from where, from the audit, as Markdown or JSON in a file that only you can "
        "read.",
    )


_EFFECTS = {
    Step.FREEZE: _freeze,
    Step.SESSIONS: _sessions,
    Step.PASSWORDS: _passwords,
    Step.KEY: _key,
    Step.BINDING: _binding,
    Step.ADVICE: _advice,
    Step.REPORT: _report,
}


def _numbers(step: Step, found: Incident) -> str:
    match step:
        case Step.FREEZE:
            return "all may sign in again" if found.frozen_since else "all but platform admins"
        case Step.SESSIONS:
            return f"{plural(found.sessions, 'session')}, {plural(found.tokens, 'token')}"
        case Step.PASSWORDS:
            return plural(_all(step, found), "password")
        case Step.BINDING:
            return f"{count(_all(step, found))} bound"
        case Step.KEY:
            known = plural(len(found.key_uses), "program stops", "programs stop")
            return known if found.key_id else "no secret key"
        case Step.ADVICE:
            return plural(_all(step, found), "user")
        case _:
            return "Markdown, JSON"


def _all(step: Step, found: Incident) -> int:
    return sum(affected(step, role) for role in found.roles)


def _job_words(job: Job, now: datetime) -> str:
    """Return how far a job is, or when it was started: `running 40/120`, `today 09:14 tomas`."""
    if job.state in ENDED:
        return f"{moment(job.created, now)} {job.by}"
    return f"{job.state} {count(job.total - job.pending)}/{count(job.total)}"
