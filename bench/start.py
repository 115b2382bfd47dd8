"""Start time and memory of the console, compared with the smallest Textual app."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.bare import SHOWN
from bench.console import CONSOLE, ROOT, SIGN_IN, go_to_users, sign_in, take_accounts, terminal
from bench.figure import Bench, Result, alternate, median, milliseconds
from bench.served import running
from secconsole.backends.demo.people import TENANT
from secconsole.config.locations import HOME_VARIABLE
from tests.terminal.terminal_driver import Term

BARE = (sys.executable, "-m", "bench.bare")
_SETTLED = 1.5  # seconds without output, after which background loading is complete


def first_frame(bench: Bench) -> Iterator[Result]:
    rounds = bench.rounds(15)
    with bench.stores.copy(bench.users, "start") as home:
        take_accounts(home)
        _shown_after(home, CONSOLE, SIGN_IN)  # warm up: compile, and fill the disk cache
        _shown_after(home, BARE, SHOWN)
        opened: list[float] = []

        def console() -> float:
            frame, named = _shown_after(home, CONSOLE, SIGN_IN, TENANT)
            opened.append(named)
            return frame

        ours, bare = alternate(bench, "first frame", rounds, console, lambda: _shown_after(home, BARE, SHOWN)[0])
    yield Result(
        f"console's first frame ÷ bare Textual app's, {bench.users:,} users",
        median(ours) / median(bare),
        1.15,
        "×",
        f"{milliseconds(median(ours))} ÷ {milliseconds(median(bare))}; start to the complete sign-in screen, "
        f"in turn, n = {rounds}",
    )
    yield Result(
        "  until the store behind it is open",
        median(opened) / median(bare),
        None,
        "×",
        f"{milliseconds(median(opened))}; the sign-in screen then names the organisation, and has been usable since",
    )


def memory(bench: Bench) -> Iterator[Result]:
    rounds = bench.rounds(5)
    with bench.stores.copy(bench.users, "memory") as home:
        accounts = list(take_accounts(home).values())
        ours, bare = alternate(
            bench,
            "memory",
            rounds,
            lambda: _mebibytes(home, CONSOLE, SIGN_IN, TENANT),
            lambda: _mebibytes(home, BARE, SHOWN),
        )
        bench.say("memory in Users")
        with terminal(home) as term:
            sign_in(term, accounts[0])
            go_to_users(term)
            paged = _paged(term)
        bench.say("memory over a server")
        api = home / "api.sock"
        serve = (*CONSOLE, "serve", "--listen", f"unix:{api}", "--store", f"sqlite:///{home / 'console.db'}", "--demo")
        away = ("--backend", f"unix:{api}", "--tenant", TENANT)
        with running(api, *serve), terminal(home / "elsewhere", *away) as term:
            sign_in(term, accounts[0])
            go_to_users(term)
            served = _paged(term)
    yield Result(
        f"resident memory ÷ bare Textual app's, {bench.users:,} users",
        median(ours) / median(bare),
        1.9,
        "×",
        f"{median(ours):.0f} ÷ {median(bare):.0f} MiB; the sign-in screen at rest, in turn, n = {rounds}",
    )
    yield Result(
        "  the same in Users", paged / median(bare), 2.2, "×", f"{paged:.0f} MiB after signing in and paging, once"
    )
    yield Result("  the same over a server", served / median(bare), 1.5, "×", f"{served:.0f} MiB in Users, as above")


def _paged(term: Term) -> float:
    """Return the memory of a console in Users after going through the table."""
    for name in ("pagedown",) * 20 + ("end",) + ("pageup",) * 20 + ("home",):
        term.key(name, quiet=0.1)
    return _resident(term.pid)


def _shown_after(home: Path, program: tuple[str, ...], *patterns: str) -> list[float]:
    """Return the seconds from the start to the first output in which each of these is on the screen."""
    with _started(home, program) as term:
        term.wait_quiet(_SETTLED, 10)  # evaluated afterwards, as emulating a terminal meanwhile would slow the start
        found = [term.when(_shows(pattern), 1) for pattern in patterns]
        if None in found:
            raise TimeoutError(f"{program} showed not all of {patterns}:\n{term.text()}")
        return [at - term.t0 for at in found]


def _shows(pattern: str) -> Callable[[Term], bool]:
    sought = re.compile(pattern, re.DOTALL)
    return lambda screen: sought.search(screen.text()) is not None


def _mebibytes(home: Path, program: tuple[str, ...], *shown: str) -> float:
    with _started(home, program) as term:
        for pattern in shown:  # the name of the organisation comes once its store is open
            if term.wait_text(pattern, 30) is None:
                raise TimeoutError(f"{program} showed no {pattern!r}")
        term.wait_quiet(_SETTLED, 10)
        return _resident(term.pid)


def _started(home: Path, program: tuple[str, ...]) -> Term:
    return Term(list(program), env={HOME_VARIABLE: str(home)}, cwd=str(ROOT))


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
