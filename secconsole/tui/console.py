"""The console as screens, widgets and the session see it. `app.py` implements it and is imported by none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, TypeVar, cast, runtime_checkable

from textual.screen import Screen

from secconsole.domain.errors import NotAllowed, Unavailable
from secconsole.tui.runtime.base_app import ConsoleApp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from textual.signal import Signal

    from secconsole.backends.base import Backend
    from secconsole.config.contexts import NamedContext
    from secconsole.config.password_file import PasswordFile
    from secconsole.config.view_state import Views
    from secconsole.delivery.inbox import InboxMessage
    from secconsole.domain.secret import Secret
    from secconsole.operations.base import Operation
    from secconsole.operations.jobs import Job
    from secconsole.operations.policy import Policy
    from secconsole.operations.signin import Identity
    from secconsole.tui.actions import Action, PlaceName
    from secconsole.tui.runtime.history import SessionHistory
    from secconsole.tui.runtime.key_queue import KeyHold

    Opener = Callable[[], Awaitable[Backend]]

R = TypeVar("R")
T = TypeVar("T")

PATIENCE: Final = 0.7  # seconds before a wait is shown and can be abandoned


class WaitAbandoned(Unavailable):
    """The user stopped waiting for an answer. `perhaps_done`: the operation may still have been done."""

    def __init__(self, *, perhaps_done: bool) -> None:
        tail = " It may or may not have been done: look before doing it again." if perhaps_done else ""
        super().__init__(f"You did not wait for the answer.{tail}")
        self.perhaps_done = perhaps_done


class StepUpCancelled(NotAllowed):
    """The user was asked for password and factor again and cancelled.

    Nothing was done.
    """


class Captured(Exception):
    """An operation that was to be performed while only its command was asked for."""

    def __init__(self, operation: Operation[object]) -> None:
        super().__init__(operation.spec.name)
        self.operation = operation


capturing: ContextVar[bool] = ContextVar("capturing", default=False)


@runtime_checkable
class ShowsConnection(Protocol):
    """A screen that shows the state of the connection."""

    def refresh_connection(self) -> None: ...


class PlaceScreen(Screen[None]):
    """A place as navigation, help and palette see it."""

    NAME: ClassVar[str]
    ACTIONS: ClassVar[tuple[Action, ...]]
    HELP_FILE: ClassVar[str]

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Actions of this place, its own before those available everywhere."""
        raise NotImplementedError

    def reason(self, action: Action) -> str:
        """Return why an action is unavailable now, or an empty string."""
        raise NotImplementedError

    def action_act(self, id: str) -> None:
        """Run an action, or notify why it is unavailable."""
        raise NotImplementedError

    def tell_changed(self) -> None:
        """Reload after a change in the store."""
        raise NotImplementedError

    async def on_live_change(self) -> None:
        """Reload what is shown, at once."""
        raise NotImplementedError


class ConsoleConnection(Protocol):
    """Connection state: reachable, stale, pending requests."""

    @property
    def is_down(self) -> bool: ...
    @property
    def is_current(self) -> bool: ...
    @property
    def trouble(self) -> str: ...
    def why_not(self) -> str: ...
    def words(self, *, room: int = ...) -> str: ...
    def mark_lost(self, error: Unavailable, *, asked_for: float = ...) -> None: ...
    def mark_restored(self) -> None: ...


class ConsoleLiveUpdates(Protocol):
    """Changes made elsewhere, and the time since the last key."""

    @property
    def ends(self) -> datetime | None: ...
    def probe(self) -> None: ...
    def recheck(self) -> None: ...
    def resume(self) -> None: ...
    def note_write(self, operation: Operation[object]) -> None: ...
    def note_reloaded(self) -> None: ...


class ConsoleLock(Protocol):
    """The lock: open or shut, since when and why."""

    after: timedelta
    since: datetime | None
    why: str

    @property
    def is_shut(self) -> bool: ...
    def shut(self, why: str = ...) -> None: ...
    def shut_if_idle(self, idle: timedelta) -> None: ...
    async def opened(self) -> None: ...
    async def open(self) -> None: ...


class ConsolePlaces(Protocol):
    """Places of this session and the way back."""

    @property
    def named(self) -> Sequence[PlaceName]: ...
    @property
    def here(self) -> PlaceScreen | None: ...
    @property
    def latest_shown(self) -> PlaceScreen | None: ...
    def __iter__(self) -> Iterator[PlaceScreen]: ...
    def why_not(self, name: str) -> str: ...
    def go(self, name: str) -> None: ...
    async def visit(self, name: str) -> PlaceScreen: ...
    def back(self) -> None: ...
    def actions_of(self, name: str) -> tuple[Action, ...]: ...


class ConsoleSession(Protocol):
    """The signed-in session."""

    identity: Identity
    policy: Policy | None
    views: Views
    history: SessionHistory

    @property
    def places(self) -> ConsolePlaces: ...
    @property
    def jobs(self) -> ConsoleJobs: ...
    async def renew(self, *, places: bool = ...) -> None: ...
    def why_no_other_tenant(self) -> str: ...
    async def work_in(self, tenant: str) -> None: ...


class ConsoleJobs(Protocol):
    """Jobs that this console performs in the background."""

    running: dict[str, Job]

    def start(self, job: Job, keep: PasswordFile | None = None) -> None: ...
    def words(self) -> str: ...


class ConsoleContexts(Protocol):
    """The other contexts that can be signed in to."""

    def other_contexts(self, here: NamedContext) -> Sequence[NamedContext]: ...


class ConsoleInbox(Protocol):
    """Messages of a demo.

    `arrived` publishes each new one.
    """

    messages: tuple[InboxMessage, ...]
    arrived: Signal[InboxMessage]

    def newest_for(self, login: str) -> InboxMessage | None: ...


class Console(ConsoleApp):
    """Interface of the running console.

    Every method here is implemented in `session/` or `app.py`.
    """

    clock: Callable[[], datetime]
    key_map: Mapping[str, str]  # chosen keys of actions, by id
    opener: Opener
    context: NamedContext
    views_path: Path | None
    local: bool
    home_tenant: str
    tenant: str
    organisation: str  # as typed last
    demo: bool
    post: ConsoleInbox | None
    backend: Backend
    has_backend: bool
    signed_in: bool
    session: ConsoleSession
    connection: ConsoleConnection
    live: ConsoleLiveUpdates
    lock: ConsoleLock
    switcher: ConsoleContexts | None

    @property
    def identity(self) -> Identity:
        """The signed-in user.

        Raises `NotSignedIn` before sign-in.
        """
        return self.session.identity

    @property
    def places(self) -> ConsolePlaces:
        return self.session.places

    @property
    def jobs(self) -> ConsoleJobs:
        return self.session.jobs

    @property
    def policy(self) -> Policy | None:
        """Policy of the current tenant.

        None for users who may not see it.
        """
        return self.session.policy if self.signed_in else None

    @property
    def badges(self) -> tuple[str, ...]:
        """Warnings for the header: context, demo, read-only."""
        found = (self.context.name, "DEMO" if self.demo else "", "READ-ONLY" if self.read_only else "")
        return tuple(f"[{badge}]" if self.no_color else badge for badge in found if badge)

    # ---- operations and dialogs --------------------------------------------------------------------------------------

    async def perform(self, operation: Operation[R]) -> R:
        """Perform an operation and return its reply.

        Ask for password and factor where it needs them. Call it from a worker. Raise `NoAnswer` while disconnected,
        `WaitAbandoned` if the user stops waiting.
        """
        raise NotImplementedError

    async def ask(self, screen: Screen[T]) -> T:
        """Show a dialog and return its result.

        Waiting keys go to it. Call it from a worker. Visible notifications are shown on top of it only, and not a
        second time below.
        """
        await self.screen.query("Toast").remove()
        return cast(T, await self.push_screen_wait(screen))

    async def prove_identity(self, *, password: bool = True) -> bool:
        """Ask for password and factor again.

        Return False if the user cancels. Call it from a worker.
        """
        raise NotImplementedError

    # ---- session -----------------------------------------------------------------------------------------------------

    def is_session(self, session: ConsoleSession) -> bool:
        """Return True if this is the current session."""
        raise NotImplementedError

    def sign_in_with(self, token: Secret[str], hold: KeyHold | None, message: str = "", *, bound: bool = False) -> None:
        """Begin a session.

        Waiting keys go to its first place. `bound`: a factor was bound during sign-in.
        """
        raise NotImplementedError

    async def sign_out(self, reason: str = ...) -> None:
        """End the session here and in the store."""
        raise NotImplementedError

    def begin_sign_out(self) -> None:
        """Sign out without waiting for the end."""
        raise NotImplementedError

    def lose_session(self, reason: str) -> None:
        """Go to the sign-in: the store has ended the session."""
        raise NotImplementedError

    def move(self, to: NamedContext) -> None:
        """Sign out here and go to the sign-in of another context."""
        raise NotImplementedError

    def refresh_connection(self) -> None:
        """Redraw the connection state on every visible screen."""
        for screen in self.screen_stack:
            if isinstance(screen, ShowsConnection):
                screen.refresh_connection()
