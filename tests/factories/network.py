"""Networks, nodes and what belongs to them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import factory
from factory.django import DjangoModelFactory

from mesh.addressing import pack
from nodes.models import (
    Address,
    Change,
    DnsRecord,
    Endpoint,
    HistoryCursor,
    Job,
    NameReservation,
    Network,
    Node,
    NodeTag,
    Observation,
    OnlineSpan,
    RelayRegion,
    RelayServer,
    RetiredKey,
    Route,
    Sample,
    TrafficHour,
    TrafficTotal,
)
from tests.factories.person import UserFactory

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def public_key(number: int) -> str:
    """A canonical X25519 key, another for each ``number`` (9 and up: no low-order point)."""
    return base64.b64encode((number + 9).to_bytes(32, "little")).decode()


class NetworkFactory(DjangoModelFactory[Network]):
    name = factory.Sequence(lambda n: f"net-{n}")
    domain = factory.LazyAttribute(lambda o: f"{o.name}.ghost")
    ipv4_range = "10.1.0.0/16"
    ipv6_range = "fd12:3456:789a::/48"

    class Meta:
        model = Network


class NodeFactory(DjangoModelFactory[Node]):
    network = factory.SubFactory(NetworkFactory)
    public_key = factory.Sequence(public_key)
    name = factory.Sequence(lambda n: f"node-{n}")
    hostname = factory.SelfAttribute("name")
    owner = factory.SubFactory(UserFactory)
    os = "linux"
    os_version = "Debian 12"
    agent_version = "0.1.0"

    class Meta:
        model = Node


class TaggedNodeFactory(NodeFactory):
    """A node of tags: ``TaggedNodeFactory(tags=["tag:web"])``."""

    owner = None
    tagged = True

    class Meta:
        model = Node
        skip_postgeneration_save = True

    @factory.post_generation
    def tags(self, create: bool, extracted: list[str] | None, **kwargs: Any) -> None:
        """Its tags; ``tag:server`` by default."""
        for tag in extracted if extracted is not None else ["tag:server"]:
            NodeTag.objects.create(node=self, tag=tag)


class NodeTagFactory(DjangoModelFactory[NodeTag]):
    node = factory.SubFactory(NodeFactory, owner=None, tagged=True)
    tag = factory.Sequence(lambda n: f"tag:t{n}")

    class Meta:
        model = NodeTag


class AddressFactory(DjangoModelFactory[Address]):
    """An address that a node holds. ``number`` is its offset in the network's IPv4 range."""

    class Params:
        number = factory.Sequence(lambda n: n + 2)

    node = factory.SubFactory(NodeFactory)
    network = factory.SelfAttribute("node.network")
    family = 4
    address = factory.LazyAttribute(
        lambda o: str(ip_network(o.network.ipv4_range if o.family == 4 else o.network.ipv6_range)[o.number])
    )
    packed = factory.LazyAttribute(lambda o: pack(ip_address(o.address)))

    class Meta:
        model = Address


class NameReservationFactory(DjangoModelFactory[NameReservation]):
    network = factory.SubFactory(NetworkFactory)
    name = factory.Sequence(lambda n: f"old-{n}")
    until = NOW + timedelta(days=1)

    class Meta:
        model = NameReservation


class EndpointFactory(DjangoModelFactory[Endpoint]):
    node = factory.SubFactory(NodeFactory)
    position = factory.Sequence(lambda n: n % 30)
    address = factory.Sequence(lambda n: f"203.0.113.{n % 250 + 1}:{20000 + n % 40000}")
    kind = Endpoint.Kind.PUBLIC

    class Meta:
        model = Endpoint


class ObservationFactory(DjangoModelFactory[Observation]):
    node = factory.SubFactory(NodeFactory)
    reporter = factory.SubFactory(NodeFactory, network=factory.SelfAttribute("..node.network"))
    address = factory.Sequence(lambda n: f"203.0.113.{n % 250 + 1}:{20000 + n % 40000}")
    since = NOW
    seen_at = NOW

    class Meta:
        model = Observation


class RouteFactory(DjangoModelFactory[Route]):
    node = factory.SubFactory(NodeFactory)
    network = factory.SelfAttribute("node.network")
    prefix = factory.Sequence(lambda n: f"10.{100 + n // 256 % 100}.{n % 256}.0/24")
    first = factory.LazyAttribute(lambda o: pack(ip_network(o.prefix).network_address))
    last = factory.LazyAttribute(lambda o: pack(ip_network(o.prefix).broadcast_address))

    class Meta:
        model = Route


class RetiredKeyFactory(DjangoModelFactory[RetiredKey]):
    public_key = factory.Sequence(lambda n: public_key(1_000_000 + n))
    network = factory.SubFactory(NetworkFactory)
    node_id_was = factory.Sequence(lambda n: 900_000 + n)
    node_name_was = factory.Sequence(lambda n: f"gone-{n}")
    reason = RetiredKey.Reason.DELETED

    class Meta:
        model = RetiredKey


class RelayRegionFactory(DjangoModelFactory[RelayRegion]):
    network = factory.SubFactory(NetworkFactory)
    number = factory.Sequence(lambda n: n + 1)
    code = factory.Sequence(lambda n: f"r{n}")
    name = factory.Sequence(lambda n: f"Region {n}")

    class Meta:
        model = RelayRegion


class RelayServerFactory(DjangoModelFactory[RelayServer]):
    region = factory.SubFactory(RelayRegionFactory)
    name = factory.Sequence(lambda n: f"relay-{n}")
    host = factory.Sequence(lambda n: f"relay-{n}.example.com")

    class Meta:
        model = RelayServer


class DnsRecordFactory(DjangoModelFactory[DnsRecord]):
    network = factory.SubFactory(NetworkFactory)
    name = factory.Sequence(lambda n: f"record-{n}.example.ghost")
    type = DnsRecord.Type.A
    value = "192.0.2.7"

    class Meta:
        model = DnsRecord


class ChangeFactory(DjangoModelFactory[Change]):
    """A row of the log. It does not move the network's version."""

    network = factory.SubFactory(NetworkFactory)
    version = factory.Sequence(lambda n: n + 1_000)
    kind = "presence"
    facts = factory.LazyFunction(lambda: {"online": [], "offline": []})
    actor = "system:sweep"
    created_at = NOW

    class Meta:
        model = Change


class OnlineSpanFactory(DjangoModelFactory[OnlineSpan]):
    node = factory.SubFactory(NodeFactory)
    began = NOW

    class Meta:
        model = OnlineSpan


class HistoryCursorFactory(DjangoModelFactory[HistoryCursor]):
    network = factory.SubFactory(NetworkFactory)

    class Meta:
        model = HistoryCursor


class TrafficHourFactory(DjangoModelFactory[TrafficHour]):
    node = factory.SubFactory(NodeFactory)
    hour = NOW
    rx_bytes = 1_000_000
    tx_bytes = 200_000

    class Meta:
        model = TrafficHour


class TrafficTotalFactory(DjangoModelFactory[TrafficTotal]):
    node = factory.SubFactory(NodeFactory)
    counter = "1"
    rx_bytes = 1_000_000
    tx_bytes = 200_000
    told_at = NOW

    class Meta:
        model = TrafficTotal


class SampleFactory(DjangoModelFactory[Sample]):
    network = factory.SubFactory(NetworkFactory)
    at = NOW
    span = 60
    online = 1
    late = offline = waiting = 0

    class Meta:
        model = Sample


class JobFactory(DjangoModelFactory[Job]):
    network = factory.SubFactory(NetworkFactory)
    act = "disable"
    actor = "command"
    created_at = NOW

    class Meta:
        model = Job
