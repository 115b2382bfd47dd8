"""`secconsole sign-in` and `sign-out`: a session that later commands act with."""

from __future__ import annotations

from collections.abc import Sequence

import click

from secconsole.cli.acting import KeptSession, SessionFile, forget_session, keep_session, kept_session
from secconsole.cli.command import Verb
from secconsole.cli.diagnostics import ExitCode, ask, can_ask, say
from secconsole.cli.output import Column
from secconsole.cli.stdin import chosen_password, read_code, read_password
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Conflict, Invalid, NotSignedIn
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.signin import (
    BindingStarted,
    ChoosePassword,
    ConfirmBinding,
    Identity,
    OfferedFactor,
    SendCode,
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


@click.command(cls=Verb)
@click.argument("login", required=False)
@working
async def sign_in(work: Work, login: str | None) -> int:
    """Sign in; the commands after it act as you, until `secconsole sign-out`.

    Password and code are asked for. Without a terminal they are read from standard input, a line each. Where a second
    factor must be bound first, that is done here too, at a terminal.
    """
    work.backend.credential = Nobody()
    tenant = work.named_tenant or ask("Tenant:")
    login = login or ask("Login:")
    answer = await work.backend.perform(SignIn(tenant=tenant, login=login, password=read_password()))
    for _ in range(TRIES):
        if answer.message:
            say(answer.message)
        if answer.status in (SignInStatus.COMPLETE, SignInStatus.REFUSED):
            break
        answer = await _go_on(work, answer)
    if answer.status is not SignInStatus.COMPLETE or answer.token is None:
        raise NotSignedIn("You are not signed in. Try again: secconsole sign-in")
    work.backend.credential = Bearer(answer.token)
    session = KeptSession(work.place.backend, tenant, login, answer.token)
    with SessionFile(work.place, session).alone():  # another command may be putting a new token there
        keep_session(work.place, session)
    work.out.record(COLUMNS, await work.backend.perform(WhoAmI()))
    return ExitCode.DONE


async def _go_on(work: Work, answer: SignInAnswer) -> SignInAnswer:
    """The next step that a sign-in asks for."""
    challenge = answer.challenge
    assert challenge is not None
    if answer.status is SignInStatus.SECOND_FACTOR:
        factor = _chosen(answer.factors)
        if factor.kind is not FactorKind.TOTP and answer.prefix is None:
            answer = await work.backend.perform(SendCode(challenge=challenge, factor=factor.id))
            if answer.prefix is None:
                raise NotSignedIn(answer.message)
            say(f"{answer.message} Give the digits after {answer.prefix}-")
        code = read_code()
        return await work.backend.perform(VerifySignIn(challenge=challenge, factor=factor.id, code=code))
    if answer.status is SignInStatus.NEW_PASSWORD:
        say("A new password must be chosen first.")
        password = chosen_password(from_stdin=True)
        return await work.backend.perform(ChoosePassword(challenge=challenge, password=password))
    return await _bind(work, challenge, answer.kinds)


def _chosen(factors: Sequence[OfferedFactor]) -> OfferedFactor:
    """The factor to use: where somebody can be asked, which of several; else an app before what has to be sent."""
    first = next((factor for factor in factors if factor.kind is FactorKind.TOTP), factors[0])
    if len(factors) == 1 or not can_ask():
        return first
    return factors[_picked([f"{factor.kind}  {factor.masked}" for factor in factors], "factor")]


def _picked(lines: Sequence[str], what: str) -> int:
    """Which of several lines, counted from 0."""
    for number, line in enumerate(lines, 1):
        say(f"{number}  {line}")
    chosen = ask(f"Which {what}, 1 to {len(lines)}:").strip()
    if not (chosen.isascii() and chosen.isdigit() and 1 <= int(chosen[:3]) <= len(lines)):
        raise Invalid(f"That is none of 1 to {len(lines)}.", what)
    return int(chosen[:3]) - 1


async def _bind(work: Work, challenge: Secret[str], kinds: Sequence[FactorKind]) -> SignInAnswer:
    """Bind a factor of a kind that can be bound now; a wrong code is given again for the same key or address."""
    if not can_ask():
        raise Conflict("A second factor must be bound first. Sign in at a terminal, or in the console: secconsole")
    say("A second factor must be bound first.")
    kind = kinds[_picked([_KINDS[kind] for kind in kinds], "kind")] if len(kinds) > 1 else next(iter(kinds), _APP)
    started = await (_bind_app if kind is _APP else _bind_sent)(work, challenge, kind)
    for tries_left in reversed(range(TRIES)):
        confirm = ConfirmBinding(challenge=challenge, enrollment=started.enrollment, code=read_code())
        answer = await work.backend.perform(confirm)
        if answer.status is not SignInStatus.ENROLL or not tries_left:
            break
        say(answer.message)
    return answer


async def _bind_app(work: Work, challenge: Secret[str], kind: FactorKind) -> BindingStarted:
    started = await work.backend.perform(StartBinding(challenge=challenge, kind=kind))
    say("Put this key into an authenticator app, and give the code it shows.")
    work.out.line(started.key.reveal())
    work.out.flush()
    return started


async def _bind_sent(work: Work, challenge: Secret[str], kind: FactorKind) -> BindingStarted:
    """Ask for an address or number until it is one."""
    question = "E-mail address" if kind is FactorKind.EMAIL else "Phone number, with its country code"
    while True:
        address = ask(f"{question}; empty for the one on record:").strip()
        try:
            started = await work.backend.perform(StartBinding(challenge=challenge, kind=kind, address=address))
        except Invalid as error:
            say(error.message)
            continue
        if not started.prefix:
            raise NotSignedIn(started.message)
        said = f"A code is on its way to {started.masked}." if started.sent else started.message
        say(f"{said} Give the digits after {started.prefix}-")
        return started


@click.command(cls=Verb)
@working
async def sign_out(work: Work) -> int:
    """End the session that `secconsole sign-in` keeps."""
    kept = kept_session(work.place)
    if kept is None:
        say("There is no session to end.")
        return ExitCode.NO
    file = SessionFile(work.place, kept)
    with file.alone():  # no other command proves and has the token replaced meanwhile
        if kept.backend == work.place.backend:
            work.backend.credential = Bearer(file.newest() or kept.token)
            try:
                await work.backend.perform(SignOut())
            except NotSignedIn:
                say("The session had ended already.")
        else:
            say(f"The session was made at {kept.backend or 'the store on this machine'}; it is only forgotten here.")
        forget_session(work.place)
    return ExitCode.DONE
