"""Choosing a new password in the sign-in card: typed twice, and again until it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from textual.content import Content

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.tui.sign_in.messages import values_of
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, PasswordField

if TYPE_CHECKING:
    from secconsole.tui.sign_in.card import SignInCard

T = TypeVar("T")
_DIFFER = "The passwords do not match. Type both again."


async def ask_new_password(
    card: SignInCard,
    note: Content | str,
    buttons: Sequence[Button],
    use: Callable[[Secret[str]], Awaitable[T]],
    *,
    label: str = "New password",
) -> T:
    """Ask until `use` accepts a password, and return its result.

    `note` stays above the form. Raise `SignInCancelled` if the user goes back.
    """
    card.show_message(note, bad=False)
    fields = [
        PasswordField(name="password", label=label, needed=True),
        PasswordField(name="again", label="Repeat it", needed=True),
    ]
    await card.put(Form(fields, buttons))
    while True:
        values = values_of(await card.entered())
        password = values["password"]
        assert isinstance(password, Secret)
        problem = "" if password == values["again"] else _DIFFER
        if not problem:
            try:
                return await use(password)
            except Invalid as error:
                problem = error.message
        card.show_message(lines(problem, note))
        for name in ("again", "password"):
            card.form.set_value(name, "")
        card.form.focus_field("password")
