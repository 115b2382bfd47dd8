"""Switching to another context: leaving the current one and signing in elsewhere without leaving the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from secconsole.config.contexts import NamedContext

if TYPE_CHECKING:
    from secconsole.backends.base import Backend
    from secconsole.tui.console import Console

Open = Callable[[NamedContext], Awaitable["Backend"]]


class ContextSwitcher:
    """Contexts by name, and how their backends are opened."""

    def __init__(self, contexts: Mapping[str, NamedContext], open_at: Open) -> None:
        self._contexts = contexts
        self._open_at = open_at

    def other_contexts(self, here: NamedContext) -> list[NamedContext]:
        """Return all contexts but the current one."""
        return [context for name, context in self._contexts.items() if context != here and name != here.name]

    def move(self, app: Console, to: NamedContext) -> None:
        """Switch the console to another context, with nothing opened there yet and nobody signed in."""
        app.context = to
        app.local = not to.backend
        app.home_tenant = app.tenant = to.tenant
        app.organisation, app.demo = "", False
        app.opener = lambda: self._open_at(to)
