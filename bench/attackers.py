"""`python -m bench.attackers KIND PORT AT_ONCE`: an attack from one source over TCP, until it is ended.

With `halves`, connections send half a request and wait, and are opened again when the server closes them. With
`guesses`, connections guess unknown logins as fast as they are answered. The source has a separate address, and a line
is printed once the attack has begun.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from itertools import count

import uvloop

from secconsole.backends.demo.people import TENANT

SOURCE = "127.0.0.66"
_PAUSE = 0.05  # seconds before a connection is opened again, so that this machine is not the bottleneck

_numbers = count()


def _guess() -> bytes:
    body = json.dumps({"login": f"nobody{next(_numbers)}", "password": "wrong, of course"})
    return (
        f"POST /v1/tenants/{TENANT}/sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_guess()[:-10])
    await reader.read()


async def _guesses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(_guess())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]))


KINDS: dict[str, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = {
    "halves": _half,
    "guesses": _guesses,
}


async def attack(kind: str, port: int, at_once: int) -> None:
    """Attack until cancelled."""

    async def again_and_again() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(SOURCE, 0))
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            try:
                await KINDS[kind](reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()
            await asyncio.sleep(_PAUSE)

    attacking = [asyncio.create_task(again_and_again()) for _ in range(at_once)]
    await asyncio.sleep(_PAUSE)
    print("at work", flush=True)
    await asyncio.gather(*attacking)


if __name__ == "__main__":
    uvloop.run(attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
