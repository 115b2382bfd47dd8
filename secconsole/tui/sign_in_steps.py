"""What a sign-in asks for, one thing after the other, until somebody is signed in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textual.content import Content

from secconsole.backends.base import NoAnswer
from secconsole.backends.demo_accounts import DemoAccount, demo_tenant
from secconsole.config import locations
from secconsole.domain.errors import Invalid, SecconsoleError, Unavailable
from secconsole.domain.model import SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.signin import (
    ChoosePassword,
    ConfirmBinding,
    SignIn,
    SignInAnswer,
    StartBinding,
    VerifySignIn,
)
from secconsole.tui.demo_words import phone_words
from secconsole.tui.safe_text import join, lines, safe
from secconsole.tui.screens.sign_in import LeftOff
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import (
    Button,
    ChoiceField,
    CodeField,
    Field,
    PasswordField,
    ReadOnly,
    Value,
    cancel,
)
from secconsole.tui.words import clock, plural, until

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole
    from secconsole.tui.screens.sign_in import SignInScreen

ASK_CODE = "Enter the code that your authenticator app shows now. Phone lost? A recovery code will do."
NEW_PASSWORD = "Choose a new password before you go on. A few unrelated words make a good one; spaces are fine."  # noqa: S105
BOUND = "Your phone is bound. From now on its code is asked for when you sign in."


class NotOpened(Exception):
    """The store could not be opened, and why."""

    def __init__(self, error: SecconsoleError) -> None:
        super().__init__()
        self.error = error


class SignInSteps:
    """Walks from login and password to a session, over whatever the answers ask for in between."""

    def __init__(self, screen: SignInScreen) -> None:
        self._screen = screen
        self._opening: asyncio.Task[None] | None = None
        self._login = self._tenant = ""
        self._account: DemoAccount | None = None
        self._asked: Secret[str] | None = None  # the challenge whose code form stands there
        self._picked = False  # from a demo's list, rather than typed
        self._new_phone = False

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
                    await self._not_opened(failed.error)
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
            self._opening = asyncio.create_task(self._open())
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
        message = BOUND if self._new_phone else answer.message
        self._app.sign_in_with(answer.token, self._screen.hand_over(), message)
        return True

    async def _again(self, message: str | Content) -> None:
        self._asked = self._account = None
        self._screen.set_title()
        self._screen.say(message)
        await self._screen.put(self._screen.credentials(self._login, organisation=self._organisation()))

    def _organisation(self) -> str | None:
        """What to put into the field for it; None where it is not asked for."""
        return None if self._app.home_tenant or not self._app.has_backend else self._app.organisation

    # ---- opening the store -----------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Open the store while the form stands already and takes keys."""
        app = self._app
        try:
            if app.local and not locations.database_path().exists():
                raise Unavailable(f"There is no store yet at {locations.database_path()}.")
            if not app.has_backend:
                app.backend = await app.opener()
            app.live.greet()
            await self._find_tenant()
        except SecconsoleError as error:
            self._screen.interrupt(NotOpened(error))
            raise NotOpened(error) from None
        self._screen.set_title()

    async def _find_tenant(self) -> None:
        """The only tenant there is need not be asked for."""
        app = self._app
        if app.home_tenant:
            return
        names = await self._known_tenants() if app.local else []
        if len(names) == 1:
            app.home_tenant = names[0]
        else:
            await self._screen.ask_organisation()

    async def _known_tenants(self) -> list[str]:
        from secconsole.backends.embedded import store_owner
        from secconsole.operations.tenants import ListTenants

        owner = store_owner()
        if owner is None:
            return []
        backend = self._app.backend
        backend.credential = owner
        try:
            return [tenant.name for tenant in (await backend.perform(ListTenants())).items]
        finally:
            backend.credential = Nobody()

    async def _not_opened(self, error: SecconsoleError) -> None:
        """Say what to do, and try again when asked to."""
        missing = self._app.local and not locations.database_path().exists()
        what = "store" if self._app.local else "server"
        self._screen.set_title("no store yet" if missing else f"the {what} cannot be opened")
        self._screen.say(_make_one(error.message) if missing else error.message, bad=not missing)
        while True:
            await self._screen.put(Form([], [Button("leave", "Leave"), Button("again", "Try again")], focus="again"))
            try:
                entry = await self._screen.entered()
            except LeftOff:
                continue
            break
        if isinstance(entry, Mapping) and entry["button"] == "leave":
            self._app.exit(error.exit_code)
        self._opening = None
        await self._again("")

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
        challenge = _challenge(answer)
        picked, self._account = self._account, None
        if picked is not None and picked.totp_uri is not None:
            return await self._demo_code(answer, picked.totp_uri)
        screen = self._screen
        if self._asked != challenge:
            self._asked = challenge
            screen.say(lines(answer.message or ASK_CODE, *self._demo_words()), bad=bool(answer.message))
            await screen.put(self._code_form(answer))
        else:
            screen.say(told(answer, *self._demo_words()))
            screen.form.set_value("code", "")
            screen.form.focus_field("code")
        values = _values(await screen.entered())
        factor = str(values.get("factor", answer.factors[0].id if answer.factors else ""))
        code = Secret(str(values["code"]))
        return await self._app.line.ask(VerifySignIn(challenge=challenge, factor=factor, code=code))

    def _code_form(self, answer: SignInAnswer) -> Form:
        options = [(factor.id, f"{factor.masked}" or factor.kind) for factor in answer.factors]
        fields: list[Field] = [CodeField(name="code", label="Code", needed=True, recovery=True)]
        if len(options) > 1:
            fields.insert(0, ChoiceField(name="factor", label="From", options=options))
        elif options:
            fields.insert(0, ReadOnly(name="from", label="From", value=options[0][1]))
        return Form(fields, [cancel("Start over"), Button("verify", "Sign in")], focus="code")

    async def _demo_code(self, answer: SignInAnswer, uri: Secret[str]) -> SignInAnswer:
        """Give the code of now, and if that was used already the next one, which is taken a step ahead."""
        from secconsole.tui.widgets.demo_list import code_of

        for later in (0, 1):
            code, _ = code_of(uri, self._app.clock(), later)
            factor = answer.factors[0].id if answer.factors else ""
            operation = VerifySignIn(challenge=_challenge(answer), factor=factor, code=Secret(code))
            answer = await self._app.line.ask(operation)
            if answer.status is not SignInStatus.SECOND_FACTOR:
                break
        return answer

    def _demo_words(self) -> list[Content]:
        """In a demo: what the phone of whoever signs in shows now."""
        account = next((a for a in self._screen.demo_accounts if a.login == self._login), None)
        return phone_words(account, self._app.clock()) if account is not None else []

    async def _bind(self, answer: SignInAnswer) -> SignInAnswer:
        from secconsole.tui.screens.binding import BindingScreen, Checked

        challenge = _challenge(answer)
        started = await self._app.line.ask(StartBinding(challenge=challenge))
        last = answer

        async def confirm(code: Secret[str]) -> Checked:
            nonlocal last
            operation = ConfirmBinding(challenge=challenge, enrollment=started.enrollment, code=code)
            last = await self._app.line.ask(operation)
            over = last.status is SignInStatus.REFUSED
            bound = last.status is SignInStatus.COMPLETE
            return Checked(bound, last.message, last.server_time, last.left, over)

        reason = f"{self._tenant} requires a second factor."
        end = await self._app.ask(BindingScreen(started, confirm, reason=reason, back="Start over"))
        if not end.bound and last.status is not SignInStatus.REFUSED:
            raise Unavailable(end.message) if end.message else LeftOff
        self._new_phone = end.bound
        return last

    async def _new_password(self, answer: SignInAnswer) -> SignInAnswer:
        challenge, screen = _challenge(answer), self._screen
        screen.say(NEW_PASSWORD, bad=False)
        fields = [
            PasswordField(name="password", label="New password", needed=True),
            PasswordField(name="again", label="Once more", needed=True),
        ]
        await screen.put(Form(fields, [cancel("Start over"), Button("choose", "Use it")]))
        while True:
            values = _values(await screen.entered())
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


def told(answer: SignInAnswer, *more: Content) -> Content:
    """What an answer that is not yes says, line by line."""
    said: list[Content] = [safe(answer.message)]
    if answer.server_time is not None and answer.left is not None:
        said.append(safe(f"Server time {clock(answer.server_time)}"))
    if answer.left:
        said.append(safe(f"{plural(answer.left, 'entry', 'entries')} left, then start over"))
    if answer.retry_at is not None and answer.server_time is not None:
        at = clock(answer.retry_at) if answer.left is not None else until(answer.retry_at, answer.server_time)
        said.append(safe(f"Entries are looked at again from {at} on"))
    return lines(*said, *more)


def _make_one(message: str) -> Content:
    return lines(
        message,
        "",
        "To begin with your own organisation:",
        join("  ", ("secconsole init --tenant NAME --admin LOGIN", "bold")),
        "To look around first, among invented people:",
        join("  ", ("secconsole demo", "bold")),
    )


def _challenge(answer: SignInAnswer) -> Secret[str]:
    if answer.challenge is None:
        raise Unavailable("The server's answer makes no sense: it asks for more and names no attempt.")
    return answer.challenge


def _values(entry: Any) -> Mapping[str, Value]:
    """The values of a form; a demo account picked in the middle of something is a fresh start."""
    if isinstance(entry, DemoAccount):
        raise LeftOff
    values: Mapping[str, Value] = entry
    return values
