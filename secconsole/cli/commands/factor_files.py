"""`secconsole factor import`: keys in files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secconsole.cli.command import Call, Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.output import Format
from secconsole.cli.stdin import read_password
from secconsole.domain.seeds.formats import SeedFormat

_RESULTS = [form.value for form in Format if form is not Format.MARKDOWN]


class _ImportCommand(Command):
    """A command whose --format takes the format of its files and that of the result, whose names differ."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [param for param in self.params if param.name != "format" or param.expose_value]


def _split(ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> SeedFormat | None:
    """Keep the format of the result for the output, and return that of the files."""
    for result in (value for value in values if value in _RESULTS):
        ctx.ensure_object(Call).format = Format(result)
    named = [SeedFormat(value) for value in values if value not in _RESULTS]
    return named[-1] if named else None


@click.command("import", cls=_ImportCommand)
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--format",
    "seed_format",
    multiple=True,
    type=click.Choice([*(form.value for form in SeedFormat), *_RESULTS]),
    callback=_split,
    help="The format of the files, by default recognised by their contents, or of the result.",
)
@click.option(
    "--map",
    "map_path",
    metavar="CSV",
    type=click.Path(path_type=Path),
    help="Columns serial and login: who has which token or account.",
)
@click.option("--pending", is_flag=True, help="A key counts only after its first use at a sign-in.")
@click.option("--password-stdin", is_flag=True, help="Read the password or key of encrypted files from standard input.")
@click.option("--dry-run", is_flag=True, help="Check every line, without importing.")
@with_backend
async def import_factors(
    context: CommandContext,
    files: tuple[Path, ...],
    seed_format: SeedFormat | None,
    map_path: Path | None,
    pending: bool,
    password_stdin: bool,
    dry_run: bool,
) -> int:
    """Bind keys that users have already, from files of other programs: nobody has to scan a code again.

    Reads otpauth URIs, QR texts of Google Authenticator, PSKC, exports of privacyIDEA (its format pi), Aegis, FreeOTP+
    and Keycloak, OATH and Yubico CSV, and .google_authenticator files, whose owner is the user.

    A line whose user does not exist waits: create the user, then import the file again. A key that its user has already
    is not bound twice. With waiting or refused lines: exit 7.

    \b
    secconsole factor import tokens.pskc --map serials.csv --dry-run
    secconsole factor import /home/*/.google_authenticator
    """
    from secconsole.cli.factor_importing import import_files

    password = read_password() if password_stdin else None
    return await import_files(
        context, files, format=seed_format, map_path=map_path, password=password, pending=pending, dry_run=dry_run
    )
