"""The console in a terminal emulator, driven key by key like a user would."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from tests.terminal.terminal_driver import Term

ROOT = Path(__file__).parents[1]
CONSOLE = (sys.executable, "-m", "secconsole")
SIGN_IN = r"Login.*Password.*Sign in.*leave"  # up to the last line, so that the frame is complete


@dataclass(frozen=True, slots=True)
class Account:
    login: str
    password: str
    seed: Secret[bytes] | None


def take_accounts(home: Path) -> dict[str, Account]:
    """Return the demo's accounts and remove their file, so that the store opens as an ordinary one."""
    file = home / "demo.json"
    told = json.loads(file.read_text())["accounts"]
    file.unlink()
    return {a["login"]: Account(a["login"], a["password"], _seed(a["totp_uri"])) for a in told}


@contextmanager
def terminal(home: Path, *arguments: str, columns: int = 80, rows: int = 24, **options: object) -> Iterator[Term]:
    """Start the console on a home."""
    term = Term(
        [*CONSOLE, *arguments], cols=columns, rows=rows, env={HOME_VARIABLE: str(home)}, cwd=str(ROOT), **options
    )
    try:
        yield term
    finally:
        term.close()


def sign_in(term: Term, account: Account) -> None:
    """Go from the sign-in screen to the first place."""
    await_text(term, SIGN_IN)
    term.type(account.login)
    term.press("enter")
    term.type(account.password)
    term.press("enter")
    if account.seed is not None:
        await_text(term, "Code")
        term.type(code_for_step(account.seed, time_step(time.time())))
        term.press("enter")
        await_text(term, r"2 Users")


def go_to_users(term: Term) -> None:
    """Go to the Users place, and wait for its first rows."""
    term.press("2")
    await_text(term, r"(Last sign-in|Signed in).*\d+ days? ago")
    term.wait_quiet(0.5, 10)


def await_text(term: Term, pattern: str, seconds: float = 30) -> None:
    if term.wait_text(pattern, seconds) is None:
        raise TimeoutError(f"not on the screen within {seconds} s: {pattern}\n{term.text()}")


def _seed(uri: str | None) -> Secret[bytes] | None:
    if uri is None:
        return None
    key = uri.partition("secret=")[2].partition("&")[0]
    return Secret(base64.b32decode(key + "=" * (-len(key) % 8)))
