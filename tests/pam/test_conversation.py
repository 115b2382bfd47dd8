"""What the agent asks, what it accepts, and that everything else is refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.sessions import ListSessions
from secconsole.operations.user_changes import ResetPassword
from secconsole.pam.binding import Drawing
from secconsole.pam.frames import LONGEST, Sent
from tests.delivery.post import CODE, post_for
from tests.organisation import PASSWORD, SOCKET, TENANT, Organisation, seed_of, server_of
from tests.pam.talk import Talk, talking
from tests.terminal.terminal_driver import decode_qr

RIGHT = PASSWORD.reveal()
YES, NO = (Sent.ACCEPTED, ""), (Sent.REFUSED, "")
HIDDEN = (Sent.HIDDEN_PROMPT, "Password: ")


@pytest.fixture
async def talk(organisation: Organisation) -> AsyncIterator[Talk]:
    """A conversation of ana, who has a phone."""
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    async with talking(organisation) as opened:
        yield opened


async def test_password_and_code_are_accepted_and_leave_no_session(talk: Talk, organisation: Organisation) -> None:
    talk.introduce(host="192.0.2.7", service="sshd")
    assert await talk.hear() == HIDDEN
    assert await talk.reply(RIGHT) == (Sent.PROMPT, "Code from your authenticator app: ")
    assert await talk.reply(f" {organisation.code('ana').reveal()}") == YES
    assert (await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items == ()
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="sign-in"))).items
    assert (entries[0].channel, entries[0].address) == ("pam", "192.0.2.7")


async def test_a_server_answers_an_agent_on_another_machine(talk: Talk, organisation: Organisation) -> None:
    url = f"unix:{organisation.home / SOCKET}"
    async with server_of(organisation), talking(organisation, url=url) as remote:
        remote.introduce(host="192.0.2.7", service="sshd")
        await remote.hear()
        await remote.reply(RIGHT)
        assert await remote.reply(organisation.code("ana").reveal()) == YES
    async with talking(organisation, url=url) as alone:  # the server has gone
        alone.introduce()
        await alone.hear()
        assert (await alone.reply(RIGHT))[0] is Sent.UNAVAILABLE


async def test_a_used_code_and_wrong_ones_are_asked_for_again_and_then_refused(
    talk: Talk, organisation: Organisation
) -> None:
    talk.introduce()
    await talk.hear()
    asked = await talk.reply(RIGHT)
    tries = 0
    while asked[0] is Sent.PROMPT:
        tries += 1
        asked = await talk.reply("000000")
    assert asked == NO
    assert 3 <= tries <= 20
    assert len(talk.said) >= tries


async def test_a_wrong_password_is_asked_for_three_times_in_one_conversation(talk: Talk) -> None:
    talk.introduce()
    await talk.hear()
    assert await talk.reply("wrong") == HIDDEN
    assert await talk.reply("wrong") == HIDDEN
    assert await talk.reply("wrong") == NO
    assert len(talk.said) == 3


async def test_an_unknown_user_gets_the_words_of_a_wrong_password(talk: Talk, organisation: Organisation) -> None:
    talk.introduce()
    await talk.hear()
    await talk.reply("wrong")
    async with talking(organisation) as other:
        other.introduce("nobody-of-this-name")
        await other.hear()
        assert await other.reply("wrong") == HIDDEN
        assert other.said == talk.said


async def test_a_password_of_an_earlier_module_is_tried_once(talk: Talk, organisation: Organisation) -> None:
    talk.introduce(password=RIGHT)
    assert (await talk.hear())[1].startswith("Code from")
    async with talking(organisation) as other:
        other.introduce(password="wrong")
        assert await other.hear() == NO


@pytest.mark.parametrize("reply", ["", "  "])
async def test_an_empty_reply_ends_it(talk: Talk, reply: str) -> None:
    talk.introduce()
    await talk.hear()
    await talk.reply(RIGHT)
    assert await talk.reply(reply) == NO


async def test_the_module_may_say_that_the_user_has_gone(talk: Talk) -> None:
    talk.introduce()
    await talk.hear()
    talk.frame("X")
    assert await talk.hear() == NO


async def test_a_recovery_code_is_accepted_in_place_of_a_code(talk: Talk, organisation: Organisation) -> None:
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    talk.introduce()
    await talk.hear()
    await talk.reply(RIGHT)
    assert await talk.reply(made.codes[0].reveal()) == YES


async def test_a_new_password_is_asked_for_twice(talk: Talk, organisation: Organisation) -> None:
    given = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    assert given.password is not None
    talk.introduce()
    await talk.hear()
    assert (await talk.reply(given.password.reveal()))[1] == "New password: "
    assert (await talk.reply("a long new password"))[1] == "Repeat the password: "
    assert (await talk.reply("another password"))[1] == "New password: "
    assert talk.said[-1].startswith("The two passwords differ")
    await talk.reply("short")
    assert (await talk.reply("short"))[1] == "New password: "
    await talk.reply("a long new password")
    assert (await talk.reply("a long new password"))[1] == "Code from your authenticator app: "
    assert await talk.reply(organisation.code("ana").reveal()) == YES


@pytest.mark.parametrize("drawing", list(Drawing))
async def test_a_first_phone_is_bound_with_a_qr_code_in_the_prompt(
    organisation: Organisation, drawing: Drawing
) -> None:
    await organisation.add("ben")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    async with talking(organisation) as talk:
        talk.introduce("ben")
        await talk.hear()
        assert "Show it as\n1  " in (await talk.reply(RIGHT))[1]
        assert (await talk.reply(str(list(Drawing).index(drawing) + 1)))[1] == "Code that the app shows now: "
        shown = talk.said[-1]
        key = re.search(r"Key: ([A-Z2-7 ]+)", shown)
        assert key is not None
        if drawing is Drawing.NONE:
            assert shown == key[0]
        else:
            read = _scanned(shown[: key.start()], drawing)
            assert f"secret={key[1].replace(' ', '')}" in read
        assert drawing is not Drawing.PLAIN or shown.isascii()
        organisation.seeds["ben"] = seed_of(Secret(key[1].replace(" ", "")))
        assert (await talk.reply("000000"))[1] == "Code that the app shows now: "
        assert await talk.reply(organisation.code("ben").reveal()) == YES


async def test_a_wrong_choice_is_asked_for_again(organisation: Organisation) -> None:
    await organisation.add("ben")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    async with talking(organisation) as talk:
        talk.introduce("ben")
        await talk.hear()
        question = await talk.reply(RIGHT)
        for wrong in ("0", "5", "-1", "x", "９", "1" * 900):
            assert await talk.reply(wrong) == question
            assert talk.said[-1] == "Enter a number from 1 to 4."


async def test_a_code_by_mail_is_asked_for_with_its_letters(organisation: Organisation) -> None:
    async with post_for(organisation) as post:
        await post.set_up()
        await organisation.add("emil", email="emil@acme.example")
        await post.bind("emil", FactorKind.EMAIL, "emil@acme.example")
        async with talking(organisation) as talk:
            talk.introduce("emil")
            await talk.hear()
            asked = await talk.reply(RIGHT)
            await post.wait_idle()
            found = CODE.search(post.mailbox.text())
            assert found is not None
            assert asked == (Sent.PROMPT, f"Code {found[1]}- ")
            assert "e•" in talk.said[-1] or "is on its way" in talk.said[-1]
            assert await talk.reply(found[2]) == YES


HOSTILE = {
    "a line end in the name": [("v", b"1"), ("u", b"ana\nhost=127.0.0.1"), ("g", b"")],
    "no version": [("u", b"ana"), ("g", b"")],
    "another version": [("v", b"2"), ("u", b"ana"), ("g", b"")],
    "a field twice": [("v", b"1"), ("u", b"ana"), ("u", b"root"), ("g", b"")],
    "not UTF-8": [("v", b"1"), ("u", b"\xff\xfe"), ("g", b"")],
    "an unknown letter": [("v", b"1"), ("Z", b""), ("g", b"")],
    "a verdict": [("Y", b"")],
    "a reply": [("R", b"x")],
    "a long field": [("v", b"1"), ("u", b"a" * LONGEST), ("g", b"")],
    "too many fields": [("v", b"1")] * 40,
}


@pytest.mark.parametrize("frames", HOSTILE.values(), ids=HOSTILE)
async def test_broken_introductions_are_refused(talk: Talk, frames: list[tuple[str, bytes]]) -> None:
    for kind, content in frames:
        talk.frame(kind, content)
    heard = await talk.hear()
    if heard == HIDDEN:  # a strange name is as unknown as any other
        heard = await talk.reply(RIGHT)
        assert talk.said[0].startswith("Sign-in failed")
        talk.frame("X")
        heard = await talk.hear()
    assert heard == NO


async def test_half_a_frame_and_silence_are_refused(talk: Talk, organisation: Organisation) -> None:
    talk.writer.write(b"u00")
    talk.writer.write_eof()
    assert await talk.hear() == NO
    async with talking(organisation, seconds=0.01) as slow:
        slow.introduce()
        assert await slow.hear() == HIDDEN
        assert await slow.hear() == NO


async def test_only_named_os_users_may_ask(organisation: Organisation) -> None:
    async with talking(organisation, users=frozenset({4242})) as talk:
        assert await talk.hear() == NO


async def test_a_store_that_cannot_be_reached_is_unavailable(talk: Talk, organisation: Organisation) -> None:
    talk.introduce()
    await talk.hear()
    await asyncio.to_thread(organisation.backend.store.close)
    try:
        assert (await talk.reply(RIGHT))[0] is Sent.UNAVAILABLE
    finally:
        await organisation.reopen()


def _scanned(text: str, drawing: Drawing) -> str:
    """Read a QR code as drawn in a terminal, with the ink light on dark paper or the reverse."""
    ink, paper = (0, 255) if drawing is Drawing.LIGHT else (255, 0)
    rows = text.rstrip("\n").split("\n")
    if drawing is Drawing.PLAIN:
        lit = [[character == "#" for character in row[::2]] for row in rows]
    else:
        halves = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}
        lit = [[halves[character][half] for character in row] for row in rows for half in (0, 1)]
    width = max(map(len, lit))
    picture = Image.new("L", (width, len(lit)), paper)
    for y, row in enumerate(lit):
        for x, is_lit in enumerate(row):
            picture.putpixel((x, y), ink if is_lit else paper)
    framed = Image.new("L", (width + 4, len(lit) + 4), 255)
    framed.paste(picture, (2, 2))
    (found,) = decode_qr(framed.resize((framed.width * 6, framed.height * 6), Image.Resampling.NEAREST))
    return found
