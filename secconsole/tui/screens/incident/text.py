"""Texts of the incident: what is known about it, and what was changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from textual.content import Content

from secconsole.operations.alerts import AlertPage
from secconsole.operations.incident import Incident
from secconsole.operations.incident_text import action_words, number
from secconsole.operations.jobs import Job
from secconsole.tui.screens.incident.steps_text import Step, effect, step_line
from secconsole.tui.text.format import count, exact, moment, plural
from secconsole.tui.text.safe import join, lines, safe
from secconsole.tui.widgets.board import Cell, Panel

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


def panels(
    found: Incident, alerts: AlertPage, jobs: Sequence[Job], window: str, now: datetime, *, utf8: bool
) -> list[Panel]:
    """Return the panels of the known facts and of the steps."""
    rows = [_alert_line(alerts, now), *_known_lines(found, now)]
    known = Panel(f"What is known, {window}", [_known(*row) for row in rows])
    return [known, Panel("What to do", [step_line(found, jobs, step, now, utf8=utf8) for step in Step])]


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
        "Enter lists them. Attackers often begin with these: ask those who made them.",
    ),
    Known.REFUSED: (
        "Wrong passwords, locked accounts, and sign-ins during a freeze.",
        "Enter lists them in Audit.",
    ),
}


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
