"""Security settings: off, optional or required, with the impact of a change shown before it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from secconsole.backends.base import NoAnswer
from secconsole.domain.errors import SecconsoleError, Stale
from secconsole.domain.impact import is_harmless
from secconsole.domain.model import PolicyMode
from secconsole.operations.base import Operation
from secconsole.operations.delivery import Delivery, ShowDelivery
from secconsole.operations.networks import ListNetworks, NetworkList
from secconsole.operations.policy import Policy, PolicyPreview, PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.secret_keys import ListSecretKeys, SecretKeyPage
from secconsole.operations.step_up import StepUp
from secconsole.operations.tenants import ShowAdoption
from secconsole.tui.actions import Action
from secconsole.tui.console import WaitAbandoned
from secconsole.tui.demo.hints import fill_proof, proof_words
from secconsole.tui.screens.end_sessions import EndSessionsOffer
from secconsole.tui.screens.overview.overview import go_to_users
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.settings.actions import ACTIONS, policy_of
from secconsole.tui.screens.settings.bind_first import bind_before_switching
from secconsole.tui.screens.settings.delivery_dialog import DeliveryDialog
from secconsole.tui.screens.settings.form import Change, PolicyForm
from secconsole.tui.screens.settings.text import (
    MUST_BIND,
    admins_search,
    changed_words,
    done_words,
    now_words,
    state_lines,
)
from secconsole.tui.text.format import clock
from secconsole.tui.text.safe import join, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.policy_choice import PolicyChoice
from secconsole.tui.widgets.policy_impact import impact_words
from secconsole.tui.widgets.prose import Prose

WIDEST = 120
ROOMY = 27  # rows from which the fields fit below everything else


class Settings(Place):
    """Policy with the impact of another one, and the keys to all other settings.

    Looking changes nothing. Changing asks for password and code in place.
    """

    NAME = "settings"
    TITLE = "Settings"
    NUMBER = "4"
    HELP_FILE = "settings.md"
    CSS_PATH = "../../styles/settings.tcss"
    AUTO_FOCUS = "PolicyChoice"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f2", "fill", "Fill in", show=False)]
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self.policy: Policy | None = None
        self.preview: PolicyPreview | None = None
        self.delivery: Delivery | None = None
        self._keys: SecretKeyPage | None = None
        self._networks: NetworkList | None = None
        self._expect: int | None = None  # the version that the user has seen

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            with Horizontal(id="choice"):
                yield Static("Second factor  ")
                yield PolicyChoice(utf8=self.app.terminal.utf8)
            yield Prose(id="now")
            yield Prose(id="impact")
            yield Prose(id="state")
            form = PolicyForm(bound=self.app.identity.bound, id="change")
            form.add_class("-folded")  # until the policy is read, which says whether there is room for it
            yield form
            yield Prose(id="may-not")

    # ---- reading ---------------------------------------------------------------------------------------------------

    async def shown(self) -> None:
        reason = self.may_not(self.ACTIONS[0])
        self.query_one(PolicyForm).display = not reason
        self.query_one("#may-not", Static).update(join((f"Read-only. {reason}" if reason else "", "$muted")))
        self._read()

    async def on_live_change(self) -> None:
        self._read()

    def reload_now(self) -> None:
        """Reload at once after a change made here."""
        self.app.live.note_reloaded()
        self._read()

    def on_policy_choice_looked(self) -> None:
        self.query_one(PolicyForm).stand_at(self.query_one(PolicyChoice).mode)
        self._read()

    def on_resize(self) -> None:
        self._say_impact()
        self._fold()

    @work(group="preview", exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        policy = await self.app.perform(ShowPolicy(tenant=self.app.tenant))
        choice, form = self.query_one(PolicyChoice), self.query_one(PolicyForm)
        before = self.policy
        looked_at = choice.mode if before is not None and choice.mode is not before.policy else policy.policy
        preview = await self.app.perform(PreviewPolicy(tenant=self.app.tenant, mode=looked_at))
        delivery = await self.app.perform(ShowDelivery(tenant=self.app.tenant))
        self._keys = await self.app.perform(ListSecretKeys(tenant=self.app.tenant))
        self._networks = await self.app.perform(ListNetworks(tenant=self.app.tenant))
        self.policy, self.preview, self.delivery = policy, preview, delivery
        choice.show(looked_at, policy.policy)
        form.stand_at(looked_at)
        if before is None or (before.grace_days != policy.grace_days and form.grace == before.grace_days):
            form.set_value("grace", str(policy.grace_days))
        if not form.has_focus:
            self._expect = policy.version
        elif before is not None and before.version != policy.version:
            self.app.notify_refused(changed_words(policy))
        self.query_one("#now", Static).update(now_words(policy))
        self._say_impact()
        self._say_state()
        self.refresh_hints()
        for screen in self.app.screen_stack:
            if isinstance(screen, DeliveryDialog):
                screen.follow(delivery)

    def action_fill(self) -> None:
        """Fill in password and code, in a demo."""
        if (form := self.query_one(PolicyForm)).has_focus:
            fill_proof(self.app, form)

    def on_descendant_focus(self) -> None:
        self._say_state()

    def on_descendant_blur(self) -> None:
        self.call_after_refresh(self._fold)

    def _say_state(self) -> None:
        """Show what each key leads to, or what to type while the fields have the focus in a demo."""
        self._fold()
        words = proof_words(self.app) if self.query_one(PolicyForm).has_focus else []
        if words:
            self.query_one("#state", Static).update(lines(*words))
        elif self.policy and self.delivery and self._networks and self._keys:
            now, utf8 = self.app.clock(), self.app.terminal.utf8
            text = state_lines(self.policy, self.delivery, self._networks, self._keys.items, now=now, utf8=utf8)
            self.query_one("#state", Static).update(text)

    def _fold(self) -> None:
        """In a low window, show either the fields, while they have the focus, or the lines of other keys."""
        if self.is_here:
            form = self.query_one(PolicyForm)
            low = self.size.height < ROOMY
            form.set_class(low and not form.has_focus, "-folded")
            self.query_one("#state").display = not (low and form.has_focus) or self.app.demo

    def _say_impact(self) -> None:
        if self.preview is not None:
            width = min(WIDEST, self.size.width) - 6
            grace = self.query_one(PolicyForm).grace or 0
            held = self.policy.grace_days if self.policy is not None else grace
            policy, now = self.policy, self.app.clock()
            since = policy.required_since if policy is not None and self.preview.policy is policy.policy else None
            words = impact_words(
                self.preview, grace, begins=since or now, held=held, width=width, utf8=self.app.terminal.utf8
            )
            self.query_one("#impact", Static).update(words)

    # ---- keys ------------------------------------------------------------------------------------------------------

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), self.preview

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        if action.id == "settings.must" and not (self.preview and self.preview.impact.must_enroll):
            return "No user would have to bind."
        if action.id == "settings.admins" and not (self.preview and self.preview.impact.admins_must_enroll):
            return "No administrator would have to bind."
        return ""

    def do_change(self) -> None:
        self.query_one(PolicyForm).focus()

    async def do_toggle(self) -> None:
        """Switch between off and optional at once if nothing can go wrong.

        Otherwise show its effect, and leave the decision to the user.
        """
        policy = await policy_of(self)
        target = PolicyMode.OPTIONAL if policy.policy is PolicyMode.OFF else PolicyMode.OFF
        preview = await self.app.perform(PreviewPolicy(tenant=self.app.tenant, mode=target))
        if policy.policy is PolicyMode.REQUIRED or not is_harmless(preview.impact) or preview.sessions + preview.tokens:
            self.query_one(PolicyChoice).look_at(target)
            self.app.notify_refused(f"Look first at what {target} would do. Enter goes on.")
            return
        changed = await self.app.perform(SetPolicy(tenant=self.app.tenant, mode=target, expect=policy.version))
        self._took_effect(changed, preview)

    def _took_effect(self, policy: Policy, before: PolicyPreview | None) -> None:
        was, self.policy = self.policy, policy
        self.app.session.policy = policy
        self.query_one(PolicyChoice).show(policy.policy, policy.policy)
        self.refresh_header()
        self._look_again()
        self.app.notify_done(done_words(policy, was, before))

    def do_must(self) -> None:
        """Go to the list of users who must bind.

        Under *optional* it also has users who need no factor.
        """
        go_to_users(self.app, MUST_BIND)

    async def do_admins(self) -> None:
        """Go to the list of administrators who must bind."""
        adoption = await self.app.perform(ShowAdoption(tenant=self.app.tenant))
        mode = self.query_one(PolicyChoice).mode
        if words := admins_search(adoption, mode):
            go_to_users(self.app, words)

    def may_only_look(self, wanted: type[Operation[Any]]) -> str:
        """Return why a dialog is read-only for this user, empty if it is not."""
        return self.may_not(Action("settings.look", "", "", "", wanted))

    def take_over(self, policy: Policy, words: str) -> None:
        """Show a policy that a dialog changed."""
        self.policy = self.app.session.policy = policy
        self.app.notify_done(words)

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "grace":
            self._say_impact()

    def on_form_cancelled(self) -> None:
        """Return to the policy in effect."""
        policy = self.policy
        if policy is not None:
            self.query_one(PolicyForm).reset(policy.grace_days)
            choice = self.query_one(PolicyChoice)
            choice.show(policy.policy, policy.policy)
            choice.focus()
            self._read()

    def on_policy_form_wanted(self, event: PolicyForm.Wanted) -> None:
        form, policy = self.query_one(PolicyForm), self.policy
        mode = self.query_one(PolicyChoice).mode
        if policy is None or (mode, event.change.grace_days) == (policy.policy, policy.grace_days):
            form.set_error("grace", "Nothing to change: choose off, optional or required above (esc).")
            return
        form.busy = True
        self.run_worker(self._switch(mode, event.change), group="switch", exit_on_error=False)

    # ---- changing --------------------------------------------------------------------------------------------------

    async def _switch(self, mode: PolicyMode, change: Change) -> None:
        form = self.query_one(PolicyForm)
        before = self.preview
        wanted = SetPolicy(tenant=self.app.tenant, mode=mode, grace_days=change.grace_days, expect=self._expect)
        if before is not None and before.policy is mode and (before.sessions or before.tokens):
            chosen = await self.app.ask(EndSessionsOffer(before, wanted))
            if chosen is None:
                form.busy = False
                return
            wanted = replace(wanted, keep_sessions=not chosen.end)
        try:
            proof = await self.app.perform(StepUp(password=change.password, code=change.code))
            # No tries are left, so the server has ended the session.
            if proof.left == 0:
                self.app.lose_session(proof.message)
                return
            if not proof.accepted:
                at = f" Server time {clock(proof.server_time)}." if proof.server_time else ""
                form.refuse(proof.wrong, f"That was not right.{at}")
                self.app.notify_refused(proof.message)
                return
            if mode is PolicyMode.REQUIRED and before is not None and before.you.must_enroll and not before.you.bound:
                if not await bind_before_switching(self.app, wanted):
                    self.app.notify_refused("Nothing was switched.")
                    return
                form = await self._ask_for_codes()
            policy = await self.app.perform(wanted)
        except Stale as error:
            self._look_again()
            self.app.notify_refused(error.message)
            return
        except (NoAnswer, WaitAbandoned) as error:
            self.app.notify_failed(error)  # the input stays
            return
        except SecconsoleError as error:
            form.reset(change.grace_days)
            form.set_error("grace", "Nothing was changed.")
            self.app.notify_failed(error)
            return
        finally:
            form.busy = False
        self._took_effect(policy, before)

    async def _ask_for_codes(self) -> PolicyForm:
        """Replace the form by one with a field for a code, now that a factor is bound."""
        old = self.query_one(PolicyForm)
        form = PolicyForm(bound=True, id=old.id)
        with self.app.batch_update():
            await old.remove()
            await self.query_one(VerticalScroll).mount(form, before="#may-not")
        return form

    def _look_again(self) -> None:
        """Clear the form, return the choice to the policy in effect, and reload everything."""
        policy = self.policy
        self.query_one(PolicyForm).reset(policy.grace_days if policy else 0)
        self.query_one(PolicyChoice).focus()
        self.reload_now()
