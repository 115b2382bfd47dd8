"""Start of the console from the options of the command line.

Textual is imported only after probing the terminal.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.text import visible
from secconsole.tui.runtime.terminal import Terminal, enter

if TYPE_CHECKING:
    from secconsole.backends.base import Backend
    from secconsole.config.contexts import NamedContext
    from secconsole.config.settings import ConsoleSettings
    from secconsole.config.start_at import StartAt


def run_console(
    *,
    backend: str | None = None,
    tenant: str = "",
    context: str = "",
    theme: str = "",
    read_only: bool = False,
    mouse: bool = True,
    ca_file: str = "",
    start: StartAt | None = None,
) -> int:
    """Run the console and return its exit code.

    Missing options come from config.toml and contexts.toml.
    """
    from secconsole.config.settings import load_settings

    try:
        settings = load_settings()
        place = settings.context(context, backend, ca_file)
        if place.backend:
            from secconsole.config.address import parse_server_url

            parse_server_url(place.backend)
    except SecconsoleError as error:
        sys.stderr.write(visible(error.message) + "\n")
        return error.exit_code

    def console(terminal: Terminal) -> int:
        gc.disable()  # until the first frame: scanning modules still being imported finds nothing
        return _run(terminal, settings, place, tenant, theme, read_only, mouse, start)

    return enter(console)


def _run(
    terminal: Terminal,
    settings: ConsoleSettings,
    place: NamedContext,
    tenant: str,
    theme: str,
    read_only: bool,
    mouse: bool,
    start: StartAt | None,
) -> int:
    from secconsole.config import locations
    from secconsole.config.contexts import LOCAL
    from secconsole.tui.app import SecConsole
    from secconsole.tui.session.contexts import ContextSwitcher

    async def open_at(where: NamedContext) -> Backend:
        import asyncio
        from importlib import import_module

        from secconsole.operations.caller import Nobody

        # Importing what a store needs takes longer than the first frame, so it happens in a thread.
        opening = await asyncio.to_thread(import_module, "secconsole.backends.open")
        await asyncio.to_thread(import_module, f"secconsole.backends.{'http' if where.backend else 'embedded'}")
        opened: Backend = await opening.open_backend(
            where.backend, credential=Nobody(), channel="console", ca_file=where.ca_file
        )
        return opened

    here = {LOCAL: settings.context(LOCAL)} if locations.database_path().exists() else {}
    keys = None
    if settings.keymap:  # checking it loads every place, which only those who have one pay for
        from secconsole.tui.session.keymap import checked_keymap

        keys = checked_keymap(settings.keymap)
    app = SecConsole(
        terminal,
        theme or settings.theme or None,
        opener=lambda: open_at(place),
        switcher=ContextSwitcher(here | dict(settings.contexts), open_at),
        local=not place.backend,
        tenant=tenant or place.tenant,
        context=place,
        mouse=mouse and settings.mouse,
        read_only=read_only,
        lock_after=settings.lock_after_minutes,
        views_path=locations.views_path(),
        start=start,
        keys=keys,
    )
    return app.run_console()
