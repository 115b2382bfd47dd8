"""Details of the user under the cursor: a pane beside the table, or two lines below it in narrow windows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from secconsole.domain.ident import short_id
from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.model import BindingStatus
from secconsole.domain.policy import is_always_asked
from secconsole.domain.text import visible
from secconsole.operations.users import UserDetail, UserRow
from secconsole.tui.text import users as texts
from secconsole.tui.text.format import ago, day, glyph, moment, plural, status_words, until
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.columns import cut
from secconsole.tui.widgets.prose import Prose

_GAP = "  "
_EVENT_COLUMN = 15  # cells


def fitted(parts: Sequence[tuple[str, str]], width: int) -> Content:
    """Return (text, style) pieces on one line, as many as fit.

    The last one may be cut.
    """
    out: list[Part] = []
    room = width
    for text, style in parts:
        gap = _GAP if out else ""
        if not text or room <= len(gap) + 1:
            continue
        shown = visible(text)
        shown = shown if cell_len(shown) <= room - len(gap) else cut(text, room - len(gap))
        out += [gap, (shown, style)]
        room -= len(gap) + cell_len(shown)
    return join(*out)


class UserStrip(Static):
    """Two lines of details.

    Shows the row's own data until the details are loaded.
    """

    DEFAULT_CSS = """
    UserStrip { height: 2; padding: 0 1; }
    """

    def show(self, user: UserRow | None, detail: UserDetail | None, now: datetime, *, utf8: bool, note: str) -> None:
        """Show a user.

        `note` is shown when no user is under the cursor.
        """
        if user is None:
            self.update(safe(note, "$muted"))
            return
        width = max(20, self.content_size.width)
        self.update(lines(self._who(user, detail, width, utf8), self._where(user, detail, now, width, utf8)))

    def _who(self, user: UserRow, detail: UserDetail | None, width: int, utf8: bool) -> Content:
        id = f"id {short_id(user.id)}"
        doubt = detail is not None and bool(detail.suspicions or detail.look_alikes)
        warn = f"{glyph('warning', utf8=utf8)} look twice (h)" if doubt or texts.is_odd(user) else ""
        return fitted(
            [
                (user.login, "bold"),
                (warn, "$status-pending"),
                (user.name, ""),
                (id, "$muted"),
                (user.email, "$muted"),
                (masked_phone(user.phone), "$muted"),
            ],
            width,
        )

    def _where(self, user: UserRow, detail: UserDetail | None, now: datetime, width: int, utf8: bool) -> Content:
        mark, word = status_words(user.status, utf8=utf8)
        style = f"$status-{user.status}"
        if detail is None:
            return fitted([(f"{mark} {word}", style), (glyph("ellipsis", utf8=utf8), "$muted")], width)
        undo = texts.undo_until(detail.undo, now) if detail.undo else ""
        exempt = detail.whitelist
        tail = [
            (undo, "$key"),
            (texts.bypass_words(detail.bypass, now) if detail.bypass else "", "$status-pending"),
            (texts.lock_words(detail, now), "$status-locked" if detail.locked else "$muted"),
            ("disabled" if "disabled" in user.flags else "", "$danger"),
            ("must choose a new password" if "must-reset" in user.flags else "", "$muted"),
            (texts.required_words(detail), "$muted"),
            (f"whitelisted {texts.whitelist_words(exempt, now)}" if exempt else "", "$status-whitelisted"),
        ]
        taken = sum(len(_GAP) + cell_len(visible(text)) for text, _ in tail[:6] if text)
        binding = texts.binding_words(detail, now)
        if cell_len(visible(binding)) > (room := max(16, width - taken - 2)):
            binding = cut(binding, room).rstrip()
        return fitted([(f"{mark} {binding}", style), *tail], width)


class UserPane(Prose):
    """A pane of details.

    Recent events come last, since they may be cut off.
    """

    DEFAULT_CSS = """
    UserPane { height: 100%; padding: 0 1; overflow: hidden; border-left: solid $rule; }
    """

    def show(self, user: UserRow | None, detail: UserDetail | None, now: datetime, *, utf8: bool, note: str) -> None:
        """Show a user.

        `note` is shown when no user is under the cursor.
        """
        if user is None:
            self.update(safe(note, "$muted"))
            return
        rows: list[Part] = [*self._who(user), ""]
        if detail is not None:
            rows += self._doubts(detail, utf8)
        mark, word = status_words(user.status, utf8=utf8)
        rows.append((f"{mark} {word}", f"bold $status-{user.status}"))
        if detail is None:
            rows.append((glyph("ellipsis", utf8=utf8), "$muted"))
        else:
            rows += self._binding(detail, now)
            rows += self._sign_in(detail)
            rows += self._account(detail, now)
            rows += self._events(detail, now)
        self.update(lines(*rows))

    def _who(self, user: UserRow) -> list[Part]:
        facts = [fact for fact in (user.name, user.email, masked_phone(user.phone)) if fact]
        return [(user.login, "bold $heading"), *facts, (str(user.role), "$muted"), (f"id {user.id}", "$muted")]

    def _doubts(self, detail: UserDetail, utf8: bool) -> list[Part]:
        warn = glyph("warning", utf8=utf8)
        found = texts.doubts(detail.suspicions, detail.look_alikes)
        return [*((f"{warn} {text}", "$status-pending") for text in found), *([""] if found else [])]

    def _binding(self, detail: UserDetail, now: datetime) -> list[Part]:
        rows: list[Part] = []
        for factor in detail.factors:
            rows.append(f"  {texts.factor_name(factor.kind, factor.label, factor.masked)}")
            rows.append((f"    {texts.factor_state(factor, now)}", "$muted"))
        if detail.undo is not None:
            words = texts.undo_words(detail.undo, now)
            rows.append(f"  {words[:1].upper()}{words[1:]}")
            rows.append((f"  {texts.undo_until(detail.undo, now)}", "$key"))
        if detail.must_bind_from is not None:
            rows.append((f"  {texts.bind_words(detail.must_bind_from, now)}", "$status-pending"))
        if detail.mfa_required:
            rows.append(f"  {texts.REQUIRED}")
        return [*rows, ""]

    def _sign_in(self, detail: UserDetail) -> list[Part]:
        """Return the words of `policy explain`, for a sign-in from a network that is allowed."""
        if detail.sign_in is None:
            return []
        return [("If they sign in now", "bold"), *(f"  {line}" for line in detail.sign_in.verdict), ""]

    def _account(self, detail: UserDetail, now: datetime) -> list[Part]:
        user = detail.user
        rows: list[Part] = [_field("Whitelist", texts.whitelist_words(detail.whitelist, now))]
        if detail.whitelist and is_always_asked(user.role, user.status):
            rows.append(_field("", "still asked for the factor, as a platform administrator"))
        elif detail.whitelist and detail.keeps_factor:
            rows.append(_field("", "still asked for the factor, by own choice"))
        seen = moment(user.last_sign_in, now)
        rows.append(_field("Signed in", seen))
        if user.status is BindingStatus.BOUND:
            none = "" if detail.recovery_left else "$status-pending"
            rows.append(_field("Recovery", f"codes: {texts.recovery_words(detail)}", none))
        if detail.bypass is not None:
            rows.append(_field("Bypass", texts.bypass_words(detail.bypass, now), "$status-pending"))
        rows.append(_field("Sessions", plural(detail.sessions, "open session") if detail.sessions else "none open"))
        if detail.tokens:
            rows.append(_field("Tokens", f"{detail.tokens:,} in use by programs"))
        if held := texts.lock_words(detail, now):
            rows.append(_field("Entries", held, "$status-locked" if detail.locked else ""))
        if "disabled" in user.flags:
            rows.append(_field("Account", "disabled: cannot sign in", "$danger"))
        if not detail.has_password:
            rows.append(_field("Password", "none yet: I invites by mail"))
        elif detail.invited_until is not None:
            rows.append(_field("Password", f"first-time, mailed, until {until(detail.invited_until, now)}"))
        elif "must-reset" in user.flags:
            rows.append(_field("Password", "one-time: must be changed"))
        rows.append(_field("Created", day(detail.created)))
        return [*rows, ""]

    def _events(self, detail: UserDetail, now: datetime) -> list[Part]:
        if not detail.events:
            return []
        recent = [
            join((ago(entry.at, now).ljust(_EVENT_COLUMN), "$muted"), texts.event_words(entry))
            for entry in detail.events
        ]
        return [("Recent", "bold"), *recent]


def _field(label: str, value: str, style: str = "") -> Content:
    return join((label.ljust(11), "$muted"), (value, style))
