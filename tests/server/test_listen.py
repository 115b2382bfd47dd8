"""Listening: private by default, never another program's socket, and never unencrypted on a network."""

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
from secconsole.server.transport.limits import make_room
from secconsole.server.transport.listen import Door, close_doors, demand_encryption, open_doors, parse_listen


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


@pytest.mark.parametrize(
    "text, local",
    [
        ("127.0.0.1:8443", True),
        ("[::1]:8443", True),
        ("localhost:1", True),
        ("unix:/run/x/api.sock", True),
        ("systemd", True),
        ("0.0.0.0:8443", False),
        ("[::]:8443", False),
        ("192.0.2.7:443", False),
        ("example.org:443", False),
    ],
)
def test_only_this_machine_is_served_without_encryption(text: str, local: bool) -> None:
    place = parse_listen(text)
    assert place.is_local == local
    if local:
        demand_encryption((place,))
    else:
        with pytest.raises(Invalid, match="--tls-cert"):
            demand_encryption((place,))


@pytest.mark.parametrize("text", ["", "8443", ":8443", "host:", "host:http", "host:65536", "unix:", "host:٣", "unix:/"])
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_listen(text)


def test_a_bound_socket_reports_the_resolved_address() -> None:
    with opened("0.0.0.0:0") as doors, pytest.raises(Invalid, match="open to the network"):
        demand_encryption(tuple(doors))
    with opened("127.0.0.1:0") as doors:
        demand_encryption(tuple(doors))


def test_a_socket_is_private_under_any_umask(tmp_path: Path) -> None:
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
def test_a_group_without_membership_is_refused(tmp_path: Path) -> None:
    strange = next(e.gr_name for e in grp.getgrall() if e.gr_gid not in (os.getegid(), *os.getgroups()))
    with pytest.raises(Unavailable, match="a member of"):
        open_doors((parse_listen(f"unix:{tmp_path}/run/api.sock"),), group=strange)


def test_a_group_without_access_to_the_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    group = a_group()
    with pytest.raises(Unavailable, match=f"chgrp {group}"):
        open_doors((parse_listen(f"unix:{tmp_path}/run/api.sock"),), group=group)
    with pytest.raises(Unavailable, match="no group nobodies"):
        open_doors((parse_listen(f"unix:{tmp_path}/run/api.sock"),), group="nobodies")


@pytest.mark.parametrize("bits", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_writable_by_others_is_refused_and_not_changed(tmp_path: Path, bits: int) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(bits)
    with pytest.raises(Unavailable, match="Other users may write in"):
        open_doors((parse_listen(f"unix:{folder}/api.sock"),))
    assert mode(folder) == bits & 0o777 | bits & 0o1000
    assert not list(folder.iterdir())


def test_an_existing_folder_is_not_changed(tmp_path: Path) -> None:
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
        with pytest.raises(Unavailable, match="in use by another program"):
            open_doors((parse_listen(f"unix:{path}"),))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.exists()


def test_a_file_that_is_not_a_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("precious")
    with pytest.raises(Unavailable, match="is not a socket"):
        open_doors((parse_listen(f"unix:{path}"),))
    assert path.read_text() == "precious"


def test_a_socket_that_replaced_ours_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with opened(f"unix:{path}"), socket.socket(socket.AF_UNIX) as other:
        path.unlink()
        other.bind(str(path))
    assert path.exists()


def test_a_path_too_long_for_a_socket_is_explained(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="longer than a socket"):
        open_doors((parse_listen(f"unix:{tmp_path}/{'x' * 120}"),))


def test_a_taken_port_and_a_foreign_address_are_explained() -> None:
    with opened("127.0.0.1:0") as (door,), pytest.raises(Unavailable, match="in use by another program"):
        open_doors((parse_listen(str(door)),))
    with pytest.raises(Unavailable, match="does not have the address"):
        open_doors((parse_listen("192.0.2.77:8443"),))
    with pytest.raises(Unavailable, match="cannot be resolved"):
        open_doors((parse_listen("nowhere.invalid:8443"),))


def test_nothing_is_left_behind_if_the_last_address_fails(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with opened("127.0.0.1:0") as (door,), pytest.raises(Unavailable):
        open_doors((parse_listen(f"unix:{path}"), parse_listen(str(door))))
    assert not path.exists()


def test_sockets_of_systemd_for_another_process_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    with pytest.raises(Unavailable, match="systemd passed no socket"):
        open_doors((parse_listen("systemd"),))


def test_more_connections_than_files_may_be_open_are_refused() -> None:
    with pytest.raises(Unavailable, match="LimitNOFILE"):
        make_room(10**9)
