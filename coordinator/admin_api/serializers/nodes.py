from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet
from redis.exceptions import RedisError
from rest_framework import serializers

from coordinator.acknowledgements import ACKNOWLEDGED, Acknowledgement
from coordinator.admin_api.fields import (
    AddressField,
    IdField,
    QueryFlagField,
    StrictSerializer,
    TextField,
    TextListField,
)
from coordinator.admin_api.health import STATUSES, health_of, status_of
from coordinator.admin_api.paging import NetworkListQuery
from coordinator.finding.criteria import KEY_ENDS, ORDERS, SEEN, Criteria, match
from mesh.addressing import pack
from mesh.errors import FieldError, ValidationError
from mesh.health import NodeHealth
from mesh.names import fqdn
from mesh.policy import parse_prefix
from nodes.keyset import LONGEST
from nodes.models import Address, Network, Node
from nodes.services.routes import MAX_ROUTES

log = structlog.get_logger(__name__)


class Health(serializers.Serializer[Any]):
    """How a node does by its heartbeats. ``time_since_last_heartbeat`` is in seconds."""

    is_online = serializers.BooleanField()
    last_seen = serializers.DateTimeField(allow_null=True)
    time_since_last_heartbeat = serializers.FloatField(allow_null=True)
    consecutive_misses = serializers.IntegerField()
    in_grace_period = serializers.BooleanField()


class AcknowledgedMap(serializers.Serializer[Any]):
    """The version of its map that the node's agent applied last, and when the portal heard so."""

    epoch = serializers.IntegerField()
    version = serializers.IntegerField()
    at = serializers.DateTimeField()


class NodeRoute(serializers.Serializer[Any]):
    """A prefix behind a node. It is in force once it is advertised and approved."""

    prefix = serializers.CharField()
    advertised = serializers.BooleanField()
    approved = serializers.BooleanField()
    primary = serializers.BooleanField()


class NodeOut(serializers.Serializer[Any]):
    """A machine of the mesh. ``user`` is null for a machine that belongs to its tags."""

    id = serializers.IntegerField()
    network = serializers.CharField()
    name = serializers.CharField()
    fqdn = serializers.CharField()
    hostname = serializers.CharField()
    public_key = serializers.CharField()
    state = serializers.ChoiceField(choices=Node.State.values)
    status = serializers.ChoiceField(choices=STATUSES)
    health = Health()
    acknowledged = AcknowledgedMap(allow_null=True)
    user = serializers.IntegerField(allow_null=True)
    user_login = serializers.CharField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    ipv4 = serializers.IPAddressField(protocol="ipv4", allow_null=True)
    ipv6 = serializers.IPAddressField(protocol="ipv6", allow_null=True)
    endpoints = serializers.ListField(child=serializers.CharField())
    routes = NodeRoute(many=True)
    ephemeral = serializers.BooleanField()
    login_required = serializers.BooleanField()
    key_expires_at = serializers.DateTimeField(allow_null=True)
    key_created_at = serializers.DateTimeField()
    rotate_requested_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was told to make a new key, which it has not made yet."
    )
    created_at = serializers.DateTimeField()
    agent_kind = serializers.CharField()
    agent_version = serializers.CharField()
    os = serializers.CharField()
    os_version = serializers.CharField()
    posture = serializers.DictField()
    listen_port = serializers.IntegerField(allow_null=True)
    home_region = serializers.IntegerField(allow_null=True)
    relay_latency_ms = serializers.DictField(child=serializers.FloatField())

    class Meta:
        ref_name = "Node"


class NodeQuery(NetworkListQuery):
    """Which nodes."""

    q = TextField(required=False, max_length=100, help_text="Part of the name or of the reported hostname.")
    name = TextField(required=False, max_length=63, help_text="The very name.")
    state = serializers.ChoiceField(required=False, choices=Node.State.values)
    online = QueryFlagField(required=False, help_text="As peers were last told.")
    user = TextField(required=False, max_length=150, help_text="The login of its owner, or its id.")
    tag = TextField(required=False, max_length=67, help_text="A tag that it carries, as in tag:web.")
    address = TextField(required=False, max_length=43, help_text="Its address, or a CIDR that holds it.")
    public_key = TextField(required=False, max_length=44)
    os = TextField(required=False, max_length=64)
    search = TextField(
        required=False,
        max_length=200,
        help_text="Words that all fit: part of a name, owner or tag, an address, a CIDR, or how a key begins.",
    )
    status = TextField(required=False, max_length=80, help_text=f"One or several, by commas: {', '.join(STATUSES)}.")
    agent = TextField(required=False, max_length=64, help_text="The agent's version.")
    seen = serializers.ChoiceField(required=False, choices=list(SEEN), help_text="When it was last heard.")
    key = serializers.ChoiceField(
        required=False, choices=list(KEY_ENDS), help_text="When its key ends: over, within 7 or 30 days, never."
    )
    order = TextField(
        required=False,
        max_length=16,
        help_text=f"{', '.join(ORDERS)}, with - before it for descending; by id where nothing is said.",
    )
    cursor = TextField(required=False, max_length=LONGEST, help_text="With an order: where the page before ended.")


class NodeEdit(StrictSerializer):
    """What of a node is to change. Giving tags takes a machine from its owner, giving it to a user from its tags or its
    former owner: then it must register again. Both at once makes no sense and is refused."""

    name = TextField(required=False, max_length=63)
    user = IdField(required=False, help_text="Whom it is to belong to, by id.")
    tags = TextListField(required=False, each=67, most=64)
    ipv4 = AddressField(required=False, protocol="ipv4")
    ipv6 = AddressField(required=False, protocol="ipv6")


class RotationsOut(serializers.Serializer[Any]):
    """How many nodes were told to make new keys."""

    requested = serializers.IntegerField()

    class Meta:
        ref_name = "Rotations"


class RoutePrefixes(StrictSerializer):
    """Routes of a node, as it advertises them."""

    prefixes = TextListField(each=43, most=MAX_ROUTES, min_length=1)


def filter_nodes(rows: QuerySet[Node], query: dict[str, Any], now: datetime) -> QuerySet[Node]:
    """The nodes that a checked query asks for. Raises ValidationError for what is no address or status."""
    rows = match(rows, criteria_in(query), now)
    if "q" in query:
        rows = rows.filter(Q(name__icontains=query["q"]) | Q(hostname__icontains=query["q"]))
    for member in ("name", "state", "online", "public_key", "os"):
        if member in query:
            rows = rows.filter(**{member: query[member]})
    if "user" in query:
        rows = rows.filter(of_user(query["user"], "owner"))
    if "tag" in query:
        rows = rows.filter(tags__tag=query["tag"])
    if "address" in query:
        rows = rows.filter(Exists(_within(query["address"])))
    return rows


def criteria_in(query: Mapping[str, Any]) -> Criteria:
    """The part of a checked query that the portal's list has too."""
    return Criteria(
        q=query.get("search", ""),
        statuses=tuple(word.strip() for word in query.get("status", "").split(",") if word.strip()),
        agent=query.get("agent", ""),
        seen=query.get("seen", ""),
        key=query.get("key", ""),
    )


def of_user(reference: str, column: str) -> Q:
    """Rows whose ``column`` is the user with this id or login."""
    if reference.isascii() and reference.isdigit():
        return Q(**{f"{column}_id": int(reference[:18])})
    return Q(**{f"{column}__username": reference.lower()})


def _within(text: str) -> QuerySet[Address]:
    try:
        prefix = parse_prefix(text)
    except ValidationError as error:
        raise ValidationError(error.detail, errors=(FieldError("address", error.detail),)) from error
    first, last = pack(prefix.network_address), pack(prefix.broadcast_address)
    return Address.objects.filter(node=OuterRef("pk"), packed__gte=first, packed__lte=last)


def with_details(rows: QuerySet[Node]) -> QuerySet[Node]:
    """Nodes with all that ``describe_nodes`` reads, in a fixed number of queries."""
    return rows.select_related("owner").prefetch_related("tags", "addresses", "endpoints", "routes")


def describe_nodes(
    *, network: Network, nodes: Sequence[Node], now: datetime, health: Mapping[int, NodeHealth] | None = None
) -> list[dict[str, Any]]:
    """Nodes of one network as ``NodeOut`` takes them. ``health`` by id, where the caller has it already."""
    known = health_of(network=network, nodes=nodes, now=now) if health is None else health
    acknowledged = _acknowledged(nodes)
    return [_describe(network, node, known[node.pk], acknowledged.get(node.pk, ())) for node in nodes]


def _acknowledged(nodes: Sequence[Node]) -> dict[int, tuple[Acknowledgement, ...]]:
    try:
        return ACKNOWLEDGED.of(node.pk for node in nodes)
    except RedisError as error:
        # Who asks may have changed a node, which holds: the answer lacks this alone.
        log.warning("nodes.acknowledgements_unavailable", error=str(error))
        return {}


def _describe(
    network: Network, node: Node, health: NodeHealth, acknowledged: tuple[Acknowledgement, ...]
) -> dict[str, Any]:
    addresses = {row.family: row.address for row in node.addresses.all()}
    silence = health.time_since_last_heartbeat
    scalars = (
        "name", "hostname", "public_key", "state", "ephemeral", "login_required", "key_expires_at", "created_at",
        "key_created_at", "rotate_requested_at",
        "agent_kind", "agent_version", "os", "os_version", "posture", "listen_port", "home_region", "relay_latency_ms",
    )  # fmt: skip
    return {name: getattr(node, name) for name in scalars} | {
        "id": node.pk,
        "network": network.name,
        "fqdn": fqdn(node.name, network.domain),
        "status": status_of(node, health),
        "acknowledged": acknowledged[0] if acknowledged else None,
        "health": {
            "is_online": health.is_online,
            "last_seen": health.last_seen,
            "time_since_last_heartbeat": None if silence is None else round(silence.total_seconds(), 3),
            "consecutive_misses": health.consecutive_misses,
            "in_grace_period": health.in_grace_period,
        },
        "user": node.owner_id,
        "user_login": None if node.owner is None else node.owner.username,
        "tags": [row.tag for row in node.tags.all()],
        "ipv4": addresses.get(4),
        "ipv6": addresses.get(6),
        "endpoints": [row.address for row in node.endpoints.all()],
        "routes": list(node.routes.all()),
    }
