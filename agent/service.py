"""Keeping the agent running after ``up`` has returned: as a systemd unit where systemd runs, else as a daemon."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import agent
from agent import control
from agent.errors import BackendError, NotRunningError
from agent.nft import find_tool
from agent.state import DEFAULT_STATE_DIR, LOG_FILE, StateDir

UNIT_DIR: Final = Path("/etc/systemd/system")
_BOOTED: Final = Path("/run/systemd/system")  # sd_booted(3)
_START_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.05
# What finds certificates and proxies: a unit does not inherit it from the shell that ran ``up``.
_PASSED_ON: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
_UNIT: Final = """\
# Written by ghostwire-agent up; removed by ghostwire-agent down.
[Unit]
Description=GhostWire mesh agent{instance}
Documentation=man:wg(8)
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
{environment}Restart=on-failure
RestartSec=5
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=yes
ProtectHome=read-only
PrivateTmp=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SYS_MODULE CAP_KILL

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """The systemd unit of the agent on one state directory."""

    state_dir: Path
    unit_dir: Path = UNIT_DIR

    @property
    def name(self) -> str:
        """``ghostwire-agent.service``; with a short hash for a state directory that is not the usual one."""
        if self.state_dir == DEFAULT_STATE_DIR:
            return "ghostwire-agent.service"
        return f"ghostwire-agent-{hashlib.sha256(os.fsencode(self.state_dir)).hexdigest()[:8]}.service"

    @property
    def path(self) -> Path:
        """The unit's file."""
        return self.unit_dir / self.name

    def text(self) -> str:
        """The unit's file as it should be."""
        command = shlex.join([*own_command(), "run", "--no-ask", "--state-dir", str(self.state_dir)])
        found = {name: os.environ.get(name) or os.environ.get(name.lower()) for name in _PASSED_ON}
        lines = [f'Environment="{name}={value}"\n' for name, value in found.items() if value]
        instance = "" if self.state_dir == DEFAULT_STATE_DIR else f" ({self.state_dir})"
        # A percent sign begins a specifier there (systemd.unit(5)).
        escaped = [part.replace("%", "%%") for part in (command, "".join(lines), instance)]
        return _UNIT.format(command=escaped[0], environment=escaped[1], instance=escaped[2])

    def enable(self) -> None:
        """Write the file where it differs, start the unit now and at each boot.

        :raises BackendError: if systemd refuses
        """
        wanted = self.text()
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != wanted:
            self.path.write_text(wanted, encoding="utf-8")
            _systemctl("daemon-reload")
        _systemctl("enable", self.name)
        _systemctl("restart", self.name)

    def disable(self) -> None:
        """Stop the unit, now and for later boots, and remove its file; nothing there is fine."""
        if self.path.exists():
            _systemctl("disable", "--now", self.name)
            self.path.unlink(missing_ok=True)
            _systemctl("daemon-reload")


def systemd_runs_here() -> bool:
    """Whether systemd can keep this agent: it booted the machine, we are root, and in its network and file system.

    Inside a network namespace or a container with the host's files a unit would run outside.
    """
    if os.geteuid() != 0 or not _BOOTED.is_dir() or shutil.which("systemctl") is None:
        return False
    try:
        if Path("/proc/1/comm").read_text(encoding="utf-8").strip() not in ("systemd", "init"):
            return False
        return all(
            Path(f"/proc/self/ns/{kind}").readlink() == Path(f"/proc/1/ns/{kind}").readlink() for kind in ("net", "mnt")
        )
    except OSError:
        return False


def start(state: StateDir, *, manager: str) -> str:
    """Have an agent run on the state directory; returns how it is kept: ``systemd`` or ``detached``.

    ``manager``: ``systemd``, ``detached``, or ``auto`` for systemd where it runs.

    :raises BackendError: if it does not come up
    """
    kept = manager if manager != "auto" else "systemd" if systemd_runs_here() else "detached"
    if kept == "systemd":
        Unit(state.path).enable()
        _wait_for_answer(state, None)
    else:
        _wait_for_answer(state, _start_detached(state))
    return kept


def stop(state: StateDir) -> bool:
    """Stop the agent on the state directory, however it is kept; False if none ran."""
    running = control.is_running(state.path)
    unit = Unit(state.path)
    if unit.path.exists() and shutil.which("systemctl") is not None:
        unit.disable()
    elif running:
        control.call(state.path, "down", timeout=60.0)
    deadline = time.monotonic() + _START_SECONDS
    while running and control.is_running(state.path) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return running


def own_command() -> list[str]:
    """The words that start this very agent again: its installed script, or this interpreter on this package."""
    script = Path(sys.argv[0])
    if script.name == "ghostwire-agent" and script.is_absolute() and os.access(script, os.X_OK):
        return [str(script)]
    root = str(Path(agent.__file__).resolve().parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from agent.cli.main import main; sys.exit(main())"
    return [sys.executable, "-c", code]


def _start_detached(state: StateDir) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [*own_command(), "run", "--no-ask", "--state-dir", str(state.path), "--log-file", str(state.path / LOG_FILE)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _wait_for_answer(state: StateDir, process: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not control.is_running(state.path):
        if process is not None and process.poll() is not None:
            raise BackendError(f"The agent ended at once: see {state.path / LOG_FILE}.")
        if time.monotonic() > deadline:
            raise NotRunningError("The agent did not start in time: see its log.")
        time.sleep(_POLL_SECONDS)


def _systemctl(*words: str) -> None:
    tool = find_tool("systemctl") or "systemctl"
    result = subprocess.run([tool, *words], capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode != 0:
        raise BackendError(f"systemctl {' '.join(words)}: {result.stderr.strip() or result.returncode}")
