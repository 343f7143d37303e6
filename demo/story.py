"""What the demo shows, step by step: a portal, three machines that enrol with the printed line, a policy in force.

``make demo`` tells it, the test suite asserts it; both run the very same steps. Each step fails with AssertionError.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from demo.lab import Lab, Machine, python

HOME: Final = Path(__file__).resolve().parent.parent
DOMAIN: Final = "mycompany.ghost"
PATIENCE: Final = 15.0
OBEYED: Final = 2.0
"""How soon a change must be obeyed after the portal has taken it, in seconds."""
_SECRETS: Final = re.compile(r"gw[ska]_[A-Za-z0-9_-]+")

# A listener that sends a line ten times a second to whoever connects, and a caller that says when each line came.
_TALKER: Final = """
import socket, sys, threading, time
server = socket.create_server(("", int(sys.argv[1])), family=socket.AF_INET, reuse_port=True)
print("listening", flush=True)
def talk(client):
    try:
        while True:
            client.sendall(b"x\\n")
            time.sleep(0.1)
    except OSError:
        client.close()
while True:
    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
"""
_CALLER: Final = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as talk:
    talk.settimeout(None)
    while talk.recv(2):
        print("heard", flush=True)
"""
# Calls the portal's API, or logs in to its admin and confirms an act, from the portal's own machine.
_CALL: Final = """
import json, sys, urllib.request as r
url, token, method, body = sys.argv[1:5]
call = r.Request(url, data=body.encode() or None, method=method,
                 headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"})
print(r.urlopen(call).read().decode())
"""
_DELETE_IN_ADMIN: Final = """
import http.cookiejar, re, sys, urllib.parse as p, urllib.request as r
base, password, node = sys.argv[1:4]
browser = r.build_opener(r.HTTPCookieProcessor(http.cookiejar.CookieJar()))
def hidden(page):
    fields = re.findall(r'<input[^>]*type="hidden"[^>]*>', page)
    return {re.search(r'name="([^"]*)"', f)[1]: re.search(r'value="([^"]*)"', f)[1] for f in fields if 'value="' in f}
def post(path, page, **fields):
    data = p.urlencode({**hidden(page), **fields}).encode()
    return browser.open(r.Request(base + path, data=data, headers={"Referer": base + path})).read().decode()
def get(path):
    return browser.open(base + path).read().decode()
post("/admin/login/?next=/admin/", get("/admin/login/"), username="admin", password=password)
path = f"/admin/nodes/node/{node}/do/delete/"
post(path, get(path), confirmed="yes", sure="on")
"""


# Exit codes of ``ghostwire-agent status``.
_NEEDS_LOGIN: Final = 4
_NOT_READY: Final = 5


class Hearing:
    """A running TCP connection: when the last line came through it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.last = 0.0
        self._process = process
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            self.last = time.monotonic()

    def is_alive(self) -> bool:
        """Whether something came within the last half second."""
        return time.monotonic() - self.last < 0.5


class Story:
    """The steps, in their order. ``say`` takes a line for the audience."""

    def __init__(self, lab: Lab, data: Path, say: Callable[[str], Any]) -> None:
        self.lab = lab
        self.say = say
        self.data = data
        self.portal: Machine
        self.url = ""
        self.line = ""
        self.token = ""
        self.nodes: dict[str, int] = {}
        self._rules: list[int] = []
        self._environment = {
            "GHOSTWIRE_CONFIG": os.devnull,
            "GHOSTWIRE_SERVER__DATA_DIR": str(data),
            "GHOSTWIRE_SERVER__LISTEN_ADDR": "0.0.0.0:8080",
            "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
        }

    # --- The steps

    def start_portal(self) -> None:
        """What ``make run`` starts, on a machine of its own; the line to run on others is read off its output."""
        build = [python(), str(HOME / "agent" / "install" / "build_wheels.py"), "--only-this-python"]
        subprocess.run(build, check=True, capture_output=True)  # noqa: S603 - the words are the demo's own
        self.portal = self.lab.add("portal")
        log = (self.data.parent / "portal.log").open("wb")
        self.portal.start(
            python(), str(HOME / "manage.py"), "serve", environment=self._environment, stdout=log, stderr=log
        )
        text = self._until(self._greeting, "the portal's greeting", seconds=150)
        self.line = next(line.strip() for line in text.splitlines() if "install.py" in line)
        self.url = f"http://{self.portal.address}:8080"
        self.say(f"The portal is at {self.url}. It printed this line:\n    {_SECRETS.sub('gwk_…', self.line)}")

    def enrol(self, *names: str) -> None:
        """Machines that have only Python run the printed line."""
        for name in names:
            machine = self.lab.add(name)
            machine.run("sh", "-c", self.line, timeout=180)
            self.say(f"{name} ran it, and is {self._address(name, 4)} and {self._address(name, 6)}.")
        listed = json.loads(self._manage("node", "list", "--json"))
        found = listed["nodes"] if isinstance(listed, dict) else listed
        self.nodes = {node["name"]: node["id"] for node in found}
        made = self._manage("apikey", "create", "--user", "admin", "--name", "demo", "--json")
        self.token = json.loads(made)["token"]

    def ping_all(self, *, said: str = "All three ping each other by name, over IPv4 and IPv6.") -> None:
        """Each machine reaches each other one by name, over IPv4 and IPv6."""
        for source in self.nodes:
            for target in self.nodes:
                if source != target:
                    for family in (4, 6):
                        ping = partial(self.pings, source, target, family)
                        self._until(ping, f"{source} pings {target} over IPv{family}")
        self.say(said)

    def forbid(self, source: str, target: str) -> None:
        """A rule forbids a pair: running connections stop, and new ones do not start."""
        hearing = self.talk(source, target, 9000)
        self._add_rule("deny", source, target)
        self._add_rule("deny", target, source)
        began = time.monotonic()
        self.cut(hearing, began, f"{source} → {target}")
        assert not self.pings(source, target, 4)
        assert not self.pings(source, target, 6)
        self.say(f"{source} and {target} were forbidden to talk; a running connection stopped in time.")

    def open_one_port(self, source: str, target: str, port: int) -> None:
        """Between a pair only one port is open: a running connection to another port stops."""
        hearing = self.talk(source, target, 9001)
        self._add_rule("deny", source, target)
        self._add_rule("accept", source, target, protocols=["tcp"], ports=[str(port)])
        began = time.monotonic()
        self.cut(hearing, began, f"{source} → {target}:9001")
        opened = self.talk(source, target, port)
        assert opened.is_alive()
        assert not self.pings(source, target, 4)
        self.say(f"{source} reaches {target} on tcp/{port} alone now; its other connection stopped in time.")

    def lift_rules(self) -> None:
        """The rules that were entered are taken back: what they cut works again. What a deny rule names cannot be
        deleted, so this comes before the end of a machine."""
        while self._rules:
            self._on_portal(_CALL, f"{self.url}/api/v1/admin/acl/rules/{self._rules.pop()}", self.token, "DELETE", "")
        self.ping_all(said="The rules were taken back: all ping each other again.")

    def delete_in_admin(self, name: str) -> None:
        """An administrator deletes a machine in the portal's admin; its peers drop it."""
        others = [other for other in self.nodes if other != name]
        hearing = self.talk(name, others[0], 9002)
        password = (self.data / "admin-password").read_text().strip()
        self._on_portal(_DELETE_IN_ADMIN, self.url, password, str(self.nodes[name]))
        began = time.monotonic()
        for other in others:
            self._until(partial(self._has_dropped, other, name), f"{other} drops {name}", seconds=PATIENCE)
        took = time.monotonic() - began
        self.cut(hearing, began, f"{name} → {others[0]}")
        assert not any(self.pings(name, other, 4) for other in others)
        self._until(lambda: self._stands_down(name), f"{name} itself comes down")
        self.say(f"{name} was deleted in the admin; within {took:.1f} s nobody had it as a peer any more.")

    def come_down(self) -> None:
        """``down`` takes everything off a machine that ``up`` put there."""
        for name in self.nodes:
            machine = self.lab.machines[name]
            machine.run("ghostwire-agent", "down")
            assert "ghostwire" not in machine.run("ip", "-brief", "link").stdout
            assert machine.run("nft", "list", "tables").stdout == ""
            assert "GhostWire" not in machine.run("cat", "/etc/hosts").stdout
            assert "wireguard-go" not in machine.run("ps", "-e", "-o", "comm").stdout
        self.say("Their agents came down, and left no interface, no filter and no name behind.")

    # --- What steps are made of

    def pings(self, source: str, target: str, family: int) -> bool:
        """Whether one ping comes back."""
        words = ("ping", f"-{family}", "-c", "1", "-W", "1", f"{target}.{DOMAIN}")
        return self.lab.machines[source].run(*words, check=False).returncode == 0

    def _greeting(self) -> str | None:
        text = (self.data.parent / "portal.log").read_text(errors="replace")
        return text if "server.started" in text else None

    def _address(self, name: str, family: int) -> str:
        text = self.lab.machines[name].run("ghostwire-agent", "ip", f"-{family}").stdout
        return text.strip()

    def _has_dropped(self, name: str, peer_name: str) -> bool:
        status = json.loads(self.lab.machines[name].run("ghostwire-agent", "status", "--json").stdout)
        return peer_name not in {peer["name"] for peer in status["peers"]}

    def _stands_down(self, name: str) -> bool:
        """Whether the agent knows that it is shut out, and has no peer any more."""
        said = self.lab.machines[name].run("ghostwire-agent", "status", "--json", check=False)
        return said.returncode in (_NEEDS_LOGIN, _NOT_READY) and not json.loads(said.stdout)["peers"]

    def talk(self, source: str, target: str, port: int) -> Hearing:
        """A running TCP connection from one machine to a port of another."""
        listener = self.lab.machines[target].start(
            python(), "-c", _TALKER, str(port), stdout=subprocess.PIPE, text=True
        )
        assert listener.stdout is not None
        assert listener.stdout.readline().strip() == "listening"
        name = f"{target}.{DOMAIN}"
        hearing = Hearing(
            self.lab.machines[source].start(
                python(), "-c", _CALLER, name, str(port), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        )
        self._until(hearing.is_alive, f"{source} hears {target}:{port}")
        return hearing

    def cut(self, hearing: Hearing, began: float, what: str) -> None:
        """Wait until nothing comes through any more, which must be so soon after ``began``."""
        self._until(lambda: not hearing.is_alive(), f"{what} is cut")
        took = hearing.last - began
        assert took < OBEYED, f"{what} went on for {took:.1f} s"

    def _add_rule(self, action: str, source: str, target: str, **members: Any) -> None:
        rule = {"action": action, "sources": [f"node:{source}"], "destinations": [f"node:{target}"], "position": 1}
        said = json.dumps(rule | members)
        made = self._on_portal(_CALL, f"{self.url}/api/v1/admin/acl/rules", self.token, "POST", said)
        self._rules.append(json.loads(made)["id"])

    def _on_portal(self, program: str, *words: str) -> str:
        return self.portal.run(python(), "-c", program, *words).stdout

    def _manage(self, *words: str) -> str:
        return self.portal.run(python(), str(HOME / "manage.py"), *words, environment=self._environment).stdout

    def _until(self, true: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            time.sleep(0.05)
        return found
