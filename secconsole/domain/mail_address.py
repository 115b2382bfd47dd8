"""E-mail addresses that are sent to: one plain address each, so that none becomes two recipients or a header.

Names in other scripts are taken (RFC 6531); quoted names, comments and address literals are not.
"""

from __future__ import annotations

import re

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.text import is_plain, visible

_NAME = re.compile(r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,\"]+\Z")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\Z")
_LONGEST_NAME = 64  # RFC 5321 section 4.5.3.1.1, in bytes


def mail_address(text: str, field: str = "email") -> str:
    """The address as it is kept: no blanks around it, its domain in lower case; raise `Invalid` if it is none."""
    if len(text) > LONGEST_EMAIL:
        raise Invalid(f"The e-mail address is longer than {LONGEST_EMAIL} characters.", field)
    text = text.strip()
    name, at, domain = text.rpartition("@")
    if not at or not name or not domain or "@" in name:
        raise Unfit("That is not an e-mail address: it needs a name, an @ and a domain.", field)
    if not is_plain(text) or not _NAME.match(name) or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise Unfit("That e-mail address has characters in it that mail cannot be sent to.", field)
    if name.startswith(".") or name.endswith(".") or ".." in name or not _DOMAIN.match(_ascii(domain)):
        raise Unfit("That e-mail address is not one that mail can be sent to. Is it mistyped?", field)
    return f"{name}@{domain.lower()}"


def on_the_wire(address: str) -> tuple[str, bool]:
    """The address as mail servers are given it, its domain in ASCII, and whether they must know SMTPUTF8 for it."""
    name, _, domain = address.rpartition("@")
    return f"{name}@{_ascii(domain)}", not name.isascii()


def masked_mail(address: str) -> str:
    """An address where others may look on: its first letter and its domain."""
    name, _, domain = address.rpartition("@")
    return f"{visible(name[:1])}•••@{visible(domain)}"


def _ascii(domain: str) -> str:
    """A domain as DNS has it; empty where it cannot be written so."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
