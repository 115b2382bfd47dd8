"""Columns of the users table, and rows made of users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from rich.style import Style
from rich.text import Text
from textual.color import Color

from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.model import BindingStatus, Flag
from secconsole.operations.users import UserCount, UserRow, UserSort
from secconsole.tui.text.format import ago, count, glyph, status_words
from secconsole.tui.text.safe import safe_text
from secconsole.tui.text.users import is_odd, locked_word
from secconsole.tui.widgets.columns import TableCell
from secconsole.tui.widgets.row_window import Row
from secconsole.tui.widgets.table import Column

COLUMNS = (
    Column("login", "Login", 17, min_width=12, grow=16),
    Column("name", "Name", 17, min_width=12, priority=1, grow=20),
    Column("status", "Status", 9),
    Column("flags", "Flags", 14, priority=3, grow=14),
    Column("factors", "Factors", 8, priority=4, grow=8),
    Column("role", "Role", 14, priority=5),
    Column("seen", "Signed in", 12, priority=2, grow=2),
    Column("email", "E-mail", 24, priority=6, grow=16),
    Column("phone", "Phone", 16, priority=7),
)
_LONGEST_ASKED = 20  # characters of the search shown: the line must fit 60 columns too
SORTS = {
    "login": UserSort.LOGIN,
    "name": UserSort.NAME,
    "status": UserSort.STATUS,
    "flags": UserSort.FLAGS,
    "factors": UserSort.FACTORS,
    "role": UserSort.ROLE,
    "seen": UserSort.LAST_SIGN_IN,
    "email": UserSort.EMAIL,
    "phone": UserSort.PHONE,
}
HIGHEST_FIRST = ("flags", "seen")  # columns whose first order is descending

# what keeps a user from signing in comes first, since the rest may be cut
_FLAGS = (
    (Flag.LOCKED, "status-locked"),
    (Flag.DISABLED, "danger"),
    (Flag.MUST_RESET, "muted"),
    (Flag.WHITELISTED, "status-whitelisted"),
)
_BESIDE = {Flag.MUST_RESET: "reset", Flag.WHITELISTED: "exempt"}  # shorter words beside another flag


class UserRows:
    """Builds rows in the colours of one theme."""

    def __init__(self, variables: Mapping[str, str], clock: Callable[[], datetime], *, utf8: bool) -> None:
        names = [f"status-{status}" for status in BindingStatus] + ["status-pending", *(name for _, name in _FLAGS)]
        self._styles = {name: Style(color=Color.parse(variables[name]).rich_color) for name in names}
        self._clock, self._utf8 = clock, utf8

    def __call__(self, user: UserRow) -> Row:
        mark, word = status_words(user.status, utf8=self._utf8)
        cells: tuple[TableCell, ...] = (
            user.login,
            self._name(user),
            self._in(f"{mark} {word}", f"status-{user.status}"),
            self._flags(user),
            " ".join(user.factors) or glyph("dash", utf8=self._utf8),
            str(user.role),
            ago(user.last_sign_in, self._clock()),
            user.email,
            masked_phone(user.phone),
        )
        return Row(user.id, cells)

    def _name(self, user: UserRow) -> TableCell:
        if not is_odd(user):
            return user.name
        sign = glyph("warning", utf8=self._utf8)
        text = safe_text(f"{sign} {user.name}")
        text.stylize(self._styles["status-pending"], 0, len(sign))
        return text

    def _flags(self, user: UserRow) -> TableCell:
        required = user.mfa_required and user.status is not BindingStatus.BOUND
        alone = len(user.flags) + required == 1
        words = {Flag.LOCKED: locked_word(user)} if alone else _BESIDE
        held = [(words.get(flag, str(flag)), name) for flag, name in _FLAGS if flag in user.flags]
        if required:
            held.append(("required", "muted"))
        if not held:
            return ""
        return self._in(" ".join(word for word, _ in held), held[0][1])

    def _in(self, text: str, name: str) -> Text:
        return safe_text(text, self._styles[name])


def nobody_words(search: str) -> str:
    """Return the text for a search without results: `No users match zdenek`."""
    query = " ".join(search.split())
    query = query if len(query) <= _LONGEST_ASKED else query[: _LONGEST_ASKED - 1] + "…"
    return f"No users match {query}. Escape shows all users."


def found_words(found: UserCount | None, *, all_users: bool) -> str:
    """Return the number of matches: `14 of 1,204,311 users`."""
    if found is None:
        return ""
    if all_users:
        return f"{count(found.total)} users"
    some = f"more than {count(found.count)}" if found.capped else count(found.count)
    return f"{some} of {count(found.total)} users"
