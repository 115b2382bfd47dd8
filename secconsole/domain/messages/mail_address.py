"""E-mail addresses for sending: one plain address, which can become neither two recipients nor a header.

Local parts in other scripts are accepted (RFC 6531), and so are domains under IDNA 2008. Its predecessor maps some
domains to those of other people. Quoted names, comments, encoded words and address literals are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.once import once
from secconsole.domain.text import is_plain, normal, visible

_NAME = re.compile(r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,\"]+\Z")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_NUMBER = re.compile(r"[0-9]+\Z|0x[0-9a-f]*\Z")  # what a program could parse as part of an IP address
_ENCODED_WORD = re.compile(r"=\?|\?=")  # RFC 2047: mail programs decode them to a different address
_BLANK = " \t\u00a0"
_LONGEST_NAME = 64  # RFC 5321 section 4.5.3.1.1, in bytes
_LONGEST_DOMAIN = 253
_DOMAINS_KEPT = 256  # number of cached domains: the addresses of an import share a few


def mail_address(text: str, field: str = "email") -> str:
    """Return the address in its canonical spelling: lower case, with its domain in Unicode.

    Raise `Invalid` for anything but a single plain address.
    """
    if len(text) > LONGEST_EMAIL:
        raise Invalid(f"The e-mail address is longer than {LONGEST_EMAIL} characters.", field)
    text = text.strip(_BLANK)
    if text.splitlines() not in ([], [text]):
        raise Unfit("The e-mail address contains a line break.", field)
    name, at, domain = text.rpartition("@")
    if not at or not name or not domain or "@" in name:
        raise Unfit("That is not an e-mail address. It needs a name, an @ and a domain.", field)
    name = normal("NFC", name)  # RFC 6532 section 3.1
    if not is_plain(name) or not _NAME.match(name) or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise Unfit("The e-mail address contains characters that mail cannot be sent to.", field)
    if _ENCODED_WORD.search(name):
        raise Unfit("The e-mail address contains an encoded word. Enter the decoded form.", field)
    wire = _ascii(domain)
    whole = f"{name}@{_shown(wire)}"
    fits = wire and is_plain(whole) and max(len(whole), len(name) + 1 + len(wire)) <= LONGEST_EMAIL
    if name.startswith(".") or name.endswith(".") or ".." in name or not fits:
        raise Unfit("Mail cannot be sent to that e-mail address. Check it for typing errors.", field)
    return whole


def address_key(text: str) -> str:
    """Return a key that all spellings of one address share, even if mail cannot be sent to it.

    Lower case and not case-folded: folding would equate two mailboxes, such as those with ß and ss.
    """
    try:
        return mail_address(text).lower()
    except Invalid:  # a directory may contain anything
        return text.strip(_BLANK).lower()


def on_the_wire(address: str) -> tuple[str, bool]:
    """Return the address with its domain in ASCII, and whether the mail server must support SMTPUTF8.

    The address is empty if its domain has no ASCII form, as with some addresses stored by older versions.
    """
    name, _, domain = address.rpartition("@")
    wire = _ascii(domain)
    return (f"{name}@{wire}" if wire else "", not name.isascii())


def masked_mail(address: str) -> str:
    """Return an address masked to its first letter and its domain."""
    name, _, domain = address.strip(_BLANK).rpartition("@")
    wire = _ascii(domain)
    return f"{visible(name[:1])}•••@{visible(_shown(wire) if wire else domain)}"


@once
def _ascii(domain: str) -> str:
    """Return a domain as used in DNS, in lower case, or an empty text if it has no such form."""
    return _remembered(domain) if len(domain) <= LONGEST_EMAIL else ""


@lru_cache(_DOMAINS_KEPT)
def _remembered(domain: str) -> str:
    if domain.isascii():
        labels = domain.lower().split(".")
    else:
        import idna  # imported late: its tables are large and most domains need none of them

        try:
            labels = idna.uts46_remap(domain, std3_rules=True).split(".")
        except idna.IDNAError:
            return ""
    wire = [_wire_label(label) for label in labels]
    whole = ".".join(wire)
    return whole if all(wire) and len(whole) <= _LONGEST_DOMAIN and not _NUMBER.match(wire[-1]) else ""


def _wire_label(label: str) -> str:
    """Return one label in ASCII, empty if it is invalid."""
    if not label.isascii() or label.startswith("xn--"):
        import idna

        try:
            label = idna.alabel(label).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return ""
    return label if _LABEL.match(label) else ""


@once
def _shown(wire: str) -> str:
    """Return a domain as people read it."""
    if "xn--" not in wire:
        return wire
    import idna

    return ".".join(idna.ulabel(label) if label.startswith("xn--") else label for label in wire.split("."))
