"""Where the server listens: private by default, never somebody else's socket, never in the clear on a network."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secconsole.domain.errors import Invalid, Unavailable
from secconsole.server.limits import make_room
from secconsole.server.listen import Door, close_doors, demand_encryption, open_doors, parse_listen


@contextmanager
def opened(*texts: str, group: str = "") -> Iterator[list[Door]]:
    doors = open_doors(tuple(parse_listen(text) for text in texts), group=group)
    try:
        yield doors
    finally:
        close_doors(doors)


def a_group() -> str:
    """One that we may give things to, and if possible not ours."""
    others = [entry.gr_name for entry in grp.getgrall() if entry.gr_gid != os.getegid()]
    return others[0] if os.geteuid() == 0 else grp.getgrgid(os.getegid()).gr_name


def mode(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("text, local", [
    ("127.0.0.1:8443", True), ("[::1]:8443", True), ("localhost:1", True), ("unix:/run/x/api.sock", True),
    ("systemd", True), ("0.0.0.0:8443", False), ("[::]:8443", False), ("192.0.2.7:443", False),
    ("example.org:443", False),
])  # fmt: skip
def test_only_this_machine_is_served_without_encryption(text: str, local: bool) -> None:
    place = parse_listen(text)
    assert place.is_local == local
    if local:
        demand_encryption((place,))
    else:
        with pytest.raises(Invalid, match="--tls-cert"):
            demand_encryption((place,))


@pytest.mark.parametrize("text", ["", "8443", ":8443", "host:", "host:http", "host:65536", "unix:", "host:٣", "unix:/"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_listen(text)


def test_a_bound_socket_tells_what_a_name_stood_for() -> None:
    with opened("0.0.0.0:0") as doors, pytest.raises(Invalid, match="open to the network"):
        demand_encryption(tuple(doors))
    with opened("127.0.0.1:0") as doors:
        demand_encryption(tuple(doors))


def test_a_socket_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run" / "api.sock"
    before = os.umask(0)
    try:
        with opened(f"unix:{path}"):
            assert (mode(path.parent.parent), mode(path.parent), mode(path)) == (0o700, 0o700, 0o600)
    finally:
        os.umask(before)
    assert not path.exists()


def test_a_socket_for_a_group(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    group = a_group()
    with opened(f"unix:{path}", group=group):
        assert (mode(path.parent), mode(path)) == (0o750, 0o660)
        assert path.parent.group() == path.group() == group


@pytest.mark.skipif(os.geteuid() == 0, reason="root may give anything to any group")
def test_a_group_that_we_are_no_member_of(tmp_path: Path) -> None:
    strange = next(e.gr_name for e in grp.getgrall() if e.gr_gid not in (os.getegid(), *os.getgroups()))
    with pytest.raises(Unavailable, match="a member of"):
        open_doors((parse_listen(f"unix:{tmp_path}/run/api.sock"),), group=strange)


def test_a_group_that_cannot_get_to_the_socket_is_told_how(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    group = a_group()
    with pytest.raises(Unavailable, match=f"chgrp {group}"):
        open_doors((parse_listen(f"unix:{tmp_path}/run/api.sock"),), group=group)
    with pytest.raises(Unavailable, match="no group nobodies"):
        open_doors((parse_listen(f"unix:{tmp_path}/run/api.sock"),), group="nobodies")


@pytest.mark.parametrize("bits", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_that_others_may_write_in_is_refused_and_left_as_it_is(tmp_path: Path, bits: int) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(bits)
    with pytest.raises(Unavailable, match="Others may write in"):
        open_doors((parse_listen(f"unix:{folder}/api.sock"),))
    assert mode(folder) == bits & 0o777 | bits & 0o1000
    assert not list(folder.iterdir())


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o755)
    with opened(f"unix:{folder}/api.sock"):
        assert (mode(folder), mode(folder / "api.sock")) == (0o755, 0o600)


def test_a_dead_socket_is_replaced_and_a_living_one_never(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with opened(f"unix:{path}"):
        with pytest.raises(Unavailable, match="something else is there already"):
            open_doors((parse_listen(f"unix:{path}"),))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.exists()


def test_what_is_no_socket_is_never_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("precious")
    with pytest.raises(Unavailable, match="is no socket"):
        open_doors((parse_listen(f"unix:{path}"),))
    assert path.read_text() == "precious"


def test_the_socket_of_whoever_came_after_us_stays(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with opened(f"unix:{path}"), socket.socket(socket.AF_UNIX) as other:
        path.unlink()
        other.bind(str(path))
    assert path.exists()


def test_a_path_too_long_for_a_socket_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="longer than a socket"):
        open_doors((parse_listen(f"unix:{tmp_path}/{'x' * 120}"),))


def test_a_taken_port_and_a_foreign_address_are_said_in_words() -> None:
    with opened("127.0.0.1:0") as (door,), pytest.raises(Unavailable, match="something else is there already"):
        open_doors((parse_listen(str(door)),))
    with pytest.raises(Unavailable, match="no address of this machine"):
        open_doors((parse_listen("192.0.2.77:8443"),))
    with pytest.raises(Unavailable, match="no name that is known"):
        open_doors((parse_listen("nowhere.invalid:8443"),))


def test_nothing_stays_behind_if_the_last_address_cannot_be_had(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with opened("127.0.0.1:0") as (door,), pytest.raises(Unavailable):
        open_doors((parse_listen(f"unix:{path}"), parse_listen(str(door))))
    assert not path.exists()


def test_sockets_that_systemd_did_not_hand_over_to_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    with pytest.raises(Unavailable, match="systemd handed no socket over"):
        open_doors((parse_listen("systemd"),))


def test_more_connections_than_files_may_be_open_are_refused() -> None:
    with pytest.raises(Unavailable, match="LimitNOFILE"):
        make_room(10**9)
