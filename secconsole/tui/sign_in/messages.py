"""What the answers to a sign-in say, and what is read from them and from the forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.errors import Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.signin import SignInAnswer
from secconsole.tui.safe_text import lines, safe
from secconsole.tui.screens.sign_in import LeftOff
from secconsole.tui.widgets.form_fields import Value
from secconsole.tui.words import clock, plural, until

if TYPE_CHECKING:
    from secconsole.tui.screens.sign_in import Entered


def told(answer: SignInAnswer, *more: Content, times: bool = True) -> Content:
    """What an answer that is not yes says, line by line. `times`: the server's clock matters to the code."""
    said: list[Content] = [safe(answer.message)]
    if times and answer.server_time is not None and answer.left is not None:
        said.append(safe(f"Server time {clock(answer.server_time)}"))
    if answer.left:
        said.append(safe(f"{plural(answer.left, 'entry', 'entries')} left, then start over"))
    if answer.retry_at is not None and answer.server_time is not None:
        at = clock(answer.retry_at) if answer.left is not None else until(answer.retry_at, answer.server_time)
        said.append(safe(f"Try again from {at} on; until then nothing is accepted."))
    return lines(*said, *more)


def challenge_of(answer: SignInAnswer) -> Secret[str]:
    """What names the attempt in the calls that follow."""
    if answer.challenge is None:
        raise Unavailable("The server's answer makes no sense: it asks for more and names no attempt.")
    return answer.challenge


def values_of(entry: Entered) -> Mapping[str, Value]:
    """The values of a form; a demo account picked in the middle of something is a fresh start."""
    if not isinstance(entry, Mapping):
        raise LeftOff
    return entry
