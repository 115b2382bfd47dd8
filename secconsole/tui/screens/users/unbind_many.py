"""Result of an unbinding, of one user or of many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secconsole.operations.approvals import Approval
from secconsole.operations.bypass import BypassIssued
from secconsole.operations.jobs import Job
from secconsole.operations.unbinding import Unbound
from secconsole.operations.whitelist import NotDone


@dataclass(frozen=True, slots=True)
class UnbindOutcome:
    """The result of an unbinding.

    `job`: more users than one request may name are a job, which has started.
    """

    unbound: tuple[Unbound, ...] = ()
    failed: tuple[NotDone, ...] = ()
    event: str = ""
    undo_until: datetime | None = None
    bypass: BypassIssued | None = None
    asked: Approval | None = None
    job: Job | None = None
    warning: str = ""
