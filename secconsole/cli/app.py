"""The program's command line; a command's module is loaded when the command is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from secconsole import __version__
from secconsole.cli.command import Call, ConsoleOptions, Root, current_call
from secconsole.cli.diagnostics import guarded

NAME = "secconsole"

COMMANDS = {
    "demo": ("demo", "demo", "Fill a throw-away organisation and open the console on it."),
    "init": ("init", "init", "Make the store, with a tenant and its first administrator."),
    "tenant": ("tenant", "tenant", "Tenants: create, list."),
    "user": ("user", "user", "Users: find, create, import, change."),
    "policy": ("policy", "policy", "Whether a second factor is off, optional or required."),
    "whitelist": ("whitelist", "whitelist", "Who need not use a second factor."),
    "factor": ("factor", "factor", "A user's factors: enroll, confirm, remove."),
    "unbind": ("unbind", "unbind", "Let users who lost a phone bind anew."),
    "undo": ("unbind", "undo", "Take an unbinding back within ten minutes."),
    "recovery-codes": ("recovery_codes", "recovery_codes", "Make ten codes, each good once for a lost phone."),
    "verify": ("verify", "verify", "Check a user's code: exit 0 accepted, 1 not."),
    "delivery": ("delivery", "delivery", "How codes are sent by e-mail and SMS: set up, test, show."),
    "text": ("text", "texts", "The words of messages: list, show."),
    "token": ("token", "token", "Personal access tokens: create, list, revoke."),
    "secret-key": ("secret_key", "secret_key", "What a tenant's programs sign in with: show-id, rotate."),
    "audit": ("audit", "audit", "What was done, by whom: list, verify, export."),
    "context": ("context", "context", "Places to work at, by name: add, list, use, remove."),
    "store": ("store", "store", "Stores on PostgreSQL: make or update the tables, copy an organisation."),
    "theme": ("theme", "theme", "Colours of the console: list, check."),
    "doctor": ("doctor", "doctor", "Look for what is wrong with this installation."),
    "sign-in": ("session", "sign_in", "Sign in; commands then act as you until you sign out."),
    "sign-out": ("session", "sign_out", "End the session that sign-in keeps."),
    "account": ("account", "account", "Your own account: show it, change the password."),
    "session": ("sessions", "session", "Who is signed in as a user: list, end."),
    "serve": ("serve", "serve", "Offer the same operations as an HTTP API."),
    "completion": ("completion", "completion", "Print the completion script for a shell."),
}


@click.group(
    cls=Root,
    lazy=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--read-only", is_flag=True, help="The console: look, and change nothing.")
@click.option("--theme", metavar="NAME", default="", help="The console: its colours; see: secconsole theme list")
@click.option("--no-mouse", is_flag=True, help="The console: leave the mouse to the terminal.")
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, read_only: bool, theme: str, no_mouse: bool) -> int | None:
    """Look after the multi-factor authentication of an organisation.

    Without a command the console opens. With one, the answer goes to standard output and everything else to standard
    error.

    \b
    Exit codes: 0 done · 1 the answer is no · 2 wrong usage · 3 not signed in or not allowed
      4 no such thing · 5 conflict or stale · 6 unavailable · 7 partly done
    """
    if context.invoked_subcommand is None:
        call = current_call()
        options = ConsoleOptions(
            call.backend, call.tenant or "", call.context or "", theme, read_only, mouse=not no_mouse,
            ca_file=str(call.ca_file.absolute()) if call.ca_file else "",
        )  # fmt: skip
        return call.open_console(options)
    if read_only or theme or no_mouse:
        raise click.UsageError("--read-only, --theme and --no-mouse are for the console, not for a command.")
    return None


def run(arguments: Sequence[str], open_console: Callable[[ConsoleOptions], int]) -> int:
    """Carry out one command line and return its exit code."""

    def action() -> int:
        for argument in arguments:
            if not argument.isascii() and any("\ud800" <= c <= "\udfff" for c in argument):
                raise click.UsageError("An argument is not UTF-8 text.")
        code = cli.main(list(arguments), prog_name=NAME, standalone_mode=False, obj=Call(open_console))
        return code if isinstance(code, int) else 0

    return guarded(action)
