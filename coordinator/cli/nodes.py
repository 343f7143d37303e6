"""Nodes as commands show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from coordinator.admin_api.serializers.nodes import NodeOut, describe_nodes, with_details
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.results import Card, Cell, Column, Done, Listing, Word, shaped_by
from coordinator.cli.status import WORDS, known_health
from coordinator.cli.text import listed
from coordinator.cli.times import both, relative
from mesh.errors import NotFoundError
from mesh.keys import decode_public_key, fingerprint
from nodes.models import Network, Node, Route
from nodes.services.routes import DEFAULT_ROUTES
from sessions_app.models import NodeSession

Value = Mapping[str, Any]

node_shape: Final = shaped_by(NodeOut)


def node_values(network: Network, nodes: Sequence[Node], now: datetime) -> list[dict[str, Any]]:
    """Nodes of one network (``with_details``) as the API describes them."""
    health = known_health(network=network, nodes=nodes, now=now)
    return describe_nodes(network=network, nodes=nodes, now=now, health=health)


def value_of(node_id: int) -> dict[str, Any]:
    """One node as it now is."""
    node = with_details(Node.objects.select_related("network")).get(pk=node_id)
    [value] = node_values(node.network, [node], timezone.now())
    return value


def node_done(text: str, node_id: int) -> Done:
    """An act on a node, with the node as it is since."""
    return Done(text, value_of(node_id), shape=node_shape)


def _principal(value: Value) -> str:
    return listed(value["tags"], most=3) if value["tags"] else value["user_login"] or "-"


def _seen(value: Value, now: datetime) -> str:
    if value["status"] == "online":
        return "now"
    last_seen = value["health"]["last_seen"]
    return "never" if last_seen is None else relative(last_seen, now)


def _key_end(value: Value, now: datetime) -> str:
    return "never" if value["key_expires_at"] is None else relative(value["key_expires_at"], now)


def node_columns(now: datetime) -> list[Column]:
    """The columns of ``node list``."""
    return [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Name", lambda value: value["name"]),
        Column("Status", lambda value: WORDS[value["status"]], keep=True),
        Column("Belongs to", _principal),
        Column("IPv4", lambda value: value["ipv4"] or "-", keep=True),
        Column("IPv6", lambda value: value["ipv6"] or "-", wide=True, keep=True),
        Column("OS", lambda value: value["os"] or "-", wide=True),
        Column("Agent", lambda value: value["agent_version"] or "-", wide=True),
        Column("Key ends", lambda value: _key_end(value, now), wide=True, keep=True),
        Column("Seen", lambda value: _seen(value, now), keep=True),
    ]


_ROUTE_WORDS: Final = {
    "in force": Word("in force", "green", "●"),
    "standby": Word("standby", "blue", "◐"),
    "waiting": Word("waiting", "yellow", "◌"),
    "withdrawn": Word("withdrawn", "bright_black", "○"),
    "inactive": Word("inactive", "bright_black", "○"),
}


def _route_word(route: Route, *, active: bool) -> Word:
    if not route.advertised:
        return _ROUTE_WORDS["withdrawn"]
    if not route.approved:
        return _ROUTE_WORDS["waiting"]
    if not active:
        return _ROUTE_WORDS["inactive"]
    return _ROUTE_WORDS["in force" if route.primary else "standby"]


def _route_shape(route: Route) -> Mapping[str, Any]:
    return {name: getattr(route, name) for name in ("prefix", "advertised", "approved", "primary")}


def route_listing(value: Value) -> Listing:
    """The routes of a node. ``withdrawn`` ones it does not advertise any more, though they are approved."""
    active = value["state"] == Node.State.ACTIVE and not value["login_required"]
    columns = [
        Column("Prefix", lambda route: route.prefix, keep=True),
        Column("Status", lambda route: _route_word(route, active=active), keep=True),
        Column("Approved", lambda route: "yes" if route.approved else "no", keep=True),
    ]
    return Listing(value["routes"], columns, empty="It advertises no routes.", shape=_route_shape)


def node_card(node: Node, now: datetime) -> Card:
    """``node show``. People see the session and the fingerprint as well."""
    value = value_of(node.pk)
    session = NodeSession.objects.filter(node=node, ended_at=None).first()
    fixed = set(node.addresses.filter(fixed=True).values_list("address", flat=True))
    addresses = [address for address in (value["ipv4"], value["ipv6"]) if address]
    key_end, last_seen = value["key_expires_at"], value["health"]["last_seen"]
    gone = last_seen is not None and value["status"] != "online"
    fields: list[tuple[str, Cell]] = [
        ("Id", str(value["id"])),
        ("Name", value["fqdn"]),
        ("Status", WORDS[value["status"]]),
        ("Belongs to", _principal(value)),
        ("Addresses", ", ".join(f"{item} (fixed)" if item in fixed else item for item in addresses) or "-"),
        ("Seen", both(last_seen, now) if gone else _seen(value, now)),
        ("Key ends", "never" if key_end is None else both(key_end, now)),
        ("Session", "none" if session is None else f"{session.pk}, ends {both(session.expires_at, now)}"),
        ("From", "-" if session is None else session.origin or "-"),
        ("Joined", both(value["created_at"], now)),
        ("Calls itself", value["hostname"]),
        ("System", " ".join(filter(None, (value["os"], value["os_version"]))) or "-"),
        ("Agent", " ".join(filter(None, (value["agent_kind"], value["agent_version"]))) or "-"),
        ("Public key", value["public_key"]),
        ("Fingerprint", fingerprint(decode_public_key(value["public_key"]))),
        ("Home region", "-" if value["home_region"] is None else str(value["home_region"])),
    ]
    if value["ephemeral"]:
        fields.append(("Ephemeral", "yes: removed after half an hour offline"))
    endpoints = [
        Column("Address", lambda endpoint: endpoint.address, keep=True),
        Column("Kind", lambda endpoint: endpoint.kind, keep=True),
    ]
    attributes = [
        Column("Attribute", lambda item: str(item[0])),
        Column("Value", lambda item: str(item[1])),
    ]
    lists = [
        ("Endpoints", Listing(list(node.endpoints.order_by("position")), endpoints, empty="It has told of none.")),
        ("Routes", route_listing(value)),
    ]
    if value["posture"]:
        lists.append(("Posture", Listing(sorted(value["posture"].items()), attributes, empty="")))
    return Card(value, fields, lists, shape=node_shape)


def chosen_routes(node: Node, prefixes: list[str], *, every: bool, approved: bool) -> list[str]:
    """The prefixes of routes that are meant; ``exit-node`` stands for the default ones. With ``every``, those whose
    approval is ``approved`` so far. Raises WrongUsageError and NotFoundError."""
    if bool(prefixes) == every:
        raise WrongUsageError("Give the prefixes, or --all.")
    known = dict(node.routes.order_by("first", "prefix").values_list("prefix", "approved"))
    if every:
        chosen = [prefix for prefix, state in known.items() if state == approved]
        if not chosen:
            raise NotFoundError(f"{node.name} has no routes that {'are approved' if approved else 'wait'}.")
        return chosen
    chosen = [prefix for prefix in prefixes if prefix != "exit-node"]
    if "exit-node" in prefixes:
        exits = [prefix for prefix in DEFAULT_ROUTES if prefix in known]
        if not exits:
            raise NotFoundError(f"{node.name} does not offer to be an exit node.")
        chosen += exits
    return chosen
