"""Errors, notes, progress and prompts.

Only this module writes to standard error. Exit codes are part of the contract:

    0 done · 1 the answer is no · 2 wrong usage · 3 not signed in or not allowed · 4 no such thing
    5 conflict or stale · 6 unavailable · 7 partly done

and, as for any program, 130 after Ctrl-C and 141 when the reader of the output has gone.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Callable
from enum import IntEnum

import click

from secconsole.cli.streams import drop
from secconsole.config.report import last_words, write_report
from secconsole.config.system_errors import system_trouble
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible


class ExitCode(IntEnum):
    DONE = 0
    NO = 1
    USAGE = 2
    NOT_ALLOWED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    UNAVAILABLE = 6
    PARTLY = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class OutputClosed(Exception):
    """Closed standard output.

    Not a BrokenPipeError, because click handles that itself.
    """


def say(message: str) -> None:
    """Write one line to standard error, after the output written so far.

    A failed write is ignored: the exit code still reports the outcome.
    """
    with contextlib.suppress(OSError, ValueError):  # reported when the output is flushed at the end
        sys.stdout.flush()
    _write(visible(message) + "\n")


def describe_unexpected(error: Exception) -> str:
    """Return one line for an unexpected error: what the system refused, or where the report is."""
    return system_trouble(error) or last_words(error, write_report(error))


def describe_write_error(error: OSError, *, changed: bool = False) -> str:
    """Return why the result could not be written, and what to do. `changed` means that data was changed before."""
    kept = " Changes made before are kept." if changed else ""
    if error.errno == errno.EBADF:
        return f"Standard output is closed, so the result is lost.{kept} To discard it, redirect it to /dev/null."
    return f"The result cannot be written: {error.strerror}.{kept}"


def run_guarded(action: Callable[[], int]) -> int:
    """Run a command, and turn every error into one line and an exit code, never a traceback."""
    code = _code_of(action)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop(sys.stdout)
        return code or ExitCode.BROKEN_PIPE
    except OSError as error:
        drop(sys.stdout)
        if code != ExitCode.UNAVAILABLE:  # the failed write has been reported otherwise
            say(describe_write_error(error))
        return code or ExitCode.UNAVAILABLE
    return code


def _code_of(action: Callable[[], int]) -> int:
    try:
        return action()
    except SecconsoleError as error:
        say(error.message)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        _write(error.format_message() + "\n")
        return ExitCode.USAGE
    except click.ClickException as error:
        say(_usage(error))
        return ExitCode.USAGE
    except OutputClosed:
        return ExitCode.BROKEN_PIPE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except click.Abort as error:
        if isinstance(error.__cause__, EOFError):
            say("No answer was given. Nothing was changed.")
            return ExitCode.USAGE
        return ExitCode.INTERRUPTED
    except SystemExit as error:  # click exits with 1 on a broken pipe, which would mean "no"
        if isinstance(error.__context__, BrokenPipeError):
            return ExitCode.BROKEN_PIPE
        return error.code if isinstance(error.code, int) else ExitCode.UNAVAILABLE
    except Exception as error:
        say(describe_unexpected(error))
        return ExitCode.UNAVAILABLE


def ask(question: str) -> str:
    """Ask for a line at the terminal.

    Raise `Invalid` if there is no terminal.
    """
    _need_terminal(question)
    _write(visible(question) + " ")
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        raise _not_text(question) from None
    if not line:
        raise click.Abort from EOFError()
    return line.rstrip("\r\n")


def ask_until_valid(question: str, check: Callable[[str], str]) -> str:
    """Ask for a line until a check accepts it, and return what the check returns."""
    while True:
        try:
            return check(ask(question))
        except Invalid as error:
            _need_terminal(question)
            say(error.message)


def ask_hidden(question: str) -> Secret[str]:
    """Ask for a line without echo."""
    _need_terminal(question)
    from getpass import getpass

    try:
        return Secret(getpass(visible(question) + " ", stream=sys.stderr))
    except EOFError as error:
        raise click.Abort from error
    except UnicodeDecodeError:
        raise _not_text(question) from None


def ask_yes_no(question: str) -> bool:
    """Return True if the answer to a question is y or yes."""
    return ask(f"{question} [y/N]").strip().casefold() in ("y", "yes")


def can_ask() -> bool:
    """Return True if a person can answer at the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Progress:
    """A counter on one line of the terminal, silent if standard error is not a terminal."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._on = sys.stderr.isatty()
        self._drawn = False

    def show(self, count: int) -> None:
        self._draw(f"{count:,}")

    def _draw(self, text: str) -> None:
        if self._on:
            sys.stderr.write(f"\r{self._what} {text}\x1b[K")
            sys.stderr.flush()
            self._drawn = True

    def end(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class ByteProgress(Progress):
    """A counter of bytes with their total."""

    def show_of(self, done: int, total: int) -> None:
        self._draw(f"{done / 2**20:,.0f} of {total / 2**20:,.0f} MiB")


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        drop(sys.stderr)


def _need_terminal(question: str) -> None:
    if not can_ask():
        raise Invalid(f"Cannot ask without a terminal ({question.rstrip('?: ')}). See --help for the option to use.")


def _usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message()
    if context is None:
        return message
    return f"{context.command_path}: {message} See: {context.command_path} --help"


def _not_text(question: str) -> Invalid:
    return Invalid(
        f"The answer is not text in the terminal's encoding ({question.rstrip('?: ')}). Nothing was changed."
    )


def say_sessions_ended(sessions: int) -> None:
    """Report the number of sessions that a command ended, if any."""
    if sessions:
        say(f"Ended {sessions:,} password-only {'session' if sessions == 1 else 'sessions'}.")
