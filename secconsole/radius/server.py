"""UDP server: limits before work, one answer for repeated packets, and silence while the store is away."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import cast

from secconsole.config.radius_clients import RadiusClient, RadiusClients, plain_address
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.throttling.token_bucket import Rate, TokenBuckets
from secconsole.radius.conversation import Conversation, Perform
from secconsole.radius.metrics import RadiusMetrics
from secconsole.radius.packets import Ignored, Reply, Request, load_dictionary, read_request, write_reply
from secconsole.radius.pending import Clock, Place, Replies, WaitingSignIns

PER_CLIENT = Rate(600, 6_000)  # packets: of a client at once, and then per minute
PER_USER = Rate(10, 30)  # attempts of one user
MOST_USERS = 20_000
MOST_AT_ONCE = 256  # requests under way
MOST_OF_CLIENT = 64

log = logging.getLogger("secconsole.radius")


class RadiusServer(asyncio.DatagramProtocol):
    """Answers the packets of known clients."""

    def __init__(self, perform: Perform, tenant: str, clients: RadiusClients, *, clock: Clock = time.monotonic) -> None:
        self._clients, self._clock = clients, clock
        self._waiting, self._replies = WaitingSignIns(clock), Replies(clock)
        self._conversation = Conversation(perform, tenant, self._waiting)
        self._dictionary = load_dictionary()
        self._packets = TokenBuckets(PER_CLIENT, 1_000)
        self._users = TokenBuckets(PER_USER, MOST_USERS)
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self.metrics = RadiusMetrics(self._waiting)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        place: Place = (addr[0], addr[1])
        client = self._clients.find(place[0])
        try:
            if client is None:
                raise Ignored("unknown-client")
            self._need_room(client)
            self._receive(data, client, place)
        except Ignored as ignored:
            self.metrics.count_ignored(str(ignored))
            log.debug("packet from %s ignored: %s", place[0], ignored)

    def _need_room(self, client: RadiusClient) -> None:
        """Raise `Ignored` for a client that asks too much, before anything is computed for it."""
        now = self._clock()
        if self._packets.wait(client.name, now) > 0:
            raise Ignored("too-many-of-client")
        self._packets.spend(client.name, now)

    def _receive(self, data: bytes, client: RadiusClient, place: Place) -> None:
        request = read_request(data, client, self._dictionary)
        # Only after the check of the authenticator: a forged packet must not take the place of a true one.
        key = (place, request.packet.id, bytes(request.packet.authenticator))
        is_new, known = self._replies.begin(key)
        if not is_new:
            self.metrics.count_ignored("repeated")
            if known is not None:
                self._send(known, place)
            return
        try:
            self._need_turn(request)
        except Ignored:
            self._replies.end(key, None)
            raise
        task = asyncio.get_running_loop().create_task(self._answer(request, key))
        self._under_way[task] = client.name
        task.add_done_callback(self._under_way.pop)

    def _need_turn(self, request: Request) -> None:
        """Raise `Ignored` if too much is under way, or too much was tried for one user."""
        of_client = sum(1 for name in self._under_way.values() if name == request.client.name)
        if len(self._under_way) >= MOST_AT_ONCE or of_client >= MOST_OF_CLIENT:
            raise Ignored("busy")
        user, now = request.user.casefold(), self._clock()
        if self._users.wait(user, now) > 0:
            raise Ignored("too-many-of-user")
        self._users.spend(user, now)

    async def _answer(self, request: Request, key: tuple[Place, int, bytes]) -> None:
        data: bytes | None = None
        try:
            reply: Reply = await self._conversation.answer(request, str(plain_address(key[0][0])))
            data = write_reply(request, reply)
            self.metrics.count_reply(request.client.name, reply.code.name.lower())
            self._send(data, key[0])
        except SecconsoleError as error:  # the client asks its next server
            self.metrics.count_ignored("unavailable")
            log.error("no answer to %s: %s", request.client.name, error.message)
        finally:
            self._replies.end(key, data)

    def _send(self, data: bytes, place: Place) -> None:
        if self._transport is not None:
            self._transport.sendto(data, place)

    async def close(self) -> None:
        """Stop receiving, and wait for the requests under way."""
        if self._transport is not None and self._under_way:
            await asyncio.wait(self._under_way, timeout=5)
        if self._transport is not None:
            self._transport.close()


async def listen(server: RadiusServer, host: str, port: int) -> tuple[str, int]:
    """Start receiving, and return the address.

    Raise `OSError` if it cannot be used.
    """
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=(host, port))
    name = transport.get_extra_info("sockname")
    return str(name[0]), int(name[1])
