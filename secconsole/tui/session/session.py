"""The signed-in session: user, policy and places.

Imported after the first frame.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secconsole.config.contexts import LOCAL
from secconsole.config.view_state import Views
from secconsole.domain.errors import NotSignedIn, SecconsoleError
from secconsole.domain.roles import Permission, may
from secconsole.operations.caller import Nobody
from secconsole.operations.policy import Policy, ShowPolicy
from secconsole.operations.signin import Identity, SignOut, WhoAmI
from secconsole.tui.runtime.history import SessionHistory
from secconsole.tui.session.jobs import JobRunner
from secconsole.tui.session.navigation import Places

if TYPE_CHECKING:
    from secconsole.tui.console import Console


LAST_WORD = 1.0  # seconds that ending the session may delay the exit


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """The user's position when their session was ended elsewhere."""

    user: str
    tenant: str
    place: str


class Session:
    """A session from sign-in to its end. `identity` and `policy` are reloaded whenever the store changes."""

    def __init__(self, app: Console, identity: Identity, policy: Policy | None) -> None:
        self._app = app
        self.identity = identity
        self.policy = policy
        self.places = Places(app)
        self.jobs = JobRunner(app)
        self.history = SessionHistory()
        where = app.context.name or app.context.backend or LOCAL
        self.views = Views(app.views_path, f"{where} {identity.tenant}/{identity.login}")

    @classmethod
    async def begin(cls, app: Console) -> Session:
        """Begin a session for the user of the backend's credential."""
        identity = await app.perform(WhoAmI())
        app.tenant = app.organisation = identity.tenant
        return cls(app, identity, await _policy(app, identity))

    async def renew(self, *, places: bool = True) -> None:
        """Reload user and policy after a change in the store, and notify the places unless they know it."""
        app = self._app
        self.identity = await app.backend.perform(WhoAmI())
        self.policy = await _policy(app, self.identity)
        app.connection.mark_restored()
        if not places:
            app.refresh_connection()
            return
        for place in self.places:
            place.tell_changed()

    async def is_bound(self) -> bool:
        """Return True if the user has a bound second factor."""
        return (await self._app.perform(WhoAmI())).bound

    async def end(self) -> bool:
        """End the session in the store.

        Return False if that does not answer soon, so that it ends by its time.
        """
        ended = False
        try:
            if not self._app.connection.is_down:
                async with asyncio.timeout(LAST_WORD):
                    await self._app.backend.perform(SignOut())
                ended = True
        except NotSignedIn:
            ended = True
        except (SecconsoleError, TimeoutError):
            pass
        self._app.backend.credential = Nobody()
        return ended

    # ---- a session that ended elsewhere ----------------------------------------------------------------------------

    def resume_point(self) -> ResumePoint:
        """Return the user's current position."""
        return ResumePoint(self.identity.id, self._app.tenant, self.places.latest)

    async def go_back_to(self, left: ResumePoint | None) -> str:
        """Restore the tenant and return the place to resume in.

        Empty for another user or a place closed to them.
        """
        if left is None or left.user != self.identity.id or not left.place or self.places.why_not(left.place):
            return ""
        if left.tenant != self._app.tenant and not self.why_no_other_tenant():
            self._app.tenant = left.tenant
            self.policy = await _policy(self._app, self.identity)
        return left.place

    # ---- tenants ---------------------------------------------------------------------------------------------------

    def why_no_other_tenant(self) -> str:
        """Return why the user cannot work in another tenant.

        Empty if they can.
        """
        role = self.identity.role
        return "" if may(role, Permission.MANAGE_TENANTS) else f"Your role, {role}, works in {self._app.tenant} only."

    async def work_in(self, tenant: str) -> None:
        """Switch the tenant and reopen every place, so that nothing of the old tenant stays in sight."""
        here = self.places.here
        if here is None:
            return
        self._app.tenant = tenant
        self.policy = await _policy(self._app, self.identity)
        old = self.places.forget()
        await self.places.show(here.NAME)
        await self.places.close(old)


async def _policy(app: Console, identity: Identity) -> Policy | None:
    """Return the policy of the tenant in use, if the user may see it."""
    if not may(identity.role, Permission.SEE):
        return None
    return await app.backend.perform(ShowPolicy(tenant=app.tenant))
