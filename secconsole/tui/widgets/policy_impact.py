"""Impact of a policy in counts, text and bars, shown before anything is changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from textual.content import Content

from secconsole.domain.model import PolicyMode
from secconsole.domain.reminders import reminder_days
from secconsole.operations.policy import PolicyPreview
from secconsole.tui.text.format import count, day, plural
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.bars import bar_content

MOST_WORDS, LEAST_WORDS, LEAST_BAR = 52, 40, 6  # cells of the text beside a count, and of the bar
LONGEST_BAR = 30


def impact_words(
    preview: PolicyPreview,
    grace_days: int,
    *,
    begins: datetime,
    held: int | None = None,
    width: int,
    utf8: bool = True,
) -> Content:
    """Return the lines of a preview, `width` cells wide.

    The first counts add up to all users, those after them are of these. `begins`: the moment from which the grace
    period counts, `held`: days of grace in effect now.
    """
    impact, mode = preview.impact, preview.policy
    same = mode is preview.now
    number = max(7, *(len(count(n)) for n in (impact.users, impact.bound)))
    words_width = max(LEAST_WORDS, min(MOST_WORDS, width - number - 4 - LEAST_BAR))
    room = max(0, min(LONGEST_BAR, width - number - words_width - 4))

    def line(many: int, words: str, colour: str = "") -> Content:
        head: Part = (f"{count(many):>{number}}", colour) if colour else f"{count(many):>{number}}"
        if len(words) > words_width:
            return join(head, "  ", words)
        graph = bar_content(many, impact.users, room, utf8=utf8, colour=colour or "$bar-filled")
        return join(head, "  ", f"{words:<{words_width}}", "  ", graph)

    rows: list[Part] = [(_heading(preview, grace_days, other=held not in (None, grace_days)), "$heading")]
    if mode is PolicyMode.OFF:
        spared = impact.bound - impact.always_asked
        rows.append(line(spared, "bound: not asked any more, their factors are kept", "$status-bound"))
        if impact.always_asked:
            who = "platform administrator" + ("" if impact.always_asked == 1 else "s")
            rows.append(line(impact.always_asked, f"bound {who}, still asked", "$status-bound"))
        rows.append(line(impact.users - impact.bound, "without a factor: no change"))
        if impact.no_longer_required:
            rows.append(line(impact.no_longer_required, "required individually: no effect while off", "$danger"))
    else:
        rows.append(line(impact.bound, "already bound" + ("" if same else ", no change"), "$status-bound"))
        if impact.must_enroll:
            rows.append(line(impact.must_enroll, _must_bind(mode, grace_days, begins), "$status-pending"))
        if free := impact.users - impact.bound - impact.must_enroll:
            need_not = "may bind, but need not" if mode is PolicyMode.OPTIONAL else "whitelisted, no factor: need not"
            rows.append(line(free, need_not))
        if impact.locked_out:
            rows.append(line(impact.locked_out, "of these locked out until they are unlocked or unbound", "$danger"))
        whitelisted = f"of these whitelisted, {count(preview.whitelisted_open)} with no end date"
        rows.append(line(impact.whitelisted, whitelisted, "$status-whitelisted"))
        if impact.weak_only:
            rows.append(line(impact.weak_only, "of these have only SMS or e-mail"))
        if impact.admins_must_enroll:
            who = "administrator is" if impact.admins_must_enroll == 1 else "administrators are"
            rows.append(line(impact.admins_must_enroll, f"{who} among those who must bind (L to list)", "$accent"))
    return lines(*rows, *_consequences(preview, grace_days), _you(preview, grace_days, begins))


def _consequences(preview: PolicyPreview, grace_days: int) -> list[Part]:
    """Return what else a change would do: to the whitelist, sessions and tokens, and by mail."""
    rows: list[Part] = []
    if preview.platform_admins_added:
        added = plural(preview.platform_admins_added, "platform administrator")
        rows.append(f"{added} will be put on the whitelist, so that nobody is locked out. Those with")
        rows.append("a bound factor are still asked for it.")
    if preview.sessions:
        are = "session was" if preview.sessions == 1 else "sessions were"
        rows.append(f"{count(preview.sessions)} {are} opened with a password only and will end.")
    days = len(reminder_days(grace_days))
    if preview.reminders and preview.policy is PolicyMode.REQUIRED and days:
        mails = plural(preview.reminded * days, "mail")
        rows.append(f"Reminders: at most {mails}, {days} to each user without a factor.")
    if preview.tokens:
        are = "token was" if preview.tokens == 1 else "tokens were"
        rows.append(f"{count(preview.tokens)} {are} created with a password only and will end.")
    return rows


def _heading(preview: PolicyPreview, grace_days: int, *, other: bool) -> str:
    mode, users = preview.policy, plural(preview.impact.users, "user")
    if mode is not preview.now:
        return f"If you switch to {mode} now, of {users}:"
    if other and mode is PolicyMode.REQUIRED:
        grace = f"With {plural(grace_days, 'day')} of grace" if grace_days else "Without a grace period"
        return f"{grace}, of {users}:"
    return f"Currently {mode}, of {users}:"


def grace_ends(begins: datetime, grace_days: int) -> datetime:
    """Return the end of a grace period."""
    return begins + timedelta(days=grace_days)


def grace_words(grace_days: int, begins: datetime | None) -> str:
    """Return the grace period and its end: `14 days of grace until 14 Dec 2026`, empty if there is none."""
    if not grace_days:
        return ""
    end = f" until {day(grace_ends(begins, grace_days))}" if begins else ""
    return f"{plural(grace_days, 'day')} of grace{end}"


def _must_bind(mode: PolicyMode, grace_days: int, begins: datetime) -> str:
    if mode is PolicyMode.OPTIONAL:
        return "must bind: required of them individually"
    if grace_days:
        return f"must bind by {day(grace_ends(begins, grace_days))}"
    return "must bind at their next sign-in"


def _you(preview: PolicyPreview, grace_days: int, begins: datetime) -> Part:
    you = preview.you
    if you.locked_out:
        return "You would be locked out: your factor accepts no codes now. Ask to be unlocked first.", "$danger"
    if you.must_enroll:
        if preview.policy is PolicyMode.REQUIRED and preview.policy is not preview.now:
            return "You are not bound: your phone is bound first, then it is switched.", "$status-pending"
        when = f"by {day(grace_ends(begins, grace_days))}" if grace_days else "at your next sign-in"
        return f"You are not bound: you have to bind {when}. You will not be locked out.", "$status-pending"
    if you.whitelisted and not you.bound:
        return "You are whitelisted and not bound. You will not be locked out."
    return ("You are bound. " if you.bound else "") + "You will not be locked out."
