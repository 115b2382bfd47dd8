"""What is said beside the answer: errors, notes, progress and questions. The only place that writes to standard error.

Exit codes are part of the contract:

    0 done · 1 the answer is no · 2 wrong usage · 3 not signed in or not allowed · 4 no such thing
    5 conflict or stale · 6 unavailable · 7 partly done

and, as every program's, 130 after Ctrl-C and 141 when nobody reads the output any more.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from enum import IntEnum

import click

from secconsole.config.report import last_words, write_report
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


class NobodyReads(Exception):
    """The other end of standard output is closed; an exception of ours, since click has its own idea of that."""


def say(message: str) -> None:
    """One line for the person; never part of the answer, and after what was answered so far."""
    with contextlib.suppress(OSError):  # it is told when the answer ends
        sys.stdout.flush()
    sys.stderr.write(visible(message) + "\n")
    sys.stderr.flush()


def guarded(action: Callable[[], int]) -> int:
    """Run a command; whatever goes wrong becomes one line and an exit code, never a traceback."""
    code = _code_of(action)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return code or ExitCode.BROKEN_PIPE
    except OSError as error:
        _drop_output()
        say(f"The answer cannot be written: {error.strerror}.")
        return code or ExitCode.UNAVAILABLE
    return code


def _code_of(action: Callable[[], int]) -> int:
    try:
        return action()
    except SecconsoleError as error:
        say(error.message)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        sys.stderr.flush()
        return ExitCode.USAGE
    except click.ClickException as error:
        say(_usage(error))
        return ExitCode.USAGE
    except NobodyReads:
        return ExitCode.BROKEN_PIPE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except click.Abort as error:
        if isinstance(error.__cause__, EOFError):
            say("No answer was given, so nothing was done.")
            return ExitCode.USAGE
        return ExitCode.INTERRUPTED
    except Exception as error:
        say(last_words(error, write_report(error)))
        return ExitCode.UNAVAILABLE


def ask(question: str) -> str:
    """Ask for a line at the terminal; raise `Invalid` where there is none."""
    _need_terminal(question)
    sys.stderr.write(visible(question) + " ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise click.Abort from EOFError()
    return line.rstrip("\r\n")


def ask_hidden(question: str) -> Secret[str]:
    """Ask for something that is not echoed."""
    _need_terminal(question)
    from getpass import getpass

    return Secret(getpass(visible(question) + " ", stream=sys.stderr))


def agreed(question: str) -> bool:
    """Ask whether to go on; anything but y or yes is a no."""
    return ask(f"{question} [y/N]").strip().casefold() in ("y", "yes")


def can_ask() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Progress:
    """A counter on one line of the terminal; nothing at all where standard error is no terminal."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._on = sys.stderr.isatty()
        self._drawn = False

    def show(self, count: int) -> None:
        if self._on:
            sys.stderr.write(f"\r{self._what} {count:,}\x1b[K")
            sys.stderr.flush()
            self._drawn = True

    def end(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _need_terminal(question: str) -> None:
    if not can_ask():
        raise Invalid(f"There is no terminal to ask at ({question.rstrip('?: ')}). See --help for how to give it.")


def _usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message()
    if context is None:
        return message
    return f"{context.command_path}: {message} See: {context.command_path} --help"


def _drop_output() -> None:
    """Let the interpreter's last flush go nowhere instead of failing again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
