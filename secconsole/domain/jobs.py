"""Rules of jobs: one act on many users, performed a few at a time until it is finished, paused or cancelled."""

from __future__ import annotations

from enum import StrEnum

from secconsole.domain.clock import is_over
from secconsole.domain.roles import Role, may_act_on

INTERRUPTED_AFTER = 30_000  # milliseconds without progress, after which nobody seems to drive a running job
KEPT = 90 * 24 * 3_600_000  # milliseconds that an ended job is kept
MOST_OPEN = 50  # jobs of one tenant that have not ended


class JobKind(StrEnum):
    """Acts that a job can do to each user."""

    UNBIND = "unbind"
    UNLOCK = "unlock"
    REQUIRE_MFA = "require-mfa"
    RESET_PASSWORD = "reset-password"  # noqa: S105 - a name
    DISABLE = "disable"
    WHITELIST_ADD = "whitelist-add"
    WHITELIST_REMOVE = "whitelist-remove"
    INVITE = "invite"
    ADVISE = "advise"
    REMIND = "remind"


class JobState(StrEnum):
    """State of a job.

    `interrupted` is a running job without recent progress: the console or command that drove it is gone.
    """

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class ItemState(StrEnum):
    """State of one user of a job.

    `skipped`: nothing had to be done, or the job was cancelled before.
    """

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


ENDED = frozenset({JobState.CANCELLED, JobState.FINISHED})


def state_at(stored: JobState, progress: int, now: int) -> JobState:
    """Return the state of a job at a moment, with the time of its last progress."""
    interrupted = stored is JobState.RUNNING and is_over(progress, INTERRUPTED_AFTER, now)
    return JobState.INTERRUPTED if interrupted else stored


def may_steer(actor: Role, driver: Role | None, *, own: bool) -> bool:
    """Return True if an actor may pause, cancel or take over a job of a driver, None for one who is gone.

    Nobody acts on someone who outranks them. Equals may: a colleague goes on with what another one left.
    """
    return own or driver is None or actor is driver or may_act_on(actor, driver)
