"""The managed block: ours alone, and nothing else of the file."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from agent.hosts import host_lines, replace_block, write_block
from agent.netmap import read_netmap
from agent.tests.answers import empty_map
from agent.tests.test_netmap import key, peer

OWN = "127.0.0.1\tlocalhost\n# a remark\n192.0.2.5 printer"
LINES = ["10.77.0.2\tweb.test.ghost web"]


def test_peers_get_full_and_short_names_and_this_node_its_full_one() -> None:
    raw = empty_map(key(1), 1, peers=[peer(2, name="web", addresses=["10.77.0.2/32"])])
    netmap = read_netmap(raw, own_key=key(1))
    assert host_lines(netmap, netmap.peers) == [
        "10.77.0.1\tnode1.test.ghost",
        "fd77::1\tnode1.test.ghost",
        "10.77.0.2\tweb.test.ghost web",
    ]


def test_without_a_domain_there_are_short_names() -> None:
    raw = empty_map(key(1), 1, domain="", peers=[peer(2, name="web", addresses=["10.77.0.2/32"])])
    netmap = read_netmap(raw, own_key=key(1))
    assert host_lines(netmap, netmap.peers)[-1] == "10.77.0.2\tweb"


def test_every_other_line_stays_as_it_was() -> None:
    added = replace_block(OWN, "gw0", LINES)
    assert added.startswith(OWN + "\n")
    assert replace_block(added, "gw0", []) == OWN + "\n"


def test_the_block_is_replaced_and_not_repeated() -> None:
    once = replace_block(OWN, "gw0", LINES)
    again = replace_block(once, "gw0", ["10.77.0.3\tdb.test.ghost db"])
    assert "10.77.0.2" not in again
    assert again.count("BEGIN GhostWire") == 1


def test_several_agents_have_several_blocks() -> None:
    both = replace_block(replace_block(OWN, "gw0", LINES), "gw1", ["10.78.0.2\tweb.other.ghost web2"])
    assert replace_block(both, "gw0", []) == replace_block(OWN + "\n", "gw1", ["10.78.0.2\tweb.other.ghost web2"])


def test_a_short_name_that_the_owner_wrote_is_not_overruled() -> None:
    block = replace_block("192.0.2.5 web\n", "gw0", LINES)
    assert "10.77.0.2\tweb.test.ghost\n" in block


def test_lines_in_another_line_ending_stay() -> None:
    assert replace_block("192.0.2.5 a\r\n", "gw0", []) == "192.0.2.5 a\r\n"


def test_an_end_mark_that_is_gone_costs_no_line_of_the_owners() -> None:
    broken = replace_block(OWN, "gw0", LINES).replace("# END GhostWire gw0\n", "") + "192.0.2.9 later\n"
    assert "192.0.2.9 later" in replace_block(broken, "gw0", [])


def test_the_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(OWN, encoding="utf-8")
    path.chmod(0o640)
    write_block(path, "gw0", LINES)
    assert path.stat().st_mode & 0o7777 == 0o640
    assert "web.test.ghost" in path.read_text(encoding="utf-8")


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(OWN, encoding="utf-8")
    write_block(path, "gw0", LINES)
    assert [found.name for found in tmp_path.iterdir()] == ["hosts"]


def test_a_file_that_cannot_be_replaced_is_rewritten_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts"
    path.write_text(OWN, encoding="utf-8")
    inode = path.stat().st_ino

    def busy(self: Path, target: Path) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    write_block(path, "gw0", LINES)
    assert path.stat().st_ino == inode
    assert "web.test.ghost" in path.read_text(encoding="utf-8")


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"192.0.2.5 caf\xe9\n")
    write_block(path, "gw0", LINES)
    assert path.read_bytes().startswith(b"192.0.2.5 caf\xe9\n")
