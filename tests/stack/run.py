"""The scenario: the stack comes up by itself, agents enrol through its proxy, every part is restarted, nothing is lost.

Each line that is printed came true; the first thing that does not ends the run with exit code 1.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from demo.lab import Lab, Machine, why_unavailable
from tests.stack.containers import HOME, NAMESPACE, Stack, missing_tools

HOST: Final = "192.0.2.200"
OUTPUT: Final = HOME / "docs" / "stack-test.txt"
ROOT_CERTIFICATE: Final = "/data/caddy/pki/authorities/local/root.crt"
NAMES: Final = ("alpha", "beta")
DASHBOARD: Final = HOME / "deploy" / "grafana" / "ghostwire.json"
MEASURED: Final = ("portal", "edge", "worker", "beat")


class Scenario:
    """The steps, in their order."""

    def __init__(self, stack: Stack, lab: Lab, say: Callable[[str], None]) -> None:
        self.stack = stack
        self.lab = lab
        self.say = say
        self.renamed = 0

    def tell(self) -> None:
        """All of it."""
        self.bring_up()
        for name in NAMES:
            self.enrol(name)
        self.reach_each_other()
        self.cross_edges()
        self.be_measured()
        before = self.facts()
        for name in self.stack.names():
            self.restart(name)
        self.stack.restart(self.stack.names()[0])
        self.stack.wait_until_well()
        after = self.facts()
        assert before == after, f"{before} became {after}"
        self.say(f"Nothing was lost: {len(after)} nodes with the same ids, keys and addresses as before.")

    def bring_up(self) -> None:
        """From images to a portal that says how to log in."""
        began = time.monotonic()
        names = self.stack.build()
        self.say(f"Images were built in {time.monotonic() - began:.0f} s. Debian's packages stood in for: ")
        self.say("  " + ", ".join(names))
        self.lab.join(NAMESPACE, HOST)
        began = time.monotonic()
        self.stack.up()
        self.say(f"`up` from nothing: all {len(self.stack.names())} containers are well in")
        self.say(f"  {time.monotonic() - began:.0f} s; {self.stack.edges} of them are edges.")
        text = self.stack.log("ghostwire_init_1")
        assert "Password:" in text, text
        self.line = next(line.strip() for line in text.splitlines() if "install.py" in line)
        self.say("The log of init says where to log in, with which password, and how machines join.")

    def enrol(self, name: str) -> None:
        """A machine that has only Python trusts the proxy's authority and runs the printed line."""
        machine = self.lab.add(name)
        authority = self.stack.scratch / "root.crt"
        self.stack.podman("cp", f"ghostwire_proxy_1:{ROOT_CERTIFICATE}", str(authority))
        place = "/usr/local/share/ca-certificates/ghostwire-stack.crt"
        machine.run("tee", place, given=authority.read_text())
        machine.run("update-ca-certificates")
        machine.run("sh", "-c", self.line, timeout=240)
        address = machine.run("ghostwire-agent", "ip", "-4").stdout.strip()
        self.say(f"{name} enrolled over TLS through the proxy, and is {address}.")

    def reach_each_other(self) -> None:
        """Real packets, through WireGuard."""
        self.stack.until(lambda: all(self.pings(*pair) for pair in (NAMES, NAMES[::-1])), "they ping each other")
        self.say("They ping each other by name.")

    def cross_edges(self) -> None:
        """The agents' sockets end at different edges, and a change that one of these takes reaches the other."""
        edges = [name for name in self.stack.names() if "_edge_" in name]
        # Whichever edge has both: it restarts, and its agents come back where there are fewest.
        for _ in range(5):
            held = {name: self.stack.sockets(name) for name in edges}
            if all(held.values()):
                break
            self.stack.restart(max(held, key=lambda name: held[name]))
            self.stack.until(lambda: sum(map(self.stack.sockets, edges)) >= len(NAMES), "the agents came back")
        assert all(held.values()), held
        self.say(f"Agents' sockets: {', '.join(f'{count} at {name}' for name, count in held.items())}.")
        self.enrol("gamma")
        took = self.until_seen("gamma")
        self.say(f"gamma enrolled at one edge; agents of both edges had it {took:.1f} s after its line ended.")

    def be_measured(self) -> None:
        """Prometheus finds every process, and has an answer to whatever alerts and dashboard ask."""
        wanted = len([name for name in self.stack.names() if name.split("_")[1] in MEASURED])
        self.stack.until(lambda: len(self._measured()) == wanted, f"Prometheus reads from {wanted} processes")
        asked = "sum(ghostwire_task_seconds_count)"
        tasks = self.stack.until(lambda: self._value(asked), "a worker tells of its tasks")
        self.say(f"Prometheus reads from {wanted} processes; the worker told of {tasks:.0f} runs of tasks.")
        rules = self.stack.ask_prometheus("rules")["groups"][0]["rules"]
        assert all(rule["health"] in ("ok", "unknown") for rule in rules), rules
        firing = [alert["labels"]["alertname"] for alert in self.stack.ask_prometheus("alerts")["alerts"]]
        self.say(f"{len(rules)} alerts are watched; pending or firing: {', '.join(firing) or 'none'}.")
        queries = re.findall(r'"expr": "((?:[^"\\]|\\.)*)"', DASHBOARD.read_text())
        answers = {query: self.stack.ask_prometheus("query", query=json.loads(f'"{query}"')) for query in queries}
        assert all(answers.values()), [query for query, answer in answers.items() if not answer]
        empty = [query for query, answer in answers.items() if not answer["result"]]
        missing = sorted({name for query in empty for name in re.findall(r"ghostwire_[a-z_]+", query)})
        self.say(f"Of the dashboard's {len(answers)} queries {len(answers) - len(empty)} have data here; without any:")
        self.say(f"  {', '.join(missing)}")

    def restart(self, name: str) -> None:
        """Restart one container: meanwhile machines reach each other; then it is well and the next change arrives."""
        began = time.monotonic()
        self.stack.restart(name)
        assert self.pings(*NAMES), f"while {name} restarted, alpha lost beta"
        self.stack.until(lambda: self.stack.is_well(name), f"{name} is well again")
        well = time.monotonic() - began
        self.renamed += 1
        new = f"gamma-{self.renamed}"
        self.stack.until(lambda: self._rename(new), f"a change is taken after the restart of {name}")
        took = self.until_seen(new)
        self.say(f"{name} was restarted: well after {well:.0f} s; the next change reached all in {took:.1f} s.")

    # --- What steps are made of

    def until_seen(self, peer: str) -> float:
        """Seconds until both agents have a peer of this name."""
        began = time.monotonic()
        self.stack.until(lambda: all(peer in self.peers(name) for name in NAMES), f"both agents have {peer}")
        return time.monotonic() - began

    def peers(self, name: str) -> set[str]:
        """The names of a machine's peers, as its agent says."""
        said = self._machine(name).run("ghostwire-agent", "status", "--json", check=False)
        return {peer["name"] for peer in json.loads(said.stdout)["peers"]} if said.stdout.startswith("{") else set()

    def _measured(self) -> list[Any]:
        targets = self.stack.ask_prometheus("targets")
        return [target for target in targets["activeTargets"] if target["health"] == "up"] if targets else []

    def _value(self, query: str) -> float:
        answer = self.stack.ask_prometheus("query", query=query)
        return float(answer["result"][0]["value"][1]) if answer and answer["result"] else 0.0

    def pings(self, source: str, target: str) -> bool:
        """Whether one ping comes back."""
        words = ("ping", "-4", "-c", "1", "-W", "2", f"{target}.mycompany.ghost")
        return self._machine(source).run(*words, check=False).returncode == 0

    def facts(self) -> dict[int, Any]:
        """What may not be lost: id, address and key of each node."""
        listed = json.loads(self.stack.manage("node", "list", "--json"))
        nodes = listed["nodes"] if isinstance(listed, dict) else listed
        return {node["id"]: (node.get("addresses"), node.get("public_key")) for node in nodes}

    def _machine(self, name: str) -> Machine:
        return self.lab.machines[name]

    def _rename(self, new: str) -> bool:
        old = "gamma" if self.renamed == 1 else f"gamma-{self.renamed - 1}"
        try:
            self.stack.manage("node", "rename", old, new)
        except AssertionError:
            return new in self.stack.manage("node", "list")
        return True


def main() -> int:
    """Run it, and keep what it printed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the ends of both contexts
    lacking = why_unavailable() or missing_tools()
    if lacking:
        print(f"This machine {lacking}.", file=sys.stderr)
        return 2
    lines: list[str] = []

    def say(text: str) -> None:
        lines.append(text)
        print(text, flush=True)

    say(f"The stack under podman, {time.strftime('%Y-%m-%d', time.gmtime())}.")
    with Lab() as lab, Stack(host=HOST, scratch=HOME / "build" / "stack") as stack:
        try:
            Scenario(stack, lab, say).tell()
        except AssertionError as error:
            print(f"This did not come true: {error}", file=sys.stderr)
            for name in stack.names():
                print(f"--- {name}\n{stack.log(name)[-3000:]}", file=sys.stderr)
            return 1
    say("Everything was taken down again.")
    OUTPUT.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
