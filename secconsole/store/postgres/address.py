"""The address of a PostgreSQL database, as people write it and as it may be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from secconsole.domain.errors import Invalid

SCHEMES = ("postgresql://", "postgres://")
_HOST = re.compile(r"(\[[^\s\[\]]+\]|[^\s:\[\]]+|(?=:))(:\d{1,5})?\Z")
_UNREADABLE = "A host or port of that PostgreSQL address cannot be read: HOST:PORT, or several with commas."


@dataclass(frozen=True, slots=True)
class Address:
    """`dsn` is for the driver, `shown` for people, who may copy it into a command."""

    dsn: str
    shown: str


def parse_address(url: str) -> Address:
    """Read `postgresql://[USER@]HOST[:PORT][,HOST…]/DATABASE[?…]`; raise `Invalid` for anything else.

    A password is refused: whoever may list processes could read it. PGPASSWORD or a password file give it instead.
    With several hosts the one that can be written to is looked for.
    """
    if not is_postgres(url):
        raise Invalid("That is no PostgreSQL address: it begins with postgresql://.", "store")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid(_UNREADABLE, "store") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, _, hosts = parts.netloc.rpartition("@")
    if ":" in user or any("password" in name.lower() for name in query):
        raise Invalid(
            "Leave the password out of the address: everybody on this machine could read it there. "
            "Put it into ~/.pgpass, or into PGPASSWORD for this one command.",
            "store",
        )
    if hosts and not all(_HOST.match(host) for host in hosts.split(",")):
        raise Invalid(_UNREADABLE, "store")
    if not parts.path.strip("/"):
        raise Invalid(f"{url} names no database: it ends with /NAME.", "store")
    shown = parts._replace(scheme="postgresql").geturl()
    query.setdefault("target_session_attrs", "read-write")
    return Address(parts._replace(scheme="postgresql", query=urlencode(query, safe="/,:")).geturl(), shown)


def is_postgres(url: str) -> bool:
    return url.startswith(SCHEMES)
