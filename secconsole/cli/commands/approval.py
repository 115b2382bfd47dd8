"""`secconsole approval`: ask a second person, and answer what others ask."""

from __future__ import annotations

from collections.abc import Awaitable

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.output import Column
from secconsole.domain.errors import Invalid
from secconsole.domain.helpdesk import ApprovalKind
from secconsole.operations.approvals import (
    Approval,
    ApprovalList,
    DenyApproval,
    GrantApproval,
    ListApprovals,
    RequestApproval,
)
from secconsole.operations.paging import pages

COLUMNS: list[Column[Approval]] = [
    Column("id", lambda a: a.id, "Id"),
    Column("state", lambda a: a.state),
    Column("kind", lambda a: a.kind),
    Column("login", lambda a: a.login),
    Column("role", lambda a: a.role),
    Column("reason", lambda a: a.reason),
    Column("ticket", lambda a: a.ticket),
    Column("by", lambda a: a.by, "Asked by"),
    Column("until", lambda a: a.until),
    Column("answer_by", lambda a: a.answer_by, "Answered by"),
]


@click.group(cls=Group)
def approval() -> None:
    """Ask a second person before unbinding, and answer what others ask."""


@approval.command("request")
@click.argument("login")
@click.option("--reason", default="", help="The reason. Required, and the unbinding must have the same one.")
@click.option("--ticket", default="", help="The ticket of the request, which the unbinding must have too.")
@click.option(
    "--kind", type=EnumChoice(ApprovalKind), default=str(ApprovalKind.UNBIND), help="unbind, or reset with a password."
)
@with_backend
async def request(context: CommandContext, login: str, reason: str, ticket: str, kind: ApprovalKind) -> None:
    """Ask for the approval of unbinding or resetting a user.

    The request ends after 30 minutes. Another reason or ticket needs another request.
    """
    if not reason.strip():
        raise Invalid("Say why with --reason TEXT.", "reason")
    wanted = RequestApproval(tenant=await context.tenant(), user=login, reason=reason, ticket=ticket, kind=kind)
    context.out.record(COLUMNS, await context.perform(wanted))


@approval.command("list")
@with_backend
async def list_approvals(context: CommandContext) -> None:
    """List open requests, and answers that were not used yet."""
    tenant = await context.tenant()

    def ask(cursor: str | None, limit: int) -> Awaitable[ApprovalList]:
        return context.perform(ListApprovals(tenant=tenant, cursor=cursor, limit=limit))

    found = [item async for page in pages(ask) for item in page.items]
    context.out.listing(COLUMNS, found)


@approval.command("grant")
@click.argument("approval", metavar="ID")
@with_backend
async def grant(context: CommandContext, approval: str) -> None:
    """Approve another operator's request.

    Then they can unbind that user once, with the reason that they gave, until the request ends.
    """
    context.out.record(COLUMNS, await context.perform(GrantApproval(tenant=await context.tenant(), approval=approval)))


@approval.command("deny")
@click.argument("approval", metavar="ID")
@with_backend
async def deny(context: CommandContext, approval: str) -> None:
    """Deny another operator's request."""
    context.out.record(COLUMNS, await context.perform(DenyApproval(tenant=await context.tenant(), approval=approval)))
