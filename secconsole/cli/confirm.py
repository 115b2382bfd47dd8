"""Confirmation of commands that cannot be undone.

At a terminal, the effect is shown and confirmed. Without one, --yes is required. --dry-run only shows the effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import click

from secconsole.cli.command_context import CommandContext
from secconsole.cli.diagnostics import ExitCode, ask, ask_yes_no, can_ask, say
from secconsole.cli.output import Column
from secconsole.domain.errors import Invalid

F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Affected:
    """One item that a command would end or change, with its owner and the number of items that end with it."""

    what: str
    id: str
    login: str
    name: str
    change: str
    sessions: int = 0
    tokens: int = 0
    recovery_codes: int = 0


COLUMNS: list[Column[Affected]] = [
    Column("what", lambda a: a.what),
    Column("id", lambda a: a.id, "Id"),
    Column("login", lambda a: a.login),
    Column("name", lambda a: a.name),
    Column("change", lambda a: a.change),
    Column("sessions", lambda a: a.sessions, "Sessions ended", numeric=True),
    Column("tokens", lambda a: a.tokens, "Tokens ended", numeric=True),
    Column("recovery_codes", lambda a: a.recovery_codes, "Recovery codes void", numeric=True),
]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of a command, in words and item by item."""

    words: str
    affected: Sequence[Affected]
    question: str = "Continue?"


def confirmation_options(command: F) -> F:
    """Add the options --dry-run and --yes to a command."""
    command = click.option("--yes", is_flag=True, help="Do not ask for confirmation. Required without a terminal.")(
        command
    )
    return click.option("--dry-run", is_flag=True, help="Show what would end or change, without changing it.")(command)


def confirm_effect(context: CommandContext, effect: Effect, *, dry_run: bool, yes: bool) -> int | None:
    """Return None if the command may continue, or its exit code.

    Raise `Invalid` if no one can be asked.
    """
    if dry_run:
        if context.out.is_table:
            context.out.line(effect.words)
        context.out.listing(COLUMNS, effect.affected)
        return ExitCode.DONE
    if yes:
        return None
    if not can_ask():
        raise Invalid(f"{effect.words} Nothing was changed. Check with --dry-run, confirm with --yes.", "yes")
    if ask_yes_no(f"{effect.words} {effect.question}"):
        return None
    say("Nothing was changed.")
    return ExitCode.NO


def confirm_for_tenant(context: CommandContext, tenant: str, effect: Effect, *, dry_run: bool, yes: bool) -> int | None:
    """Do the same as `confirm_effect` for a whole tenant, whose name has to be typed at a terminal."""
    if dry_run or yes or not can_ask():
        return confirm_effect(context, effect, dry_run=dry_run, yes=yes)
    say(effect.words)
    typed = ask(f"Type {tenant} to do it:").strip()
    if typed.casefold() == tenant.casefold():
        return None
    say(f"That is not {tenant}. Nothing was changed." if typed else "Nothing was changed.")
    return ExitCode.NO


def pluralize(count: int, thing: str) -> str:
    """Return a number with its noun: 1 session, 2 sessions."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
