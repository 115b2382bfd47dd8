"""The QR widget: when it hides, where the focus goes, and what its repr omits."""

from __future__ import annotations

import asyncio

from textual import on
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from secconsole.domain.secret import Secret
from secconsole.tui.runtime.base_app import ConsoleApp
from secconsole.tui.widgets.qr import QrCode

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class BindApp(ConsoleApp):
    def __init__(self, hide_after: float | None) -> None:
        super().__init__()
        self.code = QrCode(Secret(f"otpauth://totp/ana?secret={KEY}"), hide_after=hide_after)
        self.concealed: list[bool] = []

    def compose(self) -> ComposeResult:
        yield self.code
        yield Input()

    @on(QrCode.Concealed)
    def note(self, message: QrCode.Concealed) -> None:
        self.concealed.append(message.hidden)

    def drawn(self) -> str:
        return "\n".join(self.code.render_line(y).text for y in range(self.code.size.height))


async def hidden(pilot: Pilot[int], app: BindApp) -> None:
    async with asyncio.timeout(5):
        while not app.code.redacted:
            await asyncio.sleep(0.001)
            await pilot.pause()


async def test_a36_the_code_hides_after_a_timeout_and_a_key_only_shows_it() -> None:
    app = BindApp(hide_after=0.05)
    async with app.run_test(size=(80, 30)) as pilot:
        app.query_one(Input).focus()
        await pilot.pause()
        await hidden(pilot, app)
        assert "▄" not in app.drawn()
        assert app.code.has_focus
        app.code._hide_after = None
        await pilot.press("7")
        assert "▄" in app.drawn()
        assert app.query_one(Input).has_focus
        await pilot.press("8")
        await pilot.pause()
        assert app.query_one(Input).value == "8"
        assert app.concealed == [True, False]


async def test_a36_a_removed_code_clears_its_drawing() -> None:
    app = BindApp(hide_after=None)
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.pause()
        assert app.code.fits
        assert KEY not in repr(app.code) + str(vars(app.code))
        await app.code.remove()
        assert app.code._uri is None
        assert app.code._planned is None


async def test_another_uri_replaces_the_first() -> None:
    app = BindApp(hide_after=None)
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.pause()
        before = app.drawn()
        app.code.redact()
        app.code.show(Secret("otpauth://totp/eva?secret=" + KEY[::-1]))
        await pilot.pause()
        assert "▄" in app.drawn()
        assert app.drawn() != before
