"""`secconsole doctor --mend-clock`: repair what a fast clock has left in the store."""

from __future__ import annotations

from secconsole.backends.stores import StorePlace
from secconsole.cli.command_context import CommandContext, run_in_store, with_backend
from secconsole.cli.diagnostics import ExitCode, ask_yes_no, can_ask, say
from secconsole.cli.output import Column, format_value
from secconsole.domain.errors import Invalid
from secconsole.operations.clock import ClockMended, MendClock

COLUMNS: list[Column[ClockMended]] = [
    Column("now", lambda m: m.now),
    Column("seen", lambda m: m.seen, "Seen until"),
    Column("factors", lambda m: m.factors, "Factors refused", numeric=True),
    Column("done", lambda m: m.done),
]


def mend_clock(dry_run: bool, yes: bool, *, store: StorePlace | None) -> int:
    """Accept valid codes again after the clock was ahead, in the given store or the current one."""
    if store is None:
        return with_backend(_mend)(dry_run, yes)
    return run_in_store(store, lambda context: _mend(context, dry_run, yes))


async def _mend(context: CommandContext, dry_run: bool, yes: bool) -> int:
    """Confirm that the clock is right, then repair the store."""
    found = await context.perform(MendClock(check_only=True))
    if dry_run:
        context.out.record(COLUMNS, found)
        return ExitCode.DONE
    if not yes:
        if not can_ask():
            raise Invalid("Check that the clock is right, then confirm with --yes. Preview with --dry-run.", "yes")
        say(f"The clock shows {format_value(found.now)}. The store has seen {format_value(found.seen)}.")
        say("Codes used while the clock was ahead can be used a second time at the time they were made for.")
        if not ask_yes_no("Is the clock right now?"):
            say("Nothing was changed. Correct the clock first.")
            return ExitCode.NO
    context.out.record(COLUMNS, await context.perform(MendClock()))
    return ExitCode.DONE
