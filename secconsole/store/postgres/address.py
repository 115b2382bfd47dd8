"""Addresses of PostgreSQL databases, as people write them and as they may be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from secconsole.domain.errors import Invalid

SCHEMES = ("postgresql://", "postgres://")
_HOST = re.compile(r"(\[[^\s\[\]]+\]|[^\s:\[\]]+|(?=:))(:\d{1,5})?\Z")
_UNREADABLE = "The host or port of that PostgreSQL address is malformed. Use HOST:PORT, or several separated by commas."


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a database.

    `dsn` is for the driver, `shown` for people, who may copy it into a command.
    """

    dsn: str
    shown: str


def parse_database_url(url: str) -> Address:
    """Parse `postgresql://[USER@]HOST[:PORT][,HOST…]/DATABASE[?…]`, or raise `Invalid`.

    A password is refused, because everyone who can list processes could read it. Use PGPASSWORD or a password file.
    With several hosts the writable one is used.
    """
    if not is_postgres(url):
        raise Invalid("That is not a PostgreSQL address. It must begin with postgresql://.", "store")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid(_UNREADABLE, "store") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, _, hosts = parts.netloc.rpartition("@")
    if ":" in user or any("password" in name.lower() for name in query):
        raise Invalid(
            "Leave the password out of the address: everyone on this machine could read it there. "
            "Put it into ~/.pgpass, or into PGPASSWORD for this one command.",
            "store",
        )
    if hosts and not all(_HOST.match(host) for host in hosts.split(",")):
        raise Invalid(_UNREADABLE, "store")
    if not parts.path.strip("/"):
        raise Invalid(f"{url} does not name a database. It must end with /NAME.", "store")
    shown = parts._replace(scheme="postgresql").geturl()
    # Of several hosts the driver would otherwise take the first that answers, which may be a standby.
    query.setdefault("target_session_attrs", "read-write")
    return Address(parts._replace(scheme="postgresql", query=urlencode(query, safe="/,:")).geturl(), shown)


def is_postgres(url: str) -> bool:
    return url.startswith(SCHEMES)
