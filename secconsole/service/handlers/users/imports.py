"""Import of users line by line: valid lines are stored, the others returned with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import MOST_LINES
from secconsole.domain.messages.mail_address import masked_mail
from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.roles import Role, needs_proof_to_create
from secconsole.domain.secret import Secret
from secconsole.operations.events import (
    ACCOUNT_CONTACT_CHANGED,
    ACCOUNT_PHONE_CHANGED,
    USER_CREATED,
    USER_IMPORTED,
    USER_ROLE_CHANGED,
)
from secconsole.operations.user_import import ImportResult, ImportUsers, Rejected
from secconsole.service.authorise import need_proof
from secconsole.service.context import Context
from secconsole.service.expiry import OTHER_ADDRESS, end_invitation
from secconsole.service.factors import approvals, bypass
from secconsole.service.handlers.users.import_lines import (
    Line,
    Lines,
    Plan,
    check_lines,
    gives_role,
    plan_lines,
    sets_passwords_or_roles,
    split_lines,
)
from secconsole.service.handlers.users.role_rules import stays_asked
from secconsole.service.handlers.users.user_fields import with_id
from secconsole.service.registry import Parts, handles
from secconsole.store import users
from secconsole.store.rows import UserRecord
from secconsole.store.sign_in import sessions


def _permit(context: Context, operation: ImportUsers) -> None:
    if len(operation.users) > MOST_LINES:
        raise Invalid(f"At most {MOST_LINES:,} lines at once.", "users")
    if not operation.check_only and sets_passwords_or_roles(operation):
        need_proof(context)


def _passwords(context: Context, operation: ImportUsers) -> Sequence[Secret[str]]:
    """Return the passwords that will be stored, without those of rejected or unchanged lines."""
    lines = _lines(context)
    plan = plan_lines(context, lines, hold=False)
    if not _is_written(operation, plan):
        return ()
    _need_proof(context, plan)
    lines.changing = frozenset(line.key for line, _, _ in plan.changes)
    for _, user, difference in plan.changes:
        lines.derived_for(context.tenant.pk, user, difference)
    lines.hashed = [line.key for line in plan.first_passwords]
    return [line.password for line in plan.first_passwords if line.password is not None]


def _refuse(lines: Lines, error: SecconsoleError) -> ImportResult:
    rejected = [Rejected(line.number, line.login, error.message) for line in lines.good]
    return ImportResult(0, 0, 0, (*lines.rejected, *rejected))


def _join(results: Sequence[ImportResult]) -> ImportResult:
    rejected = sorted((r for result in results for r in result.rejected), key=lambda r: r.line)
    return ImportResult(
        sum(result.created for result in results),
        sum(result.updated for result in results),
        sum(result.unchanged for result in results),
        tuple(rejected),
    )


@handles(ImportUsers, permit=_permit, prepare=check_lines, hashes=_passwords, parts=Parts(split_lines, _refuse, _join))
def import_users(context: Context, operation: ImportUsers) -> ImportResult:
    lines = _lines(context)
    hashes = dict(zip(lines.hashed, context.hashes, strict=True))
    plan = plan_lines(context, lines, hashed=None if _is_unhashed(operation, lines) else hashes.keys(), hold=True)
    if _is_written(operation, plan) and len(hashes) < len(plan.first_passwords):  # the reason for that has gone
        plan = plan_lines(context, lines, hashed=hashes.keys(), hold=True)
    if not _is_written(operation, plan):
        context.unchanged = True
        kept = not operation.all_or_nothing or not plan.rejected
        return _result(plan, kept=kept)
    _need_proof(context, plan)
    _write(context, plan, hashes)
    return _result(plan, kept=True)


def _lines(context: Context) -> Lines:
    assert isinstance(context.prepared, Lines)
    return context.prepared


def _is_unhashed(operation: ImportUsers, lines: Lines) -> bool:
    """Return True if no password was hashed because nothing was to be written, which is no reason to reject a line."""
    return operation.check_only or (operation.all_or_nothing and not lines.hashed)


def _is_written(operation: ImportUsers, plan: Plan) -> bool:
    return not operation.check_only and not (operation.all_or_nothing and plan.rejected)


def _need_proof(context: Context, plan: Plan) -> None:
    """Require the proofs that the single operations would require."""
    if plan.is_guarded or (plan.new and needs_proof_to_create(Role.USER, own_tenant=context.is_own_tenant)):
        need_proof(context)


def _result(plan: Plan, *, kept: bool) -> ImportResult:
    return ImportResult(len(plan.new) * kept, len(plan.changes) * kept, plan.unchanged, tuple(plan.rejected))


def _write(context: Context, plan: Plan, hashes: dict[str, str]) -> None:
    rows = [with_id(context, {**line.values, "password_hash": hashes.get(line.key)}) for line in plan.new]
    users.add_users(context.connection, context.tenant.pk, rows)
    # One entry counts all new users. Those with a role have their own.
    privileged = [line.key for line in plan.new if gives_role(line.values)]
    changes = [
        (user, _whole_change(context, line, user, difference, hashes)) for line, user, difference in plan.changes
    ]
    users.change_users(context.connection, changes)
    with context.entries_together():
        for user in users.users_by_key(context.connection, context.tenant.pk, privileged).values():
            context.audit(USER_CREATED, user, role=user.role)
        for user, change in changes:
            _audit_changes(context, user, change)
    if plan.new or plan.changes:
        created, updated, rejected = len(plan.new), len(plan.changes), len(plan.rejected)
        context.audit(USER_IMPORTED, created=created, updated=updated, rejected=rejected)
    else:
        context.unchanged = True


def _whole_change(
    context: Context, line: Line, user: UserRecord, difference: dict[str, object], hashes: dict[str, str]
) -> dict[str, object]:
    """Return all columns that a line changes."""
    change = {**difference, **_lines(context).derived_for(context.tenant.pk, user, difference)}
    if line.key in hashes:
        change["password_hash"] = hashes[line.key]
    if "role" in change:
        change["keeps_factor"] = stays_asked(user)
    return change


def _audit_changes(context: Context, user: UserRecord, difference: dict[str, object]) -> None:
    """Record a change in the audit, and end what a new role ends."""
    if "email" in difference and user.email:  # replacing no address needs no notice
        changed = replace(user, email=str(difference["email"]))
        before, after = masked_mail(user.email), masked_mail(changed.email)
        context.audit(ACCOUNT_CONTACT_CHANGED, changed, former=[user.email], before=before, after=after)
        if user.password_until:  # mailed to the earlier address, which may be a stranger's
            end_invitation(context, user, reason=OTHER_ADDRESS)
    if "phone" in difference and user.phone:
        after = masked_phone(str(difference["phone"]))
        context.audit(ACCOUNT_PHONE_CHANGED, user, former=[user.email], before=masked_phone(user.phone), after=after)
    if "role" in difference:
        bypass.revoke(context, user, bypass.OTHER_ROLE)
        ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="role changed")
        approved = approvals.use_of_peer(context, user)
        before, after = user.role, str(difference["role"])
        context.audit(USER_ROLE_CHANGED, user, before=before, after=after, sessions_ended=ended, **approved)
