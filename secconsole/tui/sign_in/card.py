"""Interface of the sign-in card, as its steps see it."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from textual.content import Content

    from secconsole.backends.demo.accounts import DemoAccount
    from secconsole.tui.console import Console
    from secconsole.tui.runtime.key_queue import KeyHold
    from secconsole.tui.widgets.form import Form
    from secconsole.tui.widgets.form_fields import Value
    from secconsole.tui.widgets.pick_list import PickList

    Entered = Mapping[str, Value] | DemoAccount


class SignInCancelled(Exception):
    """The user went back to the beginning."""


class SignInCard(Protocol):
    """One form or list at a time, with a message above it.

    Keys wait from an entry until the next form is shown.
    """

    @property
    def app(self) -> Console: ...
    @property
    def form(self) -> Form: ...
    @property
    def demo_accounts(self) -> tuple[DemoAccount, ...]: ...

    def set_title(self, *more: str) -> None:
        """Set the heading: the program, the tenant where it is known, and more."""

    def show_message(self, message: Content | str, *, bad: bool = ...) -> None:
        """Show a message above the form.

        An empty one takes it away.
        """

    def say_cut(self) -> None:
        """Show that signing in has to wait for the server.

        What was typed stays.
        """

    def credentials(self, login: str = ..., *, organisation: str | None = ...) -> Form:
        """Return the first form.

        It asks for the organisation unless that is None.
        """

    async def put(self, step: Form | PickList) -> None:
        """Show another form or list."""

    async def entered(self) -> Entered:
        """Wait for the next entry.

        Raise `SignInCancelled` if the user starts over.
        """

    async def wait(self, then: str, wait: timedelta | None) -> None:
        """Count down above the form, and show `then` at the end."""

    def stop_waiting(self) -> None:
        """Remove the countdown."""

    def follow_sending(self, work: Coroutine[None, None, None]) -> None:
        """Run work that follows a message until something is entered."""

    def interrupt(self, error: Exception) -> None:
        """Raise an error from `entered`."""

    def hand_over(self) -> KeyHold | None:
        """Return the hold on waiting keys, for the next screen to release."""

    async def ask_organisation(self) -> None:
        """Add a field for the organisation, unless the form was sent already."""
