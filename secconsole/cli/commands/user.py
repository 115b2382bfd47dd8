"""`secconsole user`: find, create, import and change users."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.invite import invite
from secconsole.cli.commands.user_access import disable, remind, require_mfa, reset_password, unlock
from secconsole.cli.confirm import confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Listing, format_value
from secconsole.cli.stdin import read_new_password
from secconsole.cli.user_answers import COLUMNS, answer_user, user_effect
from secconsole.cli.user_facts import describe_factor, detail_pairs
from secconsole.domain.errors import Invalid
from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role
from secconsole.domain.users.search import UserFilter, parse_search
from secconsole.operations.paging import pages
from secconsole.operations.user_changes import (
    ChangeRole,
    EnableUser,
    RenameUser,
)
from secconsole.operations.users import (
    CountUsers,
    CreateUser,
    ListUsers,
    ShowUser,
    UserChanged,
    UserPage,
    UserSort,
)

IN_TABLE = [
    c
    for key in ("login", "name", "status", "flags", "factors", "role", "last_sign_in")
    for c in COLUMNS
    if c.key == key
]


@dataclass(frozen=True, slots=True)
class Importable:
    """A user in the form that `user import` reads."""

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


@click.group(cls=Group)
def user() -> None:
    """Find, create, import and change users.

    LOGIN may also be a user id.
    """


user.add_command(invite)
for _command in (disable, reset_password, unlock, remind, require_mfa):
    user.add_command(_command)


@user.command("list")
@click.option(
    "--search", default="", metavar="TEXT", help="Words of login, name, e-mail or phone; also -status:bound, last:>90d."
)
@click.option("--status", type=EnumChoice(BindingStatus), help="Only users with this binding status.")
@click.option("--role", type=EnumChoice(Role), help="Only users with this role.")
@click.option("--flag", type=EnumChoice(Flag), help="Only users with this flag.")
@click.option("--factor", type=EnumChoice(FactorKind), help="Only users with a factor of this kind.")
@click.option("--sort", type=EnumChoice(UserSort), default=UserSort.LOGIN.value, show_default=True, help="The order.")
@click.option("--descending", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The maximum number of users.")
@click.option("--all", "everyone", is_flag=True, help="List all users.")
@click.option("--cursor", help="Continue after an earlier result, from its next.")
@with_backend
async def list_users(
    context: CommandContext,
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
    query = ListUsers(tenant=await context.tenant(), filter=found, sort=sort, descending=descending)
    listing = Listing(context.out, IN_TABLE if context.out.is_table else COLUMNS)
    count, next = 0, cursor
    async for page in user_pages(context, query, most=None if everyone else limit, cursor=cursor):
        listing.add(page.items)
        count, next = count + len(page.items), page.next
    listing.end(next)
    if next and context.out.is_table:
        total = await context.perform(CountUsers(tenant=query.tenant, filter=found))
        of = f"{total.count:,}{'+' if total.capped else ''}"
        say(f"{count:,} of {of} users. For more, use --all, or --cursor {next}")


def user_pages(
    context: CommandContext, query: ListUsers, *, most: int | None = None, cursor: str | None = None
) -> AsyncIterator[UserPage]:
    """Yield the pages of a list, up to a number of users."""
    return pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size)), most=most, cursor=cursor)


@user.command("show")
@click.argument("login")
@with_backend
async def show(context: CommandContext, login: str) -> None:
    """Show one user with factors, whitelist entry and recent events."""
    detail = await context.perform(ShowUser(tenant=await context.tenant(), user=login))
    if not context.out.is_table:
        context.out.record(COLUMNS, detail.user, reply=detail)
        return
    context.out.pairs([*((c.heading, c.value(detail.user)) for c in COLUMNS), *detail_pairs(detail)])
    for factor in detail.factors:
        context.out.line(describe_factor(factor))
    for event in detail.events:
        reason = f"  {event.reason}" if event.reason else ""
        context.out.line(f"{format_value(event.at)}  {event.action}  {event.outcome}  by {event.actor}{reason}")


@user.command("create")
@click.argument("login")
@click.option("--name", default="", help="The person's name.")
@click.option("--email", default="", help="The e-mail address.")
@click.option("--phone", default="", help="The phone number with country code: +420 …")
@click.option("--role", type=EnumChoice(Role), default=Role.USER.value, show_default=True, help="The role.")
@click.option("--password-stdin", is_flag=True, help="Read the first password from standard input.")
@with_backend
async def create(
    context: CommandContext, login: str, name: str, email: str, phone: str, role: Role, password_stdin: bool
) -> None:
    """Create a user.

    Without --password-stdin, the user has no password yet. See: secconsole user invite
    """
    changed = await context.perform(
        CreateUser(
            tenant=await context.tenant(),
            login=login,
            name=name,
            email=email,
            phone=phone,
            role=role,
            password=read_new_password(from_stdin=True) if password_stdin else None,
        )
    )
    answer_user(context, changed)
    _warn_of_look_alikes(changed)


@user.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--all-or-nothing", is_flag=True, help="Import nothing if any line is invalid (exit 5).")
@click.option("--dry-run", is_flag=True, help="Check every line, without importing.")
@with_backend
async def import_users(context: CommandContext, file: Path, all_or_nothing: bool, dry_run: bool) -> int:
    """Create and update users from a CSV file, or from standard input with -.

    The first line names the columns, in any order: login, and any of name, email, phone, role, password. The file is
    UTF-8. An empty field does not change the user, and an existing password is kept, so the same file can be imported
    again. A ' before a cell that begins with = + - or @ is removed: `user export` adds it so that spreadsheets do not
    evaluate the cell.

    Invalid lines are listed with the reason, and the others are imported: exit 7. With --all-or-nothing, nothing is
    imported: exit 5.

    \b
    secconsole user import people.csv --dry-run
    """
    from secconsole.cli.importing import import_file

    return await import_file(context, file, all_or_nothing=all_or_nothing, dry_run=dry_run)


@user.command("export")
@with_backend
async def export(context: CommandContext) -> None:
    """Export all users in the form that `user import` reads, as CSV unless --format is given.

    Cells that a spreadsheet would evaluate, including phone numbers, get a ' in front. `user import` removes it.
    """
    context.out.for_export()
    listing = Listing(context.out, IMPORTABLE)
    async for page in user_pages(context, ListUsers(tenant=await context.tenant())):
        listing.add([Importable(u.login, u.name, u.email, u.phone, u.role) for u in page.items])
    listing.end()


@user.command("enable")
@click.argument("login")
@with_backend
async def enable(context: CommandContext, login: str) -> None:
    """Enable a disabled user."""
    answer_user(context, await context.perform(EnableUser(tenant=await context.tenant(), user=login)))


@user.command("role")
@click.argument("login")
@click.argument("role", type=EnumChoice(Role))
@confirmation_options
@with_backend
async def change_role(context: CommandContext, login: str, role: Role, dry_run: bool, yes: bool) -> int:
    """Change the role of a user.

    Their sessions and tokens end.
    """
    tenant = await context.tenant()
    found = await context.perform(ShowUser(tenant=tenant, user=login))
    same = found.user.role is role
    effect = user_effect(
        found, f"becomes {role}", f"{role} already" if same else f"{found.user.role} to {role}", ends=not same
    )
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    answer_user(context, await context.perform(ChangeRole(tenant=tenant, user=found.user.id, role=role)))
    return ExitCode.DONE


@user.command("rename")
@click.argument("login")
@click.option("--login", "new_login", help="Another login.")
@click.option("--name", help="The person's name.")
@click.option("--email", help="Where mail reaches them; no factor changes.")
@click.option("--phone", help="With country code: +420 …; no factor changes.")
@confirmation_options
@with_backend
async def rename(
    context: CommandContext,
    login: str,
    new_login: str | None,
    name: str | None,
    email: str | None,
    phone: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Correct login, name, e-mail or phone of a user.

    "" removes a name or an address. Sessions stay open.

    \b
    secconsole user rename mlindqvist --login maria.lindqvist --yes
    """
    options = {"login": new_login, "name": name, "email": email, "phone": phone}
    wanted = {field: text for field, text in options.items() if text is not None}
    if not wanted:
        raise click.UsageError("Say what to correct: --login, --name, --email or --phone.")
    tenant = await context.tenant()
    found = await context.perform(ShowUser(tenant=tenant, user=login))
    operation = RenameUser(tenant=tenant, user=found.user.id, login=new_login, name=name, email=email, phone=phone)
    checked = await context.perform(replace(operation, check_only=True))
    values = {field: (getattr(found.user, field), getattr(checked.user, field)) for field in wanted}
    change = ", ".join(f"{field} from {old or 'none'} to {new or 'none'}" for field, (old, new) in values.items())
    effect = user_effect(found, f"changes: {change}", change, ends=False)
    _warn_of_look_alikes(checked)
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    answer_user(context, await context.perform(operation))
    return ExitCode.DONE


def _warn_of_look_alikes(changed: UserChanged) -> None:
    for other in changed.look_alikes:
        named = f"{other.login} ({other.name})" if other.name else other.login
        what = "has the same name as" if other.same_name else "looks like"
        say(f"{changed.user.login} {what} {named}, id {other.id}. Check which one is meant.")


def _filter(
    search: str, status: BindingStatus | None, role: Role | None, flag: Flag | None, factor: FactorKind | None
) -> UserFilter:
    """Return the filter from --search and the options, which take precedence."""
    typed, problems = parse_search(search)
    if problems:
        raise Invalid(f"--search is invalid: {'; '.join(problems)}.", "search")
    return replace(
        typed,
        status=status or typed.status,
        role=role or typed.role,
        flag=flag or typed.flag,
        factor=factor or typed.factor,
    )
