"""One person at work: who they are, what holds for them, and the places they go to. Loaded after the first frame."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secconsole.domain.errors import NotSignedIn, SecconsoleError
from secconsole.domain.roles import Permission, may
from secconsole.operations.caller import Nobody
from secconsole.operations.policy import Policy, ShowPolicy
from secconsole.operations.signin import Identity, SignOut, WhoAmI
from secconsole.operations.tenants import ListTenants
from secconsole.tui.places import Places

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole


LAST_WORD = 1.0  # seconds that ending the session may hold up the way out


@dataclass(frozen=True, slots=True)
class LeftAt:
    """Where somebody was when their session ended elsewhere."""

    user: str
    tenant: str
    place: str


class Session:
    """From a sign-in to its end. `identity` and `policy` are read anew whenever the store changes."""

    def __init__(self, app: SecConsole, identity: Identity, policy: Policy | None) -> None:
        self._app = app
        self.identity = identity
        self.policy = policy
        self.places = Places(app)

    @classmethod
    async def begin(cls, app: SecConsole) -> Session:
        """Take up work as whoever the backend's credential names."""
        identity = await app.line.ask(WhoAmI())
        app.tenant = app.organisation = identity.tenant
        return cls(app, identity, await _policy(app, identity))

    async def renew(self) -> None:
        """Something in the store has changed: learn anew who one is and what holds here, and tell the places."""
        app, before = self._app, self.identity
        self.identity = await app.backend.perform(WhoAmI())
        self.policy = await _policy(app, self.identity)
        app.line.find()
        for place in self.places:
            place.tell_changed()
        if before.role is not self.identity.role:
            app.say(f"Your role is {self.identity.role} now.")
            here = self.places.here
            if here is not None and self.places.why_not(here.NAME):
                await self.places.show("account")

    async def is_bound(self) -> bool:
        """Whether a second factor of theirs is bound by now."""
        return (await self._app.line.ask(WhoAmI())).bound

    async def end(self) -> bool:
        """End it in the store too; False if that does not answer soon, so that it ends there by its time only."""
        ended = False
        try:
            if not self._app.line.cut:
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

    def left_at(self) -> LeftAt:
        """Where one is now."""
        return LeftAt(self.identity.id, self._app.tenant, self.places.latest)

    async def go_back_to(self, left: LeftAt | None) -> str:
        """The place to go on in, in the tenant one worked in; empty if it was somebody else's or is closed to one."""
        if left is None or left.user != self.identity.id or not left.place or self.places.why_not(left.place):
            return ""
        if left.tenant != self._app.tenant and not self.why_no_other_tenant():
            self._app.tenant = left.tenant
            self.policy = await _policy(self._app, self.identity)
        return left.place

    # ---- tenants ---------------------------------------------------------------------------------------------------

    def why_no_other_tenant(self) -> str:
        """Why one cannot work in another tenant, in words; empty if one can."""
        role = self.identity.role
        return "" if may(role, Permission.MANAGE_TENANTS) else f"Your role, {role}, works in {self._app.tenant} only."

    async def choose_tenant(self) -> None:
        """Let a platform administrator choose another tenant, and go there."""
        from secconsole.tui.screens.tenant import TenantDialog

        tenants = (await self._app.perform(ListTenants())).items
        name = await self._app.ask(TenantDialog(tenants, self._app.tenant))
        if name and name != self._app.tenant:
            self._app.call_later(self._work_in, name)

    async def _work_in(self, tenant: str) -> None:
        """Every place is new in another tenant: nothing of the one before may be taken for its own."""
        here = self.places.here
        if here is None:
            return
        self._app.tenant = tenant
        self.policy = await _policy(self._app, self.identity)
        old = self.places.forget()
        await self.places.show(here.NAME)
        await self.places.close(old)


async def _policy(app: SecConsole, identity: Identity) -> Policy | None:
    """What holds in the tenant one works in, for whoever may see it."""
    if not may(identity.role, Permission.SEE):
        return None
    return await app.backend.perform(ShowPolicy(tenant=app.tenant))
