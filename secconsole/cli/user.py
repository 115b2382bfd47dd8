"""`secconsole user`: find, create, import and change users."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from secconsole.cli.command import Noun, Word
from secconsole.cli.diagnostics import say
from secconsole.cli.output import Column, Listing, shown
from secconsole.cli.paging import pages
from secconsole.cli.stdin import chosen_password
from secconsole.cli.user_facts import factor_line, facts
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role
from secconsole.domain.search import UserFilter, parse_search
from secconsole.operations.users import (
    ChangeRole,
    CountUsers,
    CreateUser,
    DisableUser,
    EnableUser,
    ListUsers,
    RequireMfa,
    ResetPassword,
    ShowUser,
    UnlockUser,
    UserChanged,
    UserPage,
    UserRow,
    UserSort,
)

COLUMNS: list[Column[UserRow]] = [
    Column("id", lambda u: u.id, "Id"),
    Column("login", lambda u: u.login),
    Column("name", lambda u: u.name),
    Column("email", lambda u: u.email, "E-mail"),
    Column("phone", lambda u: u.phone),
    Column("role", lambda u: u.role),
    Column("status", lambda u: u.status),
    Column("flags", lambda u: u.flags),
    Column("factors", lambda u: u.factors),
    Column("last_sign_in", lambda u: u.last_sign_in),
    Column("mfa_required", lambda u: u.mfa_required, "Required"),
]
IN_TABLE = [
    c
    for key in ("login", "name", "status", "flags", "factors", "role", "last_sign_in")
    for c in COLUMNS
    if c.key == key
]


@dataclass(frozen=True, slots=True)
class Importable:
    """A user as `user import` reads them."""

    login: str
    name: str
    email: str
    phone: str
    role: Role


IMPORTABLE: list[Column[Importable]] = [
    Column("login", lambda u: u.login),
    Column("name", lambda u: u.name),
    Column("email", lambda u: u.email),
    Column("phone", lambda u: u.phone),
    Column("role", lambda u: u.role),
]


@click.group(cls=Noun)
def user() -> None:
    """Find, create, import and change users. A LOGIN may also be a user's id."""


@user.command("list")
@click.option("--search", default="", metavar="TEXT", help="Words of login, name or e-mail; also status:, role:, is:.")
@click.option("--status", type=Word(BindingStatus), help="Only users with this binding status.")
@click.option("--role", type=Word(Role), help="Only users with this role.")
@click.option("--flag", type=Word(Flag), help="Only users with this flag.")
@click.option("--factor", type=Word(FactorKind), help="Only users with a factor of this kind.")
@click.option("--sort", type=Word(UserSort), default=UserSort.LOGIN.value, show_default=True, help="The order.")
@click.option("--descending", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--all", "everyone", is_flag=True, help="All of them, however many.")
@click.option("--cursor", help="Go on after an earlier answer: its next.")
@working
async def list_users(
    work: Work,
    search: str,
    status: BindingStatus | None,
    role: Role | None,
    flag: Flag | None,
    factor: FactorKind | None,
    sort: UserSort,
    descending: bool,
    limit: int,
    everyone: bool,
    cursor: str | None,
) -> None:
    """List users with their binding status.

    \b
    secconsole user list --status unbound --format json
    secconsole user list --search "mar role:helpdesk" --all --format csv
    """
    found = _filter(search, status, role, flag, factor)
    query = ListUsers(tenant=await work.tenant(), filter=found, sort=sort, descending=descending)
    listing = Listing(work.out, IN_TABLE if work.out.is_table else COLUMNS)
    count, next = 0, cursor
    async for page in user_pages(work, query, most=None if everyone else limit, cursor=cursor):
        listing.add(page.items)
        count, next = count + len(page.items), page.next
    listing.end(next)
    if next and work.out.is_table:
        total = await work.perform(CountUsers(tenant=query.tenant, filter=found))
        say(f"{count:,} of {shown(total.count)}{'+' if total.capped else ''} users. More: --all, or --cursor {next}")


def user_pages(
    work: Work, query: ListUsers, *, most: int | None = None, cursor: str | None = None
) -> AsyncIterator[UserPage]:
    """The pages of a list, up to so many users in all."""
    return pages(lambda at, size: work.perform(replace(query, cursor=at, limit=size)), most=most, cursor=cursor)


@user.command("show")
@click.argument("login")
@working
async def show(work: Work, login: str) -> None:
    """Show one user with factors, whitelist entry and recent events."""
    detail = await work.perform(ShowUser(tenant=await work.tenant(), user=login))
    if not work.out.is_table:
        work.out.record(COLUMNS, detail.user, reply=detail)
        return
    work.out.pairs([*((c.heading, c.value(detail.user)) for c in COLUMNS), *facts(detail)])
    for factor in detail.factors:
        work.out.line(factor_line(factor))
    for event in detail.events:
        reason = f"  {event.reason}" if event.reason else ""
        work.out.line(f"{shown(event.at)}  {event.action}  {event.outcome}  by {event.actor}{reason}")


@user.command("create")
@click.argument("login")
@click.option("--name", default="", help="The person's name.")
@click.option("--email", default="", help="Where mail reaches them.")
@click.option("--phone", default="", help="With country code: +420 …")
@click.option("--role", type=Word(Role), default=Role.USER.value, show_default=True, help="What they may do.")
@click.option("--password-stdin", is_flag=True, help="Read a first password from standard input.")
@working
async def create(work: Work, login: str, name: str, email: str, phone: str, role: Role, password_stdin: bool) -> None:
    """Create a user.

    Without --password-stdin there is no password yet; see: secconsole user reset-password
    """
    changed = await work.perform(
        CreateUser(
            tenant=await work.tenant(), login=login, name=name, email=email, phone=phone, role=role,
            password=chosen_password(from_stdin=True) if password_stdin else None,
        )
    )  # fmt: skip
    _answer(work, changed)


@user.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--all-or-nothing", is_flag=True, help="One bad line keeps all out (exit 5).")
@click.option("--dry-run", is_flag=True, help="Check every line and write nothing.")
@working
async def import_users(work: Work, file: Path, all_or_nothing: bool, dry_run: bool) -> int:
    """Create and update users from a CSV file, or from standard input with -.

    The first line names the columns, in any order: login, and any of name, email, phone, role, password. The file is
    UTF-8. An empty field leaves what is there, and a password that somebody has already stays, so the same file can be
    imported again. A ' in front of a cell that begins with = + - or @ is taken off: that is how `user export` keeps
    spreadsheets from calculating.

    Bad lines are listed with the reason, and the good ones are in: exit 7. With --all-or-nothing none is: exit 5.

    \b
    secconsole user import people.csv --dry-run
    """
    from secconsole.cli.importing import import_file

    return await import_file(work, file, all_or_nothing=all_or_nothing, dry_run=dry_run)


@user.command("export")
@working
async def export(work: Work) -> None:
    """Write all users in the form that `user import` reads: CSV unless --format says otherwise.

    Cells that a spreadsheet would calculate get a ' in front, phone numbers among them; `user import` takes it off.
    """
    work.out.for_export()
    listing = Listing(work.out, IMPORTABLE)
    async for page in user_pages(work, ListUsers(tenant=await work.tenant())):
        listing.add([Importable(u.login, u.name, u.email, u.phone, u.role) for u in page.items])
    listing.end()


@user.command("disable")
@click.argument("login")
@click.option("--reason", default="", help="Kept in the audit.")
@working
async def disable(work: Work, login: str, reason: str) -> None:
    """Keep a user from signing in, and end their sessions."""
    _answer(work, await work.perform(DisableUser(tenant=await work.tenant(), user=login, reason=reason)))


@user.command("enable")
@click.argument("login")
@working
async def enable(work: Work, login: str) -> None:
    """Let a disabled user sign in again."""
    _answer(work, await work.perform(EnableUser(tenant=await work.tenant(), user=login)))


@user.command("role")
@click.argument("login")
@click.argument("role", type=Word(Role))
@working
async def change_role(work: Work, login: str, role: Role) -> None:
    """Give a user another role; the sessions of somebody demoted end."""
    _answer(work, await work.perform(ChangeRole(tenant=await work.tenant(), user=login, role=role)))


@user.command("reset-password")
@click.argument("login")
@working
async def reset_password(work: Work, login: str) -> None:
    """Replace a password by a one-time one, shown here once; it must be changed at the next sign-in."""
    reset = await work.perform(ResetPassword(tenant=await work.tenant(), user=login))
    if work.out.is_table:
        work.out.pairs([("Login", reset.user.login), ("One-time password", reset.password.reveal())])
        say("It is not shown again. Whoever signs in with it must choose a new one.")
    elif work.out.format == "json":
        work.out.json(reset, reveal=True)
    else:
        work.out.listing(
            [Column("login", lambda r: r.user.login), Column("password", lambda r: r.password.reveal())], [reset]
        )


@user.command("unlock")
@click.argument("login")
@working
async def unlock(work: Work, login: str) -> None:
    """Forget the failed entries that hold an account back."""
    _answer(work, await work.perform(UnlockUser(tenant=await work.tenant(), user=login)))


@user.command("require-mfa")
@click.argument("login")
@click.option("--off", is_flag=True, help="Stop requiring it.")
@working
async def require_mfa(work: Work, login: str, off: bool) -> None:
    """Require a second factor of one user, whatever the policy."""
    _answer(work, await work.perform(RequireMfa(tenant=await work.tenant(), user=login, required=not off)))


def _answer(work: Work, changed: UserChanged) -> None:
    work.out.record(COLUMNS, changed.user, reply=changed)


def _filter(
    search: str, status: BindingStatus | None, role: Role | None, flag: Flag | None, factor: FactorKind | None
) -> UserFilter:
    """What was typed into --search, and the options, which go before it."""
    typed, problems = parse_search(search)
    if problems:
        raise Invalid(f"--search is not understood: {'; '.join(problems)}.", "search")
    return UserFilter(
        typed.words, status or typed.status, role or typed.role, flag or typed.flag, factor or typed.factor
    )
