"""`python -m bench.pictures`: draw the README's pictures from the running program, on the demo of a fixed seed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from PIL import Image, ImageDraw

from bench.console import ROOT, SIGN_IN, Account, await_text, sign_in, take_accounts, terminal
from bench.stores import Stores
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import open_embedded
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.operations.caller import StoreOwner
from secconsole.operations.policy import SetPolicy
from secconsole.store.schema import delivery_settings
from tests.terminal.terminal_driver import Term, font_file

FOLDER = ROOT / "docs" / "img"
USERS = 5_000
CELL = (12, 25)  # pixels: twice the usual size, so that letters are crisp on a high-resolution screen
_MARGIN = 16
_ROUND = 14
_SMOOTH = 4  # corners are drawn so many times larger, then scaled down


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: the login (empty for a demo's list), the size of the terminal, and the keys."""

    file: str
    login: str
    columns: int
    rows: int
    theme: str
    background: str
    act: Callable[[Term], None]


def _users(term: Term) -> None:
    term.press("2")
    await_text(term, "Signed in.*ago")
    term.press("/")
    term.wait_quiet(0.4)
    term.type("marek", gap=0.05)
    await_text(term, r"\d+ of 5,000")
    term.press("enter")
    while "marek.novak " not in _row_at_cursor(term):
        term.press("down")
        term.wait_quiet(0.1)


def _row_at_cursor(term: Term) -> str:
    return next((line for line in term.lines() if line.startswith("▌")), "")


def _enroll(term: Term) -> None:
    await_text(term, "Authenticator app on a phone")
    term.press("1")
    await_text(term, "Code")


def _code(term: Term) -> None:
    """Sign in to a demo, where one key picks the account and the screen shows its messages."""
    await_text(term, "sign in as one of them")
    term.press("8")
    await_text(term, "2  Text message to")
    term.press("2")
    await_text(term, r"SMS to \+\d+")


def _settings(term: Term) -> None:
    term.press("4")
    await_text(term, r"\(•\) optional")
    term.press("right")
    await_text(term, "If you switch to required")


PICTURES = (
    Picture("users.png", "hana", 120, 36, "secconsole-dark", "#101010", _users),
    Picture("enroll.png", "newton", 80, 24, "secconsole-dark", "#101010", _enroll),
    Picture("settings.png", "tomas", 80, 24, "secconsole-light", "#ffffff", _settings),
)
DEMO = Picture("code.png", "", 80, 24, "secconsole-dark", "#101010", _code)


def main() -> int:
    if font_file() is None:
        sys.stderr.write("The pictures need the font DejaVu Sans Mono (Debian: fonts-dejavu-core).\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="secconsole-pictures-") as folder:
        stores = Stores(Path(folder), lambda text: None)
        with stores.copy(USERS, "pictures") as home:
            _keep(DEMO, home, None)
            accounts = take_accounts(home)
            for picture in PICTURES:
                if picture.file == "settings.png":
                    asyncio.run(_make_ordinary(home))
                _keep(picture, home, accounts[picture.login])
    return 0


async def _make_ordinary(home: Path) -> None:
    """Set a policy that is not required yet, and a mail server with a name, which a demo has not."""
    os.environ[HOME_VARIABLE] = str(home)
    backend = await open_embedded(StoreOwner("root"), "command")
    try:
        await backend.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
        named = {"host": "mail.acme.example", "port": 587, "tls": "starttls", "sender": "mfa@acme.example"}
        query = sa.update(delivery_settings).where(delivery_settings.c.kind == FactorKind.EMAIL)
        query = query.values(config=json.dumps({**named, "username": ""}))
        await asyncio.wrap_future(backend.store.write(lambda connection: connection.execute(query).close()))
    finally:
        await backend.close()


def _keep(picture: Picture, home: Path, account: Account | None) -> None:
    image, target = _drawn(picture, home, account), FOLDER / picture.file
    image.save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}  {image.width}×{image.height}  {target.stat().st_size:,} bytes")


def _drawn(picture: Picture, home: Path, account: Account | None) -> Image.Image:
    with terminal(
        home, "--theme", picture.theme, columns=picture.columns, rows=picture.rows, background=picture.background
    ) as term:
        await_text(term, SIGN_IN)
        if account is not None:
            sign_in(term, account)
        picture.act(term)
        term.wait_quiet(0.8, 10)
        screen = term.picture(cell=CELL, terminal="light" if picture.background == "#ffffff" else "dark")
    return _in_window(screen)


def _in_window(screen: Image.Image) -> Image.Image:
    """Add a margin in the screen's colour, round corners and a thin edge, and reduce the colours for a small file."""
    paper = Counter(screen.get_flattened_data()).most_common(1)[0][0]
    size = (screen.width + 2 * _MARGIN, screen.height + 2 * _MARGIN)
    window = Image.new("RGB", size, paper)
    window.paste(screen, (_MARGIN, _MARGIN))
    large = (size[0] * _SMOOTH, size[1] * _SMOOTH)
    mask, edge = Image.new("L", large, 0), Image.new("L", large, 0)
    box = (0, 0, large[0] - 1, large[1] - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, _ROUND * _SMOOTH, fill=255)
    ImageDraw.Draw(edge).rounded_rectangle(box, _ROUND * _SMOOTH, outline=255, width=_SMOOTH)
    window.paste("#808080", (0, 0), edge.resize(size, Image.Resampling.LANCZOS))
    shown = Image.new("RGBA", size, (0, 0, 0, 0))
    shown.paste(window, (0, 0), mask.resize(size, Image.Resampling.LANCZOS))
    return shown.quantize(192, method=Image.Quantize.FASTOCTREE)


if __name__ == "__main__":
    sys.exit(main())
