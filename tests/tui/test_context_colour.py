"""The console shows its context by name and by colour, in every theme."""

from __future__ import annotations

from typing import Any

from rich.color import Color
from rich.segment import Segment
from textual.pilot import Pilot

from secconsole.config.colours import Colour, contrast, parse
from secconsole.config.contexts import COLOURS, NamedContext
from secconsole.config.theme_file import LEAST_CONTRAST
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime import themes
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.widgets.header import Header
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, until
from tests.tui.front import Front
from tests.tui.test_connection import header, signing_in, words

THEMES = themes.load(()).themes
SIXTEEN = {  # as xterm shows them
    "black": "#000000",
    "red": "#cd0000",
    "green": "#00cd00",
    "yellow": "#cdcd00",
    "blue": "#0000ee",
    "magenta": "#cd00cd",
    "white": "#e5e5e5",
    "bright_yellow": "#ffff00",
    "bright_white": "#ffffff",
}
SIZE = (80, 24)


def seen(color: Color | None) -> Colour:
    assert color is not None
    found = parse(SIXTEEN.get(color.name, color.name))
    assert found is not None, color
    return found


def first_line(app: SecConsole) -> list[Segment]:
    return [part for part in app.screen.query_one(Header).render_line(0) if part.text]


async def shown_live(app: SecConsole, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: app.signed_in and bool(app.screen.query(Header)) and "live" in header(app))


async def test_a_context_is_visible_and_readable_in_every_theme(console: OpenConsole) -> None:
    app = await console("hana", context=NamedContext("prod", colour="red"))
    async with app.run_test(size=SIZE) as pilot:
        await shown_live(app, pilot)
        for name, theme in THEMES.items():
            app.theme = name
            await pilot.pause()
            for colour in COLOURS:
                app.context = NamedContext("prod", colour=colour)
                line = first_line(app)
                assert {part.text.strip() for part in line} >= {"secconsole", TENANT, "prod"}
                for part in line:
                    assert part.style is not None
                    ink, ground = seen(part.style.color), seen(part.style.bgcolor)
                    assert contrast(ink, ground) >= LEAST_CONTRAST, (name, part)
                assert line[0].style is not None
                below = parse(theme.palette()["background"])
                if below is not None:  # the terminal's own is not known
                    stands_out = contrast(seen(line[0].style.bgcolor), below)
                    assert stands_out >= (2.5 if colour == "red" else 1.5), (name, colour)


async def test_a_context_without_a_colour_shows_its_name(console: OpenConsole) -> None:
    app = await console("hana", context=NamedContext("test"))
    async with app.run_test(size=SIZE) as pilot:
        await shown_live(app, pilot)
        assert " test " in header(app).splitlines()[0]
        assert seen(first_line(app)[0].style.bgcolor) == parse(THEMES[app.theme].palette()["background"])  # type: ignore[union-attr]


async def test_without_colour_support_the_name_is_in_brackets(organisation: Organisation, front: Front) -> None:
    app = signing_in(organisation, front, context=NamedContext("prod", front.url, TENANT, "red"))
    app_without = SecConsole(
        Terminal(depth="none"),
        opener=app.opener,
        local=False,
        tenant=TENANT,
        clock=organisation.clock.at,
        context=NamedContext("prod", front.url, TENANT, "red"),
    )
    async with app_without.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "[prod]" in screen_text(app_without))


async def test_the_sign_in_screen_names_the_context(organisation: Organisation, front: Front) -> None:
    app = signing_in(organisation, front, context=NamedContext("prod", front.url, TENANT, "red"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "secconsole · acme" in screen_text(app))
        assert " prod " in words(app)
        assert "Organisation" not in words(app)


async def test_the_header_names_the_server(remote: OpenConsole, front: Front) -> None:
    app = await remote("hana", context=NamedContext("prod", front.url, TENANT, "red"))
    async with app.run_test(size=(200, 24)) as pilot:
        await shown_live(app, pilot)
        assert str(front.socket) in header(app).splitlines()[2]
