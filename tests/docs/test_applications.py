"""The programs on the page for applications sign a user in, on a real server."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from secconsole.domain.scope import Scope
from secconsole.operations.secret_keys import CreateSecretKey
from secconsole.operations.sessions import ListSessions
from secconsole.server.app import make_app
from tests.organisation import NEVER_MIND, TENANT, Organisation, organisation_in

PAGE = Path(__file__).parents[2] / "docs" / "applications.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
ASK, FLASK, DJANGO = (text for language, text in BLOCKS if language == "python")
(CURL,) = (text for language, text in BLOCKS if language == "sh")
(PHP,) = (text for language, text in BLOCKS if language == "php")


@dataclass
class Served:
    """An organisation behind a server on this machine, with ana, who has a phone."""

    organisation: Organisation
    environment: dict[str, str]

    async def run(self, *command: str) -> str:
        """Run a program of the page with a code of ana's."""
        code = self.organisation.code("ana").reveal()
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env={"PATH": "/usr/bin:/bin", **self.environment, "CODE": code},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    async def left_behind(self) -> int:
        return len((await self.organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items)


@pytest_asyncio.fixture
async def served(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    async with organisation_in(home) as made:
        await made.add("ana")
        await made.bind("ana")
        key = await made.perform(CreateSecretKey(tenant=TENANT, name="wiki", scopes=(Scope.CHALLENGE,)))
        file = tmp_path / "wiki.key"
        file.write_text(f"{key.key.reveal()}\n")
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            app = make_app(made.backend, refused=NEVER_MIND)
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
            running = asyncio.create_task(server.serve(sockets=[listening]))
            environment = {
                "SECCONSOLE": f"http://127.0.0.1:{listening.getsockname()[1]}",
                "KEY_FILE": str(file),
            }
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            try:
                yield Served(made, environment)
            finally:
                server.should_exit = True
                await running


def defined(text: str) -> dict[str, Any]:
    """Return what a program of the page defines, after the function that asks."""
    names: dict[str, Any] = {}
    exec(compile(ASK + text, str(PAGE), "exec"), names)
    return names


async def test_flask_signs_in(served: Served) -> None:
    pytest.importorskip("flask")
    app = defined(FLASK)["app"]
    app.secret_key = "for this test only"
    client = app.test_client()
    with client.session_transaction() as session:
        session["login"] = "ana"
    begun = await asyncio.to_thread(client.post, "/second-factor")
    assert begun.json["status"] == "second-factor"
    wrong = await asyncio.to_thread(client.post, "/second-factor", data={"code": "000000"})
    assert wrong.json["status"] == "second-factor"
    code = served.organisation.code("ana").reveal()
    done = await asyncio.to_thread(client.post, "/second-factor", data={"code": code})
    assert done.json["status"] == "complete"
    with client.session_transaction() as session:
        assert session["signed_in"] is True
    assert await served.left_behind() == 0


async def test_django_signs_in(served: Served) -> None:
    django = pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8", ALLOWED_HOSTS=["*"])
        django.setup()
    from django.test import RequestFactory

    view, session = defined(DJANGO)["second_factor"], {"login": "ana"}

    async def post(**data: str) -> dict[str, Any]:
        request = RequestFactory().post("/second-factor", data)
        request.session = session
        return json.loads((await asyncio.to_thread(view, request)).content)

    assert (await post())["status"] == "second-factor"
    assert (await post(code="000000"))["status"] == "second-factor"
    assert (await post(code=served.organisation.code("ana").reveal()))["status"] == "complete"
    assert session["signed_in"] is True
    assert await served.left_behind() == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_signs_in(served: Served) -> None:
    answer = json.loads(await served.run("sh", "-euc", CURL))
    assert (answer["status"], answer["token"]) == ("complete", None)
    assert await served.left_behind() == 0


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
async def test_php_signs_in(served: Served, tmp_path: Path) -> None:
    (tmp_path / "example.php").write_text(PHP)
    assert await served.run("php", str(tmp_path / "example.php")) == "complete"
