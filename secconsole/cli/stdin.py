"""Secrets and codes that come in on standard input, so that no process list shows them."""

from __future__ import annotations

import sys

from secconsole.cli.diagnostics import ask, ask_hidden, can_ask
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret

_LONGEST = 4096


def read_line(what: str) -> Secret[str]:
    """The next line of standard input without its line end; raise `Invalid` if there is none, or it is not UTF-8."""
    raw = sys.stdin.buffer.readline(_LONGEST + 1)
    if len(raw) > _LONGEST:
        raise Invalid(f"The {what} on standard input is longer than {_LONGEST} bytes.", what)
    line = raw.rstrip(b"\r\n")
    if not line:
        raise Invalid(f"There is no {what} on standard input.", what)
    try:
        return Secret(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid(f"The {what} on standard input is not UTF-8 text.", what) from None


def read_code() -> Secret[str]:
    """A code: asked for at a terminal, else the next line of standard input."""
    return Secret(ask("Code:").strip()) if can_ask() else read_line("code")


def read_password() -> Secret[str]:
    """A password that exists already: asked for at a terminal, else the next line of standard input."""
    return ask_hidden("Password:") if can_ask() else read_line("password")


def chosen_password(*, from_stdin: bool) -> Secret[str]:
    """A password to be set: asked for twice at a terminal, read from standard input only if that was said."""
    if not can_ask():
        if from_stdin:
            return read_line("password")
        raise Invalid("Give the password on standard input, and say so with --password-stdin.", "password")
    first = ask_hidden("New password:")
    if ask_hidden("The same again:") != first:
        raise Invalid("The two passwords differ. Nothing was changed.", "password")
    return first
