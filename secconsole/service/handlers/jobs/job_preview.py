"""Preview of a job: what its acts would do to each user, without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from secconsole.domain.errors import Conflict
from secconsole.domain.jobs import ItemState, JobKind
from secconsole.domain.limits import MOST_JOB_USERS
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.policy import off_words
from secconsole.domain.roles import Role
from secconsole.domain.users.invitation import why_not_reset
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import JobItem, JobPreview, JobReason, PreviewJob
from secconsole.service.authorise import need_permission
from secconsole.service.context import Context
from secconsole.service.factors import approvals
from secconsole.service.factors.throttling import has_any
from secconsole.service.handlers.jobs.job_acts import (
    DISABLED,
    DONE,
    HAS_PASSWORD,
    NO_PASSWORD,
    NOT_LISTED,
    NOT_LOCKED,
    REQUIRED,
    ItemOutcome,
    Parameters,
    invitation_problem,
    refuse_unable,
)
from secconsole.service.handlers.jobs.job_selection import Selected, select
from secconsole.service.handlers.users.invitations import DAYS_LIMIT
from secconsole.service.handlers.users.reminding import BOUND, why_not_reminded
from secconsole.service.handlers.users.role_rules import PlatformAdmins, has_own_password
from secconsole.service.handlers.users.whitelist import warn_of_lockout
from secconsole.service.outbox.queue import can_send, room_of
from secconsole.service.registry import handles
from secconsole.store.rows import UserRecord
from secconsole.store.sign_in import throttles

MOST_SHOWN = 200
_ORDER = (ItemState.DONE, ItemState.FAILED, ItemState.SKIPPED)


@handles(PreviewJob)
def preview_job(context: Context, operation: PreviewJob) -> JobPreview:
    kind = operation.kind
    need_permission(context, KINDS[kind].permission)
    refuse_unable(context, kind, Parameters(without_mail=operation.without_mail))
    selected = select(context, operation.users, operation.filter, MOST_JOB_USERS)
    forecast = Forecast(context, kind, selected.users, without_mail=operation.without_mail)
    found = [(user, forecast.of(user)) for user in selected.users]
    return _counted(selected, found)


class Forecast:
    """Expected outcomes of one job.

    Users must be asked for in order, because the last administrator is the one who stays.
    """

    def __init__(self, context: Context, kind: JobKind, chosen: Sequence[UserRecord], *, without_mail: bool) -> None:
        self._context, self._kind, self._without_mail = context, kind, without_mail
        self._admins = PlatformAdmins(context.connection, hold=False)
        self._leaving: list[UserRecord] = []
        self._mails = can_send(context, context.tenant, FactorKind.EMAIL)
        self._room = room_of(context, FactorKind.EMAIL, Purpose.INVITATION)[0]
        unheld = [user.pk for user in chosen if not has_any(user)] if kind is JobKind.UNLOCK else []
        self._throttled = throttles.throttles_of(context.connection, unheld)

    def of(self, user: UserRecord) -> ItemOutcome:
        """Return the expected outcome of the next user."""
        if why := self._context.why_not(user, KINDS[self._kind].operation.spec):
            return ItemOutcome(ItemState.FAILED, why)
        try:
            return self._by_kind(user)
        except Conflict as error:
            return ItemOutcome(ItemState.FAILED, error.message)

    def _by_kind(self, user: UserRecord) -> ItemOutcome:
        match self._kind:
            case JobKind.UNBIND:
                return self._unbinding(user)
            case JobKind.UNLOCK:
                return DONE if has_any(user) or user.pk in self._throttled else _skipped(NOT_LOCKED)
            case JobKind.REQUIRE_MFA:
                return self._requiring(user)
            case JobKind.DISABLE:
                return self._disabling(user)
            case JobKind.WHITELIST_ADD:
                return DONE
            case JobKind.WHITELIST_REMOVE:
                return self._leaving_whitelist(user)
            case JobKind.INVITE:
                return _skipped(HAS_PASSWORD) if has_own_password(user) else self._mailing(invitation_problem(user))
            case JobKind.RESET_PASSWORD:
                return self._resetting(user)
            case JobKind.ADVISE:
                why = why_not_reset(disabled=user.disabled, email=user.email)
                return ItemOutcome(ItemState.FAILED, why) if why else DONE
            case JobKind.REMIND:
                return self._reminding(user)

    def _reminding(self, user: UserRecord) -> ItemOutcome:
        if user.status is BindingStatus.BOUND:
            return _skipped(BOUND)
        why = why_not_reminded(self._context.tenant, user, self._context.now)
        return ItemOutcome(ItemState.FAILED, why) if why else DONE

    def _unbinding(self, user: UserRecord) -> ItemOutcome:
        if user.status is BindingStatus.UNBOUND:
            return _skipped("Unbound already.")
        lacks = approvals.lacks(self._context, user)
        return ItemOutcome(ItemState.FAILED, lacks) if lacks else DONE

    def _requiring(self, user: UserRecord) -> ItemOutcome:
        tenant = self._context.tenant
        if tenant.policy is PolicyMode.OFF:
            return ItemOutcome(ItemState.FAILED, off_words(tenant.name))
        return _skipped(REQUIRED) if user.switched_on else DONE

    def _disabling(self, user: UserRecord) -> ItemOutcome:
        if user.disabled:
            return _skipped(DISABLED)
        self._admins.lose(user)
        return DONE

    def _leaving_whitelist(self, user: UserRecord) -> ItemOutcome:
        if not user.whitelisted:
            return _skipped(NOT_LISTED)
        if user.role is Role.PLATFORM_ADMIN:
            warn_of_lockout(self._context, [*self._leaving, user])
            self._leaving.append(user)
        return DONE

    def _resetting(self, user: UserRecord) -> ItemOutcome:
        if user.password_hash is None:
            return _skipped(NO_PASSWORD)
        outcome = self._mailing(why_not_reset(disabled=user.disabled, email=user.email))
        if outcome.state is ItemState.FAILED and self._without_mail:
            return DONE
        return outcome

    def _mailing(self, why: str) -> ItemOutcome:
        """Return the outcome of a mail, of which a day has a limited number."""
        if not why and self._room <= 0:
            why = DAYS_LIMIT
        if why:
            return ItemOutcome(ItemState.FAILED, why)
        self._room -= 1
        return DONE


def _skipped(reason: str) -> ItemOutcome:
    return ItemOutcome(ItemState.SKIPPED, reason)


def _counted(selected: Selected, found: Sequence[tuple[UserRecord, ItemOutcome]]) -> JobPreview:
    missing = len(selected.unknown)
    states = Counter(outcome.state for _, outcome in found)
    reasons = Counter((outcome.state, outcome.reason) for _, outcome in found if outcome.state is not ItemState.DONE)
    if missing:
        reasons[ItemState.FAILED, NOBODY] += missing
    items = [JobItem(user.id, user.login, user.name, outcome.state, outcome.reason, None) for user, outcome in found]
    items += [JobItem("", name, "", ItemState.FAILED, NOBODY, None) for name in selected.unknown]
    items.sort(key=lambda item: _ORDER.index(item.state))
    return JobPreview(
        total=len(found) + missing,
        done=states[ItemState.DONE],
        skipped=states[ItemState.SKIPPED],
        failed=states[ItemState.FAILED] + missing,
        reasons=tuple(JobReason(state, reason, n) for (state, reason), n in reasons.most_common(MOST_REASONS)),
        items=tuple(items[:MOST_SHOWN]),
    )


NOBODY = "There is no such user."
MOST_REASONS = 50
