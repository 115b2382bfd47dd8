"""A command line on a real, temporary store."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secconsole.backends.new_store import create_store
from secconsole.cli.app import run
from secconsole.cli.command import ConsoleOptions
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Answer:
    """Result of one command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code in (0, 1, 5, 7), self.err
        return json.loads(self.out)


@dataclass
class Shell:
    """Runner of command lines in this process. `opened` holds the arguments that the console was opened with."""

    home: Path
    opened: list[ConsoleOptions] = field(default_factory=list)
    key_problems: tuple[str, ...] = ()

    def __call__(self, *arguments: str, input: str | bytes = b"") -> Answer:
        with CliRunner().isolation(input=input) as (out, err, _):
            code = run(arguments, self._open, lambda: self.key_problems)
            return Answer(code, out.getvalue().decode(), err.getvalue().decode())

    def json(self, *arguments: str, input: str | bytes = b"") -> Any:
        return self(*arguments, "--format", "json", input=input).json

    def _open(self, options: ConsoleOptions) -> int:
        self.opened.append(options)
        return 0

    def bind(self, login: str) -> Secret[bytes]:
        """Bind a user and return the seed, with the present step's code used up."""
        started = self.json("factor", "enroll", login)
        seed = Secret(base64.b32decode(started["key"]))
        assert self("factor", "confirm", started["enrollment"], input=code(seed)).code == 0
        return seed

    def status(self, login: str) -> str:
        return str(self.json("user", "show", login)["user"]["status"])

    def create(self, *logins: str, role: str = "user") -> None:
        for login in logins:
            assert self("user", "create", login, "--role", role).code == 0


def code(seed: Secret[bytes], steps: int = 0) -> str:
    """The code of the present time step, or of one so many later."""
    return code_for_step(seed, time_step(time.time()) + steps) + "\n"


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new store, to be copied."""
    home = tmp_path_factory.mktemp("made") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        asyncio.run(create_store(tenant="acme", admin="root", password=Secret(PASSWORD)))
    return home


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A home with nothing in it."""
    for name in ("SECCONSOLE_TENANT", "SECCONSOLE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "home"))
    return Shell(tmp_path / "home")


@pytest.fixture
def shell(nowhere: Shell, made_store: Path) -> Shell:
    """A store with the tenant acme and its platform administrator root, worked on by its owner."""
    shutil.copytree(made_store, nowhere.home)
    return nowhere
