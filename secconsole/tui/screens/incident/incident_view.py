"""The incident place as its steps see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from secconsole.tui.console import Console


class IncidentView(Protocol):
    window: str

    @property
    def app(self) -> Console: ...
    @property
    def since(self) -> datetime:
        """The beginning of the window."""
        ...

    @property
    def is_low(self) -> bool:
        """True if the window has no room for the text below the list."""
        ...

    async def read(self) -> None:
        """Read what is known and show it."""
        ...
