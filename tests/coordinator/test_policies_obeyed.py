"""Rules, written by services, obeyed in the maps and filters that machines get over REST."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from acl.models import AclRule
from acl.services.groups import save_group
from acl.services.hosts import save_host
from acl.services.rules import create_rule, delete_rule, move_rule, update_rule
from coordinator.lifecycle import rename_node
from mesh.change import Cause
from nodes.models import Network
from nodes.services.routes import set_route_approval
from sessions_app.models import User
from sessions_app.services.auth_keys import create_auth_key
from sessions_app.services.users import set_user_active
from tests.agents import Machine
from tests.factories import NetworkFactory
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
TCP, UDP, ICMP, GRE = 6, 17, 1, 47


class Filter:
    """The packet filter of a map, as an agent reads it: sets resolved over its peers, first match, default deny."""

    def __init__(self, netmap: dict[str, Any]) -> None:
        self.netmap = netmap
        self.own = {ip_network(address) for address in netmap["node"]["addresses"]}

    def lets_in(self, source: str, destination: str, protocol: int = TCP, port: int = 0) -> bool:
        """Whether a packet passes, on its way to the node or through it."""
        sender, receiver = ip_address(source), ip_address(destination)
        for rule in self.netmap["packet_filter"]:
            if protocol not in rule["protocols"]:
                continue
            if not any(sender in prefix for item in rule["sources"] for prefix in self._sources(item)):
                continue
            for target in rule["destinations"]:
                prefixes = self.own if target["prefix"] == "self" else {ip_network(target["prefix"])}
                ported = protocol not in (6, 17, 132) or any(low <= port <= high for low, high in target["ports"])
                if ported and any(receiver in prefix for prefix in prefixes):
                    return bool(rule["action"] == "accept")
        return False

    def _sources(self, item: str) -> list[Any]:
        if item != "*" and not item.startswith("set:"):
            return [ip_network(item)]
        members = self.netmap["sets"][item.removeprefix("set:")]
        found = [ip_network(prefix) for prefix in members["prefixes"]]
        for peer in self.netmap["peers"]:
            by_user = not peer["tags"] and peer["user"] in members["users"]
            by_tag = bool(set(peer["tags"]) & set(members["tags"]))
            if by_user or by_tag or any(first <= peer["id"] <= last for first, last in members["ids"]):
                found.extend(ip_network(address) for address in peer["addresses"])
        return found


def addresses(machine: Machine) -> list[str]:
    return [str(row.address) for row in machine.node.addresses.order_by("family")]


def reaches(source: Machine, destination: Machine, protocol: int = TCP, port: int = 0) -> bool:
    """Whether a flow between two machines passes, in either family; both answer the same."""
    if destination.node.name not in source.peer_names():
        return False
    netmap = destination.netmap()
    answers = {
        Filter(netmap).lets_in(one, other, protocol, port)
        for one, other in zip(addresses(source), addresses(destination), strict=True)
    }
    assert len(answers) == 1
    return answers.pop()


def allow(network: Network, sources: list[str], destinations: list[str], **fields: Any) -> AclRule:
    return create_rule(
        network_id=network.pk,
        fields={"action": "accept", "sources": sources, "destinations": destinations} | fields,
        **ACT,
    )


def deny(network: Network, sources: list[str], destinations: list[str], **fields: Any) -> AclRule:
    position = fields.pop("position", 1)
    return create_rule(
        network_id=network.pk,
        fields={"action": "deny", "sources": sources, "destinations": destinations} | fields,
        position=position,
        **ACT,
    )


@pytest.fixture
def laptop(join: Join, ana: User) -> Machine:
    return join(ana, "laptop")


@pytest.fixture
def phone(join: Join, ben: User) -> Machine:
    return join(ben, "phone")


@pytest.fixture
def server(join: Join) -> Machine:
    return join(None, "db", tags=["tag:db"])


def test_own_devices_alone_in_the_beginning(
    join: Join, ana: User, laptop: Machine, phone: Machine, server: Machine
) -> None:
    desktop = join(ana, "desktop")
    assert reaches(laptop, desktop, TCP, 22) and reaches(desktop, laptop, ICMP)
    assert [laptop.peer_names(), phone.peer_names(), server.peer_names()] == [["desktop"], [], []]


def test_without_a_rule_nobody_sees_anybody(network: Network, join: Join, ana: User, laptop: Machine) -> None:
    desktop = join(ana, "desktop")
    delete_rule(rule_id=AclRule.objects.get().pk, **ACT)
    assert (laptop.peer_names(), desktop.peer_names(), laptop.netmap()["packet_filter"]) == ([], [], [])


def test_a_user_and_a_tag(network: Network, laptop: Machine, phone: Machine, server: Machine) -> None:
    allow(network, ["user:ana@example.com"], ["tag:db"])
    assert reaches(laptop, server, TCP, 5432)
    assert server.peer_names() == ["laptop"]
    assert not reaches(server, laptop)
    assert not reaches(phone, server)


def test_ports_and_protocols(network: Network, laptop: Machine, server: Machine) -> None:
    allow(network, ["user:ana@example.com"], ["tag:db"], protocols=["tcp"], ports=["5432", "8000-8999"])
    flows = {(TCP, 5432): True, (TCP, 8500): True, (TCP, 22): False, (UDP, 5432): False, (ICMP, 0): False}
    assert {flow: reaches(laptop, server, *flow) for flow in flows} == flows


def test_ports_without_protocols_let_ping_through(network: Network, laptop: Machine, server: Machine) -> None:
    allow(network, ["user:ana@example.com"], ["tag:db"], ports=["5432"])
    flows = {(TCP, 5432): True, (UDP, 5432): True, (ICMP, 0): True, (TCP, 22): False, (GRE, 0): False}
    assert {flow: reaches(laptop, server, *flow) for flow in flows} == flows


def test_the_first_rule_that_matches_decides(network: Network, laptop: Machine, server: Machine) -> None:
    wide = allow(network, ["autogroup:member"], ["tag:db"])
    narrow = deny(network, ["user:ana@example.com"], ["tag:db"], protocols=["tcp"], ports=["22"])
    assert not reaches(laptop, server, TCP, 22)
    assert reaches(laptop, server, TCP, 23)
    move_rule(rule_id=wide.pk, position=1, **ACT)
    assert reaches(laptop, server, TCP, 22)
    move_rule(rule_id=narrow.pk, position=1, **ACT)
    assert not reaches(laptop, server, TCP, 22)
    update_rule(rule_id=narrow.pk, fields={"enabled": False}, **ACT)
    assert reaches(laptop, server, TCP, 22)


def test_who_is_denied_everything_is_not_seen(
    network: Network, laptop: Machine, phone: Machine, server: Machine
) -> None:
    allow(network, ["*"], ["*"])
    deny(network, ["user:ana@example.com"], ["tag:db"])
    deny(network, ["tag:db"], ["user:ana@example.com"])
    assert (laptop.peer_names(), server.peer_names(), phone.peer_names()) == (["phone"], ["phone"], ["db", "laptop"])


def test_groups_in_groups(network: Network, ana: User, laptop: Machine, phone: Machine, server: Machine) -> None:
    inner = save_group(network_id=network.pk, name="dba", users=[ana.pk], subgroups=[], **ACT)
    save_group(network_id=network.pk, name="ops", users=[], subgroups=[inner.pk], **ACT)
    allow(network, ["group:ops"], ["tag:db"])
    assert (reaches(laptop, server), reaches(phone, server)) == (True, False)
    save_group(network_id=network.pk, name="dba", users=[], subgroups=[], group_id=inner.pk, **ACT)
    assert not reaches(laptop, server)


def test_a_newcomer_of_a_group_is_in_at_once(network: Network, ana: User, join: Join, server: Machine) -> None:
    save_group(network_id=network.pk, name="ops", users=[ana.pk], subgroups=[], **ACT)
    allow(network, ["group:ops"], ["tag:db"])
    before = server.netmap()["packet_filter"]
    assert reaches(join(ana, "new"), server)
    assert server.netmap()["packet_filter"] == before


def test_one_node_by_name_and_still_after_a_rename(network: Network, laptop: Machine, phone: Machine) -> None:
    allow(network, ["node:phone"], ["node:laptop"])
    rename_node(node_id=phone.node.pk, name="telephone", **ACT)
    assert reaches(phone, laptop)
    assert not reaches(laptop, phone)


def test_a_newcomer_with_the_old_name_inherits_nothing(
    laptop: Machine, phone: Machine, join: Join, ben: User, clock: Clock
) -> None:
    allow(phone.node.network, ["node:phone"], ["node:laptop"])
    phone.call("delete", "nodes/self")
    clock.advance(hours=25)
    impostor = join(ben, "phone")
    assert impostor.node.name == "phone"
    assert impostor.peer_names() == []


def test_addresses_and_cidrs_stand_for_exactly_themselves(
    network: Network, laptop: Machine, phone: Machine, server: Machine
) -> None:
    four, six = addresses(phone)
    allow(network, [f"{four}/32"], ["tag:db"])
    netmap = server.netmap()
    target = addresses(server)
    assert Filter(netmap).lets_in(four, target[0]) and not Filter(netmap).lets_in(six, target[1])
    assert "db" in phone.peer_names() and "db" not in laptop.peer_names()


def test_a_host_behind_a_router(network: Network, laptop: Machine, server: Machine, join: Join, ben: User) -> None:
    router = join(ben, "router", routes=["192.168.7.0/24"])
    save_host(network_id=network.pk, name="printer", prefix="192.168.7.9", **ACT)
    allow(network, ["user:ana@example.com"], ["host:printer"], protocols=["tcp"], ports=["9100"])
    assert laptop.peer_names() == []
    set_route_approval(node_id=router.node.pk, prefixes=["192.168.7.0/24"], approved=True, **ACT)
    (peer,) = laptop.netmap()["peers"]
    assert (peer["name"], peer["allowed_ips"]) == ("router", [*peer["addresses"], "192.168.7.0/24"])
    passing = Filter(router.netmap())
    sender = addresses(laptop)[0]
    assert passing.lets_in(sender, "192.168.7.9", TCP, 9100)
    assert not passing.lets_in(sender, "192.168.7.9", TCP, 80)
    assert not passing.lets_in(sender, "192.168.7.10", TCP, 9100)
    assert not passing.lets_in(addresses(server)[0], "192.168.7.9", TCP, 9100)
    set_route_approval(node_id=router.node.pk, prefixes=["192.168.7.0/24"], approved=False, **ACT)
    assert laptop.peer_names() == []


def test_a_prefix_has_one_router_in_every_map(network: Network, laptop: Machine, join: Join, ben: User) -> None:
    routers = [join(ben, f"router{number}", routes=["192.168.7.0/24"]) for number in (1, 2)]
    allow(network, ["*"], ["192.168.7.0/24"])
    for router in routers:
        set_route_approval(node_id=router.node.pk, prefixes=["192.168.7.0/24"], approved=True, **ACT)

    def serving() -> list[str]:
        return [peer["name"] for peer in laptop.netmap()["peers"] if "192.168.7.0/24" in peer["allowed_ips"]]

    assert serving() == ["router1"]
    routers[0].call("delete", "session")
    assert serving() == ["router2"]
    set_user_active(user_id=ben.pk, active=False, **ACT)
    assert serving() == []


def test_an_exit_node_for_whom_the_policy_lets_out(
    network: Network, laptop: Machine, phone: Machine, join: Join
) -> None:
    gate = join(None, "gate", tags=["tag:gate"], routes=["0.0.0.0/0", "::/0"])
    set_route_approval(node_id=gate.node.pk, prefixes=["0.0.0.0/0", "::/0"], approved=True, **ACT)
    allow(network, ["user:ana@example.com"], ["autogroup:internet"])
    (peer,) = laptop.netmap()["peers"]
    assert (peer["exit_node"], peer["allowed_ips"]) == (True, peer["addresses"])
    assert phone.peer_names() == []


def test_a_disabled_persons_machines_are_in_no_map(
    network: Network, ana: User, laptop: Machine, phone: Machine
) -> None:
    allow(network, ["*"], ["*"])
    assert phone.peer_names() == ["laptop"]
    set_user_active(user_id=ana.pk, active=False, **ACT)
    assert phone.peer_names() == []
    set_user_active(user_id=ana.pk, active=True, **ACT)
    assert phone.peer_names() == ["laptop"]


def test_networks_never_see_each_other(network: Network, laptop: Machine, ana: User) -> None:
    other = NetworkFactory(name="other")
    allow(network, ["*"], ["*"])
    allow(other, ["*"], ["*"])
    created = create_auth_key(
        network_id=other.pk, owner_id=ana.pk, now=START, random32=b"x" * 32, cause=Cause.command()
    )
    stranger = Machine("stranger")
    assert stranger.register(created.secret).status_code == 201
    assert (laptop.peer_names(), stranger.peer_names()) == ([], [])
    assert addresses(stranger)[0] == addresses(laptop)[0]
