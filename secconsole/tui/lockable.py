"""A console with a lock: while it is shut, screens and words wait, and nobody acts on what they do not see."""

from __future__ import annotations

from typing import Any

from textual.await_complete import AwaitComplete
from textual.notifications import SeverityLevel

from secconsole.tui.console_app import ConsoleApp
from secconsole.tui.lock import Lock


class LockableApp(ConsoleApp):
    """Work that goes on below the lock may show what it likes; it is shown once the lock is open."""

    lock: Lock

    async def push_screen_wait(self, screen: Any, *, mode: str | None = None) -> Any:
        await self.lock.opened()
        return await super().push_screen_wait(screen, mode=mode)

    def push_screen(self, screen: Any, *args: Any, **options: Any) -> Any:
        if not self.lock.keeps_out:
            return super().push_screen(screen, *args, **options)
        self.lock.afterwards(lambda: super(LockableApp, self).push_screen(screen, *args, **options))
        return AwaitComplete()

    def pop_screen(self) -> AwaitComplete:
        if not self.lock.keeps_out:
            return super().pop_screen()
        self.lock.afterwards(super().pop_screen)
        return AwaitComplete()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        def say() -> None:
            super(LockableApp, self).notify(message, title=title, severity=severity, timeout=timeout)

        if self.lock.keeps_out:
            self.lock.say_afterwards(say)
        else:
            say()
