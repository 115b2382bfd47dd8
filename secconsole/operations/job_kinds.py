"""Kinds of jobs, with the operation that each performs and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from secconsole.domain.jobs import JobKind
from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation
from secconsole.operations.incident import SendAdvice
from secconsole.operations.invitations import InviteUsers
from secconsole.operations.reminding import RemindUser
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import DisableUser, RequireMfa, ResetPassword, UnlockUser
from secconsole.operations.whitelist import AddToWhitelist, RemoveFromWhitelist


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Facts about a kind of job.

    `operation`: what it does to each user, with the rules and the permission of that. `title`: its name in lists.
    `words`: before a number of users. `done`: after one. `needs_reason`: a reason is mandatory. `takes`: the parameters
    of `StartJob` that it uses.
    """

    operation: type[Operation[object]]
    title: str
    words: str
    done: str
    needs_reason: bool = False
    takes: tuple[str, ...] = ()

    @property
    def permission(self) -> Permission:
        return self.operation.spec.permission


KINDS: Mapping[JobKind, KindFacts] = {
    JobKind.UNBIND: KindFacts(
        Unbind, "Unbind", "Unbind", "unbound", needs_reason=True, takes=("reason", "ticket", "verified_by")
    ),
    JobKind.UNLOCK: KindFacts(UnlockUser, "Unlock", "Unlock", "unlocked"),
    JobKind.REQUIRE_MFA: KindFacts(
        RequireMfa,
        "Require factor",
        "Require a second factor of",
        "asked for a second factor",
        takes=("keep_sessions",),
    ),
    JobKind.RESET_PASSWORD: KindFacts(
        ResetPassword,
        "Reset passwords",
        "Reset the passwords of",
        "given a new password",
        takes=("days", "without_mail", "listed"),
    ),
    JobKind.DISABLE: KindFacts(DisableUser, "Disable", "Disable", "disabled", takes=("reason",)),
    JobKind.WHITELIST_ADD: KindFacts(
        AddToWhitelist,
        "Whitelist",
        "Put on the whitelist",
        "put on the whitelist",
        needs_reason=True,
        takes=("reason", "until"),
    ),
    JobKind.WHITELIST_REMOVE: KindFacts(
        RemoveFromWhitelist,
        "Off the whitelist",
        "Take off the whitelist",
        "taken off the whitelist",
        takes=("keep_sessions",),
    ),
    JobKind.INVITE: KindFacts(InviteUsers, "Invite", "Invite", "invited", takes=("days",)),
    JobKind.ADVISE: KindFacts(SendAdvice, "Send advice", "Send advice to", "sent advice"),
    JobKind.REMIND: KindFacts(RemindUser, "Remind", "Remind", "reminded"),
}
