"""Texts of the incident: what is known, the steps against it, and the effect of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from textual.content import Content

from secconsole.domain.roles import Role
from secconsole.operations import events
from secconsole.operations.alerts import AlertPage
from secconsole.operations.incident import Incident, StepDone
from secconsole.operations.incident_text import action_words, number
from secconsole.tui.text.format import count, exact, glyph, moment, plural
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.board import Cell, Panel
from secconsole.tui.widgets.columns import cut

_NAME, _DONE = 26, 22  # cells of the columns
_MOST_NAMED = 3

WINDOWS: tuple[tuple[str, timedelta], ...] = (
    ("last hour", timedelta(hours=1)),
    ("last 24 hours", timedelta(hours=24)),
    ("last 7 days", timedelta(days=7)),
    ("last 30 days", timedelta(days=30)),
)


class Known(StrEnum):
    """Lines about what is known, each of which opens something."""

    ALERTS = "alerts"
    NETWORKS = "networks"
    CHANGES = "changes"
    REFUSED = "refused"


class Step(StrEnum):
    """Steps against a breach, in the order in which they are taken."""

    FREEZE = "freeze"
    SESSIONS = "end-sessions"
    KEY = "rotate-secret"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class StepText:
    """Key and name of a step, and the events that show that it was taken."""

    key: str
    name: str
    events: tuple[events.Event, ...] = ()


STEPS: dict[Step, StepText] = {
    Step.FREEZE: StepText("f", "Freeze sign-ins", (events.INCIDENT_FROZEN, events.INCIDENT_THAWED)),
    Step.SESSIONS: StepText("e", "End sessions and tokens", (events.INCIDENT_SESSIONS_ENDED,)),
    Step.KEY: StepText("k", "Rotate the secret key", (events.SECRET_KEY_ROTATED,)),
    Step.REPORT: StepText("o", "Report"),
}


def panels(found: Incident, alerts: AlertPage, window: str, now: datetime, *, utf8: bool) -> list[Panel]:
    """Return what is known, and what to do with what was done."""
    rows = [_alert_line(alerts, now), *_known_lines(found, now)]
    known = Panel(f"What is known, {window}", [_known(*row) for row in rows])
    return [known, Panel("What to do", [_step(found, step, now, utf8=utf8) for step in Step])]


def frozen_line(found: Incident) -> Content:
    """Return the freeze with its time and author, empty if there is none."""
    if found.frozen_since is None:
        return safe("")
    since, by = exact(found.frozen_since), found.frozen_by
    return join(("FROZEN", "bold $danger"), (f" since {since}, by {by}. Press f to thaw.", "$danger"))


def about(target: str, found: Incident) -> Content:
    """Return two or three lines about the line under the cursor."""
    try:
        return effect(Step(target), found)
    except ValueError:
        return lines(*_ABOUT[Known(target)]) if target else safe("")


_ABOUT: dict[Known, Sequence[str]] = {
    Known.ALERTS: (
        "Open alerts with activity in the window.",
        "Enter lists all that are open, with the audit entries they were made from.",
    ),
    Known.NETWORKS: (
        "Networks from which nobody here had signed in before. Enter lists them.",
        "A new office is one too: ask the users whether it was them.",
    ),
    Known.CHANGES: (
        "Changes of the whitelist, of the policy with its networks, and of users.",
        "Enter lists them. A thief makes room first: ask those who made them.",
    ),
    Known.REFUSED: (
        "Wrong passwords, locked accounts, and sign-ins during a freeze.",
        "Enter lists them in Audit.",
    ),
}


def effect(step: Step, found: Incident) -> Content:
    """Return what a step would do, which is also its dry run."""
    return lines(*_EFFECTS[step](found))


def _freeze(found: Incident) -> Sequence[Part]:
    if found.frozen_since is not None:
        return ("Thaw: users can sign in again.", f"Frozen since {exact(found.frozen_since)}, by {found.frozen_by}.")
    users = sum(role.users for role in found.roles if role.role is not Role.PLATFORM_ADMIN)
    able = plural(found.platform_admins, "platform admin")
    rows: list[Part] = [
        f"Freeze: {plural(users, 'user')} cannot sign in until you thaw it. {able} can.",
        "Open sessions go on, and e ends them. Programs that check codes get",
        '"refused".',
    ]
    if not found.platform_admins:
        rows.append(("Once your session ends, only the owner of the store can thaw it.", "$danger"))
    else:
        rows[-1] = '"refused". You can thaw while your session is open, platform admins always.'
    return rows


def _sessions(found: Incident) -> Sequence[Part]:
    rows: list[Part] = [
        f"End: {plural(found.sessions, 'session')}, {plural(found.tokens, 'token')}, and sign-ins in progress.",
        "Yours stays, so that you can go on. Users can sign in again, unless you",
        "freeze first.",
    ]
    if found.spared:
        rows.append((f"{count(found.spared)} of platform administrators stay: they outrank you.", "$status-pending"))
    return rows


def _key(found: Incident) -> Sequence[Part]:
    if found.key_id is None:
        return ("There is no secret key, so no program uses one.",)
    rows: list[Part] = ["Rotate: programs stop working until they have the new key."]
    if not found.key_uses:
        return [*rows, "No program has checked a code with it lately."]
    rows += [
        f"{use.address or 'this machine'}: {plural(use.checks, 'check')}, last {exact(use.last)}"
        for use in found.key_uses[:_MOST_NAMED]
    ]
    if more := len(found.key_uses) - _MOST_NAMED:
        rows += [f"and {plural(more, 'more address', 'more addresses')}"] if more > 0 else []
    return rows


def _report(found: Incident) -> Sequence[Part]:
    return (
        "Report: who did what, when and from where, from the audit,",
        "as Markdown or JSON in a file that only you can read.",
    )


_EFFECTS = {Step.FREEZE: _freeze, Step.SESSIONS: _sessions, Step.KEY: _key, Step.REPORT: _report}


def change_rows(found: Incident) -> list[tuple[str, str, str]]:
    """Return the counts of changes and the latest of them, for a list."""
    counts = [("", number(each), f"{action_words(each.action)} ({each.outcome})") for each in found.changes]
    latest = [
        (entry.actor, exact(entry.at), f"{action_words(entry.action)} {entry.target} {entry.reason}".rstrip())
        for entry in found.latest
    ]
    return [*latest, *counts]


def _alert_line(alerts: AlertPage, now: datetime) -> tuple[int, str, str, str]:
    number = len(alerts.items)
    newest = f", latest {moment(alerts.items[0].last, now)}: {alerts.items[0].summary}" if number else ""
    return number, _plus(alerts.next is not None), f"open {'alert' if number == 1 else 'alerts'}{newest}", Known.ALERTS


def _known_lines(found: Incident, now: datetime) -> list[tuple[int, str, str, str]]:
    people = sum(network.users for network in found.networks)
    where = "a network" if len(found.networks) == 1 else plural(len(found.networks), "network")
    changes = sum(each.count for each in found.changes)
    latest = f", latest {moment(found.latest[0].at, now)} by {found.latest[0].actor}" if found.latest else ""
    capped = any(each.capped for each in found.changes)
    return [
        (
            people,
            _plus(found.networks_capped),
            f"{'user' if people == 1 else 'users'} from {where} never seen before"
            if people
            else "users from networks never seen before",
            Known.NETWORKS,
        ),
        (changes, _plus(capped), f"changes of whitelist, policy and users{latest}", Known.CHANGES),
        (found.refused, _plus(found.refused_capped), "sign-ins refused", Known.REFUSED),
    ]


def _plus(capped: bool) -> str:
    return "+" if capped else ""


def _known(number: int, plus: str, words: str, target: str) -> Cell:
    return Cell(lambda width: join((f"{count(number)}{plus}".rjust(7), "$accent"), "  ", words), target)


def _step(found: Incident, step: Step, now: datetime, *, utf8: bool) -> Cell:
    text = STEPS[step]
    done = done_words(found.done, text.events, now) or glyph("dash", utf8=utf8)
    name = "Thaw sign-ins" if step is Step.FREEZE and found.frozen_since else text.name

    def content(width: int) -> Content:
        room = width - _NAME - 2 - _DONE
        words = f" {cut(_numbers(step, found), room)}" if room > 10 else ""
        return join((f"{text.key} ", "bold $key"), f"{name:<{_NAME - 1}}", (words, "$muted"), " ", done)

    return Cell(content, step)


def _numbers(step: Step, found: Incident) -> str:
    match step:
        case Step.FREEZE:
            return "all may sign in again" if found.frozen_since else "all but platform admins"
        case Step.SESSIONS:
            return f"{plural(found.sessions, 'session')}, {plural(found.tokens, 'token')}"
        case Step.KEY:
            known = plural(len(found.key_uses), "program stops", "programs stop")
            return known if found.key_id else "no secret key"
        case _:
            return "Markdown, JSON"


def done_words(done: Sequence[StepDone], among: Sequence[events.Event], now: datetime) -> str:
    """Return the last time and author of a step, empty if it was not taken: `today 09:14 tomas`."""
    actions = [event.action for event in among]
    newest = max((step for step in done if step.action in actions), key=lambda step: step.at, default=None)
    return f"{moment(newest.at, now)} {newest.by}" if newest is not None else ""
