"""`secconsole restore`: replace the content of the store by a backup."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.backends.maintenance.after import AfterRestore, after_restore
from secconsole.backends.maintenance.restore import Restored, restoring
from secconsole.backends.stores import StorePlace, parse_store
from secconsole.cli.command import LocalCommand, current_call
from secconsole.cli.command_context import interruptible
from secconsole.cli.commands.store import STORE_VARIABLE
from secconsole.cli.confirm import confirmation_options
from secconsole.cli.diagnostics import ByteProgress, ExitCode, ask, can_ask, say
from secconsole.cli.output import Column, Output, format_value
from secconsole.domain.errors import Invalid

WORD = "restore"

COLUMNS: list[Column[Restored]] = [
    Column("file", lambda r: r.file),
    Column("store", lambda r: r.store),
    Column("done", lambda r: r.done, "Restored"),
    Column("backup_at", lambda r: r.backup_at, "Backup made"),
    Column("schema", lambda r: r.schema, "Schema of backup"),
    Column("key", lambda r: r.key, "Key of backup"),
    Column("lost", lambda r: r.lost, "Audit entries lost", numeric=True),
    Column("kept", lambda r: r.kept, "Store from before"),
    Column("sessions_ended", lambda r: r.sessions_ended, numeric=True),
    Column("sign_ins_ended", lambda r: r.sign_ins_ended, "Sign-ins ended", numeric=True),
    Column("tokens_ended", lambda r: r.tokens_ended, numeric=True),
    Column("messages_void", lambda r: r.messages_void, "Messages not sent", numeric=True),
    Column("kept_tokens_ended", lambda r: r.kept_tokens_ended, "Tokens that stay ended", numeric=True),
    Column(
        "kept_recovery_codes_used", lambda r: r.kept_recovery_codes_used, "Recovery codes that stay used", numeric=True
    ),
    Column("kept_users_disabled", lambda r: r.kept_users_disabled, "Users that stay disabled", numeric=True),
]
AFTER: list[Column[AfterRestore]] = [
    Column("store", lambda r: r.store),
    Column("at", lambda r: r.at, "Time"),
    Column("sessions_ended", lambda r: r.sessions_ended, numeric=True),
    Column("sign_ins_ended", lambda r: r.sign_ins_ended, "Sign-ins ended", numeric=True),
    Column("tokens_ended", lambda r: r.tokens_ended, numeric=True),
    Column("messages_void", lambda r: r.messages_void, "Messages not sent", numeric=True),
]


@click.command(cls=LocalCommand)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--after", is_flag=True, help="The store was restored by other tools: only end what was open, and record it."
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The key of the backup, if the key was rotated since.",
)
@click.option("--end-tokens", is_flag=True, help="Also end all personal access tokens and secret keys.")
@click.option(
    "--store",
    "url",
    default="",
    metavar="URL",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    help="sqlite:///PATH, or with --after postgresql://USER@HOST/DATABASE. Default: the store of this home.",
)
@confirmation_options
def restore(
    file: Path | None, after: bool, key_file: Path | None, end_tokens: bool, url: str, dry_run: bool, yes: bool
) -> int:
    """Replace the content of the store by the backup FILE, at once or not at all.

    Everyone has to sign in again, and no code that was used before is accepted a second time. Tokens that were ended,
    recovery codes that were used and users who were disabled since the backup stay so. Messages are not sent again. The
    audit of each tenant records what was lost. The store from before is kept beside it.

    Consoles and servers can keep running. A PostgreSQL database is restored with its own tools: then run
    restore --after, before users sign in.

    \b
    secconsole restore /var/backups/secconsole/console.db --dry-run
    """
    place = parse_store(url)
    if after:
        if file is not None or key_file is not None or dry_run:
            raise click.UsageError("--after takes neither a file, nor --key-file or --dry-run.")
        return _after(place, end_tokens, yes)
    if file is None:
        raise click.UsageError("Name the backup, or use --after for a store that other tools have restored.")
    out = Output(current_call().format)
    progress = ByteProgress("Copied:")
    with interruptible():
        try:
            with restoring(place, file, key_file=key_file, progress=progress.show_of) as ready:
                progress.end()
                found = ready.preview()
                if not dry_run:
                    if not _confirmed(found, yes):
                        return ExitCode.NO
                    found = ready.carry_out(end_tokens=end_tokens, progress=progress.show_of)
                    out.changed = True
        finally:
            progress.end()
    out.record(COLUMNS, found)
    out.flush()
    _say_result(found)
    return ExitCode.DONE


def _confirmed(found: Restored, yes: bool) -> bool:
    """Show what would be lost, and return True if the restore is wanted."""
    if yes:
        return True
    for line in _losses(found):
        say(line)
    words = f"The store gets its state of {format_value(found.backup_at)}. Everyone has to sign in again."
    if not can_ask():
        raise Invalid(f"{words} Nothing was changed. Check with --dry-run, confirm with --yes.", "yes")
    if ask(f"{words} Type {WORD} to continue:").strip() == WORD:
        return True
    say("Nothing was changed.")
    return False


def _losses(found: Restored) -> list[str]:
    lines = []
    for tenant in found.tenants:
        if not tenant.entry:
            lines.append(f"{tenant.tenant}: not in the backup. It would be gone, with {tenant.before:,} audit entries.")
        elif tenant.lost:
            actions = ", ".join(f"{action} {number:,}" for action, number in tenant.lost_actions.items())
            lines.append(
                f"{tenant.tenant}: {tenant.lost:,} changes from {format_value(tenant.lost_from)} to "
                f"{format_value(tenant.lost_until)} would be gone: {actions}"
            )
    return lines


def _say_result(found: Restored) -> None:
    if not found.done:
        for line in _losses(found):
            say(line)
        return
    if found.lost:
        say(
            "Repeat the changes that are gone, as far as they are still wanted: store.restored in the audit lists them."
        )
    if found.kept:
        say(f"The store from before is {found.kept}. Delete it when it is not needed any more.")
    else:
        say(
            "There was no store to compare with: repeat revocations since the backup, or end all tokens with "
            "restore --after --end-tokens."
        )
    say("Check the store: secconsole doctor")


def _after(place: StorePlace, end_tokens: bool, yes: bool) -> int:
    words = "All sessions and sign-ins end, and codes of the present time steps are refused."
    if not yes:
        if not can_ask():
            raise Invalid(f"{words} Nothing was changed. Confirm with --yes.", "yes")
        if ask(f"{words} Type {WORD} to continue:").strip() != WORD:
            say("Nothing was changed.")
            return ExitCode.NO
    with interruptible():
        done = after_restore(place, end_tokens=end_tokens)
    out = Output(current_call().format)
    out.changed = True
    out.record(AFTER, done)
    out.flush()
    say("What was revoked since the backup is in effect again: repeat it, or end all tokens with --end-tokens.")
    return ExitCode.DONE
