"""The managed block of a hosts file: peers by name. Every other line of the file stays byte for byte as it was."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import BackendError
from agent.netmap import NetworkMap, Peer, Prefix
from agent.state import write_atomically


def host_lines(netmap: NetworkMap, peers: Iterable[Peer]) -> list[str]:
    """The block's lines: ``address name.domain name`` for each peer, ``address name.domain`` for this node.

    This node's short name is left to the machine, which has its own idea of it.
    """
    lines = [f"{address}\t{_full(netmap.node.name, netmap.domain)}" for address in _spell(netmap.node.addresses)]
    for peer in sorted(peers, key=lambda peer: peer.name):
        names = [_full(peer.name, netmap.domain), peer.name] if netmap.domain else [peer.name]
        lines += [f"{address}\t{' '.join(names)}" for address in _spell(peer.addresses)]
    return lines


def replace_block(content: str, interface: str, lines: list[str]) -> str:
    """The file's content with the block of the agent on ``interface`` replaced; no lines take the block away.

    A short name that another line of the file already gives an address is left out: what the machine's owner wrote
    there is not overruled (glibc would return both).
    """
    begin, end = _marks(interface)
    kept: list[str] = []
    inside = False
    for line in content.splitlines(keepends=True):
        if line.rstrip("\r\n") == begin:
            inside = True
        elif inside and line.rstrip("\r\n") == end:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:  # the end mark is gone: somebody edited the block; cut nothing that we did not write
        kept = [line for line in content.splitlines(keepends=True) if line.rstrip("\r\n") != begin]
    rest = "".join(kept)
    if not lines:
        return rest
    taken = _names_of(rest)
    block = [begin, *(_without(line, taken) for line in lines), end]
    if rest and not rest.endswith("\n"):
        rest += "\n"
    return rest + "\n".join(block) + "\n"


def write_block(path: Path, interface: str, lines: list[str]) -> None:
    """Bring the block into the file, atomically where the file can be replaced.

    Where it cannot (a container's or a namespace's hosts file is a mount of its own) it is rewritten in place.

    :raises BackendError: if the file cannot be read or written
    """
    try:
        with _only_writer(path.resolve().parent):
            content = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
            changed = replace_block(content, interface, lines)
            if changed != content:
                _write(path, changed.encode("utf-8", errors="surrogateescape"))
    except OSError as error:
        raise BackendError(f"{path}: {error.strerror}.") from error


@contextmanager
def _only_writer(directory: Path) -> Iterator[None]:
    """Several agents on one machine edit one file: each reads and writes it undisturbed. Leaves no lock file behind."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    target = path.resolve()
    before = target.stat() if target.exists() else None
    try:
        write_atomically(target, data, mode=before.st_mode & 0o7777 if before else 0o644)
        if before is not None:
            os.chown(target, before.st_uid, before.st_gid)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV, errno.EROFS, errno.EACCES):
            raise
        with target.open("r+b") as stream:
            stream.write(data)
            stream.truncate()
            stream.flush()
            os.fsync(stream.fileno())


def _marks(interface: str) -> tuple[str, str]:
    return f"# BEGIN GhostWire {interface}: managed, edits are lost", f"# END GhostWire {interface}"


def _full(name: str, domain: str) -> str:
    return f"{name}.{domain}" if domain else name


def _spell(addresses: Iterable[Prefix]) -> list[str]:
    return [str(address.network_address) for address in addresses]


def _names_of(content: str) -> frozenset[str]:
    words = (line.split("#", 1)[0].split() for line in content.splitlines())
    return frozenset(name.lower() for line in words for name in line[1:])


def _without(line: str, taken: frozenset[str]) -> str:
    address, names = line.split("\t")
    full, *short = names.split(" ")
    return f"{address}\t{' '.join([full, *(name for name in short if name not in taken)])}"
