"""Nodes as commands show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from coordinator.cli.results import Card, Cell, Column, Listing, Value, Word
from coordinator.cli.status import WORDS, Live, live_of
from coordinator.cli.text import listed
from coordinator.cli.times import both, relative
from mesh.keys import decode_public_key, fingerprint
from nodes.models import Address, Network, Node
from sessions_app.models import NodeSession


def nodes_of(network: Network) -> QuerySet[Node]:
    """A network's nodes with all that is shown of them, in a fixed number of queries."""
    active = NodeSession.objects.filter(ended_at=None)
    return (
        Node.objects.filter(network=network)
        .select_related("network", "owner")
        .prefetch_related(
            "tags",
            "endpoints",
            "routes",
            Prefetch("addresses", Address.objects.order_by("family")),
            Prefetch("sessions", active, to_attr="active_sessions"),
        )
        .order_by("name")
    )


def node_values(nodes: Sequence[Node], now: datetime) -> list[dict[str, Any]]:
    """Nodes of ``nodes_of`` for programs; the keys are described in the manual of the command line."""
    live = live_of(nodes, now)
    return [_value(node, live[node.pk]) for node in nodes]


def value_of(node_id: int) -> dict[str, Any]:
    """One node as it now is."""
    node = Node.objects.select_related("network").get(pk=node_id)
    [value] = node_values([nodes_of(node.network).get(pk=node_id)], timezone.now())
    return value


def _value(node: Node, live: Live) -> dict[str, Any]:
    sessions: list[NodeSession] = getattr(node, "active_sessions", [])
    addresses = list(node.addresses.all())
    return {
        "id": node.pk,
        "name": node.name,
        "fqdn": f"{node.name}.{node.network.domain}",
        "hostname": node.hostname,
        "network": node.network.name,
        "status": live.status,
        "state": node.state,
        "owner": None if node.owner is None else node.owner.username,
        "tags": sorted(row.tag for row in node.tags.all()),
        "addresses": [row.address for row in addresses],
        "fixed_addresses": [row.address for row in addresses if row.fixed],
        "public_key": node.public_key,
        "fingerprint": fingerprint(decode_public_key(node.public_key)),
        "ephemeral": node.ephemeral,
        "login_required": node.login_required,
        "last_seen": live.last_seen,
        "key_expires_at": node.key_expires_at,
        "created_at": node.created_at,
        "agent_kind": node.agent_kind,
        "agent_version": node.agent_version,
        "os": node.os,
        "os_version": node.os_version,
        "posture": node.posture,
        "listen_port": node.listen_port,
        "endpoints": [{"address": row.address, "kind": row.kind} for row in node.endpoints.all()],
        "home_region": node.home_region,
        "relay_latency_ms": node.relay_latency_ms,
        "routes": [
            {
                "prefix": row.prefix,
                "advertised": row.advertised,
                "approved": row.approved,
                "primary": row.primary,
            }
            for row in sorted(node.routes.all(), key=lambda row: (row.first, row.prefix))
        ],
        "session": None
        if not sessions
        else {
            "id": sessions[0].pk,
            "created_at": sessions[0].created_at,
            "expires_at": sessions[0].expires_at,
            "origin": sessions[0].origin,
        },
    }


def _principal(value: Value) -> str:
    return listed(value["tags"], most=3) if value["tags"] else value["owner"] or "-"


def _seen(value: Value, now: datetime) -> str:
    if value["last_seen"] is not None:
        return relative(value["last_seen"], now)
    return "now" if value["status"] == "online" else "never"


def _key_end(value: Value, now: datetime) -> str:
    return "never" if value["key_expires_at"] is None else relative(value["key_expires_at"], now)


def node_columns(now: datetime) -> list[Column]:
    """The columns of ``node list``."""
    return [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Name", lambda value: value["name"]),
        Column("Status", lambda value: WORDS[value["status"]], keep=True),
        Column("Belongs to", _principal),
        Column("IPv4", lambda value: _family(value, 4), keep=True),
        Column("IPv6", lambda value: _family(value, 6), wide=True, keep=True),
        Column("OS", lambda value: value["os"] or "-", wide=True),
        Column("Agent", lambda value: value["agent_version"] or "-", wide=True),
        Column("Key ends", lambda value: _key_end(value, now), wide=True, keep=True),
        Column("Seen", lambda value: _seen(value, now), keep=True),
    ]


def _family(value: Value, family: int) -> str:
    wanted = [address for address in value["addresses"] if (":" in address) == (family == 6)]
    return wanted[0] if wanted else "-"


_ROUTE_WORDS: Final = {
    "in force": Word("in force", "green", "●"),
    "standby": Word("standby", "blue", "◐"),
    "waiting": Word("waiting", "yellow", "◌"),
    "withdrawn": Word("withdrawn", "bright_black", "○"),
    "inactive": Word("inactive", "bright_black", "○"),
}


def _route_status(route: Value, *, active: bool) -> Cell:
    if not route["advertised"]:
        return _ROUTE_WORDS["withdrawn"]
    if not route["approved"]:
        return _ROUTE_WORDS["waiting"]
    if not active:
        return _ROUTE_WORDS["inactive"]
    return _ROUTE_WORDS["in force" if route["primary"] else "standby"]


def route_listing(value: Value) -> Listing:
    """The routes of a node of ``node_values``."""
    active = value["status"] in ("online", "late", "offline", "waiting") and value["state"] == "active"
    columns = [
        Column("Prefix", lambda route: route["prefix"], keep=True),
        Column("Status", lambda route: _route_status(route, active=active), keep=True),
        Column("Approved", lambda route: "yes" if route["approved"] else "no", keep=True),
    ]
    return Listing(value["routes"], columns, empty="It advertises no routes.")


def node_card(value: Value, now: datetime) -> Card:
    """``node show``."""
    session = value["session"]
    key_end = value["key_expires_at"]
    fields: list[tuple[str, Cell]] = [
        ("Id", str(value["id"])),
        ("Name", value["fqdn"]),
        ("Status", WORDS[value["status"]]),
        ("Belongs to", _principal(value)),
        ("Addresses", ", ".join(_address(value, address) for address in value["addresses"]) or "-"),
        ("Seen", both(value["last_seen"], now) if value["last_seen"] else _seen(value, now)),
        ("Key ends", "never" if key_end is None else both(key_end, now)),
        ("Session", "none" if session is None else f"{session['id']}, ends {both(session['expires_at'], now)}"),
        ("Origin", "-" if session is None else session["origin"] or "-"),
        ("Joined", both(value["created_at"], now)),
        ("Calls itself", value["hostname"]),
        ("System", " ".join(filter(None, (value["os"], value["os_version"]))) or "-"),
        ("Agent", " ".join(filter(None, (value["agent_kind"], value["agent_version"]))) or "-"),
        ("Public key", value["public_key"]),
        ("Fingerprint", value["fingerprint"]),
        ("Home region", "-" if value["home_region"] is None else str(value["home_region"])),
    ]
    if value["ephemeral"]:
        fields.append(("Ephemeral", "yes: removed after half an hour offline"))
    endpoints = [
        Column("Address", lambda endpoint: endpoint["address"], keep=True),
        Column("Kind", lambda endpoint: endpoint["kind"], keep=True),
    ]
    posture = [{"name": name, "value": item} for name, item in sorted(value["posture"].items())]
    attributes = [
        Column("Attribute", lambda item: str(item["name"])),
        Column("Value", lambda item: str(item["value"])),
    ]
    lists = [
        ("Endpoints", Listing(value["endpoints"], endpoints, empty="It has told of none.")),
        ("Routes", route_listing(value)),
    ]
    if posture:
        lists.append(("Posture", Listing(posture, attributes, empty="")))
    return Card(value, fields, lists)


def _address(value: Value, address: str) -> str:
    return f"{address} (fixed)" if address in value["fixed_addresses"] else address
