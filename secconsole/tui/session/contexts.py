"""The other contexts: leaving the one that is worked in, and signing in at another without leaving the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from secconsole.config.contexts import Context

if TYPE_CHECKING:
    from secconsole.backends.base import Backend
    from secconsole.tui.app import SecConsole

Open = Callable[[Context], Awaitable["Backend"]]


class Elsewhere:
    """Contexts by name, and how a backend is opened there."""

    def __init__(self, contexts: Mapping[str, Context], open_at: Open) -> None:
        self._contexts = contexts
        self._open_at = open_at

    def besides(self, here: Context) -> list[Context]:
        """All contexts but the one that is worked in."""
        return [context for name, context in self._contexts.items() if context != here and name != here.name]

    def move(self, app: SecConsole, to: Context) -> None:
        """Have the console stand in another context, with nothing open there yet; nobody is signed in."""
        app.context = to
        app.local = not to.backend
        app.home_tenant = app.tenant = to.tenant
        app.organisation, app.demo = "", False
        app.opener = lambda: self._open_at(to)
