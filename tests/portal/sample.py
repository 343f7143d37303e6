"""A network of fifty machines to look at: several people, tags, routers, relays, rules, keys and a history."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from acl.selectors import policy_facts
from acl.stored import Facts, digest_of, pack_facts
from coordinator.tallies import map_buckets
from nodes.models import Node, Sample
from nodes.presence import presence_store
from sessions_app.models import NodeSession, User
from tests import factories as make
from tests.portal.sample_jobs import sample_jobs

PEOPLE = (
    ("mara", "Mara Lindqvist", User.Role.OWNER),
    ("ana", "Ana Kovač", User.Role.NETWORK_ADMIN),
    ("jun", "Jun Watanabe", User.Role.SUPPORT),
    ("tomas", "Tomás Reyes", User.Role.ADMIN),
    ("chloe", "Chloé Martin", User.Role.MEMBER),
    ("lukas", "Lukas Brandt", User.Role.MEMBER),
    ("seun", "Seun Adeyemi", User.Role.MEMBER),
    ("nils", "Nils Aho", User.Role.AUDITOR),
)
SERVERS = (
    ("build", 4, "ci", "Ubuntu 24.04"),
    ("db-replica", 3, "db", "Debian 12"),
    ("k8s-worker", 9, "k8s", "Debian 12"),
    ("kiosk-warehouse", 3, "kiosk", "Windows 11"),
    ("web", 6, "web", "Debian 12"),
    ("gw", 2, "router", "Debian 12"),
    ("grafana", 1, "monitoring", "Debian 12"),
)
DEVICES = (
    ("mara", "macbook", "macOS 26.1"),
    ("mara", "iphone", "iOS 26.1"),
    ("ana", "laptop", "macOS 26.1"),
    ("ana", "ipad", "iOS 26.1"),
    ("jun", "macbook", "macOS 26.1"),
    ("jun", "desktop", "Ubuntu 24.04"),
    ("tomas", "thinkpad", "Debian 12"),
    ("tomas", "pixel", "Android 16"),
    ("chloe", "laptop", "Windows 11"),
    ("chloe", "pixel", "Android 16"),
    ("lukas", "surface", "Windows 11"),
    ("seun", "thinkpad", "Debian 12"),
)
OFFICE = {
    "weekdays": ["mon", "tue", "wed", "thu", "fri"],
    "start": "08:00",
    "end": "18:00",
    "timezone": "Europe/Berlin",
}
OFFLINE = {"ana-ipad": 19 * 60, "lukas-surface": 8, "tomas-pixel": 5 * 60, "kiosk-warehouse-2": 3 * 1440}
LATE = ("build-3", "kiosk-warehouse-1")


def build(now: datetime | None = None) -> dict[str, Any]:
    """Makes it all and returns what pages are looked at with: network, owner, a node, a rule, ..."""
    now = now or timezone.now()
    network = make.NetworkFactory(name="main", domain="mycompany.ghost", map_version=48213, policy_version=37)
    people = {
        login: make.UserFactory(username=login, display_name=name, role=role, email=f"{login}@mycompany.example")
        for login, name, role in PEOPLE
    }
    nodes = _nodes(network, people, now)
    routes = _routes(nodes)
    for number, (code, name) in enumerate((("fra", "Frankfurt"), ("lis", "Lisbon"), ("nyc", "New York")), start=1):
        region = make.RelayRegionFactory(network=network, number=number, code=code, name=name)
        make.RelayServerFactory(region=region, name=f"{code}-1", host=f"{code}-1.relay.mycompany.example")
    _policy(network, people)
    _tests(network, people)
    _versions(network, people, now)
    _records(network, people, nodes, now)
    _samples(network, now)
    return {
        "network": network,
        "owner": people["mara"],
        "node": nodes["grafana-1"],
        "router": nodes["gw-1"],
        "laptop": nodes["ana-laptop"],
        "own": nodes["mara-macbook"],
        "user": people["ana"],
        "rule": network.acl_rules.get(position=5),
        "change": network.changes.order_by("-version").first(),
        "key": network.auth_keys.order_by("pk").first(),
        "route": routes[0],
        "region": network.relay_regions.first(),
        "group": network.groups.first(),
        "waiting": network.enrolments.first(),
        **sample_jobs(network, f"user:{people['mara'].pk}", now),
    }


def _samples(network: Any, now: datetime) -> None:
    """A day by the minute and a month by the half hour: fewer at night, and a moment at which a relay failed."""
    minute = now.replace(second=0, microsecond=0)
    half_hour = minute.replace(minute=minute.minute - minute.minute % 30)
    buckets = len(map_buckets())
    rows = []
    for span, count, last in ((60, 1440, minute), (1800, 48 * 31, half_hour)):
        for back in range(count):
            at = last - timedelta(seconds=span * back)
            day = math.cos(2 * math.pi * (at.hour + at.minute / 60 - 14) / 24)
            online = round(34 + 4 * day) - (7 if span == 60 and 498 <= back < 510 else 0)
            late = 5 if span == 60 and 498 <= back < 506 else int(back % 97 == 3)
            figures = {"online": online, "late": late, "offline": 4, "waiting": 1, "sessions": online + 2}
            due = online * (span // 60)
            row = {"at": at, "span": span}
            rows.append(Sample(network=network, due=due, heard=due - late // 2, **figures, **row))
            maps = [0] * buckets
            maps[4], maps[5], maps[7] = 6, 8, int(back % 11 == 0)
            pushes = (20 + 13 * (back % 7) + (700 if back % 131 == 8 else 0)) * span // 60
            rows.append(Sample(heartbeats=due * 2, pushes=pushes, errors=0, maps=maps, **row))
    Sample.objects.bulk_create(rows)


def _nodes(network: Any, people: dict[str, Any], now: datetime) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for stem, count, tag, system in SERVERS:
        for index in range(1, count + 1):
            name = f"{stem}-{index}"
            nodes[name] = make.TaggedNodeFactory(
                network=network, name=name, os=system.split()[0], os_version=system.split()[1], tags=[f"tag:{tag}"]
            )
    for login, device, system in DEVICES:
        name = f"{login}-{device}"
        days = 5 if name == "lukas-surface" else 61
        nodes[name] = make.NodeFactory(
            network=network,
            name=name,
            owner=people[login],
            os=system.split()[0],
            os_version=system.split()[1],
            key_expires_at=now + timedelta(days=days, hours=3),
        )
    nodes["print-server"] = make.TaggedNodeFactory(
        network=network, name="print-server", os="Debian", os_version="12", tags=["tag:kiosk"]
    )
    nodes["old-nas"] = make.NodeFactory(
        network=network, name="old-nas", owner=people["tomas"], state=Node.State.DISABLED, os="Debian", os_version="12"
    )
    nodes["chloe-tablet"] = make.NodeFactory(
        network=network, name="chloe-tablet", owner=people["chloe"], state=Node.State.EXPIRED, os="Android",
        os_version="15",
        key_expires_at=now - timedelta(days=1),
    )  # fmt: skip
    seen: dict[int, datetime] = {}
    presence_store().since(now - timedelta(days=30))
    for number, (name, node) in enumerate(nodes.items(), start=2):
        make.AddressFactory(node=node, number=number)
        make.AddressFactory(node=node, number=number, family=6)
        if name in ("print-server",):
            continue
        if name in OFFLINE or node.state != Node.State.ACTIVE:
            Node.objects.filter(pk=node.pk).update(last_seen=now - timedelta(minutes=OFFLINE.get(name, 2000)))
            continue
        Node.objects.filter(pk=node.pk).update(online=True, last_seen=now - timedelta(hours=8))
        seen[node.pk] = now - timedelta(seconds=75 if name in LATE else 12)
        make.NodeSessionFactory(node=node, created_at=now - timedelta(days=8), expires_at=now + timedelta(hours=16))
    presence_store().touch(seen)
    _details(nodes["grafana-1"], now)
    return nodes


def _details(node: Node, now: datetime) -> None:
    Node.objects.filter(pk=node.pk).update(
        posture={"disk_encrypted": True, "kernel": "6.12.58"},
        relay_latency_ms={"1": 4.1, "2": 38.2, "3": 84.0},
        home_region=1,
        listen_port=51820,
    )
    make.EndpointFactory(node=node, position=0, address="192.168.10.6:51820", kind="local")
    make.EndpointFactory(node=node, position=1, address="203.0.113.12:51820", kind="public")
    peers = Node.objects.filter(network=node.network).exclude(pk=node.pk).order_by("pk")
    for peer in peers[:7]:
        make.ObservationFactory(node=node, reporter=peer, address="203.0.113.12:51820")
    _presence(node, now)


def _presence(node: Node, now: datetime) -> None:
    """A history with three outages, and two days of traffic."""
    Node.objects.filter(pk=node.pk).update(created_at=now - timedelta(days=26, hours=9))
    began = now - timedelta(days=26, hours=9)
    for days, minutes in ((15.2, 530), (8.3, 52), (1.1, 4)):
        went = now - timedelta(days=days)
        make.OnlineSpanFactory(node=node, began=began, ended=went)
        began = went + timedelta(minutes=minutes)
    make.OnlineSpanFactory(node=node, began=began, ended=None)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for index in range(48):
        busy = 9 + 8 * ((index * 7) % 11) / 11
        make.TrafficHourFactory(
            node=node, hour=hour - timedelta(hours=index), rx_bytes=int(busy * 21e6), tx_bytes=int(busy * 34e6)
        )


def _routes(nodes: dict[str, Node]) -> list[Any]:
    one, two, grafana = nodes["gw-1"], nodes["gw-2"], nodes["grafana-1"]
    return [
        make.RouteFactory(node=one, prefix="10.40.0.0/16", approved=True, primary=True),
        make.RouteFactory(node=one, prefix="10.45.0.0/24", approved=True, primary=True),
        make.RouteFactory(node=two, prefix="10.45.0.0/24", approved=True),
        make.RouteFactory(node=two, prefix="0.0.0.0/0", approved=True, primary=True),
        make.RouteFactory(node=grafana, prefix="10.44.0.0/24"),
        make.RouteFactory(node=grafana, prefix="10.46.0.0/24", approved=True, primary=True),
    ]


def _policy(network: Any, people: dict[str, Any]) -> None:
    groups = {"admins": ("mara", "tomas"), "eng": ("ana", "jun", "seun"), "contractors": ("chloe", "lukas")}
    for name, members in groups.items():
        group = make.GroupFactory(network=network, name=name, comment="" if name != "eng" else "Everyone who deploys")
        for login in members:
            make.GroupMemberFactory(group=group, user=people[login])
    for tag in ("ci", "db", "k8s", "kiosk", "monitoring", "router", "web"):
        owners = ["group:admins", f"user#{people['jun'].pk}"] if tag == "web" else []
        make.TagOwnerFactory(network=network, tag=f"tag:{tag}", owners=owners)
    make.HostFactory(network=network, name="legacy-erp", prefix="10.40.3.7/32", comment="In the Berlin office")
    rules: tuple[tuple[str, list[str], list[str], list[list[int]], str, bool], ...] = (
        ("accept", ["group:admins"], ["*"], [], "Administrators reach everything", True),
        ("accept", ["tag:monitoring"], ["*"], [[9100, 9100], [9256, 9256]], "Metrics scrape", True),
        ("accept", ["tag:kiosk"], ["tag:web"], [[443, 443]], "Kiosks show the web apps", True),
        ("deny", ["tag:kiosk"], ["*"], [], "Kiosks reach nothing else", True),
        ("accept", ["group:eng"], ["tag:web", "tag:k8s"], [[22, 22], [443, 443], [8000, 8999]], "Operate", True),
        ("accept", [f"user#{people['jun'].pk}"], ["tag:web"], [[443, 443]], "Jun checks the web tier", True),
        ("accept", ["autogroup:member"], ["autogroup:self"], [], "Everyone reaches their own devices", True),
        ("accept", ["group:contractors"], ["host:legacy-erp"], [[1433, 1433]], "Contractors read the old ERP", False),
    )
    for position, (action, sources, destinations, ports, name, enabled) in enumerate(rules, start=1):
        make.AclRuleFactory(
            network=network, position=position, action=action, sources=sources, destinations=destinations,
            ports=ports, protocols=[6] if ports else [], name=name, enabled=enabled,
            schedule=OFFICE if position == 5 else {}, conditions=[{"agent_version": "0.1"}] if position == 6 else [],
        )  # fmt: skip


def _tests(network: Any, people: dict[str, Any]) -> None:
    told: tuple[tuple[str, list[Any], list[Any]], ...] = (
        ("group:admins", [("tag:db", [[5432, 5432]]), ("tag:web", [[22, 22]])], []),
        ("tag:kiosk", [("tag:web", [[443, 443]])], [("tag:db", [[5432, 5432]]), ("tag:k8s", [[6443, 6443]])]),
        (f"user#{people['chloe'].pk}", [], [("host:legacy-erp", [[1433, 1433]])]),
    )
    for position, (source, accept, deny) in enumerate(told, start=1):
        sides = [[{"destination": name, "ports": ports} for name, ports in side] for side in (accept, deny)]
        make.PolicyTestFactory(network=network, position=position, source=source, accept=sides[0], deny=sides[1])


def _versions(network: Any, people: dict[str, Any], now: datetime) -> None:
    mara, ana = f"user:{people['mara'].pk}", f"user:{people['ana'].pk}"
    told = ((35, ana, "1 rule added", ""), (36, mara, "1 rule removed", ""), (37, mara, "2 rules changed", "Kiosks"))
    for number, actor, summary, comment in told:
        facts = _former_facts(policy_facts(network.pk), 37 - number)
        make.PolicyVersionFactory(
            network=network, number=number, actor=actor, summary=summary, comment=comment, map_version=48160 + number,
            created_at=now - timedelta(hours=40 - number), facts=pack_facts(facts), digest=digest_of(facts),
        )  # fmt: skip


def _former_facts(facts: Facts, ago: int) -> Facts:
    """What the policy said one version ago, and two."""
    rules = [dict(rule) for rule in facts["rules"]]
    if ago:
        rules[2] |= {"destinations": ["tag:web", "tag:ci"], "name": "Kiosks show the apps"}
        rules[3] |= {"ports": [[22, 22]]}
        rules[5], rules[6] = rules[6], rules[5]
    if ago > 1:
        rules.append(rules[0] | {"id": 999_999, "sources": ["tag:ci"], "destinations": ["tag:k8s"], "name": "Deploy"})
    return facts | {"rules": [rule | {"position": place} for place, rule in enumerate(rules, start=1)]}


def _records(network: Any, people: dict[str, Any], nodes: dict[str, Node], now: datetime) -> None:
    make.DnsRecordFactory(network=network, name="wiki.mycompany.ghost", value="10.1.0.9")
    make.RetiredKeyFactory(network=network, node_name_was="gw-berlin-2")
    make.NameReservationFactory(network=network, name="gw-berlin-2", until=now + timedelta(hours=20))
    make.EnrolmentFactory(
        network=network, code="BCDFGHJK", tags=["tag:kiosk"], origin="198.51.100.24", source="198.51.100.24",
        created_at=now - timedelta(minutes=2), expires_at=now + timedelta(minutes=8),
        reported={"hostname": "kiosk-lobby", "os": "linux", "os_version": "Debian 12", "agent_version": "0.1.0"},
    )  # fmt: skip
    key = make.AuthKeyFactory(
        network=network, owner=None, tagged=True, tags=["tag:ci"], name="ci-runners", max_uses=10, uses=1,
        ephemeral=True, expires_at=now + timedelta(days=7), created_by=people["mara"], last_used_at=now,
    )  # fmt: skip
    make.AuthKeyUseFactory(auth_key=key, node=nodes["build-4"])
    make.AuthKeyFactory(network=network, owner=people["ana"], name="ana's laptop", uses=1)
    make.ApiTokenFactory(user=people["mara"], name="terraform", expires_at=now + timedelta(days=60))
    ended = nodes["old-nas"]
    NodeSession.objects.filter(node=ended).delete()
    make.NodeSessionFactory(
        node=ended, created_at=now - timedelta(days=3), ended_at=now - timedelta(days=1), end_reason="revoked"
    )
    mara = f"user:{people['mara'].pk}"
    told = (
        (2900, "nodes", {"nodes": [{"id": nodes["build-4"].pk, "state": "active"}], "removed": []}, "registration"),
        (2400, "policy", {"policy_version": 37, "rules": list(range(8))}, mara),
        (1800, "presence", {"online": [], "offline": [{"id": nodes["tomas-pixel"].pk}]}, "system:sweep"),
        (1500, "sessions", {"nodes": [ended.pk], "reason": "revoked"}, mara),
        (900, "nodes", {"nodes": [{"id": ended.pk, "state": "disabled"}], "removed": []}, mara),
        (700, "nodes", {"nodes": [], "removed": [999001], "name": "gw-berlin-2"}, mara),
        (480, "presence", {"online": [], "offline": [{"id": nodes["lukas-surface"].pk}]}, "system:sweep"),
        (300, "endpoints", {"endpoints": {str(nodes["grafana-1"].pk): ["192.168.10.6:51820", "203.0.113.12:51820"]}},
         f"node:{nodes['grafana-1'].pk}"),
        (120, "presence", {"online": [nodes["ana-laptop"].pk], "offline": []}, "system:presence"),
        (30, "network", {"network": {"name": "main"}}, "system:configuration"),
    )  # fmt: skip
    for number, (seconds, kind, facts, actor) in enumerate(told):
        make.ChangeFactory(
            network=network, version=48204 + number, kind=kind, facts=facts, actor=actor,
            created_at=now - timedelta(seconds=seconds), origin="198.51.100.24" if actor == mara else "",
        )  # fmt: skip
