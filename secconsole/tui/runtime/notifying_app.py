"""An app that shows notifications and copies text to the clipboard of the terminal."""

from __future__ import annotations

from textual.app import App
from textual.notifications import SeverityLevel

from secconsole.config.report import write_report
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.text import visible
from secconsole.tui.runtime import clipboard
from secconsole.tui.runtime.terminal import Terminal


class NotifyingApp(App[int]):
    """Notifications as literal text, and copies that leave no secret behind."""

    terminal: Terminal

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast, whose text is always literal and visible.

        Its line breaks are kept.
        """
        # Line by line: `visible` would show the line breaks as characters.
        shown = "\n".join(visible(line) for line in message.split("\n"))
        super().notify(shown, title=visible(title), severity=severity, timeout=timeout, markup=False)

    def notify_done(self, message: str) -> None:
        """Show that something was done, in place of the notifications before it."""
        self.clear_notifications()
        self.notify(message, timeout=5)

    def notify_refused(self, reason: str) -> None:
        """Show why the key just pressed is unavailable, in place of the notifications before it."""
        self.clear_notifications()
        self.notify(reason, severity="warning", timeout=4)

    def notify_failed(self, error: BaseException) -> None:
        """Show an error: its own message for an expected one, otherwise that there is a report."""
        if isinstance(error, SecconsoleError):
            self.notify(error.message, severity="error", timeout=8)
            return
        path = write_report(error)
        where = f"\nReport: {path}" if path else ""
        what = f"That did not work: an internal error ({type(error).__name__}).{where}"
        self.notify(what, severity="error", timeout=12)

    def copy_to_clipboard(self, text: str) -> None:
        """Hand the text to the terminal, and keep no copy: it may be a secret."""
        data = clipboard.sequence(text, self.terminal)
        if data is None:
            self.notify(clipboard.TOO_LONG, severity="warning")
        elif self._driver is not None:
            self._driver.write(data)
            self.notify(clipboard.SENT, timeout=3)

    def forget_copied(self) -> None:
        """Forget the copied text here, which the terminal still has."""
        self._clipboard = ""
