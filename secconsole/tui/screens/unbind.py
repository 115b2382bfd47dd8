"""Unbinding from the console: look first, name the person beyond doubt, do it, say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content

from secconsole.domain.errors import Invalid
from secconsole.domain.model import BindingStatus
from secconsole.operations.unbinding import (
    MOST_SHOWN,
    TYPED_ABOVE,
    PreviewUnbind,
    Unbind,
    UnbindPreview,
    UnbindTarget,
)
from secconsole.tui import user_words as say
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.unbind_many import AT_ONCE, BulkDialog, Outcome
from secconsole.tui.screens.users_names import NamesDialog
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel
from secconsole.tui.words import count, glyph, plural, until

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

_INDENT = " " * 15


async def preview(app: SecConsole, ids: Sequence[str]) -> UnbindPreview:
    """What unbinding these would do, asked in portions and added up."""
    parts = [
        await app.perform(PreviewUnbind(tenant=app.tenant, users=tuple(ids[start : start + AT_ONCE])))
        for start in range(0, len(ids), AT_ONCE)
    ]
    return UnbindPreview(
        bound=sum(part.bound for part in parts),
        pending=sum(part.pending for part in parts),
        already_unbound=sum(part.already_unbound for part in parts),
        whitelisted=sum(part.whitelisted for part in parts),
        sessions=sum(part.sessions for part in parts),
        tokens=sum(part.tokens for part in parts),
        recovery_codes=sum(part.recovery_codes for part in parts),
        not_notified=sum(part.not_notified for part in parts),
        failed=tuple(failed for part in parts for failed in part.failed),
        targets=tuple(target for part in parts for target in part.targets)[:MOST_SHOWN],
        policy=parts[0].policy,
        undo_minutes=parts[0].undo_minutes,
    )


class UnbindDialog(DoingDialog["Outcome | None"]):
    """Whom it is about is settled by their ids when it opens: nothing that moves below it changes that."""

    def __init__(self, ids: tuple[str, ...], found: UnbindPreview, now: datetime, *, utf8: bool) -> None:
        self._ids, self._found = ids, found
        self._many = len(ids) > 1
        fields: list[Field] = [
            TextField(name="reason", label="Reason", needed=True, help="Others will go by it later."),
            TextField(name="ticket", label="Ticket", max_length=100, help="May stay empty."),
        ]
        self._typed = str(len(ids)) if len(ids) > TYPED_ABOVE else ""
        if self._typed:
            fields.append(TextField(name="number", label=f"Type {self._typed}", needed=True, max_length=12))
        title = f"Unbind {plural(len(ids), 'user')}"
        body = _about_many(found, now, len(ids)) if self._many else _about_one(found, now, utf8=utf8)
        super().__init__(title, body, fields, [cancel(), Button("unbind", "Unbind", danger=True)], danger=True)

    async def on_key(self, event: events.Key) -> None:
        """On a button, letters begin the reason: lost ones would leave a space after them to press Cancel."""
        if self._many and event.key == "f2":
            event.stop()
            await self.app.push_screen(
                NamesDialog("Who they are", _names(self._found, utf8=self.app.terminal.utf8), _more(self._found))
            )
        elif self.form.focused_name in ("cancel", "unbind") and event.is_printable and event.key != "space":
            self.form.focus_field("reason")
            self.form.on_key(event)

    async def do(self, button: str, values: Values) -> Outcome | None:
        if self._typed and str(values["number"]).strip().replace(",", "") != self._typed:
            raise Invalid(f"That is not {self._typed}.", "number")
        operation = Unbind(
            tenant=self.app.tenant, users=self._ids, reason=str(values["reason"]), ticket=str(values["ticket"])
        )
        if len(self._ids) > AT_ONCE:
            return await self.app.ask(BulkDialog(operation))
        result = await self.app.perform(operation)
        return Outcome(result.unbound, result.failed, result.event, result.undo_until)


def _about_one(found: UnbindPreview, now: datetime, *, utf8: bool) -> Content:
    if not found.targets:
        return lines(*(f"{failed.login}: {failed.reason}" for failed in found.failed))
    target = found.targets[0]
    doubts = say.doubts(target.suspicions, target.look_alikes)
    rows: list[Part] = [
        join((target.login, "bold"), "   ", target.name, "   ", (str(target.role), "$muted")),
        (f"id {target.id}", "$muted"),
        *((f"{glyph('warning', utf8=utf8)} {doubt}", "$status-pending") for doubt in doubts),
        "",
        *_what_happens(target, found, now),
    ]
    return lines(*rows)


def _what_happens(target: UnbindTarget, found: UnbindPreview, now: datetime) -> list[Part]:
    facts = [
        f"{say.target_factors(target)} stops working now" if target.factors else "has no factor bound",
        _ended(target.sessions),
        *_afterwards(found, now),
    ]
    if target.whitelisted:
        facts.insert(0, "is on the whitelist, so is not asked for a factor anyway")
    return _listed("What happens", facts)


def _ended(sessions: int) -> str:
    if not sessions:
        return "no session is open"
    return f"{plural(sessions, 'session')} {'ends' if sessions == 1 else 'end'}"


def _afterwards(found: UnbindPreview, now: datetime) -> list[str]:
    anew = {
        "required": "the next sign-in asks to bind anew (policy: required)",
        "optional": "no second factor is asked for then (policy: optional)",
        "off": "no second factor is asked for (policy: off)",
    }[str(found.policy)]
    end = until(now + timedelta(minutes=found.undo_minutes), now)
    return [anew, f"can be undone until {end}"]


def _about_many(found: UnbindPreview, now: datetime, asked: int) -> Content:
    counts = [
        (found.bound, "bound"), (found.pending, "pending"), (found.already_unbound, "already unbound"),
        (len(found.failed), "cannot be unbound"),
    ]  # fmt: skip
    parts = ", ".join(f"{count(number)} {word}" for number, word in counts if number)
    rows: list[Part] = [join((plural(asked, "user"), "bold"), f": {parts}")]
    if found.whitelisted:
        rows.append(f"{count(found.whitelisted)} of them on the whitelist")
    odd = sum(bool(target.suspicions or target.look_alikes) for target in found.targets)
    if odd:
        rows.append((f"{plural(odd, 'name')} can be taken for another: look at the list", "$status-pending"))
    facts = [
        "their factors stop working now",
        _ended(found.sessions),
        *_afterwards(found, now),
    ]
    rows += ["", *_listed("What happens", facts), "", ("f2 lists them by name", "$key")]
    return lines(*rows)


def _listed(label: str, facts: Sequence[str]) -> list[Part]:
    heads = [label.ljust(len(_INDENT))] + [_INDENT] * (len(facts) - 1)
    return [join((head, "$muted"), fact) for head, fact in zip(heads, facts, strict=True)]


def _names(found: UnbindPreview, *, utf8: bool) -> list[tuple[str, str, str]]:
    """(login, name, what there is to say) of each, those to look at twice first."""
    doubted, plain = [], []
    for target in sorted(found.targets, key=lambda target: target.login.casefold()):
        doubts = say.doubts(target.suspicions, target.look_alikes)
        if doubts:
            doubted.append((target.login, target.name, f"{glyph('warning', utf8=utf8)} {doubts[0]}"))
        else:
            what = "unbound already" if target.status is BindingStatus.UNBOUND else f"id {target.id}"
            plain.append((target.login, target.name, what))
    return [*doubted, *((failed.login, "", failed.reason) for failed in found.failed), *plain]


def _more(found: UnbindPreview) -> str:
    rest = found.bound + found.pending + found.already_unbound - len(found.targets)
    return f"and {count(rest)} more" if rest > 0 else ""
