"""Steps of setting up after the store was created, shown after each sign-in until they are done or declined.

Each step is done or not by what the store holds, so a step can be left at any point and taken up again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secconsole.config.setup_mark import end_setup, is_being_set_up
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.users.search import UserFilter
from secconsole.operations.policy import ShowPolicy
from secconsole.operations.users import CountUsers
from secconsole.tui.screens.factors.bind_own import bind_phone
from secconsole.tui.screens.factors.recovery_codes import show_new_codes
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.users.import_people import import_people
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

PHONE, CODES, PEOPLE, POLICY, DECLINE = "phone", "codes", "people", "policy", "decline"


@dataclass(frozen=True, slots=True)
class Progress:
    """State of the steps, as the store holds it."""

    bound: bool
    codes: int
    users: int
    policy: PolicyMode
    chosen: bool  # the policy was set by a person

    @property
    def left(self) -> tuple[str, ...]:
        """The steps that are not done, in their order."""
        done = {PHONE: self.bound, CODES: self.codes > 0, PEOPLE: self.users > 1, POLICY: self.chosen}
        return tuple(step for step, is_done in done.items() if not is_done)


class SetUpDialog(PickDialog["str | None"]):
    """The steps, each with its state, and the first that is left under the cursor."""

    def __init__(self, tenant: str, login: str, progress: Progress) -> None:
        left = progress.left
        notes = {
            PHONE: ("Bind your phone", "a QR code for an authenticator app", "bound"),
            CODES: ("Recovery codes", "for the day the phone is lost", f"{progress.codes} left"),
            PEOPLE: ("Import people", "from a file or a paste", plural(progress.users, "user")),
            POLICY: ("Policy", f"now {progress.policy}; shows the impact first", str(progress.policy)),
        }
        picks = [
            Pick(step, words, todo if step in left else f"done: {done}") for step, (words, todo, done) in notes.items()
        ]
        picks.append(Pick(DECLINE, "Do not show this again", "each step also has a place: press 7, 2 or 4"))
        at = list(notes).index(left[0]) if left else len(notes)
        body = lines(
            (f"{tenant} and its administrator {login} are created.", "bold"), "Go on now, or after a later sign-in."
        )
        super().__init__("Set up", body, picks, back="Later", at=at)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


def is_due(app: Console) -> bool:
    """Return True if the signed-in user continues setting up this machine's store."""
    return app.local and not app.read_only and app.identity.role is Role.PLATFORM_ADMIN and is_being_set_up()


async def go_on(app: Console) -> None:
    """Show the steps and run those that are chosen, until all are done or the user leaves."""
    while True:
        progress = await _progress(app)
        if not progress.left:
            end_setup()
            app.notify_done("Everything is set up.")
            return
        step = await app.ask(SetUpDialog(app.tenant, app.identity.login, progress))
        if step is None:
            app.notify("It goes on at the next sign-in, or with ctrl+p: Set up.", timeout=8)
            return
        if step == DECLINE:
            end_setup()
            return
        if step == POLICY:
            app.places.go("settings")
            return
        try:
            await _do(app, step, progress)
        except SecconsoleError as error:
            app.work_failed(error)
        await app.session.renew()


async def _progress(app: Console) -> Progress:
    policy = await app.perform(ShowPolicy(tenant=app.tenant))
    users = await app.perform(CountUsers(tenant=app.tenant, filter=UserFilter()))
    me = app.identity
    return Progress(me.bound, me.recovery_left, users.count, policy.policy, chosen=policy.changed is not None)


async def _do(app: Console, step: str, progress: Progress) -> None:
    if step == PEOPLE:
        await import_people(app)
    elif step == CODES and not progress.bound:
        app.notify_refused("Bind your phone first: recovery codes stand in for it.")
    elif step == CODES or await bind_phone(app, "It then guards your account."):
        await show_new_codes(app)
