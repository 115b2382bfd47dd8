"""Invitations: a first-time password by mail for users who cannot sign in yet."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.messages import sending
from secconsole.domain.model import FactorKind, Flag, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Nobody
from secconsole.operations.invitations import InvitationResult, InviteUsers, PreviewInvitation
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import ChoosePassword, SignInAnswer
from secconsole.operations.tenants import ShowAdoption
from secconsole.operations.user_changes import DisableUser, EnableUser, RenameUser, ResetPassword
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CountUsers, CreateUser, ListUsers, ShowUser
from secconsole.store.schema import audit, outbox, users
from tests.delivery.post import Post, post_for
from tests.organisation import PASSWORD, TENANT, Organisation

OWN = Secret("seven quiet otters by the weir")
_FIRST_TIME = re.compile(r"First-time password: +([a-z2-9]{4}(?:-[a-z2-9]{4}){3})\n")
NO_PASSWORD = UserFilter(flag=Flag.NO_PASSWORD)


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    """Mail is set up."""
    async with post_for(organisation) as made:
        await made.set_up()
        yield made


async def add(organisation: Organisation, login: str, email: str | None = None, role: Role = Role.USER) -> None:
    """Add a user without a password."""
    address = f"{login}@acme.example" if email is None else email
    await organisation.perform(CreateUser(tenant=TENANT, login=login, email=address, role=role))


async def invite(organisation: Organisation, *logins: str, days: int = 7) -> InvitationResult:
    return await organisation.perform(InviteUsers(tenant=TENANT, users=logins, days=days))


async def mailed(post: Post, login: str) -> Secret[str]:
    """Return the first-time password in the newest mail to a user."""
    await post.wait_idle()
    texts = [str(mail.get_content()).replace("\r\n", "\n") for mail in post.mailbox.mails if login in str(mail["To"])]
    found = _FIRST_TIME.search(texts[-1])
    assert found is not None, texts
    return Secret(found[1])


async def without(organisation: Organisation) -> list[str]:
    """Return the users without a password, whose number the count and the figures of the tenant agree on."""
    page = await organisation.perform(ListUsers(tenant=TENANT, filter=NO_PASSWORD))
    counted = await organisation.perform(CountUsers(tenant=TENANT, filter=NO_PASSWORD))
    groups = (await organisation.perform(ShowAdoption(tenant=TENANT))).groups
    assert counted.count == len(page.items) == sum(group.count for group in groups if group.no_password)
    return [user.login for user in page.items]


async def choose(organisation: Organisation, begun: SignInAnswer, password: Secret[str] = OWN) -> SignInAnswer:
    assert begun.status is SignInStatus.NEW_PASSWORD, begun
    assert begun.challenge is not None
    return await organisation.perform(ChoosePassword(challenge=begun.challenge, password=password), Nobody())


async def test_an_invited_user_chooses_a_password_and_then_binds_as_the_policy_says(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    await add(organisation, "ben")
    assert await without(organisation) == ["ana", "ben"]
    result = await invite(organisation, "ana")
    assert ([user.login for user in result.invited], result.failed) == (["ana"], ())
    assert result.invited[0].masked == "a•••@acme.example"
    assert await without(organisation) == ["ben"]
    detail = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert (detail.invited_until, detail.user.flags) == (result.until, (Flag.MUST_RESET,))

    password = await mailed(post, "ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    begun = await organisation.start("ana", password)
    with pytest.raises(Invalid, match="one-time password"):
        await choose(organisation, begun, password)
    assert (await choose(organisation, begun)).status is SignInStatus.ENROLL
    assert (await organisation.start("ana", password)).status is SignInStatus.REFUSED, "it was used up"
    assert (await organisation.start("ana", OWN)).status is SignInStatus.ENROLL
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).invited_until is None


@pytest.mark.alike
async def test_the_mail_has_no_link_and_the_password_is_nowhere_else(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    result = await invite(organisation, "ana", days=3)
    password = (await mailed(post, "ana")).reveal()
    (mail,) = [mail for mail in post.mailbox.mails if "ana@" in str(mail["To"])]
    text = str(mail.get_content())
    assert not {word for word in ("http", "://", "www") if word in text}
    assert not {word for word in ("ana", TENANT, "2027-01-18 08:00:00 +00:00 (UTC)") if word not in text}
    assert password not in str(mail["Subject"])
    assert password not in repr(result)
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="user.invited"))).items[0]
    assert (entry.target, entry.outcome, entry.details["to"]) == ("ana", "done", "a•••@acme.example")

    def rows(connection: sa.Connection) -> str:
        return repr([connection.execute(sa.select(table)).all() for table in (users, outbox, audit)])

    assert password not in await asyncio.wrap_future(organisation.backend.store.read(rows))


async def test_inviting_again_replaces_the_password_and_what_was_begun_with_it(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    await invite(organisation, "ana")
    first = await mailed(post, "ana")
    begun = await organisation.start("ana", first)
    assert "Too many" in (await invite(organisation, "ana")).failed[0].reason, "once in 40 seconds"
    organisation.clock.forward(minutes=1)
    assert (await organisation.perform(PreviewInvitation(tenant=TENANT, users=("ana",)))).again == 1
    await invite(organisation, "ana")
    second = await mailed(post, "ana")
    assert (await organisation.start("ana", first)).status is SignInStatus.REFUSED
    assert begun.challenge is not None
    over = await organisation.perform(ChoosePassword(challenge=begun.challenge, password=OWN), Nobody())
    assert over.status is SignInStatus.REFUSED
    assert (await choose(organisation, await organisation.start("ana", second))).status is SignInStatus.COMPLETE


async def test_a_first_time_password_ends_and_its_user_can_be_invited_again(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    await invite(organisation, "ana", days=2)
    password = await mailed(post, "ana")
    organisation.clock.forward(days=2, seconds=-1)
    begun = await organisation.start("ana", password)
    organisation.clock.forward(seconds=1)
    assert (await organisation.start("ana", password)).status is SignInStatus.REFUSED
    with pytest.raises(AssertionError):
        await choose(organisation, await organisation.start("ana", password))
    assert begun.challenge is not None
    late = await organisation.perform(ChoosePassword(challenge=begun.challenge, password=OWN), Nobody())
    assert late.status is SignInStatus.REFUSED, "begun in time, and not finished in time"
    assert await without(organisation) == ["ana"]
    ended = (await organisation.perform(ListAudit(tenant=TENANT, action="user.invitation-ended"))).items
    assert [(entry.target, entry.actor) for entry in ended] == [("ana", "secconsole")]
    assert [user.login for user in (await invite(organisation, "ana")).invited] == ["ana"]


@pytest.mark.alike
async def test_the_others_are_listed_with_the_reason(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    await add(organisation, "nomail", "")
    await add(organisation, "gone")
    await organisation.perform(DisableUser(tenant=TENANT, user="gone"))
    await organisation.add("own", email="own@acme.example")
    await organisation.add("reset", email="reset@acme.example")
    await organisation.perform(ResetPassword(tenant=TENANT, user="reset"))
    names = ("ana", "nomail", "gone", "own", "reset", "nobody")
    preview = await organisation.perform(PreviewInvitation(tenant=TENANT, users=names))
    result = await invite(organisation, *names)
    assert [user.login for user in result.invited] == [user.login for user in preview.invited] == ["ana"]
    assert sorted(result.failed, key=repr) == sorted(preview.failed, key=repr)
    assert {one.login: one.reason for one in result.failed} == {
        "nobody": "There is no such user.",
        "nomail": "There is no e-mail address on record.",
        "gone": "The account is disabled.",
        "own": "Has a password already. To replace it, use reset-password.",
        "reset": "Has a password already. To replace it, use reset-password.",
    }
    assert (await organisation.start("own")).status is SignInStatus.COMPLETE, "it is kept"


@pytest.mark.alike
async def test_a_reset_replaces_an_invitation_and_does_not_end(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    await invite(organisation, "ana", days=1)
    password = await mailed(post, "ana")
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    assert (await organisation.start("ana", password)).status is SignInStatus.REFUSED
    organisation.clock.forward(days=9)
    assert (await organisation.start("ana", reset.password)).status is SignInStatus.NEW_PASSWORD


@pytest.mark.alike
async def test_the_limits_of_an_address_and_of_a_day_hold(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = post.organisation
    logins = [f"user{number}" for number in range(6)]
    for login in logins:
        await add(organisation, login, "team@acme.example")
    one_by_one = [await invite(organisation, login) for login in logins]
    assert [len(result.invited) for result in one_by_one] == [1] * 5 + [0]
    assert one_by_one[-1].failed[0].reason == "Too many invitations to this user or address. Try again in 60 min."
    monkeypatch.setitem(sending.PER_DAY, FactorKind.EMAIL, 7)
    for login in ("ana", "ben", "cyd"):
        await add(organisation, login)
    preview = await organisation.perform(PreviewInvitation(tenant=TENANT, users=("ana", "ben", "cyd")))
    result = await invite(organisation, "ana", "ben", "cyd")
    assert (preview.room, [user.login for user in result.invited]) == (2, ["ana", "ben"])
    assert "The day's limit on invitations is reached" in result.failed[0].reason
    assert (await invite(organisation, "cyd")).failed[0].reason.endswith("Invite this user again in 24 h.")
    assert await without(organisation) == ["cyd", "user5"]
    organisation.clock.forward(days=1)
    assert [user.login for user in (await invite(organisation, "cyd")).invited] == ["cyd"]


@pytest.mark.alike
async def test_invitations_use_up_no_limit_of_codes(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = post.organisation
    await organisation.add("eva", email="eva@acme.example")
    factor = await post.bind("eva", FactorKind.EMAIL, "eva@acme.example")
    monkeypatch.setitem(sending.PER_DAY, FactorKind.EMAIL, 4)
    for login in ("ana", "ben", "cyd", "dan", "fay"):
        await add(organisation, login)
    assert len((await invite(organisation, "ana", "ben", "cyd", "dan", "fay")).invited) == 4
    challenge, _ = await post.asked("eva")
    assert (await post.send(challenge, factor)).sent


@pytest.mark.alike
async def test_nobody_is_invited_without_mail_settings(organisation: Organisation) -> None:
    await add(organisation, "ana")
    assert not (await organisation.perform(PreviewInvitation(tenant=TENANT, users=("ana",)))).mails
    with pytest.raises(Conflict, match="Mail is not set up"):
        await invite(organisation, "ana")
    assert await without(organisation) == ["ana"]


@pytest.mark.alike
@pytest.mark.parametrize("days", [0, 31])
async def test_a_first_time_password_lasts_1_to_30_days(post: Post, days: int) -> None:
    await add(post.organisation, "ana")
    with pytest.raises(Invalid, match="1 to 30 days"):
        await invite(post.organisation, "ana", days=days)


@pytest.mark.alike
async def test_an_invited_administrator_does_not_count_as_the_last_one(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "pat", role=Role.PLATFORM_ADMIN)
    await invite(organisation, "pat")
    with pytest.raises(Conflict):
        await organisation.perform(DisableUser(tenant=TENANT, user="root"))
    begun = await organisation.start("pat", await mailed(post, "pat"))
    assert (await choose(organisation, begun)).status is SignInStatus.COMPLETE
    await organisation.perform(DisableUser(tenant=TENANT, user="root"))
    assert (await organisation.start("root", PASSWORD)).status is SignInStatus.REFUSED


@pytest.mark.parametrize("by_import", [False, True])
async def test_another_address_ends_what_was_mailed_to_the_first(post: Post, by_import: bool) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    await invite(organisation, "ana")
    password = await mailed(post, "ana")
    begun = await organisation.start("ana", password)
    if by_import:
        await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", email="ana.k@acme.example"),)))
    else:
        await organisation.perform(RenameUser(tenant=TENANT, user="ana", email="ana.k@acme.example"))
    assert (await organisation.start("ana", password)).status is SignInStatus.REFUSED
    assert begun.challenge is not None
    over = await organisation.perform(ChoosePassword(challenge=begun.challenge, password=OWN), Nobody())
    assert over.status is SignInStatus.REFUSED
    assert await without(organisation) == ["ana"]
    ended = (await organisation.perform(ListAudit(tenant=TENANT, action="user.invitation-ended"))).items
    assert [(entry.target, entry.reason) for entry in ended] == [("ana", "The e-mail address changed.")]


@pytest.mark.alike
async def test_one_request_stays_within_the_limit_of_an_address(post: Post) -> None:
    organisation = post.organisation
    logins = [f"team{number}" for number in range(7)]
    for login in logins:
        await add(organisation, login, "team@acme.example" if login != "team3" else "Team@ACME.example")
    found = await organisation.perform(PreviewInvitation(tenant=TENANT, users=tuple(logins)))
    done = await invite(organisation, *logins)
    assert len(found.invited) == len(done.invited) == 5
    assert [failed.login for failed in done.failed] == ["team5", "team6"]
    assert "Too many" in done.failed[0].reason
    organisation.clock.forward(minutes=61)
    assert len((await invite(organisation, "team5", "team6")).invited) == 2


@pytest.mark.alike
async def test_an_import_does_not_leave_an_invited_administrator_as_the_only_one(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "pat")
    await invite(organisation, "pat")
    lines = (NewUser(2, "pat", role=Role.PLATFORM_ADMIN), NewUser(3, "root", role=Role.USER))
    done = await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    assert [(line.line, "last platform" in line.reason) for line in done.rejected] == [(3, True)]


@pytest.mark.alike
async def test_disabling_ends_a_first_time_password_for_good(post: Post) -> None:
    organisation = post.organisation
    await add(organisation, "ana")
    await invite(organisation, "ana")
    password = await mailed(post, "ana")
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    await organisation.perform(EnableUser(tenant=TENANT, user="ana"))
    assert (await organisation.start("ana", password)).status is SignInStatus.REFUSED
    assert await without(organisation) == ["ana"]
    organisation.clock.forward(minutes=1)
    assert [user.login for user in (await invite(organisation, "ana")).invited] == ["ana"]
