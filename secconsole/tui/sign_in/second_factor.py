"""The second factor of a sign-in: which one, the code that may have to be sent for it, and the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.model import SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.signin import OfferedFactor, SendCode, SignInAnswer, VerifySignIn
from secconsole.tui.demo_words import phone_words
from secconsole.tui.factor_words import WHERE_TO, apps_first, factor_words, is_sent, picks_of
from secconsole.tui.safe_text import lines, safe
from secconsole.tui.sent_words import NOT_ARRIVED, not_sent_words, sent_words
from secconsole.tui.sign_in.words import challenge_of, told, values_of
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, Field, ReadOnly, cancel
from secconsole.tui.widgets.pick_list import PickList

if TYPE_CHECKING:
    from secconsole.backends.demo_accounts import DemoAccount
    from secconsole.tui.screens.sign_in import SignInScreen

ASK_CODE = "Enter the code that your authenticator app shows now. Phone lost? A recovery code will do."
ASK_RECOVERY = "Enter one of your recovery codes. Blanks, dashes and small letters do not matter."
SENT_ALSO = "A recovery code will do, too."


class SecondFactor:
    """One challenge, from its first form until it is answered or over.

    An app comes first, with its code to be typed at once. Where a code has to be sent it is not sent before somebody
    asked for it: the person may have a recovery code only, and each message costs.
    """

    def __init__(self, screen: SignInScreen, answer: SignInAnswer, account: DemoAccount | None) -> None:
        self._screen = screen
        self.challenge = challenge_of(answer)
        self._factors = apps_first(answer.factors)
        self._account = account
        self._factor: OfferedFactor | None = None  # None with a recovery code
        self._sent_to = ""  # the factor that the newest code went to

    async def begin(self, problem: str) -> None:
        """Show the first form: an app's, or else the list. `problem`: what was wrong before."""
        if self._factors and not is_sent(self._factors[0]):
            await self._show_code(self._factors[0], problem)
        else:
            await self._show_list(problem)

    async def ask(self) -> SignInAnswer:
        """Until a code was typed, or the attempt is over; what became of it."""
        while True:
            values = values_of(await self._screen.entered())
            button = values.get("button")
            if button == "other":
                await self._show_list()
            elif button == "picked":
                over = await self._pick(str(values["value"]))
                if over is not None:
                    return over
            elif button == "again" and self._factor is not None:
                over = await self._send(self._factor)
                if over is not None:
                    return over
            else:
                operation = VerifySignIn(
                    challenge=self.challenge,
                    factor=self._factor.id if self._factor else "",
                    code=Secret(str(values["code"])),
                )
                return await self._screen.app.line.ask(operation)

    def again(self, answer: SignInAnswer) -> None:
        """The code was not right: say so, and let another one be typed."""
        sent = self._factor is not None and is_sent(self._factor)
        self._screen.say(told(answer, *self._demo_words(), times=not sent))
        self._screen.form.set_value("code", "")
        self._screen.form.focus_field("code")

    # ---- the list --------------------------------------------------------------------------------------------------

    async def _show_list(self, problem: str = "") -> None:
        where_to = f"{WHERE_TO} Press its number; esc starts over."
        self._screen.say(lines(problem, where_to) if problem else safe(where_to), bad=bool(problem))
        await self._screen.put(PickList(picks_of(self._factors)))

    async def _pick(self, value: str) -> SignInAnswer | None:
        factor = next((factor for factor in self._factors if factor.id == value), None)
        if factor is not None and is_sent(factor):
            return await self._send(factor)
        await self._show_code(factor)
        return None

    # ---- codes that are sent ---------------------------------------------------------------------------------------

    async def _send(self, factor: OfferedFactor) -> SignInAnswer | None:
        """Have a code sent and show its form, or the list if that has to wait; the answer if the attempt is over."""
        answer = await self._screen.app.line.ask(SendCode(challenge=self.challenge, factor=factor.id))
        if answer.status is not SignInStatus.SECOND_FACTOR:
            return answer
        if answer.sent:
            self._sent_to = factor.id
        then = ""
        if answer.prefix and self._sent_to == factor.id:
            self._factor, then = factor, NOT_ARRIVED
            said = lines(*sent_words(factor.kind, factor.masked, answer.prefix), SENT_ALSO)
            self._screen.say(said if answer.sent else not_sent_words(answer.message), bad=not answer.sent)
            await self._screen.put(self._code_form(factor, answer.prefix))
        else:  # there is no code of its own that could be typed
            await self._show_list(not_sent_words(answer.message, holds=False))
        if answer.retry_at is not None and answer.server_time is not None:
            await self._screen.wait(then, answer.retry_at - answer.server_time)
        return None

    # ---- the code --------------------------------------------------------------------------------------------------

    async def _show_code(self, factor: OfferedFactor | None, problem: str = "") -> None:
        self._factor = factor
        words = problem or (ASK_RECOVERY if factor is None else ASK_CODE)
        self._screen.say(lines(words, *self._demo_words()), bad=bool(problem))
        await self._screen.put(self._code_form(factor))

    def _code_form(self, factor: OfferedFactor | None, prefix: str = "") -> Form:
        fields: list[Field] = [CodeField(name="code", label="Code", needed=True, recovery=True, prefix=prefix)]
        if factor is not None:
            fields.insert(0, ReadOnly(name="from", label="Sent" if prefix else "From", value=factor_words(factor)))
        buttons = [cancel("Start over")]
        if len(self._factors) > 1 or factor is None:
            buttons.append(Button("other", "Other way", free=True))
        if prefix:
            buttons.append(Button("again", "Send again", free=True))
        return Form(fields, [*buttons, Button("verify", "Sign in")], focus="code")

    def _demo_words(self) -> list[Content]:
        """In a demo: what the phone of whoever signs in shows now."""
        app = self._screen.app
        return phone_words(self._account, app.clock()) if self._account is not None else []
