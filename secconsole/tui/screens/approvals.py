"""Approvals: answer what other operators ask, one request after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secconsole.domain.helpdesk import ApprovalKind, ApprovalState
from secconsole.domain.roles import Permission, Role, may, may_act_on
from secconsole.operations.approvals import Approval, ApprovalList, DenyApproval, GrantApproval, ListApprovals
from secconsole.operations.paging import pages
from secconsole.tui.actions import Action
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.about import About
from secconsole.tui.text.format import ago, until
from secconsole.tui.text.safe import join, lines
from secconsole.tui.widgets.form_fields import Button, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console


class ApprovalDialog(SubmitDialog["Approval | None"]):
    """Shows what is asked, and approves or denies it.

    Cancel leaves it for others.
    """

    def __init__(self, approval: Approval, now: datetime) -> None:
        self._approval = approval
        ticket = f" ({approval.ticket})" if approval.ticket else ""
        is_reset = approval.kind is ApprovalKind.RESET
        text = lines(
            f"{approval.by} asks to {approval.kind} this user, {ago(approval.created, now)}.",
            f"Reason: {approval.reason}{ticket}",
            *(["A reset takes all factors off and may replace the password."] if is_reset else []),
            f"The request ends at {until(approval.until, now)}. An approval is for this once only.",
        )
        named = join((approval.login, "bold"), "   ", approval.name, "   ", (str(approval.role), "$muted"))
        body = About(lines(named, (f"id {approval.user}", "$muted")), text)
        buttons = [cancel("Later"), Button("deny", "Deny"), Button("grant", "Approve", danger=True)]
        super().__init__(f"Approval: {approval.kind} {approval.login}", body, (), buttons, danger=True)

    async def submit(self, button: str, values: Values) -> Approval | None:
        tenant, id = self.app.tenant, self._approval.id
        if button == "grant":
            return await self.app.perform(GrantApproval(tenant=tenant, approval=id))
        return await self.app.perform(DenyApproval(tenant=tenant, approval=id))


def waiting_for(found: Sequence[Approval], role: Role) -> list[Approval]:
    """Return the open requests that a role may answer, oldest first and never the caller's own."""
    able = may(role, Permission.UNBIND)
    return [
        a
        for a in reversed(found)
        if able and not a.own and a.state is ApprovalState.PENDING and may_act_on(role, a.role)
    ]


async def all_approvals(app: Console) -> list[Approval]:
    """Return all requests, page by page."""

    def ask(cursor: str | None, limit: int) -> Awaitable[ApprovalList]:
        return app.perform(ListApprovals(tenant=app.tenant, cursor=cursor, limit=limit))

    return [item async for page in pages(ask) for item in page.items]


async def answer_approvals(place: Any) -> None:
    """Go through the requests that wait for the signed-in user."""
    app = place.app
    found = await all_approvals(app)
    # The server refuses these too. They are left out so that nobody is shown a request about themselves.
    waiting = [a for a in waiting_for(found, app.identity.role) if a.user != app.identity.id]
    if not waiting:
        app.notify_refused("No request waits for your approval.")
    for approval in waiting:
        answered = await app.ask(ApprovalDialog(approval, app.clock()))
        if answered is None:
            break
        app.notify_done(f"The request of {answered.by} is {answered.state}: {answered.kind} {answered.login}.")
    await place.on_live_change()


ACTION = Action(
    "overview.approvals",
    "Approvals",
    "a",
    "Answer the requests of other operators for your approval.",
    GrantApproval,
    priority=1,
    command="secconsole approval list",
    run=answer_approvals,
)
