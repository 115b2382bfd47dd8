"""The command line, which imports the module of a command when the command is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from secconsole import __version__
from secconsole.cli.command import Call, ConsoleOptions, EnumChoice, RootGroup, current_call, show
from secconsole.cli.diagnostics import run_guarded
from secconsole.config.start_at import StartPlace, start_at

NAME = "secconsole"

COMMANDS = {
    "demo": ("demo", "demo", "Create a throw-away organisation and open the console on it."),
    "init": ("init", "init", "Create the store, a tenant and its first administrator."),
    "tenant": ("tenant", "tenant", "Create and list tenants."),
    "user": ("user", "user", "Find, create, import and change users."),
    "policy": ("policy", "policy", "Show and set whether a second factor is off, optional or required."),
    "whitelist": ("whitelist", "whitelist", "Manage users who are exempt from a second factor."),
    "network": ("network", "network", "Manage the networks from which users may sign in."),
    "factor": ("factor", "factor", "Enroll, confirm and remove the factors of a user."),
    "unbind": ("unbind", "unbind", "Unbind users who lost a phone, so that they can bind a new one."),
    "reset": ("reset", "reset", "Reset a user who calls without their phone, in one guarded step."),
    "undo": ("unbind", "undo", "Undo an unbinding within ten minutes."),
    "caller-check": ("caller_check", "caller_check", "Check a caller by a code from what is on record."),
    "approval": ("approval", "approval", "Ask a second person before unbinding, and answer requests."),
    "job": ("job", "job", "List, show, resume and cancel acts on many users."),
    "bypass": ("bypass", "bypass", "Issue a short-lived code for a user whose phone is not at hand."),
    "recovery-codes": ("recovery_codes", "recovery_codes", "Create ten single-use codes for a lost phone."),
    "verify": ("verify", "verify", "Check a user's code: exit 0 if accepted, 1 if not."),
    "delivery": ("delivery", "delivery", "Set up, test and show how codes are sent by e-mail and SMS."),
    "text": ("text", "texts", "List, show and check the texts of messages."),
    "token": ("token", "token", "Create, list and revoke personal access tokens."),
    "secret-key": ("secret_key", "secret_key", "List, create, rotate and revoke the secret keys of programs."),
    "incident": ("incident", "incident", "Handle a breach: freeze, end sessions, reset, report."),
    "audit": ("audit", "audit", "List, verify and export the audit log."),
    "alert": ("alert", "alert", "List and acknowledge alerts of suspicious activity, and set their rules."),
    "context": ("context", "context", "Add, list, use and remove named servers."),
    "backup": ("backup", "backup", "Copy the store to a file while it is in use."),
    "restore": ("restore", "restore", "Replace the content of the store by a backup."),
    "key": ("key", "key", "Rotate the master key, which opens the secrets of the store."),
    "store": ("store", "store", "Migrate a PostgreSQL store, and copy an organisation between stores."),
    "theme": ("theme", "theme", "List and check themes of the console."),
    "doctor": ("doctor", "doctor", "Check this installation for problems."),
    "sign-in": ("sign_in", "sign_in", "Sign in. Later commands act as you until you sign out."),
    "sign-out": ("sign_in", "sign_out", "End the session that sign-in saved."),
    "account": ("account", "account", "Show your own account and change its password."),
    "session": ("session", "session", "List and end the sessions of a user."),
    "radius": ("radius", "radius", "Answer VPN gateways and other network devices by RADIUS."),
    "serve": ("serve", "serve", "Serve the same operations as an HTTP API."),
    "pam-agent": ("pam_agent", "pam_agent", "Ask for second factors at SSH and other programs that use PAM."),
    "completion": ("completion", "completion", "Print the completion script for a shell."),
}


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        show(ctx, f"{NAME} {__version__}")


@click.group(
    cls=RootGroup,
    lazy=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--user", metavar="LOGIN", help="Console only: begin at this user.")
@click.option("--filter", "words", metavar="WORDS", help='Console only: begin at these users: "status:unbound".')
@click.option("--place", type=EnumChoice(StartPlace), help="Console only: begin in this place.")
@click.option("--read-only", is_flag=True, help="Console only: disable everything that changes data.")
@click.option("--theme", metavar="NAME", default="", help="Console only: the theme to use. See: secconsole theme list")
@click.option("--no-mouse", is_flag=True, help="Console only: leave the mouse to the terminal.")
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(
    context: click.Context,
    user: str | None,
    words: str | None,
    place: StartPlace | None,
    read_only: bool,
    theme: str,
    no_mouse: bool,
) -> int | None:
    """Look after the multi-factor authentication of an organisation.

    Without a command, the console opens. A command writes its result to standard output and everything else to
    standard error.

    \b
    Exit codes: 0 done · 1 the answer is no · 2 wrong usage · 3 not signed in or not allowed
      4 no such thing · 5 conflict or stale · 6 unavailable · 7 partly done
    """
    if context.invoked_subcommand is None:
        call = current_call()
        options = ConsoleOptions(
            call.backend,
            call.tenant or "",
            call.context or "",
            theme,
            read_only,
            mouse=not no_mouse,
            ca_file=str(call.ca_file.absolute()) if call.ca_file else "",
            start=start_at(user, words, place),
        )
        return call.open_console(options)
    if read_only or theme or no_mouse or (user, words, place) != (None, None, None):
        raise click.UsageError(
            "--user, --filter, --place, --read-only, --theme and --no-mouse are for the console, not for a command."
        )
    return None


def run(
    arguments: Sequence[str],
    open_console: Callable[[ConsoleOptions], int],
    key_problems: Callable[[], Sequence[str]] = tuple,
) -> int:
    """Run one command line and return its exit code."""

    def action() -> int:
        for argument in arguments:
            if not argument.isascii() and any("\ud800" <= c <= "\udfff" for c in argument):
                raise click.UsageError("An argument is not UTF-8 text.")
        code = cli.main(list(arguments), prog_name=NAME, standalone_mode=False, obj=Call(open_console, key_problems))
        return code if isinstance(code, int) else 0

    return run_guarded(action)
