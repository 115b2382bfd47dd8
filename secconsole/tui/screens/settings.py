"""Security settings: off, optional or required, with what a change would do beside it before anything is changed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from secconsole.backends.base import NoAnswer
from secconsole.domain.errors import SecconsoleError, Stale
from secconsole.domain.impact import must_bind
from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations.policy import Policy, PolicyPreview, PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.signin import StepUp
from secconsole.operations.tenants import ShowAdoption
from secconsole.tui.actions import Action
from secconsole.tui.demo_words import proof_words
from secconsole.tui.line import Left
from secconsole.tui.safe_text import join, lines
from secconsole.tui.screens.overview import ADMINS, go_to_users
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.settings_form import Change, PolicyForm
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.policy_choice import PolicyChoice
from secconsole.tui.widgets.policy_impact import impact_words
from secconsole.tui.words import clock, exact, plural

WIDEST = 120


class Settings(Place):
    """Looking changes nothing; changing asks for password and code right here."""

    NAME = "settings"
    NUMBER = "4"
    HELP_FILE = "settings.md"
    CSS_PATH = "../styles/settings.tcss"
    AUTO_FOCUS = "PolicyChoice"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("settings.change", "Change", "enter,down", "Go on to grace period, password and code.", SetPolicy,
               dangerous=True, priority=0, command="secconsole policy set MODE --grace-days N"),
        Action("settings.admins", "Administrators", "l", "List the administrators who would have to bind.",
               PreviewPolicy, priority=1, command="secconsole user list --status unbound --role tenant-admin"),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._policy: Policy | None = None
        self._preview: PolicyPreview | None = None
        self._expect: int | None = None  # the version that the person has seen

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            with Horizontal(id="choice"):
                yield Static("Second factor  ")
                yield PolicyChoice(utf8=self.app.terminal.utf8)
            yield Static(id="now")
            yield Static(id="impact")
            yield Static(KINDS, id="kinds")
            yield PolicyForm(bound=self.app.identity.bound, id="change")
            yield Static(id="may-not")

    # ---- reading ---------------------------------------------------------------------------------------------------

    async def shown(self) -> None:
        reason = self.may_not(self.ACTIONS[0])
        self.query_one(PolicyForm).display = not reason
        self.query_one("#may-not", Static).update(join((f"Only to look at. {reason}" if reason else "", "$muted")))
        self._read()

    async def on_live_change(self) -> None:
        self._read()

    def on_policy_choice_looked(self) -> None:
        self.query_one(PolicyForm).stand_at(self.query_one(PolicyChoice).mode)
        self._read()

    def on_resize(self) -> None:
        self._say_impact()

    def _read(self) -> None:
        self.run_worker(self._load(), group="preview", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        policy = await self.app.perform(ShowPolicy(tenant=self.app.tenant))
        choice, form = self.query_one(PolicyChoice), self.query_one(PolicyForm)
        before = self._policy
        looked_at = choice.mode if before is not None and choice.mode is not before.policy else policy.policy
        preview = await self.app.perform(PreviewPolicy(tenant=self.app.tenant, mode=looked_at))
        self._policy, self._preview = policy, preview
        choice.show(looked_at, policy.policy)
        form.stand_at(looked_at)
        if before is None or (before.grace_days != policy.grace_days and form.grace == before.grace_days):
            form.set_value("grace", str(policy.grace_days))
        if not form.has_focus:
            self._expect = policy.version
        elif before is not None and before.version != policy.version:
            self.app.say_why(_changed_words(policy))
        self.query_one("#now", Static).update(now_words(policy))
        self._say_impact()
        self._say_proof()
        self.refresh_hints()

    def on_descendant_focus(self) -> None:
        self._say_proof()

    def _say_proof(self) -> None:
        """In a demo, what to type: where the kinds stand, since the rows below the form are out of sight."""
        words = proof_words(self.app) if self.query_one(PolicyForm).has_focus else []
        self.query_one("#kinds", Static).update(lines(*words) if words else KINDS)

    def _say_impact(self) -> None:
        if self._preview is not None:
            width = min(WIDEST, self.size.width) - 6
            grace = self.query_one(PolicyForm).grace or 0
            held = self._policy.grace_days if self._policy is not None else grace
            words = impact_words(self._preview, grace, held=held, width=width, utf8=self.app.terminal.utf8)
            self.query_one("#impact", Static).update(words)

    # ---- keys ------------------------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        if action.id == "settings.admins" and not (self._preview and self._preview.impact.admins_must_enroll):
            return "No administrator would have to bind."
        return ""

    def do_change(self) -> None:
        self.query_one(PolicyForm).focus()

    async def do_admins(self) -> None:
        """To the list that holds them; of two roles and two states the one with most of them."""
        adoption = await self.app.perform(ShowAdoption(tenant=self.app.tenant))
        mode = self.query_one(PolicyChoice).mode
        found: dict[tuple[BindingStatus, Role], int] = {}
        for group in adoption.groups:
            if group.role in ADMINS and not group.disabled and must_bind(group, mode):
                found[group.status, group.role] = found.get((group.status, group.role), 0) + group.count
        if found:
            status, role = max(found, key=lambda which: found[which])
            go_to_users(self.app, f"status:{status} role:{role}")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "grace":
            self._say_impact()

    def on_form_cancelled(self) -> None:
        """Back to what holds."""
        policy = self._policy
        if policy is not None:
            self.query_one(PolicyForm).reset(policy.grace_days)
            choice = self.query_one(PolicyChoice)
            choice.show(policy.policy, policy.policy)
            choice.focus()
            self._read()

    def on_policy_form_wanted(self, event: PolicyForm.Wanted) -> None:
        form, policy = self.query_one(PolicyForm), self._policy
        mode = self.query_one(PolicyChoice).mode
        if policy is None or (mode, event.change.grace_days) == (policy.policy, policy.grace_days):
            form.set_error("grace", "Nothing to change: choose off, optional or required above (esc).")
            return
        form.busy = True
        self.run_worker(self._switch(mode, event.change), group="switch", exit_on_error=False)

    # ---- changing --------------------------------------------------------------------------------------------------

    async def _switch(self, mode: PolicyMode, change: Change) -> None:
        form = self.query_one(PolicyForm)
        before = self._preview
        try:
            proof = await self.app.perform(StepUp(password=change.password, code=change.code))
            if not proof.accepted:
                at = f" Server time {clock(proof.server_time)}." if proof.server_time else ""
                form.refuse(proof.wrong, f"Not right.{at}")
                self.app.say_why(proof.message)
                return
            wanted = SetPolicy(
                tenant=self.app.tenant, mode=mode, grace_days=change.grace_days, expect=self._expect
            )  # fmt: skip
            policy = await self.app.perform(wanted)
        except Stale as error:
            self._look_again()
            self.app.say_why(error.message)
            return
        except (NoAnswer, Left) as error:
            self.app.say_failed(error)  # what was typed stays
            return
        except SecconsoleError as error:
            form.reset(change.grace_days)
            form.set_error("grace", "Nothing was changed.")
            self.app.say_failed(error)
            return
        finally:
            form.busy = False
        self._policy = self.app.policy = policy
        self.app.refresh_headers()
        self._look_again()
        self.app.say(done_words(policy, before))

    def _look_again(self) -> None:
        """Nothing typed stays; the choice is what is looked at next, and all is read anew."""
        policy = self._policy
        self.query_one(PolicyForm).reset(policy.grace_days if policy else 0)
        self.query_one(PolicyChoice).focus()
        self._read()


# ---- what is said --------------------------------------------------------------------------------------------------

KINDS: Content = lines(
    join(("Factor kinds  ", "$muted"), "authenticator app (totp): allowed, always"),
    join(("              not yet: sms (restricted), e-mail (not an authenticator)", "$muted")),
)


def now_words(policy: Policy) -> Content:
    """What holds, since when, by whom."""
    mode = str(policy.policy)
    since = policy.required_since if policy.policy is PolicyMode.REQUIRED else policy.changed
    when = f" since {exact(since)}" if since else ""
    by = f", set by {policy.changed_by}" if policy.changed_by else ""
    grace = f", {plural(policy.grace_days, 'day')} of grace" if policy.grace_days else ""
    return join((f"Now {mode}{when}{by}{grace}.", "$muted"))


def done_words(policy: Policy, before: PolicyPreview | None) -> str:
    """What was done."""
    words = {
        PolicyMode.OFF: "Nobody is asked for a second factor now. Their factors are kept.",
        PolicyMode.OPTIONAL: "Whoever has a second factor is asked for it now.",
        PolicyMode.REQUIRED: "A second factor is required now.",
    }[policy.policy]
    added = before.platform_admins_added if before is not None and before.policy is policy.policy else 0
    if added:
        words += f"\n{plural(added, 'platform administrator')} went onto the whitelist: press 3."
    return words + "\nIt holds at once in every console and command."


def _changed_words(policy: Policy) -> str:
    return f"{policy.changed_by} changed the policy meanwhile: it is {policy.policy} now. Look again before you switch."
