"""The control socket: how the command line speaks to a running agent. One JSON line each way, for the owner alone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from agent.errors import NotRunningError
from agent.state import SOCKET_FILE
from mesh.errors import GhostWireError

_MAX_REQUEST: Final = 1 << 20
_MAX_ANSWER: Final = 256 << 20
_log = logging.getLogger(__name__)

Answerer = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class AnsweredError(GhostWireError):
    """The agent's own word for why it did not do what was asked; ``code`` is the agent's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.answered_code = code


@contextmanager
def _short_path(directory: Path) -> Iterator[str]:
    """The socket's path in few enough characters: the kernel takes 107, a state directory may be deeper."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_FILE}"
    finally:
        os.close(descriptor)


async def serve(state_dir: Path, answer: Answerer) -> asyncio.Server:
    """Listen on the state directory's socket, mode 0600. The caller holds the directory's lock."""
    (state_dir / SOCKET_FILE).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short_path(state_dir) as path:
        before = os.umask(0o177)  # the mode from the first instant on, not a moment later
        try:
            listener.bind(path)
        finally:
            os.umask(before)

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            request = json.loads(await reader.readline())
            writer.write(json.dumps(await _answer(answer, request)).encode() + b"\n")
            await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(serve_one, sock=listener, limit=_MAX_REQUEST)


async def _answer(answer: Answerer, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": await answer(str(request.get("op")), dict(request.get("with") or {}))}
    except GhostWireError as error:
        return {"error": {"code": error.code, "detail": error.detail}}
    except Exception as error:  # noqa: BLE001 - the daemon outlives a fault in one answer
        _log.exception("a request over the control socket failed")
        return {"error": {"code": "internal", "detail": f"{type(error).__name__}: see the agent's log."}}


def is_running(state_dir: Path) -> bool:
    """Whether an agent answers on a state directory."""
    try:
        call(state_dir, "hello", timeout=5.0)
    except NotRunningError:
        return False
    return True


def call(state_dir: Path, op: str, *, timeout: float | None, **values: Any) -> dict[str, Any]:
    """Ask the running agent for something.

    :raises NotRunningError: if none runs here
    :raises AnsweredError: if it did not do it
    :raises PermissionError: if the socket is not ours to speak to
    """
    try:
        with _short_path(state_dir) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(json.dumps({"op": op, "with": values}).encode() + b"\n")
            answer = _read_line(connection)
    except (FileNotFoundError, ConnectionError) as error:  # reset: it ended while we asked
        raise NotRunningError("The agent is not running. Start it with: ghostwire-agent up") from error
    except TimeoutError as error:
        raise AnsweredError("timeout", "The agent did not answer in time.") from error
    if "error" in answer:
        raise AnsweredError(answer["error"]["code"], answer["error"]["detail"])
    return dict(answer["result"])


def _read_line(connection: socket.socket) -> dict[str, Any]:
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = connection.recv(1 << 16)
        if not chunk or len(received) > _MAX_ANSWER:
            raise NotRunningError("The agent ended before it answered.")
        received += chunk
    return dict(json.loads(received))
