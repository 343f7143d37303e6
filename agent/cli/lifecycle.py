"""Verbs that change what this machine is: up, run, down, logout."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from agent import __version__, control, service
from agent.backend.machine import clear_leftovers
from agent.cli.approval import NEEDS_APPROVAL, await_approval, somebody_is_there
from agent.cli.options import SETTINGS, read_auth_key
from agent.cli.output import EXIT_OK, count, say, say_json
from agent.clock import SystemClock
from agent.daemon import Daemon
from agent.engine.membership import Membership
from agent.errors import NotRunningError, NotUpError, UsageError
from agent.logs import configure
from agent.origin import parse_server
from agent.rest import Portal, tls_context
from agent.settings import Settings, merge
from agent.state import StateDir

_UP_SECONDS: Final = 60.0
_PATIENCE: Final = 10.0  # for an agent that was told to end
_SETTING_NAMES: Final = frozenset(option.name for option in SETTINGS)


def up(said: dict[str, Any]) -> int:
    """Bring the machine into the mesh; the agent is started, or told, as needed."""
    state = StateDir(said["state_dir"].absolute())
    given, auth_key = _wishes(said)
    state.prepare()
    timeout = said.get("timeout", _UP_SECONDS)
    kept = "already running"
    running = _version_running(state.path)
    if running is not None and running != __version__:
        service.stop(state)  # it was installed anew: the old program gives way
        running = None
    if running is None:
        _keep(state, given, reset=said.get("reset", False))
        kept = service.start(state, manager=said.get("manager", "auto"))
    may_ask = auth_key is None and somebody_is_there()
    try:
        answer = control.call(
            state.path,
            "up",
            timeout=timeout + 10,
            given=given,
            reset=said.get("reset", False),
            auth_key=auth_key,
            force=said.get("force_reauth", False),
            wait_seconds=timeout,
            may_ask=may_ask,
        )
        if answer["phase"] == NEEDS_APPROVAL:
            answer = _approved(state, said, answer)
    except KeyboardInterrupt:
        if may_ask:
            _give_up(state, was_running=kept == "already running")
        raise
    if said.get("json"):
        say_json(answer | {"kept_by": kept})
        return EXIT_OK
    node = answer["node"] or {}
    say(
        f"{node.get('fqdn') or node.get('name')} is up on {answer['interface']}: "
        f"{', '.join(node.get('addresses', ()))} ({count(len(answer['peers']), 'peer')})"
    )
    if kept == "detached":
        say("It runs until the machine stops. Where no systemd is, have your init run: ghostwire-agent run")
    return EXIT_OK


def _approved(state: StateDir, said: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """What ``up`` has to show once somebody let this machine in."""
    if not somebody_is_there():
        raise NotUpError(f"Not up yet ({answer['reason']}) The agent goes on waiting.")
    return await_approval(lambda: control.call(state.path, "status", timeout=_PATIENCE), answer, said.get("timeout"))


def _give_up(state: StateDir, *, was_running: bool) -> None:
    """Whoever breaks off leaves nothing: no agent that was not there before, and none that waits."""
    if was_running:
        control.call(state.path, "stop_waiting", timeout=_PATIENCE)
    else:
        _come_down(state)


def run(said: dict[str, Any]) -> int:
    """Be the agent, until a signal or a ``down``. Where it must register and has no key, the log says where a person
    can let it in."""
    path = said.get("log_file")
    state = StateDir(said["state_dir"].absolute())
    state.acquire(patience=_PATIENCE)
    configure(verbose=bool(said.get("verbose")), path=Path(path) if path else None)
    try:
        given, auth_key = _wishes(said)
        settings = _merged(state.settings(), given, reset=said.get("reset", False))
        if settings.server is None and given:
            raise UsageError("Say which portal: --server https://portal.example")
        state.keep_settings(settings)
        state.private_key()
        force, may_ask = said.get("force_reauth", False), said.get("ask", True)
        asyncio.run(Daemon(state).run(auth_key=auth_key, force=force, may_ask=may_ask))
    finally:
        state.release()
    return EXIT_OK


def down(said: dict[str, Any]) -> int:
    """Stop the agent and take everything away, also what a killed one left."""
    state = StateDir(said["state_dir"].absolute())
    ran = _come_down(state)
    if said.get("json"):
        say_json({"was_running": ran})
    else:
        say("down" if ran else "The agent was not running.")
    return EXIT_OK


def logout(said: dict[str, Any]) -> int:
    """End the registration at the portal (or, with ``--local``, only here), and come down."""
    state = StateDir(said["state_dir"].absolute())
    if not state.path.is_dir():
        raise NotRunningError("There is no agent here.")
    if said.get("local"):
        _come_down(state)
        _alone(state, lambda: state.keep_account(None))
    else:
        try:
            control.call(state.path, "logout", timeout=60.0)
        except NotRunningError:
            _alone(state, lambda: asyncio.run(_log_out_alone(state)))
        _come_down(state)
    if said.get("json"):
        say_json({"logged_out": True})
    else:
        say("logged out: this machine comes back with up --auth-key")
    return EXIT_OK


async def _log_out_alone(state: StateDir) -> None:
    settings = state.settings()
    if settings.server is None or state.account() is None:
        return
    portal = Portal(settings.server, state.private_key(), tls=tls_context())
    try:
        await Membership(state, settings, portal, SystemClock()).log_out()
    finally:
        await portal.close()


def _come_down(state: StateDir) -> bool:
    ran = service.stop(state)
    if state.path.is_dir():
        _alone(state, lambda: _clear(state))
    return ran


def _clear(state: StateDir) -> None:
    machine = state.machine()
    if machine is not None and machine.present:
        if machine.backend != "dry-run":
            clear_leftovers(machine.interface, machine.hosts_file)
        state.keep_machine(replace(machine, present=False))


def _alone(state: StateDir, act: Any) -> None:
    """Do something to the state while no agent runs on it."""
    state.acquire(patience=_PATIENCE)
    try:
        act()
    finally:
        state.release()


def _version_running(path: Path) -> str | None:
    try:
        return str(control.call(path, "hello", timeout=10.0)["version"])
    except NotRunningError:
        return None


def _wishes(said: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The settings that were said, and the auth key."""
    given = {name: value for name, value in said.items() if name in _SETTING_NAMES}
    auth_key = None
    if "auth_key" in said:
        auth_key, given["auth_key_file"] = read_auth_key(said["auth_key"])
    return given, auth_key


def _keep(state: StateDir, given: dict[str, Any], *, reset: bool) -> None:
    """Check and keep the settings before an agent is started with them: what is wrong is said at once."""

    def keep() -> None:
        settings = _merged(state.settings(), given, reset=reset)
        if settings.server is None:
            raise UsageError("Say which portal: --server https://portal.example")
        state.keep_settings(settings)

    _alone(state, keep)


def _merged(kept: Settings, given: dict[str, Any], *, reset: bool) -> Settings:
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    settings = merge(kept, typed, reset=reset)
    if settings.server is None:
        return settings
    return replace(settings, server=parse_server(settings.server, insecure_http=settings.insecure_http))
