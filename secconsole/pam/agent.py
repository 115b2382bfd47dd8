"""The agent: it listens on a UNIX socket for the PAM module, and holds one conversation on each connection."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from secconsole.domain.errors import SecconsoleError, Throttled, Unavailable
from secconsole.domain.model import SignInStatus
from secconsole.domain.text import visible
from secconsole.pam.client import Service
from secconsole.pam.conversation import Conversation, ConversationEnded, Introduction, introduction
from secconsole.pam.frames import LONGEST, BadFrame, Frames, Sent
from secconsole.pam.sign_in import sign_in
from secconsole.server.transport.listen import Listen, close_doors, open_doors
from secconsole.server.transport.systemd import notify

log = logging.getLogger(__name__)

_CREDENTIALS = struct.Struct("3i")  # process, user, group
_INTRODUCED = 5.0  # seconds
_ENDING = 2.0  # seconds for conversations in progress when the agent stops


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """Options of the agent.

    `tenant` is for modules that name none. `users` are the ids of the OS users whose programs may ask. A conversation
    ends after `seconds`, and at most `conversations` go on at once.
    """

    listen: Listen
    tenant: str = ""
    users: frozenset[int] = field(default_factory=lambda: frozenset({0}))
    seconds: float = 115.0
    conversations: int = 128


class Agent:
    """Holds conversations. `connect` returns what performs the operations for a client's address."""

    def __init__(self, options: AgentOptions, connect: Callable[[str], Service]) -> None:
        self._options, self._connect = options, connect
        self._running: set[asyncio.Task[None]] = set()

    async def check(self) -> None:
        """Raise `Unavailable` if the socket cannot be opened."""
        if not self._options.listen.is_handed_over:
            close_doors(open_doors((self._options.listen,)))

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raise `Unavailable` if the socket cannot be opened."""
        doors = open_doors((self._options.listen,))
        try:
            servers = [
                await asyncio.start_unix_server(self.hold, sock=door.socket, limit=2 * LONGEST) for door in doors
            ]
            notify("READY=1")
            log.info("Listening on %s.", ", ".join(str(door) for door in doors))
            await _stopped()
            for server in servers:
                server.close()
            if self._running:
                await asyncio.wait(self._running, timeout=_ENDING)
            for task in self._running:
                task.cancel()
        finally:
            close_doors(doors)
        log.info("Stopped.")

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold the conversation of one connection, and close it."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            with _closing(writer):
                await self._serve(Frames(reader, writer), _user_of(writer))
        finally:
            self._running.discard(task)

    async def _serve(self, frames: Frames, user: int) -> None:
        if user not in self._options.users:
            log.warning("Refused a program of the OS user %d, who may not ask.", user)
            await frames.send(Sent.REFUSED)
            return
        if len(self._running) > self._options.conversations:
            log.warning("Refused: %d conversations are in progress.", self._options.conversations)
            await frames.send(Sent.UNAVAILABLE)
            return
        who: Introduction | None = None
        try:
            async with asyncio.timeout(_INTRODUCED):
                who = await introduction(frames)
            async with asyncio.timeout(self._options.seconds):
                outcome, why = await self._converse(frames, who)
        except (ConversationEnded, asyncio.IncompleteReadError, ConnectionError):
            outcome, why = Sent.REFUSED, "left"
        except TimeoutError:
            outcome, why = Sent.REFUSED, "took too long"
        except BadFrame as error:
            outcome, why = Sent.REFUSED, f"the module sent {error}"
        except Exception:
            log.exception("An error ended a conversation")
            outcome, why = Sent.UNAVAILABLE, "an error"
        level = logging.ERROR if outcome is Sent.UNAVAILABLE else logging.INFO
        log.log(level, "%s: %s", who or "unknown", "accepted" if outcome is Sent.ACCEPTED else f"refused: {why}")
        await frames.send(outcome)

    async def _converse(self, frames: Frames, who: Introduction) -> tuple[Sent, str]:
        """Return the outcome, and why it was not accepted."""
        conversation = Conversation(frames)
        service = self._connect(who.address)
        try:
            answer = await sign_in(service, conversation, who, who.tenant or self._options.tenant)
            if answer.status is not SignInStatus.COMPLETE:
                return Sent.REFUSED, answer.message or f"the sign-in ended at {answer.status}"
            return Sent.ACCEPTED, ""
        except Throttled as error:
            await conversation.warn(error.message)
            return Sent.REFUSED, "too many wrong entries"
        except Unavailable as error:
            log.error("The store or server cannot be reached: %s", visible(error.message))
            return Sent.UNAVAILABLE, "the store or server cannot be reached"
        except SecconsoleError as error:
            await conversation.warn(error.message)
            return Sent.REFUSED, error.message
        finally:
            await service.close()


@contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    except ConnectionError:
        pass  # the program at the other end has gone, and takes that as a refusal
    finally:
        writer.close()


def _user_of(writer: asyncio.StreamWriter) -> int:
    """Return the OS user at the other end, as the kernel says."""
    connection: socket.socket = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


async def _stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
