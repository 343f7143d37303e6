"""Maps on real interfaces: wireguard-go, nftables and the kernel's routing, between machines in namespaces."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from agent.tests.answers import empty_map
from demo.lab import Lab, Machine, python, why_unavailable
from mesh.keys import encode_key, generate_private_key, public_key_of

pytestmark = pytest.mark.skipif(why_unavailable() is not None, reason=f"a lab {why_unavailable()}")

ROOT = str(Path(__file__).resolve().parents[2])
ANY_PORT = [[0, 65535]]
EVERYTHING = {
    "action": "accept",
    "protocols": [1, 6, 17, 58],
    "sources": ["*"],
    "destinations": [{"prefix": "self", "ports": ANY_PORT}],
}


def eventually(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Poll for what packets and processes bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


@dataclass
class Node:
    """A machine with a tunnel that is driven by hand."""

    machine: Machine
    number: int
    private: bytes
    process: subprocess.Popen[str]

    @property
    def key(self) -> str:
        return encode_key(public_key_of(self.private))

    @property
    def interface(self) -> str:
        return f"gw{self.number}"

    def tell(self, **order: Any) -> str:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        return stdout.readline().strip()

    def as_peer(self, **more: Any) -> dict[str, Any]:
        addresses = [f"10.77.0.{self.number}/32", f"fd77::{self.number}/128"]
        return {
            "id": self.number,
            "name": self.machine.name,
            "key": self.key,
            "user": 1,
            "tags": [],
            "addresses": addresses,
            "allowed_ips": addresses,
            "endpoints": [f"{self.machine.address}:51820"],
            "online": True,
            "last_seen": None,
            "key_expires_at": None,
            **more,
        }

    def map(self, *peers: dict[str, Any], rules: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        prefixes = [address for peer in peers for address in peer["addresses"]]
        base = empty_map(self.key, self.number, peers=list(peers), packet_filter=rules)
        return base | {"sets": {"*": {"prefixes": prefixes}}} | more

    def pings(self, target: str) -> bool:
        return self.machine.run("ping", "-c1", "-W1", target, check=False).returncode == 0


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    with Lab() as lab:
        made = []
        for number, name in ((1, "alpha"), (2, "beta")):
            machine = lab.add(name)
            process = machine.start(
                python(),
                "-m",
                "agent.tests.hand",
                environment={"PYTHONPATH": ROOT},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            made.append(Node(machine, number, generate_private_key(secrets.token_bytes(32)), process))
        for node in made:
            key = base64.b64encode(node.private).decode()
            assert node.tell(open={"key": key, "interface": node.interface}) == "ok"
        yield made[0], made[1]
        for node in made:
            assert node.process.stdin is not None
            assert node.process.stdout is not None
            node.process.stdin.close()
            node.process.wait(10)
            node.process.stdout.close()


def join(one: Node, other: Node, *, rules: list[dict[str, Any]] | None = None) -> None:
    wanted = [EVERYTHING] if rules is None else rules
    assert one.tell(map=one.map(other.as_peer(), rules=wanted)) == "ok"
    assert other.tell(map=other.map(one.as_peer(), rules=wanted)) == "ok"


def test_two_machines_ping_each_other_by_address_and_name_in_both_families(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    join(alpha, beta)
    eventually(lambda: alpha.pings("10.77.0.2"))
    eventually(lambda: beta.pings("fd77::1"))
    eventually(lambda: alpha.pings("beta.test.ghost"))
    assert alpha.machine.run("ping", "-6", "-c1", "-W1", "beta", check=False).returncode == 0


def test_without_a_rule_nothing_comes_in_but_what_it_opened_itself_is_answered(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    assert alpha.tell(map=alpha.map(beta.as_peer(), rules=[])) == "ok"
    assert beta.tell(map=beta.map(alpha.as_peer(), rules=[EVERYTHING])) == "ok"
    eventually(lambda: alpha.pings("10.77.0.2"))  # alpha lets nothing in, yet gets its answers
    assert not beta.pings("10.77.0.1")


def talk(stream: IO[Any]) -> bytes:
    return bytes(stream.readline())


def test_a_withdrawn_rule_cuts_a_running_connection(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    only_8080 = EVERYTHING | {"protocols": [6], "destinations": [{"prefix": "self", "ports": [[8080, 8080]]}]}
    join(alpha, beta, rules=[only_8080])
    server = beta.machine.start(
        python(),
        "-c",
        "import socket\ns=socket.create_server(('10.77.0.2',8080))\nprint('up',flush=True)\nc,_=s.accept()\n"
        "while d:=c.recv(99): print(d.decode(),end='',flush=True); c.sendall(d)",
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert talk(server.stdout) == b"up\n"
    client = alpha.machine.start(
        python(),
        "-c",
        "import socket,sys\nc=socket.create_connection(('10.77.0.2',8080),10)\n"
        "for line in sys.stdin:\n c.sendall(line.encode())\n c.settimeout(2)\n"
        " try: print('echo',c.recv(99),flush=True)\n except TimeoutError: print('cut',flush=True)",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(b"one\n")
    client.stdin.flush()
    assert talk(client.stdout) == b"echo b'one\\n'\n"
    assert beta.tell(map=beta.map(alpha.as_peer(), rules=[], version=2)) == "ok"
    client.stdin.write(b"two\n")
    client.stdin.flush()
    assert talk(client.stdout) == b"cut\n"
    for stream in (client.stdin, client.stdout, server.stdout):
        stream.close()


def connects(node: Node, port: int) -> bool:
    code = f"import socket; socket.create_connection(('10.77.0.2',{port}),1)"
    return node.machine.run(python(), "-c", code, check=False).returncode == 0


def test_the_first_rule_that_matches_decides_and_ports_bind(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    deny_22 = EVERYTHING | {"action": "deny", "protocols": [6], "sources": ["set:a"]}
    deny_22 |= {"destinations": [{"prefix": "self", "ports": [[2022, 2022]]}]}
    sets = {"*": {"prefixes": ["10.77.0.1/32"]}, "a": {"users": [1]}}
    assert alpha.tell(map=alpha.map(beta.as_peer(), rules=[])) == "ok"
    for port in (2022, 2023):
        beta.machine.start(python(), "-m", "http.server", str(port), stdout=subprocess.DEVNULL, stderr=-3)
    assert beta.tell(map=beta.map(alpha.as_peer(), rules=[deny_22, EVERYTHING], sets=sets)) == "ok"
    eventually(lambda: connects(alpha, 2023))
    assert not connects(alpha, 2022)
    assert beta.tell(map=beta.map(alpha.as_peer(), rules=[EVERYTHING, deny_22], sets=sets, version=2)) == "ok"
    eventually(lambda: connects(alpha, 2022))


def test_a_mesh_address_is_not_reached_past_the_mesh(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    join(alpha, beta)
    eventually(lambda: alpha.pings("10.77.0.2"))
    alpha.machine.run("ip", "route", "replace", "10.77.0.2/32", "via", beta.machine.address)
    assert not alpha.pings("10.77.0.2")


def test_a_removed_peer_is_cut(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    join(alpha, beta)
    eventually(lambda: alpha.pings("10.77.0.2"))
    assert beta.tell(map=beta.map(rules=[EVERYTHING], version=2)) == "ok"
    assert not alpha.pings("10.77.0.2")
    assert "alpha" not in beta.machine.run("cat", "/etc/hosts").stdout


def test_cut_removes_every_peer_and_keeps_the_interface(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    join(alpha, beta)
    assert alpha.tell(cut=True) == "ok"
    assert alpha.machine.run("wg", "show", alpha.interface, "peers").stdout == ""
    assert "drop" in alpha.machine.run("nft", "list", "table", "inet", f"ghostwire_{alpha.interface}").stdout


def test_a_lost_interface_is_made_anew_with_everything_on_it(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    join(alpha, beta)
    eventually(lambda: alpha.pings("10.77.0.2"))
    assert alpha.tell(kill=True) == "ok"
    assert alpha.tell(tend=True) == "restored=True"
    eventually(lambda: alpha.pings("beta"))


def test_closing_leaves_nothing_on_the_machine(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    before = beta.machine.run("cat", "/etc/hosts").stdout
    join(alpha, beta)
    assert alpha.tell(close=True) == "ok"
    machine = alpha.machine
    assert machine.run("ip", "link", "show", alpha.interface, check=False).returncode != 0
    assert machine.run("nft", "list", "tables").stdout == ""
    assert machine.run("cat", "/etc/hosts").stdout == before.replace("beta", "alpha")
    assert "wireguard-go" not in machine.run("ps", "-eo", "comm").stdout


def test_a_dead_candidate_makes_way_for_the_next(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    dead = beta.as_peer(endpoints=["192.0.2.250:51820", f"{beta.machine.address}:51820"])
    assert alpha.tell(map=alpha.map(dead, rules=[EVERYTHING])) == "ok"
    assert beta.tell(map=beta.map(alpha.as_peer(endpoints=[]), rules=[EVERYTHING])) == "ok"

    def tended_and_pings() -> bool:
        assert alpha.tell(tend=True) == "restored=False"
        return alpha.pings("10.77.0.2")

    eventually(tended_and_pings, seconds=20)


def test_a_subnet_behind_a_peer_is_forwarded_only_where_a_rule_says_so(nodes: tuple[Node, Node]) -> None:
    alpha, beta = nodes
    beta.machine.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    beta.machine.run("ip", "link", "add", "stub0", "type", "veth", "peer", "name", "stub1")
    beta.machine.run("ip", "address", "add", "198.51.100.1/24", "dev", "stub0")
    beta.machine.run("ip", "link", "set", "stub0", "up")
    routed = beta.as_peer(allowed_ips=[*beta.as_peer()["addresses"], "198.51.100.0/24"])
    rule = EVERYTHING | {"destinations": [{"prefix": "198.51.100.0/24", "ports": ANY_PORT}]}
    assert alpha.tell(map=alpha.map(routed, rules=[])) == "ok"
    assert beta.tell(map=beta.map(alpha.as_peer(), rules=[])) == "ok"
    assert not alpha.pings("198.51.100.1")
    assert beta.tell(map=beta.map(alpha.as_peer(), rules=[rule], version=2)) == "ok"
    eventually(lambda: alpha.pings("198.51.100.1"))
    assert not alpha.pings("10.77.0.2")
