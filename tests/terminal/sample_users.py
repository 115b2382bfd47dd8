"""The console on the store of this home, already signed in: `python -m tests.terminal.sample_users LOGIN [read-only]`.

In a demo's home the account's password and phone are used, elsewhere PASSWORD without a bound factor.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from urllib.parse import parse_qs, urlsplit

from secconsole.backends.base import Backend
from secconsole.backends.demo.accounts import demo_accounts
from secconsole.backends.embedded import open_embedded
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime.terminal import Terminal, enter

TENANT = "acme"
PASSWORD = "a password for tests only"


async def signed_in(login: str) -> Backend:
    accounts = {account.login: account for account in demo_accounts()}
    password = accounts[login].password if login in accounts else Secret(PASSWORD)
    backend = await open_embedded(Nobody(), "console")
    answer = await backend.perform(SignIn(tenant=TENANT, login=login, password=password))
    if answer.challenge is not None and answer.token is None:
        uri = accounts[login].totp_uri
        assert uri is not None
        key = parse_qs(urlsplit(uri.reveal()).query)["secret"][0]
        seed = Secret(base64.b32decode(key + "=" * (-len(key) % 8)))
        code = Secret(code_for_step(seed, time_step(time.time())))
        answer = await backend.perform(VerifySignIn(challenge=answer.challenge, factor=answer.factors[0].id, code=code))
    assert answer.token is not None
    backend.credential = Bearer(answer.token)
    return backend


def console(terminal: Terminal) -> int:
    session = asyncio.run(signed_in(sys.argv[1]))

    async def never() -> Backend:
        raise AssertionError("signed in already")

    app = SecConsole(
        terminal,
        os.environ.get("SECCONSOLE_TEST_THEME"),
        opener=never,
        session=session,
        first_place="users",
        read_only="read-only" in sys.argv[2:],
    )
    return app.run_console()


if __name__ == "__main__":
    sys.exit(enter(console))
