"""Users are notified of changes to their accounts, at every address on record, with a way to object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.domain.factors.recovery import HOW_MANY
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.account import CancelMfa, ChangePassword, SetContact
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ListFactors, MailKey, RemoveFactor, VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import ChoosePassword, SignIn, VerifySignIn, WhoAmI
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import RenameUser, ResetPassword
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.store.schema import outbox
from tests.delivery.mail_server import text_of
from tests.delivery.post import Post, post_for
from tests.organisation import PASSWORD, TENANT, Organisation

MAIL, SECOND = "ana@acme.example", "ana@home.example"
ANOTHER = Secret("seven quiet otters by the weir")
UNBIND = Unbind(tenant=TENANT, users=("ana",), reason="lost phone", ticket="HD-17", verified_by="Hana, by phone")


@pytest_asyncio.fixture
async def bare(organisation: Organisation) -> AsyncIterator[Post]:
    """Yield an organisation without delivery settings, in which ana has an app."""
    async with post_for(organisation) as post:
        await organisation.add("ana", email=MAIL)
        await organisation.bind("ana")
        yield post


@pytest_asyncio.fixture
async def post(bare: Post) -> Post:
    """Mail is set up, and ana has a second address, bound as a factor."""
    await bare.set_up()
    await bare.bind("ana", FactorKind.EMAIL, SECOND)
    await bare.wait_idle()
    bare.mailbox.notices.clear()
    return bare


async def entry_of(organisation: Organisation, action: str) -> AuditEntry:
    return (await organisation.perform(ListAudit(tenant=TENANT, actions=(action,), limit=1))).items[0]


async def new_notices(post: Post) -> dict[str, tuple[str, str]]:
    """Return the notices since the last call: address, subject and text."""
    await post.wait_idle()
    notices = {str(mail["To"]): (str(mail["Subject"]), text_of(mail)) for mail in post.mailbox.notices}
    assert len(notices) == len(post.mailbox.notices), "each address once"
    post.mailbox.notices.clear()
    return notices


@dataclass(frozen=True)
class Case:
    """An operation, its action in the audit, and a part of its notice."""

    do: Callable[[Post], Awaitable[object]]
    action: str
    piece: str
    by: str = "an administrator (platform-admin)"
    addresses: tuple[str, ...] = (MAIL, SECOND)


async def bound_again(post: Post) -> None:
    await post.organisation.bind("ana")


async def removed(post: Post) -> None:
    found = (await post.organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items
    mail = next(factor for factor in found if factor.kind is FactorKind.EMAIL)
    await post.organisation.perform(RemoveFactor(tenant=TENANT, factor=mail.id))


async def undone(post: Post) -> None:
    event = (await post.organisation.perform(UNBIND)).event
    await new_notices(post)
    await post.organisation.perform(UndoUnbind(tenant=TENANT, event=event))


async def recovered(post: Post) -> None:
    made = await post.organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    await new_notices(post)
    assert (await post.organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=made.codes[0]))).accepted


async def first_contact(post: Post) -> None:
    await post.organisation.perform(RenameUser(tenant=TENANT, user="ana", email=""))
    await new_notices(post)
    await post.organisation.perform(RenameUser(tenant=TENANT, user="ana", email="ana@new.example"))


def as_ana(operation: object) -> Callable[[Post], Awaitable[object]]:
    async def do(post: Post) -> None:
        await post.organisation.perform(operation, await post.organisation.sign_in("ana"))  # type: ignore[arg-type]

    return do


def as_owner(operation: object) -> Callable[[Post], Awaitable[object]]:
    async def do(post: Post) -> None:
        await post.organisation.perform(operation)  # type: ignore[arg-type]

    return do


ITSELF = "someone signed in or signing in as ana"
CASES = {
    "bound": Case(bound_again, "factor.confirmed", "An authenticator app (replacing the previous one) was bound"),
    "removed": Case(removed, "factor.removed", "An e-mail address was removed"),
    "cancelled": Case(as_ana(CancelMfa()), "account.mfa-cancelled", "you sign in with your password only", ITSELF),
    "unbound": Case(as_owner(UNBIND), "unbind", "you are asked to bind a phone"),
    "undone": Case(undone, "unbind.undone", "work again"),
    "codes made": Case(
        as_owner(CreateRecoveryCodes(tenant=TENANT, user="ana")), "recovery.created", "All earlier recovery codes"
    ),
    "code used": Case(recovered, "recovery.used", f"Recovery codes left: {HOW_MANY - 1}."),
    "exempt": Case(
        as_owner(AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phones in the lab")),
        "whitelist.added",
        "with your password only, with no end date",
    ),
    "reset": Case(as_owner(ResetPassword(tenant=TENANT, user="ana")), "user.password-reset", "a one-time password"),
    "changed": Case(as_ana(ChangePassword(password=ANOTHER)), "password.changed", "password no longer works", ITSELF),
    "token": Case(as_ana(CreateToken(name="ci {login}")), "token.created", 'called "ci {login}"', ITSELF),
    "contact": Case(
        as_ana(SetContact(email="ana@new.example")),
        "account.contact-changed",
        "go to a•••@new.example.",
        ITSELF,
        (MAIL, SECOND, "ana@new.example"),
    ),
    "contact by import": Case(
        as_owner(ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", email="ana@new.example"),))),
        "account.contact-changed",
        "go to a•••@new.example.",
        addresses=(MAIL, SECOND, "ana@new.example"),
    ),
    "contact by an administrator": Case(
        as_owner(RenameUser(tenant=TENANT, user="ana", email="ana@new.example")),
        "account.contact-changed",
        "go to a•••@new.example.",
        addresses=(MAIL, SECOND, "ana@new.example"),
    ),
    "first contact by an administrator": Case(
        first_contact,
        "account.contact-changed",
        "go to a•••@new.example.",
        addresses=(SECOND, "ana@new.example"),
    ),
    "contact removed by an administrator": Case(
        as_owner(RenameUser(tenant=TENANT, user="ana", email="")),
        "account.contact-changed",
        "go to no address.",
    ),
    "phone": Case(
        as_owner(RenameUser(tenant=TENANT, user="ana", phone="+420601123456")),
        "account.phone-changed",
        "is now ••• 456.",
    ),
}


async def test_the_first_address_of_an_account_without_any_is_notified(post: Post) -> None:
    await post.organisation.add("ben")
    await post.organisation.perform(RenameUser(tenant=TENANT, user="ben", email="ben@new.example"))
    assert set(await new_notices(post)) == {"ben@new.example"}


@pytest.mark.parametrize("name", CASES)
async def test_all_addresses_are_notified_of_action_time_actor_and_how_to_object(post: Post, name: str) -> None:
    case = CASES[name]
    await case.do(post)
    notices = await new_notices(post)
    assert set(notices) == set(case.addresses)
    entry = await entry_of(post.organisation, case.action)
    assert entry.details["notified"] == len(case.addresses)
    at = datetime.fromtimestamp(entry.at.timestamp(), UTC)
    for subject, text in notices.values():
        assert "acme" in subject
        assert case.piece in text
        assert f"When: {at:%Y-%m-%d %H:%M:%S} +00:00 (UTC)\n" in text
        assert f"By: {case.by}\n" in text
        assert "From: " in text
        assert f"Event: {entry.id}\n" in text
        assert "contact the helpdesk of acme" in text
        assert "account ana" in text


async def test_a33_an_unbinding_records_reason_requester_and_verifier_and_notifies_all_addresses(post: Post) -> None:
    await post.organisation.add("hana", Role.HELPDESK)
    hana = await post.organisation.sign_in("hana")
    await post.organisation.perform(UNBIND, hana)
    entry = await entry_of(post.organisation, "unbind")
    assert (entry.actor, entry.target, entry.reason, entry.ticket) == ("hana", "ana", "lost phone", "HD-17")
    assert (entry.details["verified_by"], entry.details["factors"], entry.details["notified"]) == (
        "Hana, by phone",
        2,
        2,
    )
    notices = await new_notices(post)
    assert set(notices) == {MAIL, SECOND}  # the second was a factor until just now
    for _, text in notices.values():
        assert "By: an administrator (helpdesk)\n" in text
        assert not {"hana", "Hana", "lost phone", "HD-17"} & set(text.replace(",", " ").split())


async def test_a32_using_a_recovery_code_notifies_its_owner_and_requires_new_ones(post: Post) -> None:
    organisation = post.organisation
    ana = await organisation.sign_in("ana")
    codes = (await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"), ana)).codes
    await new_notices(post)
    before = await organisation.perform(WhoAmI(), ana)
    assert (before.recovery_left, before.renew_recovery) == (HOW_MANY, False)
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    done = await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=codes[0]), Nobody())
    assert done.token is not None
    notices = await new_notices(post)
    assert set(notices) == {MAIL, SECOND}
    assert all(f"Recovery codes left: {HOW_MANY - 1}." in text for _, text in notices.values())
    signed_in = Bearer(done.token)
    used = await organisation.perform(WhoAmI(), signed_in)
    assert (used.recovery_left, used.renew_recovery) == (HOW_MANY - 1, True)
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"), signed_in)
    renewed = await organisation.perform(WhoAmI(), signed_in)
    assert (renewed.recovery_left, renewed.renew_recovery) == (HOW_MANY, False)


async def test_a32_unbinding_clears_the_due_recovery_codes_and_undo_restores_them(post: Post) -> None:
    organisation = post.organisation
    codes = (await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))).codes
    assert (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=codes[0]))).accepted

    async def due() -> tuple[int, bool]:
        who = await organisation.perform(WhoAmI(), await organisation.sign_in("ana"))
        return who.recovery_left, who.renew_recovery

    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    assert await due() == (HOW_MANY - 1, True)
    event = (await organisation.perform(UNBIND)).event
    assert await due() == (0, False)
    await organisation.perform(UndoUnbind(tenant=TENANT, event=event))
    assert await due() == (HOW_MANY - 1, True)


async def test_binding_at_sign_in_also_notifies_the_new_address(post: Post) -> None:
    await post.organisation.add("ben", email="ben@acme.example")
    await post.bind("ben", FactorKind.EMAIL, "ben@home.example")
    notices = await new_notices(post)
    assert set(notices) == {"ben@acme.example", "ben@home.example"}
    assert all("An e-mail address was bound" in text for _, text in notices.values())


async def test_discarding_an_unconfirmed_factor_sends_no_notice(post: Post) -> None:
    started = await post.organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    await post.organisation.perform(RemoveFactor(tenant=TENANT, factor=started.enrollment))
    wrong = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=Secret("000000"))
    with pytest.raises(Exception, match="no such factor"):
        await post.organisation.perform(wrong)
    assert await new_notices(post) == {}


async def test_a_new_password_at_sign_in_is_notified(post: Post) -> None:
    organisation = post.organisation
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    await new_notices(post)
    answer = await organisation.start("ana", reset.password)
    assert answer.status is SignInStatus.NEW_PASSWORD
    assert answer.challenge is not None
    await organisation.perform(ChoosePassword(challenge=answer.challenge, password=ANOTHER), Nobody())
    notices = await new_notices(post)
    assert set(notices) == {MAIL, SECOND}
    assert all(f"By: {ITSELF}\n" in text for _, text in notices.values())


async def test_a_notice_names_a_program_as_such(post: Post) -> None:
    organisation = post.organisation
    codes = (await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))).codes
    key = await organisation.perform(RotateSecretKey(tenant=TENANT))
    await new_notices(post)
    used = VerifyCode(tenant=TENANT, user="ana", code=codes[0])
    assert (await organisation.perform(used, Bearer(key.key))).accepted
    assert all("By: a program that checks codes" in text for _, text in (await new_notices(post)).values())


async def test_without_mail_settings_no_notice_is_queued_and_the_audit_says_so(bare: Post) -> None:
    organisation = bare.organisation
    await organisation.perform(UNBIND)
    assert (await entry_of(organisation, "unbind")).details["notified"] == 0
    count = sa.select(sa.func.count()).select_from(outbox)
    read = organisation.backend.store.read(lambda connection: connection.execute(count).scalar_one())
    assert await asyncio.wrap_future(read) == 0


async def test_a_missing_address_does_not_block_the_operation(post: Post) -> None:
    """A directory may contain anything, and a broken address must not prevent an unbinding."""
    users = (NewUser(1, "ben"), NewUser(2, "eve", email="eve@x..example\u202e"))
    await post.organisation.perform(ImportUsers(tenant=TENANT, users=users))
    for login in ("ben", "eve"):
        await post.organisation.bind(login)
    done = await post.organisation.perform(Unbind(tenant=TENANT, users=("ben", "eve"), reason="lost"))
    assert len(done.unbound) == 2
    assert (await entry_of(post.organisation, "unbind")).details["notified"] == 0
    assert await new_notices(post) == {}


async def test_sign_ins_to_unknown_accounts_send_no_notice(post: Post) -> None:
    for login in ("nobody", "ana"):
        await post.organisation.perform(SignIn(tenant=TENANT, login=login, password=Secret("wrong")), Nobody())
    assert await new_notices(post) == {}


async def test_each_of_many_users_gets_their_own_notice(post: Post) -> None:
    logins = [f"user{number:02}" for number in range(30)]
    lines = tuple(NewUser(i, login, email=f"{login}@acme.example") for i, login in enumerate(logins))
    await post.organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    for login in logins:
        await post.organisation.bind(login)
    await new_notices(post)
    await post.organisation.perform(Unbind(tenant=TENANT, users=tuple(logins), reason="lost in the fire"))
    notices = await new_notices(post)
    assert set(notices) == {f"{login}@acme.example" for login in logins}
    assert all(f"account {address.partition('@')[0]} " in text for address, (_, text) in notices.items())


async def test_notices_are_independent_of_codes_and_have_a_separate_cap(post: Post) -> None:
    organisation = post.organisation
    notified = []
    for _ in range(25):
        await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
        notified.append((await entry_of(organisation, "recovery.created")).details["notified"])
    assert notified == [2] * 19 + [0] * 6  # the first of twenty in an hour was that of the binding
    challenge, answer = await post.asked("ana")
    address = next(factor for factor in answer.factors if factor.kind == FactorKind.EMAIL)
    assert (await post.send(challenge, address.id)).sent
    organisation.clock.forward(minutes=61)
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    assert (await entry_of(organisation, "recovery.created")).details["notified"] == 2


async def test_a43_keys_tokens_and_codes_are_in_no_notice_audit_or_log(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    organisation = post.organisation
    ana = await organisation.sign_in("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), ana)
    assert (await organisation.perform(MailKey(tenant=TENANT, enrollment=started.enrollment), ana)).sent
    await post.wait_idle()
    assert started.key.reveal()[:4] in post.mailbox.text()
    token = (await organisation.perform(CreateToken(name="ci"), ana)).token
    codes = (await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"), ana)).codes
    password = (await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))).password
    await post.wait_idle()
    notices = [(str(mail["Subject"]), text_of(mail)) for mail in post.mailbox.notices]
    assert len(notices) == 6
    key = started.key.reveal()
    grouped = " ".join(key[i : i + 4] for i in range(0, len(key), 4))
    secrets = [key, grouped, token.reveal(), password.reveal(), PASSWORD.reveal(), *(code.reveal() for code in codes)]
    shown = repr(await organisation.perform(ListAudit(tenant=TENANT, limit=500))) + repr(notices)
    logged = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(("mail.", "sqlalch")))

    def look(connection: sa.Connection) -> bytes:
        rows = connection.execute(sa.select(outbox)).all()
        assert {row.purpose for row in rows} >= {Purpose.KEY, Purpose.NOTICE}
        return b" ".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)

    kept = await asyncio.wrap_future(organisation.backend.store.read(look))
    for secret in secrets:
        assert secret not in shown
        assert secret not in logged
        assert secret.encode() not in kept
