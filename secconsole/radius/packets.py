"""RADIUS packets: what a request asks, and the reply in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from io import StringIO

from pyrad.dictionary import Dictionary
from pyrad.packet import AuthPacket, PacketError

from secconsole.config.radius_clients import RadiusClient
from secconsole.domain.secret import Secret
from secconsole.domain.text import one_line

LONGEST_PACKET = 4096  # RFC 2865 section 3
LONGEST_TEXT = 253  # bytes of one attribute
_DICTIONARY = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 octets
ATTRIBUTE CHAP-Password 3 octets
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE State 24 octets
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE EAP-Message 79 octets
ATTRIBUTE Message-Authenticator 80 octets
"""


class Code(IntEnum):
    REQUEST = 1
    ACCEPT = 2
    REJECT = 3
    CHALLENGE = 11


class Ignored(Exception):
    """A packet that gets no answer, with the reason for metrics."""


@dataclass(frozen=True, slots=True)
class Request:
    """Access-Request of a known client, by PAP.

    `state` continues an earlier one.
    """

    packet: AuthPacket
    client: RadiusClient
    user: str
    password: Secret[str]
    state: bytes | None


@dataclass(frozen=True, slots=True)
class Reply:
    """Reply with a message for the user.

    A challenge has a `state`, and the seconds that it waits for.
    """

    code: Code
    message: str = ""
    state: bytes | None = None
    seconds: int = 0


def read_request(data: bytes, client: RadiusClient, dictionary: Dictionary) -> Request:
    """Return what a packet asks, or raise `Ignored`."""
    if not 20 <= len(data) <= LONGEST_PACKET or data[0] != Code.REQUEST:
        raise Ignored("not-a-request")
    try:
        packet = AuthPacket(packet=data, secret=client.secret.reveal().encode(), dict=dictionary)
        if len(_values(packet, 80)) > 1:
            raise Ignored("malformed")
        if packet.message_authenticator:
            if len(_values(packet, 80)[0]) != 16 or not packet.verify_message_authenticator():
                raise Ignored("wrong-authenticator")
        elif client.is_strict:
            raise Ignored("no-authenticator")
        return _request(packet, client)
    except (PacketError, UnicodeDecodeError, ValueError, IndexError, TypeError, KeyError) as error:
        raise Ignored("malformed") from error


def _request(packet: AuthPacket, client: RadiusClient) -> Request:
    user, hidden, state = (_values(packet, kind) for kind in (1, 2, 24))
    if len(user) != 1 or len(hidden) != 1 or len(state) > 1 or not 16 <= len(hidden[0]) <= 128:
        raise Ignored("no-password")  # CHAP, MS-CHAP and EAP cannot carry a password that we could check
    password = packet.PwDecrypt(hidden[0])
    return Request(packet, client, user[0].decode(), Secret(password), state[0] if state else None)


def write_reply(request: Request, reply: Reply) -> bytes:
    """Return a reply in bytes, with its Message-Authenticator first."""
    answer = request.packet.CreateReply()
    answer.code = int(reply.code)
    if reply.message:
        answer.AddAttribute("Reply-Message", cut(one_line(reply.message)))
    if reply.state is not None:
        answer.AddAttribute("State", reply.state)
    if reply.seconds:
        answer.AddAttribute("Session-Timeout", reply.seconds)
    data: bytes = answer.ReplyPacket()
    return data


def cut(text: str) -> str:
    """Return a text that fits into one attribute, cut between characters."""
    return text.encode()[:LONGEST_TEXT].decode(errors="ignore")


def load_dictionary() -> Dictionary:
    """Return the few attributes that are used."""
    return Dictionary(StringIO(_DICTIONARY))


def _values(packet: AuthPacket, kind: int) -> list[bytes]:
    """Return the values of an attribute as they were sent."""
    return list(dict.get(packet, kind, []))
