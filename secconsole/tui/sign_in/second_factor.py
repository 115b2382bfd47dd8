"""The second factor of a sign-in: choosing one, having a code sent, and entering it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.signin import (
    OfferedFactor,
    SendCode,
    SendStatus,
    ShowSignInSending,
    SignInAnswer,
    VerifySignIn,
)
from secconsole.tui.demo.hints import phone_words
from secconsole.tui.session.delivery_watch import watch_delivery
from secconsole.tui.sign_in.messages import answer_text, challenge_of, values_of
from secconsole.tui.text.codes import NOT_ARRIVED, not_sent_words, sent_words
from secconsole.tui.text.factors import WHERE_TO, apps_first, factor_words, is_bypass, is_sent
from secconsole.tui.text.format import until
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, Field, ReadOnly, cancel
from secconsole.tui.widgets.pick_list import PickList, picks_of

if TYPE_CHECKING:
    from secconsole.backends.demo.accounts import DemoAccount
    from secconsole.tui.sign_in.card import SignInCard

ASK_CODE = "Enter the code that your authenticator app shows now. Lost your phone? Use a recovery code."
ASK_RECOVERY = "Enter one of your recovery codes. Spaces, dashes and lower case do not matter."
ASK_BYPASS = "Enter the bypass code from the helpdesk, which works once. Dashes and lower case do not matter."
CONTACT = "Contact the administrator:"
NO_CONTACT = "No address is entered here. Ask your colleagues how to reach the helpdesk."
SENT_ALSO = "You can also use a recovery code."


class SecondFactor:
    """A challenge, from its first form until it is answered or over.

    An app comes first, since its code can be entered at once. A code is sent only when the user asks for it: they may
    have only a recovery code, and each message costs.
    """

    def __init__(self, card: SignInCard, answer: SignInAnswer, account: DemoAccount | None) -> None:
        self._card = card
        self.challenge = challenge_of(answer)
        self._factors = apps_first(answer.factors)
        self._account = account
        self._helpdesk = answer.helpdesk
        self._factor: OfferedFactor | None = None  # None for a recovery code
        self._sent_to = ""  # the factor of the newest code that was sent

    async def begin(self, problem: str) -> None:
        """Show the first form: an app's, or else the list.

        `problem`: an error to show with it.
        """
        if self._factors and not is_sent(self._factors[0]):
            await self._show_code(self._factors[0], problem)
        else:
            await self._show_list(problem)

    async def ask(self) -> SignInAnswer:
        """Run until a code is accepted or the attempt is over, and return the answer."""
        while True:
            values = values_of(await self._card.entered())
            button = values.get("button")
            if button == "other":
                await self._show_list()
            elif button == "contact":
                self._card.show_message(lines(CONTACT, (self._helpdesk or NO_CONTACT, "bold")), bad=False)
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
                return await self._card.app.perform(operation)

    def again(self, answer: SignInAnswer) -> None:
        """Show that the code was wrong, and let the user enter another one."""
        sent = self._factor is not None and is_sent(self._factor)
        self._card.show_message(answer_text(answer, *self._demo_words(), times=not sent))
        self._card.form.set_value("code", "")
        self._card.form.focus_field("code")

    # ---- the list --------------------------------------------------------------------------------------------------

    async def _show_list(self, problem: str = "") -> None:
        where_to = f"{WHERE_TO} Press its number; esc starts over."
        self._card.show_message(lines(problem, where_to) if problem else safe(where_to), bad=bool(problem))
        await self._card.put(PickList(picks_of(self._factors)))

    async def _pick(self, value: str) -> SignInAnswer | None:
        factor = next((factor for factor in self._factors if factor.id == value), None)
        if factor is not None and is_sent(factor):
            return await self._send(factor)
        await self._show_code(factor)
        return None

    # ---- codes that are sent ---------------------------------------------------------------------------------------

    async def _send(self, factor: OfferedFactor) -> SignInAnswer | None:
        """Send a code and show its form, or the list if that has to wait.

        Return the answer if the attempt is over.
        """
        answer = await self._card.app.perform(SendCode(challenge=self.challenge, factor=factor.id))
        if answer.status is not SignInStatus.SECOND_FACTOR:
            return answer
        if answer.sent:
            self._sent_to = factor.id
        then = ""
        if answer.prefix and self._sent_to == factor.id:
            self._factor, then = factor, NOT_ARRIVED
            message = lines(*sent_words(FactorKind(factor.kind), factor.masked, answer.prefix), SENT_ALSO)
            self._card.show_message(message if answer.sent else not_sent_words(answer.message), bad=not answer.sent)
            await self._card.put(self._code_form(factor, answer.prefix))
        else:  # no sent code of this factor could be entered
            await self._show_list(not_sent_words(answer.message, holds=False))
        if answer.retry_at is not None and answer.server_time is not None:
            await self._card.wait(then, answer.retry_at - answer.server_time)
        if answer.sent:
            look = ShowSignInSending(challenge=self.challenge)
            self._card.follow_sending(watch_delivery(lambda: self._card.app.backend.perform(look), self._show_status))
        return None

    def _show_status(self, status: SendStatus) -> None:
        """Show why the code was not sent.

        Stop the countdown if it never will be.
        """
        self._card.show_message(status.message)
        if status.final and status.state is not MessageState.UNSURE:
            self._card.stop_waiting()

    # ---- the code --------------------------------------------------------------------------------------------------

    async def _show_code(self, factor: OfferedFactor | None, problem: str = "") -> None:
        self._factor = factor
        asked = ASK_RECOVERY if factor is None else ASK_BYPASS if is_bypass(factor) else ASK_CODE
        if factor is not None and factor.until is not None:
            asked = f"{asked} It works until {until(factor.until, self._card.app.clock())}."
        message = problem or asked
        self._card.show_message(lines(message, *self._demo_words()), bad=bool(problem))
        await self._card.put(self._code_form(factor))

    def _code_form(self, factor: OfferedFactor | None, prefix: str = "") -> Form:
        fields: list[Field] = [
            CodeField(name="code", label="Code", needed=True, recovery=True, bypass=True, prefix=prefix)
        ]
        if factor is not None:
            fields.insert(0, ReadOnly(name="from", label="Sent" if prefix else "From", value=factor_words(factor)))
        buttons = [cancel("Start over")]
        if len(self._factors) > 1 or factor is None:
            buttons.append(Button("other", "Other way", free=True))
        if prefix:
            buttons.append(Button("again", "Send again", free=True))
        buttons.append(Button("contact", "Contact the administrator", free=True))
        return Form(fields, [*buttons, Button("verify", "Sign in")], focus="code")

    def _demo_words(self) -> list[Content]:
        """Return what the user's phone shows now, in a demo."""
        app = self._card.app
        return phone_words(self._account, app.clock()) if self._account is not None else []
