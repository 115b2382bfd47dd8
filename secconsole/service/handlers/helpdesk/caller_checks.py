"""Caller checks: showing the ways, starting and confirming."""

from __future__ import annotations

from secconsole.delivery.message import Message
from secconsole.delivery.texts import caller_message
from secconsole.domain.errors import Conflict, NotFound
from secconsole.domain.factors.passcode import LASTS, MOST_WRONG, Passcode
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import PARTLY, Bucket
from secconsole.operations.caller_check import (
    CallerCheckStarted,
    CallerCheckState,
    CallerVerdict,
    CallerWay,
    ConfirmCallerCheck,
    ShowCallerCheck,
    StartCallerCheck,
)
from secconsole.operations.events import CALLER_CHECK_STARTED, CALLER_CHECKED
from secconsole.service.context import Context, when
from secconsole.service.factors.caller_checks import COUNTS, NOTHING, check_of, shown, ways_of
from secconsole.service.factors.codes import WRONG_SENT, check_code
from secconsole.service.factors.passcodes import accepts, issue_code, live_code, why_no_code
from secconsole.service.factors.throttling import count_failure, held, held_words
from secconsole.service.outbox.queue import Request
from secconsole.service.registry import handles
from secconsole.store import factors
from secconsole.store.helpdesk import caller_checks
from secconsole.store.helpdesk.caller_checks import CheckRecord
from secconsole.store.rows import UserRecord

ASK_APP = "Ask the caller to read out the code that their authenticator app shows now."
CHECKED = "The caller is checked. That counts for ten minutes, for the next unbinding, bypass code or password reset."


@handles(ShowCallerCheck)
def show_caller_check(context: Context, operation: ShowCallerCheck) -> CallerCheckState:
    user, check = context.target, check_of(context, context.target)
    ways = tuple(way for way, _ in ways_of(context, user))
    return CallerCheckState(user.id, user.login, ways, shown(check) if check else None, "" if ways else NOTHING)


@handles(StartCallerCheck)
def start_caller_check(context: Context, operation: StartCallerCheck) -> CallerCheckStarted:
    user = context.target
    ways = ways_of(context, user)
    if not ways:
        raise Conflict(NOTHING)
    fitting = [
        each for each in ways if operation.way in ("", each[0].id) and operation.channel in (None, each[0].channel)
    ]
    if not fitting:
        raise NotFound("That is not on record. A code goes only to what is on record for this user.")
    way, address = fitting[0]
    id, expires = context.new_id(), context.now + LASTS
    message = ASK_APP
    prefix, retry = "", None
    if address:
        request = Request(context.tenant, user, way.channel, address, Purpose.CALLER, _attempt(id))

        def write(kind: FactorKind, to: str, code: Passcode) -> Message:
            return caller_message(kind, to, code, tenant=context.tenant, login=user.login)

        issued = issue_code(context, request, write)
        retry = when(issued.retry_at)
        # Without a code there is nothing to confirm, so no check begins.
        if not issued.sent:
            return CallerCheckStarted(None, False, message=issued.message, retry_at=retry)
        prefix, expires = issued.prefix, issued.expires or expires
        message = f"A code is on its way to {issued.masked}. It begins with {prefix}. Ask the caller to read it out."
    _add(context, user, way, id, expires)
    if not address:
        context.audit(CALLER_CHECK_STARTED, user, channel=way.channel)
    check = check_of(context, user)
    return CallerCheckStarted(shown(check) if check else None, bool(address), prefix, message, retry)


@handles(ConfirmCallerCheck)
def confirm_caller_check(context: Context, operation: ConfirmCallerCheck) -> CallerVerdict:
    user, check = context.target, check_of(context, context.target)
    if check is None:
        raise Conflict(f"No check of {user.login} by you is open. Start one: secconsole caller-check start LOGIN")
    if check.confirmed is not None:
        context.unchanged = True
        return CallerVerdict(True, CHECKED, shown(check), MOST_WRONG)
    left = MOST_WRONG - check.failures
    if until := held(context, user, Bucket.STRANGERS):
        context.unchanged = True
        wait = held_words(context, until) if until < PARTLY else "Too many wrong entries. Unlock the account first."
        return CallerVerdict(False, wait, shown(check), left)
    if why := why_no_code(context, operation.code, _attempt(check.id)):
        context.unchanged = True
        return CallerVerdict(False, why, shown(check), left)
    accepted, message = _checked(context, user, check, operation.code)
    if not accepted:
        over = left <= 1
        caller_checks.fail_check(context.connection, check.pk, expires=context.now if over else None)
        context.audit(CALLER_CHECKED, user, outcome="refused", channel=check.channel, to=check.masked)
        ended = f"{message} That was the last try of this check." if over else message
        return CallerVerdict(False, ended, None if over else shown(check), left - 1)
    if not caller_checks.confirm_check(context.connection, check.pk, context.now, context.now + COUNTS):
        raise Conflict("This check is over. Start another one.")
    context.audit(CALLER_CHECKED, user, channel=check.channel, to=check.masked, check=check.id)
    done = check_of(context, user)
    return CallerVerdict(True, CHECKED, shown(done) if done else None, left)


def _checked(context: Context, user: UserRecord, check: CheckRecord, code: Secret[str]) -> tuple[bool, str]:
    """Use the code, or count the failure where strangers' entries count.

    The caller may be a stranger, so the user's known networks are never held by it.
    """
    if check.channel == FactorKind.TOTP:
        live = factors.live_factors(context.connection, user.pk)
        apps = [f for f in live if f.kind is FactorKind.TOTP and f.state is FactorState.ACTIVE]
        factor, message = check_code(context, user, code, apps, bucket=Bucket.STRANGERS)
        return factor is not None, message
    sent = live_code(context, _attempt(check.id))
    if sent is not None and accepts(context, sent, code):
        return True, ""
    count_failure(context, user, Bucket.STRANGERS)
    return False, WRONG_SENT


def _add(context: Context, user: UserRecord, way: CallerWay, id: str, expires: int) -> None:
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": context.tenant.pk,
        "user_pk": user.pk,
        "by_id": context.actor.id,
        "by": context.actor.login,
        "channel": way.channel,
        "masked": way.masked,
        "recent": way.changed is not None,
        "created": context.now,
        "expires": expires,
    }
    caller_checks.add_check(context.connection, values)


def _attempt(check: str) -> str:
    return f"caller {check}"
