"""What a sign-in asks for, one thing after the other, until somebody is signed in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.backends.base import NoAnswer
from secconsole.backends.demo_accounts import DemoAccount, demo_tenant
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.signin import ChoosePassword, SignIn, SignInAnswer, VerifySignIn
from secconsole.tui.screens.sign_in import LeftOff
from secconsole.tui.sign_in.opening import NotOpened, open_store, say_not_opened
from secconsole.tui.sign_in.words import challenge_of, told, values_of
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, PasswordField, Value, cancel

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole
    from secconsole.tui.screens.sign_in import SignInScreen
    from secconsole.tui.sign_in.second_factor import SecondFactor

NEW_PASSWORD = "Choose a new password before you go on. A few unrelated words make a good one; spaces are fine."  # noqa: S105
BOUND = {
    FactorKind.TOTP: "Your phone is bound. From now on its code is asked for when you sign in.",
    FactorKind.SMS: "Your number is bound. From now on a code is sent there when you sign in.",
    FactorKind.EMAIL: "Your address is bound. From now on a code is sent there when you sign in.",
}


class SignInSteps:
    """Walks from login and password to a session, over whatever the answers ask for in between."""

    def __init__(self, screen: SignInScreen) -> None:
        self._screen = screen
        self._opening: asyncio.Task[None] | None = None
        self._login = self._tenant = ""
        self._account: DemoAccount | None = None
        self._step: SecondFactor | None = None  # whose form stands there
        self._picked = False  # from a demo's list, rather than typed
        self._bound: FactorKind | None = None

    @property
    def _app(self) -> SecConsole:
        return self._screen.app

    async def walk(self) -> None:
        """Until somebody is signed in; every error on the way becomes words and another try."""
        try:
            while True:
                try:
                    if await self._once():
                        return
                except LeftOff:
                    self._login = "" if self._picked else self._login
                    await self._again("")
                except NotOpened as failed:
                    await say_not_opened(self._screen, failed.error)
                    self._opening = None
                    await self._again("")
                except NoAnswer as error:
                    await self._again(error.message if error.perhaps_done else "")  # else the line itself is spoken of
                except SecconsoleError as error:
                    await self._again(error.message)
        finally:
            if self._opening is not None:
                self._opening.cancel()

    async def _once(self) -> bool:
        """From the first form to a session; False if it was refused on the way, and the first form stands again."""
        if self._opening is None:
            self._opening = asyncio.create_task(open_store(self._screen))
        entry = await self._screen.entered()
        await asyncio.shield(self._opening)
        while self._app.line.cut:
            self._screen.say_cut()
            entry = await self._screen.entered()
        answer = await self._first(entry)
        while answer.status not in (SignInStatus.COMPLETE, SignInStatus.REFUSED):
            answer = await self._next(answer)
        if answer.token is None:
            await self._again(told(answer))
            return False
        message = BOUND[self._bound] if self._bound else answer.message
        self._app.sign_in_with(answer.token, self._screen.hand_over(), message, bound=self._bound is not None)
        return True

    async def _again(self, message: str | Content) -> None:
        self._step = self._account = self._bound = None
        self._screen.set_title()
        self._screen.say(message)
        await self._screen.put(self._screen.credentials(self._login, organisation=self._organisation()))

    def _organisation(self) -> str | None:
        """What to put into the field for it; None where it is not asked for."""
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
            given = entry["password"]
            assert isinstance(given, Secret)
            password, tenant = given, app.home_tenant
            if not tenant:
                if "organisation" not in entry:  # sent off before it was known that there are several
                    await self._screen.put(self._screen.credentials(self._login, organisation=""))
                    self._screen.form.set_value("password", password.reveal())
                    self._screen.form.focus_field("organisation")
                    return await self._first(await self._screen.entered())
                app.organisation = tenant = str(entry["organisation"]).strip()
        self._tenant = tenant
        return await app.line.ask(SignIn(tenant=tenant, login=self._login, password=password))

    async def _next(self, answer: SignInAnswer) -> SignInAnswer:
        self._screen.set_title(self._login)
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
            account = next((a for a in self._screen.demo_accounts if a.login == self._login), None)
            step = self._step = SecondFactor(self._screen, answer, account)
            await step.begin(answer.message)
        else:
            step.again(answer)
        return await step.ask()

    async def _demo_code(self, answer: SignInAnswer, uri: Secret[str]) -> SignInAnswer:
        """Give the code of now, and if that was used already the next one, which is taken a step ahead."""
        from secconsole.tui.widgets.demo_list import code_of

        for later in (0, 1):
            code, _ = code_of(uri, self._app.clock(), later)
            operation = VerifySignIn(challenge=challenge_of(answer), factor="", code=Secret(code))
            answer = await self._app.line.ask(operation)
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
        challenge, screen = challenge_of(answer), self._screen
        screen.say(NEW_PASSWORD, bad=False)
        fields = [
            PasswordField(name="password", label="New password", needed=True),
            PasswordField(name="again", label="Once more", needed=True),
        ]
        await screen.put(Form(fields, [cancel("Start over"), Button("choose", "Use it")]))
        while True:
            values = values_of(await screen.entered())
            password = values["password"]
            assert isinstance(password, Secret)
            problem = "" if password == values["again"] else "The two are not the same. Type both again."
            if not problem:
                try:
                    return await self._app.line.ask(ChoosePassword(challenge=challenge, password=password))
                except Invalid as error:
                    problem = error.message
            screen.say(problem)
            for name in ("again", "password"):
                screen.form.set_value(name, "")
            screen.form.focus_field("password")
