"""Texts for the answers to a sign-in, and values of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.errors import Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.signin import SignInAnswer
from secconsole.tui.sign_in.card import SignInCancelled
from secconsole.tui.text.format import clock, plural, until
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.form_fields import Value

if TYPE_CHECKING:
    from secconsole.tui.sign_in.card import Entered


def answer_text(answer: SignInAnswer, *more: Content, times: bool = True) -> Content:
    """Return the lines that explain an answer that is not yes.

    `times`: the code depends on the server's clock.
    """
    parts: list[Content] = [safe(answer.message)]
    if times and answer.server_time is not None and answer.left is not None:
        parts.append(safe(f"Server time {clock(answer.server_time)}"))
    if answer.left:
        parts.append(safe(f"{plural(answer.left, 'entry', 'entries')} left, then start over"))
    if answer.retry_at is not None and answer.server_time is not None:
        at = clock(answer.retry_at) if answer.left is not None else until(answer.retry_at, answer.server_time)
        parts.append(safe(f"Try again from {at}. Nothing is accepted before that."))
    return lines(*parts, *more)


def challenge_of(answer: SignInAnswer) -> Secret[str]:
    """Return the token that identifies the attempt in the next calls."""
    if answer.challenge is None:
        raise Unavailable("The server's answer is invalid: it asks for more but names no attempt.")
    return answer.challenge


def values_of(entry: Entered) -> Mapping[str, Value]:
    """Return the values of a form.

    A demo account picked during a sign-in starts a new one.
    """
    if not isinstance(entry, Mapping):
        raise SignInCancelled
    return entry
