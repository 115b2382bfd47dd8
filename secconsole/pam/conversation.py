"""A conversation with a user who signs in through PAM: it tells and asks, in text without control characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.pam.frames import VERSION, BadFrame, Frames, Received, Sent

_MOST_FIELDS = 8


class ConversationEnded(Exception):
    """The user or the program at the other end has gone."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """User and program of a sign-in, as the PAM module says.

    `password` is the one that an earlier module asked for.
    """

    user: str
    tenant: str = ""
    host: str = ""
    service: str = ""
    password: Secret[str] | None = None

    @property
    def address(self) -> str:
        """Return the client's address, or an empty text if the program names none or a host name."""
        try:
            return str(ip_address(self.host.partition("%")[0]))
        except ValueError:
            return ""

    def __str__(self) -> str:
        return visible(f"{self.user} from {self.host or 'this machine'} over {self.service or 'PAM'}")


class Conversation:
    """Questions and messages to one user."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    async def tell(self, text: str) -> None:
        await self._frames.send(Sent.INFORMATION, _safe(text))

    async def warn(self, text: str) -> None:
        await self._frames.send(Sent.ERROR, _safe(text))

    async def ask(self, question: str, default: str = "") -> str:
        """Return a reply without surrounding blanks, or the default for an empty one.

        Raise `ConversationEnded` for an empty reply without a default: so the end of the user's input arrives.
        """
        reply = (await self._answer(Sent.PROMPT, question)).strip() or default
        if not reply:
            raise ConversationEnded
        return reply

    async def ask_hidden(self, question: str) -> Secret[str]:
        reply = Secret(await self._answer(Sent.HIDDEN_PROMPT, question))
        if not reply:
            raise ConversationEnded
        return reply

    async def pick(self, question: str, choices: Sequence[str]) -> int:
        """Ask for one of several choices, the first by default, and return its index."""
        lines = [question, *(f"{number}  {choice}" for number, choice in enumerate(choices, 1))]
        lines.append(f"Number, 1 to {len(choices)} [1]:")
        while True:
            reply = await self.ask("\n".join(lines), "1")
            if len(reply) <= 2 and reply.isascii() and reply.isdigit() and 1 <= int(reply) <= len(choices):
                return int(reply) - 1
            await self.warn(f"Enter a number from 1 to {len(choices)}.")

    async def _answer(self, kind: Sent, question: str) -> str:
        await self._frames.send(kind, f"{_safe(question)} ")
        received, text = await self._frames.receive()
        if received is Received.ENDED:
            raise ConversationEnded
        if received is not Received.REPLY:
            raise BadFrame(f"{received.name} in place of a reply")
        return text


async def introduction(frames: Frames) -> Introduction:
    """Read who wants to sign in, or raise `BadFrame`."""
    fields: dict[Received, str] = {}
    for _ in range(_MOST_FIELDS):
        kind, text = await frames.receive()
        if kind is Received.GO:
            break
        if kind in fields or kind in (Received.REPLY, Received.ENDED):
            raise BadFrame(f"{kind.name} in the introduction")
        fields[kind] = text
    else:
        raise BadFrame("too many fields")
    if fields.get(Received.VERSION) != VERSION:
        raise BadFrame("another version of the module: build it again from the same release")
    password = fields.get(Received.PASSWORD)
    return Introduction(
        fields.get(Received.USER, ""),
        fields.get(Received.TENANT, ""),
        fields.get(Received.HOST, ""),
        fields.get(Received.SERVICE, ""),
        Secret(password) if password else None,
    )


def _safe(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))
