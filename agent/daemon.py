"""The agent's process: holds the state directory, runs one engine after another, and answers the command line."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from dataclasses import replace
from typing import Any

from agent import __version__, control
from agent.engine.core import Engine
from agent.engine.phase import Phase
from agent.engine.status import snapshot
from agent.errors import BackendError, LoginNeededError, NotRunningError, NotUpError, UsageError
from agent.origin import parse_server
from agent.settings import merge
from agent.state import SOCKET_FILE, StateDir
from mesh.errors import PermissionDeniedError

_log = logging.getLogger(__name__)


class Daemon:
    """One agent process on one state directory."""

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._settings = state.settings()
        self._engine: Engine | None = None
        self._running: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None

    async def run(self, *, auth_key: str | None = None, force: bool = False, may_ask: bool = False) -> None:
        """Run until SIGTERM, SIGINT or a ``down``; then clear everything away.

        The caller holds the state directory. ``may_ask``: if this machine must register and there is no key, a person
        is asked to let it in, once.

        :raises GhostWireError: if the engine ended by itself
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        server = await control.serve(self._state.path, self._answer)
        try:
            if self._settings.server is not None:
                # No word of a person: what is shut out stays so.
                self._start(auth_key=auth_key, force=force).membership.may_ask = may_ask
            _notify("READY=1")
            await self._stop.wait()
        finally:
            _notify("STOPPING=1")
            server.close()
            (self._state.path / SOCKET_FILE).unlink(missing_ok=True)
            await self._end_engine()
        if self._failure is not None:
            raise self._failure

    def _start(self, *, auth_key: str | None, force: bool, may_ask: bool = False) -> Engine:
        origin = parse_server(self._settings.server or "", insecure_http=self._settings.insecure_http)
        engine = Engine(self._state, self._settings, origin)
        if auth_key is not None or force or may_ask:
            engine.login(auth_key, force=force, may_ask=may_ask)
        self._engine = engine
        self._running = asyncio.create_task(engine.run())
        self._running.add_done_callback(self._ended)
        return engine

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the agent failed: %s", error, exc_info=error)
            self._failure = error
            self._stop.set()

    async def _end_engine(self) -> None:
        task, self._running, self._engine = self._running, None, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _answer(  # noqa: PLR0911 - one return an operation reads best
        self, op: str, values: dict[str, Any]
    ) -> dict[str, Any]:
        match op:
            case "hello":
                return {"version": __version__, "pid": os.getpid()}
            case "status":
                return await snapshot(self._need_engine())
            case "netmap":
                return self._netmap()
            case "netcheck":
                return await self._need_engine().netcheck.once()
            case "up":
                return await self._up(values)
            case "stop_waiting":
                self._need_engine().stop_waiting()
                return {}
            case "down":
                await self._go_down()
                return {}
            case "logout":
                engine = self._need_engine()
                await engine.membership.log_out()
                await self._go_down()
                return {}
        raise UsageError(f"The agent knows no {op!r}: it may be older than the command.")

    async def _go_down(self) -> None:
        """Everything is cleared away before the answer goes out; the process ends right after."""
        await self._end_engine()
        asyncio.get_running_loop().call_later(0.1, self._stop.set)

    async def _up(self, values: dict[str, Any]) -> dict[str, Any]:
        wished = merge(self._settings, _typed(values.get("given") or {}), reset=bool(values.get("reset")))
        if wished.server is None:
            raise UsageError("Say which portal: --server https://portal.example")
        origin = parse_server(wished.server, insecure_http=wished.insecure_http)
        wished = replace(wished, server=origin)
        auth_key, force, may_ask = values.get("auth_key"), bool(values.get("force")), bool(values.get("may_ask"))
        if self._engine is None or wished != self._settings:
            await self._end_engine()
            self._settings = wished
            self._state.keep_settings(wished)
            engine = self._start(auth_key=auth_key, force=force, may_ask=may_ask)
        else:
            engine = self._engine
            engine.login(auth_key, force=force, may_ask=may_ask)
        try:
            async with asyncio.timeout(values.get("wait_seconds")):
                await engine.standing.settled()
        except TimeoutError:
            reason = engine.standing.reason or "no answer from the portal"
            raise NotUpError(f"Not up yet ({reason}). The agent goes on trying.") from None
        _complain(engine)
        return await snapshot(engine)

    def _need_engine(self) -> Engine:
        if self._engine is None:
            raise NotRunningError("The agent has no portal yet: ghostwire-agent up --server URL --auth-key KEY")
        return self._engine

    def _netmap(self) -> dict[str, Any]:
        engine = self._need_engine()
        if engine.maps.applied is None or engine.maps.raw is None:
            raise NotRunningError("There is no map in force.")
        return engine.maps.raw


def _complain(engine: Engine) -> None:
    """An ``up`` that did not lead into the mesh says why."""
    match engine.standing.phase:
        case Phase.NEEDS_LOGIN:
            raise LoginNeededError(engine.standing.reason)
        case Phase.SHUT_OUT:
            raise PermissionDeniedError(engine.standing.reason)
        case Phase.FAILED:
            raise BackendError(engine.standing.reason)


def _typed(given: dict[str, Any]) -> dict[str, Any]:
    """Settings as they came over the socket, with lists as the tuples that they are inside."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _notify(state: str) -> None:
    """Tell systemd how we are, if it asked (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        try:
            connection.connect(address)
            connection.sendall(state.encode())
        except OSError as error:
            _log.warning("systemd could not be told %s: %s", state, error)
