"""The master key: required to open the store, which reveals no secret without it, and safe from wrong keys."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secconsole.backends.embedded import open_embedded
from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.domain.model import PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.factors import EnrollFactor, VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import VerifySignIn
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.user_changes import ResetPassword
from secconsole.operations.users import CreateUser
from secconsole.store.sealing.keys import KeyRing
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of
from tests.store.looking import database

OTHER = "other"


def spellings(secret: bytes) -> dict[str, bytes]:
    """Return the encodings in which bytes could be in a file."""
    return {
        "as it is": secret,
        "base32": base64.b32encode(secret).rstrip(b"="),
        "base64": base64.b64encode(secret).rstrip(b"="),
        "base64url": base64.urlsafe_b64encode(secret).rstrip(b"="),
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
    }


def copied(home: Path, to: Path) -> Path:
    """A backup through SQLite's own interface."""
    source, target = sqlite3.connect(database(home)), sqlite3.connect(to)
    source.backup(target)
    source.close()
    target.close()
    return to


async def test_a28_no_secret_is_in_any_file_of_the_store(organisation: Organisation, tmp_path: Path) -> None:
    await organisation.add("ana", name="helpdesk-ana")
    await organisation.add("ben")
    await organisation.bind("ana")
    pending = await organisation.perform(EnrollFactor(tenant=TENANT, user="ben"))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    started = await organisation.start("ana")
    assert started.challenge is not None
    verify = VerifySignIn(challenge=started.challenge, factor="", code=organisation.code("ana"))
    complete = await organisation.perform(verify, Nobody())
    assert complete.token is not None
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ben"))
    content = json.loads((organisation.home / "master.key").read_text())
    looked_for = {
        "seed": organisation.seeds["ana"].reveal(),
        "pending seed": seed_of(pending.key).reveal(),
        "key text": pending.key.reveal().encode(),
        "password": PASSWORD.reveal().encode(),
        "one-time password": reset.password.reveal().encode(),
        "challenge": started.challenge.reveal().encode(),
        "token": complete.token.reveal().encode(),
        "master key": base64.b64decode(content["keys"][content["current"]]),
    }
    copied(organisation.home, tmp_path / "backup.db")
    path = database(organisation.home)
    for file in (path, path.with_name("console.db-wal"), path.with_name("console.db-shm"), tmp_path / "backup.db"):
        size, read = file.stat().st_size, _read_in_another_process(file)
        assert len(read) == size > 0
        if file.name in ("console.db-wal", "backup.db"):
            assert b"helpdesk-ana" in read, "what is looked through is the real content"
        for name, secret in looked_for.items():
            for spelling, text in spellings(secret).items():
                assert text not in read, f"{name} is in {file.name}, {spelling}"


def _read_in_another_process(path: Path) -> bytes:
    """Reading an open database here would drop SQLite's own locks on it."""
    return subprocess.run(["cat", path], check=True, capture_output=True).stdout


async def test_a28_a_seed_moved_to_another_row_user_or_tenant_does_not_open(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name=OTHER))
    await organisation.add("ana")
    await organisation.add("ben")
    await organisation.perform(CreateUser(tenant=OTHER, login="ana", password=PASSWORD))
    await organisation.bind("ana")
    await organisation.bind("ben")
    seed = organisation.seeds["ana"]
    started = await organisation.perform(EnrollFactor(tenant=OTHER, user="ana"))
    sealed = "SELECT sealed FROM factors JOIN users ON users.pk = user_pk WHERE login = 'ana' AND users.tenant_pk = 1"
    moves = (
        f"UPDATE factors SET sealed = ({sealed}) WHERE user_pk = (SELECT pk FROM users WHERE login = 'ben')",
        f"UPDATE factors SET sealed = ({sealed}), state = 'active' WHERE id = '{started.enrollment}'",
        "UPDATE factors SET id = 'anything' WHERE user_pk = (SELECT min(pk) FROM users WHERE login = 'ana')",
    )
    for move in moves:
        organisation.backend.store.write(lambda c, move=move: c.exec_driver_sql(move).close()).result()  # type: ignore[misc]
    organisation.seeds |= {"ben": seed}
    for tenant, login in ((TENANT, "ben"), (OTHER, "ana"), (TENANT, "ana")):
        verify = VerifyCode(tenant=tenant, user=login, code=organisation.code("ana"))
        assert not (await organisation.perform(verify)).accepted
    assert organisation.backend.damaged_secrets >= 3


async def test_a28_every_sealed_value_names_its_key(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    connection = sqlite3.connect(database(organisation.home))
    (factor,) = connection.execute("SELECT sealed FROM factors").fetchone()
    (inner,) = connection.execute("SELECT value FROM facts").fetchone()
    connection.close()
    assert factor.startswith(b"\x01\x02k1")
    assert inner.startswith(b"\x01\x02k1")


def test_a28_a_modified_sealed_value_does_not_open() -> None:
    ring = KeyRing("k1", {"k1": Secret(secrets.token_bytes(32))})
    where = {"purpose": "totp", "tenant": "1", "user": "U", "row": "R"}
    sealed = ring.seal(Secret(b"seed"), **where)
    assert ring.unseal(sealed, **where).reveal() == b"seed"
    for position in range(len(sealed)):
        touched = bytearray(sealed)
        touched[position] ^= 1
        with pytest.raises(Unavailable):
            ring.unseal(bytes(touched), **where)
    for end in range(len(sealed)):
        with pytest.raises(Unavailable):
            ring.unseal(sealed[:end], **where)
    for name in where:
        with pytest.raises(Unavailable):
            ring.unseal(sealed, **{**where, name: "other"})
    for split in ({"tenant": "1U", "user": ""}, {"user": "UR", "row": ""}):  # the parts do not run together
        with pytest.raises(Unavailable):
            ring.unseal(sealed, **{**where, **split})


def _wrong(path: Path) -> None:
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(bytes(32)).decode()}}))


def _short(path: Path) -> None:
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(bytes(31)).decode()}}))


def _without_current(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "current": "k9"}))


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "is missing. Restore it from the backup"),
    "wrong": (_wrong, "does not belong to this store. Nothing was changed. Restore the right key"),
    "empty": (lambda path: path.write_text(""), "is damaged. Restore it from the backup"),
    "cut off": (lambda path: path.write_text(path.read_text()[:40]), "is damaged. Restore it from the backup"),
    "binary": (lambda path: path.write_bytes(os.urandom(64) + b"\xff"), "cannot be read: it is not UTF-8 text"),
    "too short": (_short, "is damaged. Restore it from the backup"),
    "without the current one": (_without_current, "is damaged. Restore it from the backup"),
    "a list": (lambda path: path.write_text("[]"), "is damaged. Restore it from the backup"),
    "readable by others": (lambda path: path.chmod(0o640), "Make it private first: chmod 600"),
    "writable by others": (lambda path: path.chmod(0o602), "Make it private first: chmod 600"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store, to be copied."""
    home = tmp_path_factory.mktemp("made") / "home"
    command = [sys.executable, "-m", "secconsole", "init", "--tenant", TENANT, "--admin", "root", "--password-stdin"]
    environment = {**os.environ, "SECCONSOLE_HOME": str(home)}
    subprocess.run(command, check=True, env=environment, input=PASSWORD.reveal().encode(), capture_output=True)
    return home


def state(home: Path) -> dict[str, tuple[str, int]]:
    """Return every file with the digest of its content and its mode, without the queue's empty lock files."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode)
        for path in home.iterdir()
        if path.suffix not in (".next", ".writing")
    }


@pytest.mark.parametrize("name", HARMS)
async def test_a30_a_store_without_its_key_is_refused_and_not_changed(home: Path, made: Path, name: str) -> None:
    harm, words = HARMS[name]
    shutil.copytree(made, home)
    harm(home / "master.key")
    before = state(home)
    with pytest.raises(Unavailable) as refused:
        await open_embedded(Nobody(), "command")
    assert words in refused.value.message
    assert refused.value.exit_code == 6
    assert state(home) == before


@pytest.mark.parametrize("name", ["missing", "wrong", "cut off", "readable by others"])
def test_a30_the_program_reports_a_missing_key_and_changes_nothing(home: Path, made: Path, name: str) -> None:
    harm, words = HARMS[name]
    shutil.copytree(made, home)
    harm(home / "master.key")
    before = state(home)
    done = subprocess.run([sys.executable, "-m", "secconsole", "user", "list"], capture_output=True, text=True)
    assert done.returncode == 6
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert state(home) == before


async def test_a30_a_store_readable_by_others_is_refused(home: Path, made: Path) -> None:
    shutil.copytree(made, home)
    database(home).chmod(0o644)
    before = state(home)
    with pytest.raises(SecconsoleError, match="chmod 600"):
        await open_embedded(Nobody(), "command")
    assert state(home) == before
