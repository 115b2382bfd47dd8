"""Retention of the audit: its rule, and the removal of older entries now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.audit.retention import LEAST_DAYS, check_days
from secconsole.domain.errors import Invalid
from secconsole.operations.audit_retention import RetainAudit, Retained, Retention, SetRetention, ShowRetention
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import exact, plural
from secconsole.tui.text.labelled import labelled
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form_fields import Button, Field, NumberField, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

Choice = tuple[str, int]  # the button, and the days


class RetentionDialog(SubmitDialog["Choice | None"]):
    """Shows how long the audit is kept, and asks for another number of days.

    `why_not`: why the user may only look.
    """

    def __init__(self, found: Retention, *, why_not: str = "") -> None:
        rows = _rows(found)
        fields: list[Field] = []
        buttons = [cancel("Close")]
        if why_not:
            rows += ["", (f"Read-only. {why_not}", "$muted")]
        else:
            fields = [
                NumberField(
                    name="days",
                    label="Days",
                    digits=5,
                    needed=True,
                    help=f"At least {LEAST_DAYS}. 0 keeps everything for good.",
                ),
            ]
            buttons = [cancel(), Button("remove", "Remove now", danger=True), Button("set", "Set", main=True)]
        super().__init__(
            "How long the audit is kept", lines(*rows), fields, buttons, focus="cancel" if why_not else "days"
        )

    async def submit(self, button: str, values: Values) -> Choice | None:
        days = int(str(values["days"]).strip() or "0")
        if not days and button == "remove":
            raise Invalid(f"Enter at least {LEAST_DAYS} days.", "days")
        if days:
            try:
                check_days(days)
            except Invalid as error:
                raise Invalid(error.message, "days") from None
        return button, days


async def manage_retention(app: Console, tell_busy: Callable[[str], None], *, why_not: str = "") -> None:
    """Show the rule, and set it or remove old entries after their number was confirmed."""
    found = await app.perform(ShowRetention(tenant=app.tenant))
    choice = await app.ask(RetentionDialog(found, why_not=why_not))
    if choice is None:
        return
    button, days = choice
    setting = SetRetention(tenant=app.tenant, keep_days=days)
    title = f"Keep {plural(days, 'day')}" if days else "Keep everything"
    if days:
        checking = RetainAudit(tenant=app.tenant, keep_days=days, check_only=True)
        checked = await app.perform(checking)
        label = "Remove" if button == "remove" else "Set"
        does = replace(checking, check_only=False) if button == "remove" else setting
        if not await app.ask(ConfirmDialog(title, _effect(checked), label, danger=True, does=does)):
            return
    if button == "set":
        await app.perform(setting)
        app.notify_done(f"The audit is kept for {plural(days, 'day') if days else 'good'} from now on.")
        return
    await _remove(app, tell_busy, days)


async def _remove(app: Console, tell_busy: Callable[[str], None], days: int) -> None:
    removed, more = 0, True
    try:
        while more:
            part = await app.perform(RetainAudit(tenant=app.tenant, keep_days=days))
            removed, more = removed + part.removed, part.more
            tell_busy(f"removed: {removed:,} …")
    finally:
        tell_busy("")
    held = f"\n{part.held:,} are kept for {part.held_by}." if part.held else ""
    app.notify_done(f"{plural(removed, 'entry', 'entries')} removed.{held}")


def _effect(checked: Retained) -> Content:
    rows: list[Part] = [
        join((plural(checked.removed, "entry", "entries"), "bold"), f" from before {exact(checked.kept_from)}"),
        f"would be removed for good, up to number {checked.last:,}.",
    ]
    if checked.held:
        rows.append(f"{checked.held:,} more are kept for {checked.held_by}.")
    rows += ["", "A signed checkpoint keeps the rest provable. Heads from before it prove nothing then."]
    return lines(*rows)


def _rows(found: Retention) -> list[Part]:
    rule = plural(found.keep_days, "day") if found.keep_days else "for good"
    by = f", set by {found.changed_by}, {exact(found.changed)}" if found.changed else ""
    removed = f"up to entry {found.removed:,}, {exact(found.removed_at)}" if found.removed_at else "nothing"
    rows: list[Part] = [
        labelled("Kept", f"{rule}{by}"),
        labelled("Removed", removed),
        labelled("Oldest", exact(found.oldest) if found.oldest else "none"),
    ]
    if found.held_by:
        rows.append(labelled("Waits", f"older entries are kept for {found.held_by}", "$danger"))
    return rows
