"""The state directory: keys, tokens, settings, the last map; after a power cut each is the old or the new, whole."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from agent import settings as settings_module
from agent.errors import StateError
from agent.settings import Settings
from mesh.errors import ValidationError
from mesh.keys import decode_private_key, encode_key, generate_private_key

DEFAULT_STATE_DIR: Final = Path("/var/lib/ghostwire-agent")
KEY_FILE: Final = "node.key"
NEXT_KEY_FILE: Final = "node.key.next"
SETTINGS_FILE: Final = "settings.json"
ACCOUNT_FILE: Final = "account.json"
MAP_FILE: Final = "netmap.json"
LEASE_FILE: Final = "lease.json"
MACHINE_FILE: Final = "machine.json"
LOG_FILE: Final = "agent.log"
SOCKET_FILE: Final = "agent.sock"
_LOCK_FILE: Final = "lock"
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Account:
    """Who this machine is to the portal. ``token`` is None once the session is known to be over.

    ``node`` and ``network`` are the portal's answer to the registration. ``barred`` says that the portal shut this
    node out (close code 4403): no registration then happens without a person's ``up``.
    """

    server: str
    node: dict[str, Any]
    network: dict[str, Any]
    token: str | None
    expires_at: str | None
    barred: bool = False


@dataclass(frozen=True, slots=True)
class MapMemory:
    """The last map that was applied, and whose it was: versions of another portal or node say nothing."""

    server: str
    node_id: int
    epoch: int
    version: int
    netmap: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LeaseMemory:
    """The last acknowledged contact, in seconds of the boot clock of one boot, and how long it is good for."""

    boot_id: str
    contact: float
    seconds: int


@dataclass(frozen=True, slots=True)
class MachineMemory:
    """What this agent puts on the machine. ``present`` says that it may still be there: the agent was killed.

    Interface and port are kept after an orderly end too, so that what the agent chose once it chooses again.
    """

    interface: str
    port: int
    hosts_file: str
    backend: str
    present: bool


_Kept = TypeVar("_Kept", Account, MapMemory, LeaseMemory, MachineMemory)


class StateDir:
    """One agent's directory, mode 0700; everything in it is 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make the directory where it is missing.

        :raises StateError: where that is not allowed
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise StateError(f"{self.path}: {error.strerror}. Run as root, or name another --state-dir.") from error

    def acquire(self, *, patience: float = 0.0) -> None:
        """Hold the directory until the process ends, or until ``release``.

        ``patience``: seconds to wait for an agent that is just ending, and no longer answers but is not gone yet.

        :raises StateError: if another agent holds it
        """
        self.prepare()
        descriptor = os.open(self.path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    raise StateError(f"An agent already runs on {self.path}.") from error
                time.sleep(_POLL_SECONDS)
        self._lock = descriptor

    def release(self) -> None:
        """Let go of the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def private_key(self, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
        """The node's private key (32 bytes), made at the first call. It never leaves this machine.

        :raises StateError: if the file is there but is no key: a new one in its place would be another node
        """
        key = self._key(KEY_FILE)
        if key is None:
            key = generate_private_key(random_bytes(32))
            self._write(KEY_FILE, encode_key(key) + "\n")
        return key

    def next_key(self) -> bytes | None:
        """The private key of a rotation that was begun and of whose end nothing is known yet.

        :raises StateError: if the file is there but is no key
        """
        return self._key(NEXT_KEY_FILE)

    def begin_rotation(self, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
        """Make the private key that shall follow the present one, and keep it beside that one: from here on the portal
        may have either."""
        key = generate_private_key(random_bytes(32))
        self._write(NEXT_KEY_FILE, encode_key(key) + "\n")
        return key

    def end_rotation(self, *, rotated: bool) -> None:
        """One key is left: the next one if the portal took it, in one step, else the present one."""
        try:
            if rotated:
                (self.path / NEXT_KEY_FILE).replace(self.path / KEY_FILE)
            else:
                (self.path / NEXT_KEY_FILE).unlink(missing_ok=True)
            _sync_directory(self.path)
        except OSError as error:
            raise StateError(f"{self.path / NEXT_KEY_FILE}: {error.strerror}.") from error

    def settings(self) -> Settings:
        """The settings that earlier commands left; those of a new machine otherwise."""
        return settings_module.from_json(self._load(SETTINGS_FILE) or {})

    def keep_settings(self, settings: Settings) -> None:
        """Remember the settings."""
        self._store(SETTINGS_FILE, settings.to_json())

    def account(self) -> Account | None:
        """Who this machine is, or None before its first registration and after a logout."""
        return self._load_as(ACCOUNT_FILE, Account)

    def keep_account(self, account: Account | None) -> None:
        """Remember who this machine is; None forgets it."""
        self._keep(ACCOUNT_FILE, account)

    def map_memory(self) -> MapMemory | None:
        """The last map that was applied."""
        return self._load_as(MAP_FILE, MapMemory)

    def keep_map(self, memory: MapMemory | None) -> None:
        """Remember the last map that was applied; None forgets it."""
        self._keep(MAP_FILE, memory)

    def lease(self) -> LeaseMemory | None:
        """The lease as a former run left it."""
        return self._load_as(LEASE_FILE, LeaseMemory)

    def keep_lease(self, lease: LeaseMemory | None) -> None:
        """Remember the lease; None forgets it."""
        self._keep(LEASE_FILE, lease)

    def machine(self) -> MachineMemory | None:
        """What a former run put on the machine, or None before the first."""
        return self._load_as(MACHINE_FILE, MachineMemory)

    def keep_machine(self, machine: MachineMemory) -> None:
        """Remember what is about to be put on the machine, or that it was cleared away."""
        self._keep(MACHINE_FILE, machine)

    def _key(self, name: str) -> bytes | None:
        text = self._read(name)
        if text is None:
            return None
        try:
            return decode_private_key(text.strip())
        except ValidationError as error:
            raise StateError(f"{self.path / name} holds no private key.") from error

    def _keep(self, name: str, value: Account | MapMemory | LeaseMemory | MachineMemory | None) -> None:
        if value is None:
            (self.path / name).unlink(missing_ok=True)
        else:
            self._store(name, asdict(value))

    def _load_as(self, name: str, kind: type[_Kept]) -> _Kept | None:
        stored = self._load(name)
        if stored is None:
            return None
        try:
            return kind(**{field.name: stored[field.name] for field in fields(kind) if field.name in stored})
        except TypeError as error:
            raise StateError(f"{self.path / name} is not what an agent wrote.") from error

    def _load(self, name: str) -> dict[str, Any] | None:
        text = self._read(name)
        if text is None:
            return None
        try:
            value = json.loads(text)
        except ValueError as error:
            raise StateError(f"{self.path / name} is not JSON.") from error
        if not isinstance(value, dict):
            raise StateError(f"{self.path / name} is not what an agent wrote.")
        return value

    def _store(self, name: str, value: dict[str, Any]) -> None:
        self._write(name, json.dumps(value, separators=(",", ":")) + "\n")

    def _read(self, name: str) -> str | None:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{self.path / name}: {error.strerror}.") from error

    def _write(self, name: str, text: str) -> None:
        try:
            write_atomically(self.path / name, text.encode(), mode=0o600)
        except OSError as error:
            raise StateError(f"{self.path / name}: {error.strerror}.") from error


def write_atomically(path: Path, data: bytes, *, mode: int) -> None:
    """Replace a file so that a reader, or a machine that loses power, finds the old content or the new, whole.

    :raises OSError: as the file system says; the old content then stands
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    """A rename must survive a power cut too."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
