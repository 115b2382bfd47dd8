"""Every screen and dialog at five sizes, one after the other while it is open, and what each must show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.pilot import Pilot

from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime.ascii_only import ascii_only
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.secret_once import SecretOnceDialog
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.sight import problems

SIZES = ((60, 16), (80, 24), (97, 27), (120, 40), (200, 60), (60, 16))

# keys of the dialogs of each place, a sequence for each; in Users the cursor is on uma
USERS = ("C u c w b e e,enter", "i i,r i,n i,a f h r", "d o m n N R question_mark colon J")
OTHERS = {
    "1": "i ctrl+p",
    "3": "e d a p",
    "4": "k m s d n n,1 u e y",
    "5": "f enter o s r v",
    "6": "w f e o",
    "7": "n p T a c",
}


async def at_place(app: SecConsole, pilot: Pilot[Any], number: str) -> None:
    await pilot.press(number)
    await until(pilot, lambda: isinstance(app.screen, Place) and number == app.screen.NUMBER)
    await settled(pilot)


async def looked_at(app: SecConsole, pilot: Pilot[Any], what: str) -> list[str]:
    """Return what is wrong at each size, with the screen open all the time."""
    found = []
    for number, size in enumerate(SIZES):
        if number:
            await pilot.resize_terminal(*size)
            await settled(pilot)
        found += [f"{what} at {size[0]}x{size[1]}: {problem}" for problem in problems(app)]
    return found


async def walked(app: SecConsole, pilot: Pilot[Any], number: str, keys: str) -> list[str]:
    """Open each dialog of a place in the smallest window, look at it, and leave it."""
    place, found = app.screen, await looked_at(app, pilot, number)
    for sequence in keys.split():
        app.clear_notifications()
        for key in sequence.split(","):
            await pilot.press(key)
            await settled(pilot)
        if app.screen is place:
            answer = [notification.message for notification in app._notifications]
            found.append(f"{number} {sequence}: nothing opens {answer}")
            continue
        found += await looked_at(app, pilot, f"{number} {sequence}")
        for _ in range(4):
            if app.screen is not place:
                await pilot.press(*(["space"] if isinstance(app.screen, SecretOnceDialog) else []), "escape")
                await settled(pilot)
        assert app.screen is place, (sequence, app.screen)
    return found


@pytest.mark.parametrize("keys", USERS)
async def test_nothing_is_cut_or_hidden_in_users(console: OpenConsole, organisation: Organisation, keys: str) -> None:
    await organisation.perform(CreateUser(tenant=TENANT, login="uma.twin", name="Uma Iyer"))
    app = await console("root")
    async with app.run_test(size=SIZES[0]) as pilot:
        await settled(pilot)
        await at_place(app, pilot, "2")
        await pilot.press("slash", *"uma", "enter")
        await settled(pilot)
        found = await walked(app, pilot, "2", keys)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("number", OTHERS)
async def test_nothing_is_cut_or_hidden_elsewhere(
    console: OpenConsole, organisation: Organisation, number: str
) -> None:
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("nina",), reason="works in the clean room"))
    app = await console("root")
    async with app.run_test(size=SIZES[0]) as pilot:
        await settled(pilot)
        await at_place(app, pilot, number)
        found = await walked(app, pilot, number, OTHERS[number])
    assert not found, "\n".join(found)


async def test_without_utf8_every_sign_is_ascii(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="users")
    app.terminal = Terminal(utf8=False)
    async with app.run_test(size=SIZES[0]) as pilot:
        await settled(pilot)
        for key in ("2", "f", "escape", "u"):
            await pilot.press(key)
            await settled(pilot)
            assert screen_text(app).isascii(), screen_text(app)


@given(st.text())
def test_ascii_twins_keep_the_width(text: str) -> None:
    assert ascii_only(text).isascii()
    assert cell_len(ascii_only(text)) == sum(cell_len(c) for c in text)
