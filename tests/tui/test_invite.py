"""Inviting users from the list."""

from __future__ import annotations

from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import MOST_INVITED
from secconsole.domain.model import Flag
from secconsole.domain.users.search import UserFilter
from secconsole.operations.jobs import ListJobs
from secconsole.operations.users import CountUsers, CreateUser
from secconsole.tui.screens.jobs.start import StartDialog
from secconsole.tui.screens.users.invite import InviteDialog
from tests.delivery.post import Post
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_unbind import toasts
from tests.tui.test_users import on, opened


async def new_user(organisation: Organisation, login: str, email: str) -> None:
    await organisation.perform(CreateUser(tenant="acme", login=login, email=email))


async def left(organisation: Organisation) -> int:
    """Return the number of users without a password."""
    found = await organisation.perform(CountUsers(tenant="acme", filter=UserFilter(flag=Flag.NO_PASSWORD)))
    return int(found.count)


async def test_marked_users_are_invited_and_the_others_are_named(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    await new_user(organisation, "zoe", "zoe@acme.example")
    await new_user(organisation, "zora", "")
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "uma")
        await pilot.press("space", "space", "space")  # uma, zoe, zora
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, InviteDialog))
        await settled(pilot)
        shown = screen_text(app)
        assert "zoe, at z•••@acme.example" in shown
        assert "2 users cannot be invited" in shown
        assert "zora: There is no e-mail address on record." in shown
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert "A first-time password is on its way to zoe. 2 users not: uma:" in toasts(app)
    assert await left(organisation) == 1
    await post.wait_idle()
    assert "First-time password: " in post.mailbox.text()


async def test_the_key_says_why_nobody_can_be_invited(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "uma")
        await pilot.press("I")
        await until(pilot, lambda: "Mail is not set up" in toasts(app))
        assert app.screen is place


async def test_many_marked_users_are_a_job(console: OpenConsole, organisation: Organisation, post: Post) -> None:
    for number in range(MOST_INVITED + 1):
        await new_user(organisation, f"fresh{number:02}", f"fresh{number:02}@acme.example")
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        place.set_search("fresh")
        await until(pilot, lambda: place.table.count == MOST_INVITED + 1)
        await pilot.press("a")
        await until(pilot, lambda: len(place.table.marks) == MOST_INVITED + 1)
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, StartDialog))
        await settled(pilot)
        assert f"Invite {MOST_INVITED + 1} users" in screen_text(app)
        await pilot.press("up", *str(MOST_INVITED + 1), "tab", "right", "enter")
        await until(pilot, lambda: not isinstance(app.screen, StartDialog))
        await settled(pilot)
    (job,) = (await organisation.perform(ListJobs(tenant="acme"))).items
    assert (job.kind, job.total) == (JobKind.INVITE, MOST_INVITED + 1)
