"""Typing as terminals send it, and reading the text of the screen."""

from __future__ import annotations

import re
from typing import Any

from textual import events
from textual.app import App
from textual.pilot import Pilot

from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.sign_in.binding import BoundDialog
from tests.delivery.post import Post
from tests.tui.conftest import screen_text, settled, until

_NAMES = {"\t": "tab", "\r": "enter"}


async def typed(pilot: Pilot[Any], text: str) -> None:
    r"""Type as a terminal sends it: `\t` and `\r` among letters, all in one burst."""
    for char in text:
        pilot.app.post_message(events.Key(_NAMES.get(char, char), None if char in _NAMES else char))
    await pilot.pause()


def words(app: App[Any]) -> str:
    """Return the text of the screen without line breaks and frames."""
    return " ".join(re.sub("[│╭╮╰╯─▄█▀▌]", " ", screen_text(app)).split())


async def mailed(pilot: Pilot[Any], post: Post, how_many: int) -> str:
    """The text of the newest mail once so many have come."""
    await until(pilot, lambda: len(post.mailbox.mails) >= how_many)
    return post.mailbox.text()


async def texted(pilot: Pilot[Any], post: Post, how_many: int) -> str:
    """The text of the newest SMS once so many have come."""
    await until(pilot, lambda: len(post.twilio.messages) >= how_many)
    return post.twilio.text()


async def enter_bound(pilot: Pilot[Any]) -> None:
    """Press *Enter* after a binding, up to the recovery codes."""
    await until(pilot, lambda: isinstance(pilot.app.screen, BoundDialog))
    await settled(pilot)
    assert "[ Enter ]" in screen_text(pilot.app)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, RecoveryCodesDialog))
