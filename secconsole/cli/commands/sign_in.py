"""`secconsole sign-in` and `sign-out`: a session for later commands."""

from __future__ import annotations

from collections.abc import Sequence

import click

from secconsole.backends.owner import tenants_here
from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.credentials import KeptSession, SessionFile, forget_session, keep_session, kept_session
from secconsole.cli.diagnostics import ExitCode, ask, can_ask, say
from secconsole.cli.output import Column
from secconsole.cli.sending import wait_until_sent
from secconsole.cli.stdin import read_code, read_new_password, read_password
from secconsole.domain.errors import Conflict, Invalid, NotSignedIn
from secconsole.domain.model import FactorKind, OfferedKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.signin import (
    BindingStarted,
    ChoosePassword,
    ConfirmBinding,
    Identity,
    OfferedFactor,
    SendCode,
    ShowSignInSending,
    SignIn,
    SignInAnswer,
    SignOut,
    StartBinding,
    VerifySignIn,
    WhoAmI,
)

TRIES = 3
_APP = FactorKind.TOTP
_KINDS = {
    _APP: "totp   an authenticator app",
    FactorKind.EMAIL: "email  a code by mail",
    FactorKind.SMS: "sms    a code by SMS",
}

COLUMNS: list[Column[Identity]] = [
    Column("login", lambda i: i.login),
    Column("name", lambda i: i.name),
    Column("role", lambda i: i.role),
    Column("tenant", lambda i: i.tenant),
    Column("signed_in_at", lambda i: i.signed_in_at),
]


@click.command(cls=Command)
@click.argument("login", required=False)
@with_backend
async def sign_in(context: CommandContext, login: str | None) -> int:
    """Sign in.

    Later commands act as you, until `secconsole sign-out`. The command asks for password and code. Without a terminal,
    it reads them from standard input, one on each line. If you must bind a second factor first, the command does that
    too, at a terminal.
    """
    # A session kept before must neither help nor hinder this sign-in.
    context.backend.credential = Nobody()
    tenant = context.named_tenant or await _only_tenant(context) or ask("Tenant:")
    login = login or ask("Login:")
    answer = await context.backend.perform(SignIn(tenant=tenant, login=login, password=read_password()))
    for _ in range(TRIES):
        if answer.message:
            say(answer.message)
        if answer.status in (SignInStatus.COMPLETE, SignInStatus.REFUSED):
            break
        answer = await _go_on(context, answer)
    if answer.status is not SignInStatus.COMPLETE or answer.token is None:
        raise NotSignedIn("You are not signed in. Try again: secconsole sign-in")
    context.backend.credential = Bearer(answer.token)
    session = KeptSession(context.target.backend, tenant, login, answer.token)
    with SessionFile(context.target, session).locked():  # another command may be renewing the token
        keep_session(context.target, session)
    context.out.record(COLUMNS, await context.backend.perform(WhoAmI()))
    return ExitCode.DONE


async def _only_tenant(context: CommandContext) -> str:
    """Return the only tenant of a store on this machine, or an empty string.

    A server names none to strangers.
    """
    names = await tenants_here(context.backend) if not context.target.backend else []
    return names[0] if len(names) == 1 else ""


async def _go_on(context: CommandContext, answer: SignInAnswer) -> SignInAnswer:
    """Perform the next step of a sign-in."""
    challenge = answer.challenge
    assert challenge is not None
    if answer.status is SignInStatus.SECOND_FACTOR:
        factor = _chosen(answer.factors)
        if _is_sent(factor) and answer.prefix is None:
            answer = await context.backend.perform(SendCode(challenge=challenge, factor=factor.id))
            if answer.prefix is None:
                raise NotSignedIn(answer.message)
            if answer.sent:
                await wait_until_sent(context.backend, ShowSignInSending(challenge=challenge))
            say(f"{answer.message} Enter the digits after {answer.prefix}-")
        code = read_code()
        return await context.backend.perform(VerifySignIn(challenge=challenge, factor=factor.id, code=code))
    if answer.status is SignInStatus.NEW_PASSWORD:
        say("You must choose a new password first.")
        password = read_new_password(from_stdin=True)
        return await context.backend.perform(ChoosePassword(challenge=challenge, password=password))
    return await _bind(context, challenge, answer.kinds)


def _chosen(factors: Sequence[OfferedFactor]) -> OfferedFactor:
    """Return the factor to use: the one chosen at the terminal, or one that needs no message before others."""
    # Prefer what needs no message: a script can compute a code, but it cannot read a phone.
    first = next((factor for factor in factors if not _is_sent(factor)), factors[0])
    if len(factors) == 1 or not can_ask():
        return first
    return factors[_picked([f"{factor.kind}  {factor.masked}" for factor in factors], "factor")]


def _is_sent(factor: OfferedFactor) -> bool:
    return factor.kind in (OfferedKind.EMAIL, OfferedKind.SMS)


def _picked(lines: Sequence[str], what: str) -> int:
    """Ask for one of several lines, and return its index."""
    for number, line in enumerate(lines, 1):
        say(f"{number}  {line}")
    chosen = ask(f"Which {what}, 1 to {len(lines)}:").strip()
    # isdigit alone accepts digits of other alphabets. Three are enough, and int() of a long text is slow.
    if not (chosen.isascii() and chosen.isdigit() and 1 <= int(chosen[:3]) <= len(lines)):
        raise Invalid(f"Enter a number from 1 to {len(lines)}.", what)
    return int(chosen[:3]) - 1


async def _bind(context: CommandContext, challenge: Secret[str], kinds: Sequence[FactorKind]) -> SignInAnswer:
    """Bind a factor of an available kind.

    After a wrong code, ask again for the same key or address.
    """
    if not can_ask():
        raise Conflict("You must bind a second factor first. Sign in at a terminal, or in the console: secconsole")
    say("You must bind a second factor first.")
    kind = kinds[_picked([_KINDS[kind] for kind in kinds], "kind")] if len(kinds) > 1 else next(iter(kinds), _APP)
    started = await (_bind_app if kind is _APP else _bind_sent)(context, challenge, kind)
    for tries_left in reversed(range(TRIES)):
        confirm = ConfirmBinding(challenge=challenge, enrollment=started.enrollment, code=read_code())
        answer = await context.backend.perform(confirm)
        if answer.status is not SignInStatus.ENROLL or not tries_left:
            break
        say(answer.message)
    return answer


async def _bind_app(context: CommandContext, challenge: Secret[str], kind: FactorKind) -> BindingStarted:
    started = await context.backend.perform(StartBinding(challenge=challenge, kind=kind))
    say("Add this key to an authenticator app, and enter the code that it shows.")
    context.out.line(started.key.reveal())
    context.out.flush()
    return started


async def _bind_sent(context: CommandContext, challenge: Secret[str], kind: FactorKind) -> BindingStarted:
    """Ask for an address or number until it is valid."""
    question = "E-mail address" if kind is FactorKind.EMAIL else "Phone number, with its country code"
    while True:
        address = ask(f"{question} (empty for the one on record):").strip()
        try:
            started = await context.backend.perform(StartBinding(challenge=challenge, kind=kind, address=address))
        except Invalid as error:
            say(error.message)
            continue
        if not started.prefix:
            raise NotSignedIn(started.message)
        if started.sent:
            look = ShowSignInSending(challenge=challenge, enrollment=started.enrollment)
            await wait_until_sent(context.backend, look)
        notice = f"A code is on its way to {started.masked}." if started.sent else started.message
        say(f"{notice} Enter the digits after {started.prefix}-")
        return started


@click.command(cls=Command)
@with_backend
async def sign_out(context: CommandContext) -> int:
    """End the session that `secconsole sign-in` saved."""
    kept = kept_session(context.target)
    if kept is None:
        say("You are not signed in.")
        return ExitCode.NO
    file = SessionFile(context.target, kept)
    with file.locked():  # so that no other command renews the token meanwhile
        if kept.backend == context.target.backend:
            context.backend.credential = Bearer(file.newest() or kept.token)
            try:
                await context.backend.perform(SignOut())
            except NotSignedIn:
                say("The session had already ended.")
        else:
            say(f"The session belongs to {kept.backend or 'the store on this machine'}. It was only removed here.")
        forget_session(context.target)
    return ExitCode.DONE
