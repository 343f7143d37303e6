"""The state directory: private, whole, one agent's."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agent.errors import StateError
from agent.settings import Settings
from agent.state import Account, LeaseMemory, MachineMemory, MapMemory, StateDir, write_atomically

ACCOUNT = Account("https://p.example", {"id": 1}, {"domain": "x"}, "gws_secret", "2026-03-01T00:00:00Z")


def test_everything_is_private(state: StateDir) -> None:
    state.private_key()
    state.keep_settings(Settings())
    state.keep_account(ACCOUNT)
    state.keep_map(MapMemory("https://p.example", 1, 1, 2, {}))
    assert state.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in state.path.iterdir()} == {0o600}


def test_the_key_is_made_once(state: StateDir) -> None:
    assert state.private_key() == state.private_key()


def test_a_broken_key_is_never_replaced(state: StateDir) -> None:
    (state.path / "node.key").write_text("nonsense\n", encoding="ascii")
    with pytest.raises(StateError, match="no private key"):
        state.private_key()
    assert (state.path / "node.key").read_text(encoding="ascii") == "nonsense\n"


def test_what_is_kept_is_read_again(state: StateDir) -> None:
    state.keep_account(ACCOUNT)
    state.keep_map(MapMemory("https://p.example", 1, 3, 4, {"a": 1}))
    state.keep_lease(LeaseMemory("boot", 7.5, 600))
    state.keep_machine(MachineMemory("gw0", 51820, "/etc/hosts", "kernel", True))
    again = StateDir(state.path)
    assert again.account() == ACCOUNT
    assert again.map_memory() == MapMemory("https://p.example", 1, 3, 4, {"a": 1})
    assert again.lease() == LeaseMemory("boot", 7.5, 600)
    assert again.machine() == MachineMemory("gw0", 51820, "/etc/hosts", "kernel", True)


def test_nothing_was_kept_before_the_first_time(state: StateDir) -> None:
    assert (state.account(), state.map_memory(), state.lease(), state.machine()) == (None, None, None, None)
    assert state.settings() == Settings()


def test_an_agent_that_is_just_ending_is_waited_for(state: StateDir) -> None:
    threading.Timer(0.1, state.release).start()
    other = StateDir(state.path)
    other.acquire(patience=10)
    other.release()


def test_none_forgets(state: StateDir) -> None:
    state.keep_account(ACCOUNT)
    state.keep_account(None)
    assert state.account() is None


def test_a_second_agent_is_refused(state: StateDir) -> None:
    with pytest.raises(StateError, match="already runs"):
        StateDir(state.path).acquire()


def test_the_directory_is_free_again_after_release(state: StateDir) -> None:
    state.release()
    other = StateDir(state.path)
    other.acquire()
    other.release()


@pytest.mark.parametrize("content", ["{", "[]", '{"server": "x"}'])
def test_a_file_that_is_not_ours_is_named(state: StateDir, content: str) -> None:
    (state.path / "account.json").write_text(content, encoding="utf-8")
    with pytest.raises(StateError, match=r"account\.json"):
        state.account()


def test_a_write_that_fails_leaves_the_old_content_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old", mode=0o600)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new", mode=0o600)
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
