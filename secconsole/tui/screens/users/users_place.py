"""The users place as its actions see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from secconsole.domain.jobs import JobKind
    from secconsole.operations.users import UserDetail, UserRow
    from secconsole.tui.console import Console
    from secconsole.tui.screens.jobs.start import Selection
    from secconsole.tui.widgets.table import WindowedTable
    from secconsole.tui.widgets.user_source import UserSource


class UsersPlace(Protocol):
    @property
    def app(self) -> Console: ...
    @property
    def table(self) -> WindowedTable: ...
    @property
    def source(self) -> UserSource: ...
    def chosen(self) -> tuple[str, ...]:
        """Return the ids of the marked users, or of the one under the cursor."""
        ...

    def person_at_cursor(self) -> UserRow:
        """Return the user under the cursor, or raise `Conflict` while that row is not loaded."""
        ...

    async def detail_at_cursor(self) -> UserDetail:
        """Return the current state of the user under the cursor, which the screen may not show yet."""
        ...

    async def reload(self, *, as_many: bool = False) -> None:
        """Reload at once after a change made here."""
        ...

    async def start(self, kind: JobKind, chosen: Selection) -> None:
        """Start a job on users and show it."""
        ...
