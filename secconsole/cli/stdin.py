"""Secrets and codes read from standard input, so that no process list shows them."""

from __future__ import annotations

import select
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from secconsole.cli.diagnostics import ask, ask_hidden, can_ask, say
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret

_LONGEST = 4096
_MOST = 16 * 1024 * 1024  # bytes of a list
_QUIET = 0.1  # seconds without input after which a paste has arrived whole
_LONGEST_DRAIN = 2.0  # seconds


def _accept(password: Secret[str]) -> None:
    """Leave the check to the operation."""


def read_line(what: str) -> Secret[str]:
    """Return the next line of standard input without its line ending.

    Raise `Invalid` if it is missing, too long or not UTF-8.
    """
    try:
        raw = sys.stdin.buffer.readline(_LONGEST + 1)
    except OSError as error:
        raise _unreadable(error) from None
    if len(raw) > _LONGEST:
        raise Invalid(f"The {what} on standard input is longer than {_LONGEST} bytes.", what)
    line = raw.rstrip(b"\r\n")
    if not line:
        raise Invalid(f"There is no {what} on standard input.", what)
    try:
        return Secret(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid(f"The {what} on standard input is not UTF-8 text.", what) from None


def read_all(what: str) -> str:
    """Return all of standard input as text.

    Raise `Invalid` if it is unreadable, too long or not UTF-8.
    """
    try:
        raw = sys.stdin.buffer.read(_MOST + 1)
        if len(raw) > _MOST:
            raise Invalid(f"The {what} on standard input exceed {_MOST // 1024**2} MiB.", what)
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"The {what} on standard input are not UTF-8 text.", what) from None
    except OSError as error:
        raise _unreadable(error) from None


def read_code() -> Secret[str]:
    """Return a code, asked for at the terminal or read from standard input."""
    return Secret(ask("Code:").strip()) if can_ask() else read_line("code")


def read_password() -> Secret[str]:
    """Return an existing password, asked for at the terminal or read from standard input."""
    return ask_hidden("Password:") if can_ask() else read_line("password")


def read_new_password(*, from_stdin: bool, check: Callable[[Secret[str]], None] = _accept) -> Secret[str]:
    """Return a password to be set, asked for twice at the terminal, and again until both match and `check` accepts it.

    Without a terminal, read it from standard input, but only if the caller requested that.
    """
    if not can_ask():
        if from_stdin:
            return read_line("password")
        raise Invalid("Pass the password on standard input, with --password-stdin.", "password")
    while True:
        first = ask_hidden("New password:")
        try:
            check(first)
        except Invalid as error:
            say(error.message)
            continue
        if ask_hidden("Repeat the password:") == first:
            return first
        say("The two passwords differ. Enter both again, or leave with ctrl+c.")


@contextmanager
def discarding_typed_ahead() -> Iterator[None]:
    """Discard at the end what was typed or pasted ahead: the shell would run it, and it may be a password."""
    try:
        yield
    finally:
        if can_ask():
            _discard_input()


def _discard_input() -> None:
    handle, end = sys.stdin.fileno(), time.monotonic() + _LONGEST_DRAIN
    with suppress(OSError, termios.error):  # the terminal has gone
        termios.tcflush(handle, termios.TCIFLUSH)
        while time.monotonic() < end and select.select([handle], [], [], _QUIET)[0]:
            termios.tcflush(handle, termios.TCIFLUSH)


def _unreadable(error: OSError) -> Invalid:
    return Invalid(f"Standard input cannot be read: {error.strerror}.", "stdin")
