"""The steps of a sign-in, from login and password to a session."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.backends.base import NoAnswer
from secconsole.backends.demo.accounts import DemoAccount, demo_tenant
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.signin import ChoosePassword, SignIn, SignInAnswer, VerifySignIn
from secconsole.tui.sign_in.card import SignInCancelled
from secconsole.tui.sign_in.messages import answer_text, challenge_of
from secconsole.tui.sign_in.new_password import ask_new_password
from secconsole.tui.sign_in.open_backend import NotOpened, can_set_up, open_local_store, say_not_opened
from secconsole.tui.widgets.form_fields import Button, Value, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console
    from secconsole.tui.sign_in.card import SignInCard
    from secconsole.tui.sign_in.second_factor import SecondFactor

NEW_PASSWORD = "Choose a new password before you go on. A few unrelated words make a good one; spaces are fine."  # noqa: S105
BOUND = {
    FactorKind.TOTP: "Your phone is bound. From now on you need its code to sign in.",
    FactorKind.SMS: "Your number is bound. From now on you need a code sent there to sign in.",
    FactorKind.EMAIL: "Your address is bound. From now on you need a code sent there to sign in.",
}


class SignInSteps:
    """Walks from login and password to a session, through every step that the replies require."""

    def __init__(self, card: SignInCard) -> None:
        self._card = card
        self._opening: asyncio.Task[None] | None = None
        self._login = self._tenant = ""
        self._account: DemoAccount | None = None
        self._step: SecondFactor | None = None  # login of the form shown
        self._picked = False  # picked from a demo's list instead of typed
        self._bound: FactorKind | None = None
        self._not_yet: SecconsoleError | None = None  # there is no store, and it can be created here
        self._created: Mapping[str, Value] | None = None  # login and password of a store that was just created

    @property
    def _app(self) -> Console:
        return self._card.app

    async def walk(self) -> None:
        """Run until someone is signed in.

        Every error becomes a message and another try.
        """
        try:
            while True:
                try:
                    if await self._once():
                        return
                except SignInCancelled:
                    self._login = "" if self._picked else self._login
                    await self._again("")
                except NotOpened as failed:
                    self._opening = None
                    if can_set_up(self._app):
                        self._not_yet = failed.error
                        continue
                    await say_not_opened(self._card, failed.error)
                    await self._again("")
                except NoAnswer as error:
                    await self._again(error.message if error.perhaps_done else "")  # else shown with the connection
                except SecconsoleError as error:
                    await self._again(error.message)
        finally:
            if self._opening is not None:
                self._opening.cancel()

    async def _once(self) -> bool:
        """Go from the first form to a session.

        Return False if refused, with the first form shown again.
        """
        if self._not_yet is not None and not await self._set_up(self._not_yet):
            return True
        if self._opening is None:
            self._opening = asyncio.create_task(open_local_store(self._card))
        entry, self._created = self._created or await self._card.entered(), None
        await asyncio.shield(self._opening)
        while self._app.connection.is_down:
            self._card.say_cut()
            entry = await self._card.entered()
        answer = await self._first(entry)
        while answer.status not in (SignInStatus.COMPLETE, SignInStatus.REFUSED):
            answer = await self._next(answer)
        if answer.token is None:
            await self._again(answer_text(answer))
            return False
        message = BOUND[self._bound] if self._bound else answer.message
        self._app.sign_in_with(answer.token, self._card.hand_over(), message, bound=self._bound is not None)
        return True

    async def _set_up(self, error: SecconsoleError) -> bool:
        """Create the store and sign in to it next, or return False if the user leaves, with the code of the error."""
        from secconsole.tui.sign_in.set_up import set_up

        self._not_yet = None
        self._created = await set_up(self._card)
        if self._created is None:
            self._app.exit(error.exit_code)
        return self._created is not None

    async def _again(self, message: str | Content) -> None:
        self._step = self._account = self._bound = None
        self._card.set_title()
        self._card.show_message(message)
        await self._card.put(self._card.credentials(self._login, organisation=self._organisation()))

    def _organisation(self) -> str | None:
        """Return the default for the organisation field.

        None if it is not asked for.
        """
        return None if self._app.home_tenant or not self._app.has_backend else self._app.organisation

    # ---- the steps -------------------------------------------------------------------------------------------------

    async def _first(self, entry: Mapping[str, Value] | DemoAccount) -> SignInAnswer:
        app = self._app
        app.backend.credential = Nobody()
        if isinstance(entry, DemoAccount):
            self._account, self._login, password = entry, entry.login, entry.password
            self._picked, tenant = True, demo_tenant()
        else:
            self._picked = False
            self._login = str(entry["login"]).strip()
            typed = entry["password"]
            assert isinstance(typed, Secret)
            password, tenant = typed, app.home_tenant
            if not tenant:
                if "organisation" not in entry:  # sent before it was known that there are several
                    await self._card.put(self._card.credentials(self._login, organisation=""))
                    self._card.form.set_value("password", password.reveal())
                    self._card.form.focus_field("organisation")
                    return await self._first(await self._card.entered())
                app.organisation = tenant = str(entry["organisation"]).strip()
        self._tenant = tenant
        return await app.perform(SignIn(tenant=tenant, login=self._login, password=password))

    async def _next(self, answer: SignInAnswer) -> SignInAnswer:
        self._card.set_title(self._login)
        if answer.status is SignInStatus.SECOND_FACTOR:
            return await self._second_factor(answer)
        if answer.status is SignInStatus.ENROLL:
            return await self._bind(answer)
        return await self._new_password(answer)

    async def _second_factor(self, answer: SignInAnswer) -> SignInAnswer:
        picked, self._account = self._account, None
        if picked is not None and picked.totp_uri is not None:
            return await self._demo_code(answer, picked.totp_uri)
        from secconsole.tui.sign_in.second_factor import SecondFactor

        step = self._step
        if step is None or step.challenge != answer.challenge:
            account = next((a for a in self._card.demo_accounts if a.login == self._login), None)
            step = self._step = SecondFactor(self._card, answer, account)
            await step.begin(answer.message)
        else:
            step.again(answer)
        return await step.ask()

    async def _demo_code(self, answer: SignInAnswer, uri: Secret[str]) -> SignInAnswer:
        """Submit the current code, or the next one, which is accepted a step ahead, if that was used already."""
        from secconsole.tui.demo.codes import code_of

        for later in (0, 1):
            code, _ = code_of(uri, self._app.clock(), later)
            operation = VerifySignIn(challenge=challenge_of(answer), factor="", code=Secret(code))
            answer = await self._app.perform(operation)
            if answer.status is not SignInStatus.SECOND_FACTOR:
                break
        return answer

    async def _bind(self, answer: SignInAnswer) -> SignInAnswer:
        from secconsole.tui.sign_in.binding import SignInBinding

        binding = SignInBinding(self._app, answer, self._tenant)
        answer = await binding.ask()
        self._bound = binding.kind
        return answer

    async def _new_password(self, answer: SignInAnswer) -> SignInAnswer:
        challenge = challenge_of(answer)

        async def choose(password: Secret[str]) -> SignInAnswer:
            return await self._app.perform(ChoosePassword(challenge=challenge, password=password))

        buttons = [cancel("Start over"), Button("choose", "Use it")]
        return await ask_new_password(self._card, NEW_PASSWORD, buttons, choose)
