"""Values of examples about unbinding, approvals, caller checks and jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from secconsole.domain.helpdesk import ApprovalKind, ApprovalState
from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations import approvals, caller_check, jobs, unbinding
from secconsole.operations.sample.basics import ANA, EVENT, FACTOR_ID, NOW, REASON, TICKET
from secconsole.operations.sample.users import MISSING

DONE = unbinding.Unbound(ANA, "ana.kral")
APPROVAL = approvals.Approval(
    id="01KAN7M3R2T4V6X8Z0B2D4F6H8",
    kind=ApprovalKind.UNBIND,
    user=ANA,
    login="ana.kral",
    name="Ana Králová",
    role=Role.USER,
    reason=REASON,
    ticket=TICKET,
    by="hana",
    created=NOW,
    until=NOW + timedelta(minutes=30),
    state=ApprovalState.PENDING,
    answer_by="",
    own=False,
)
GRANTED = replace(APPROVAL, state=ApprovalState.GRANTED, answer_by="root")
DENIED = replace(APPROVAL, state=ApprovalState.DENIED, answer_by="root")
CALLER_CHECK = caller_check.CallerCheck(
    "01KAN7M3Q1T3V5X7Z9B1D3F5H7", FactorKind.EMAIL, "a•••@acme.example", "root", None, NOW + timedelta(minutes=10)
)
CALLER_CHECKED = replace(CALLER_CHECK, confirmed=NOW)
CALLER_CHECK_STATE = caller_check.CallerCheckState(
    ANA,
    "ana.kral",
    (
        caller_check.CallerWay("record-email", FactorKind.EMAIL, "a•••@acme.example"),
        caller_check.CallerWay(FACTOR_ID, FactorKind.TOTP, "work phone"),
    ),
    None,
)
PREVIEW_UNBIND_REPLY = unbinding.UnbindPreview(
    bound=1,
    pending=0,
    already_unbound=0,
    whitelisted=0,
    sessions=1,
    tokens=0,
    recovery_codes=10,
    not_notified=0,
    failed=(MISSING,),
    targets=(
        unbinding.UnbindTarget(
            id=ANA,
            login="ana.kral",
            name="Ana Králová",
            role=Role.USER,
            status=BindingStatus.BOUND,
            factors=(FactorKind.TOTP,),
            labels=("work phone",),
            masked=("work phone",),
            states=(FactorState.ACTIVE,),
            whitelisted=False,
            sessions=1,
            tokens=0,
            recovery_codes=10,
            notified=("a•••@acme.example",),
            binds_again=True,
            password_mail="a•••@acme.example",  # noqa: S106 - an address
            no_password_mail="",
            look_alikes=(),
            suspicions=(),
        ),
    ),
    policy=PolicyMode.REQUIRED,
    mails=True,
)
JOB = jobs.Job(
    id="01KAN8A2C4E6G8J0M2P4R6T8V0",
    kind=JobKind.UNBIND,
    state=JobState.RUNNING,
    selection="2 named",
    reason=REASON,
    ticket=TICKET,
    by="hana",
    driver="hana",
    created=NOW,
    progress=NOW,
    ended=None,
    total=2,
    done=1,
    failed=1,
    skipped=0,
    pending=0,
    events=(EVENT,),
    steerable=True,
    driving=True,
)
JOB_ITEM = jobs.JobItem("", "cleo", "", ItemState.FAILED, "There is no such user.", None)
JOB_PREVIEW = jobs.JobPreview(
    total=1,
    done=0,
    skipped=1,
    failed=0,
    reasons=(jobs.JobReason(ItemState.SKIPPED, "Is not locked.", 1),),
    items=(jobs.JobItem(ANA, "ana.kral", "Ana Králová", ItemState.SKIPPED, "Is not locked.", None),),
)
