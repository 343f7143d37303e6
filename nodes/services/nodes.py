"""Operations on node rows, under the network's lock, which the caller holds.

What also ends sessions or asks the policy stands in ``coordinator.lifecycle``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mesh.errors import FieldError, ValidationError
from mesh.relays import choose_home, smooth
from nodes.models import Network, Node, NodeTag, RetiredKey
from nodes.selectors.relays import regions_told
from nodes.services.addresses import allocate_addresses, release_addresses
from nodes.services.names import reserve_name
from nodes.services.routes import elect_primaries, prefixes_of

MAX_POSTURE_ATTRIBUTES = 64
MAX_POSTURE_BYTES = 256
MAX_LATENCY_MS = 60_000

PostureValue = str | int | float | bool

SYSTEM_FACTS: Final = {"os": 64, "os_version": 128, "agent_version": 64}
"""Facts with a column of their own, and the most characters of each. A heartbeat has no member for them: agents report
them as attributes of these names, and then column and attribute are one."""


@dataclass(frozen=True, slots=True)
class ReportedFacts:
    """What a machine says of itself. ``None`` means that it says nothing, and the stored fact stays."""

    hostname: str | None = None
    os: str | None = None
    os_version: str | None = None
    agent_version: str | None = None
    listen_port: int | None = None
    posture: Mapping[str, PostureValue] | None = None
    relay_latency_ms: Mapping[str, float] | None = None
    endpoints: Sequence[str] | None = field(default=None)
    routes: Sequence[str] | None = field(default=None)


def create_node(
    *,
    network: Network,
    public_key: str,
    name: str,
    owner_id: int | None,
    tags: Sequence[str],
    ephemeral: bool,
    key_expires_at: datetime | None,
    reported: ReportedFacts,
    now: datetime,
) -> Node:
    """Creates an active node with its addresses. ``tags`` non-empty: it belongs to them and has no owner.

    Raises ResourceExhaustedError if a pool is empty, ValidationError for facts that are refused.
    """
    node = Node(
        network=network,
        public_key=public_key,
        name=name,
        hostname=reported.hostname or name,
        owner_id=None if tags else owner_id,
        tagged=bool(tags),
        ephemeral=ephemeral,
        key_expires_at=key_expires_at,
        key_created_at=now,
        last_seen=None,
    )
    apply_reported(network=network, node=node, reported=reported)
    node.save(force_insert=True)
    NodeTag.objects.bulk_create(NodeTag(node=node, tag=tag) for tag in sorted(set(tags)))
    allocate_addresses(network=network, node=node, now=now)
    return node


def apply_reported(*, network: Network, node: Node, reported: ReportedFacts) -> bool:
    """Puts the scalar facts of a report on ``node`` without saving it; returns whether anything differs.

    Raises ValidationError naming the member at fault.
    """
    before = _scalars(node)
    posture = node.posture
    if reported.posture is not None:
        node.posture = check_posture(reported.posture)
        for name in SYSTEM_FACTS.keys() & node.posture.keys():
            setattr(node, name, node.posture[name])
    for name in ("hostname", "os", "os_version", "agent_version", "listen_port"):
        value = getattr(reported, name)
        if value is not None:
            setattr(node, name, value)
    told = {name: getattr(node, name) for name in SYSTEM_FACTS.keys() & node.posture.keys()}
    if not same_posture(told, {name: node.posture[name] for name in told}):
        # What a member of the report says goes before the attribute of its name.
        node.posture = {**node.posture, **told}
    if reported.relay_latency_ms is not None:
        measured = _by_region(check_latencies(reported.relay_latency_ms))
        latencies = smooth(_by_region(node.relay_latency_ms), measured)
        node.relay_latency_ms = {str(region): ms for region, ms in latencies.items()}
        known = regions_told(network_id=network.pk)
        node.home_region = choose_home(latencies, known=known, current=node.home_region)
    return _scalars(node) != before or not same_posture(node.posture, posture)


def same_posture(one: Mapping[str, PostureValue], other: Mapping[str, PostureValue]) -> bool:
    """Whether two postures are the same to every rule; unlike in Python, true is not 1 to them."""
    return one == other and all(isinstance(value, bool) == isinstance(other[key], bool) for key, value in one.items())


def check_posture(posture: Mapping[str, PostureValue]) -> dict[str, PostureValue]:
    """Flat attributes, at most 64, at most 256 bytes a key and a value; those of SYSTEM_FACTS are short texts.

    Raises ValidationError.
    """
    errors = []
    if len(posture) > MAX_POSTURE_ATTRIBUTES:
        errors.append(FieldError("posture", f"At most {MAX_POSTURE_ATTRIBUTES} attributes."))
    for key, value in posture.items():
        if not isinstance(value, str | int | float | bool):
            errors.append(FieldError(f"posture.{key[:64]}", "A text, a number or true/false."))
        elif len(str(value).encode()) > MAX_POSTURE_BYTES or not 0 < len(key.encode()) <= MAX_POSTURE_BYTES:
            errors.append(FieldError(f"posture.{key[:64]}", f"At most {MAX_POSTURE_BYTES} bytes."))
        elif key in SYSTEM_FACTS and not _is_system_fact(key, value):
            errors.append(FieldError(f"posture.{key}", f"A text of at most {SYSTEM_FACTS[key]} characters."))
    if errors:
        raise ValidationError("The posture is refused.", errors=tuple(errors))
    return dict(posture)


def _is_system_fact(name: str, value: PostureValue) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= SYSTEM_FACTS[name]
        and not any(ord(c) < 32 or c == "\x7f" for c in value)
    )


def check_latencies(latencies: Mapping[str, float]) -> dict[str, float]:
    """Milliseconds from 0 to 60,000 by region id. Raises ValidationError."""
    errors = []
    for region, ms in latencies.items():
        if not (region.isascii() and region.isdigit() and len(region) <= 9):
            errors.append(FieldError(f"relay_latency_ms.{region[:64]}", "The key is the id of a region."))
        elif isinstance(ms, bool) or not isinstance(ms, int | float) or not 0 <= ms <= MAX_LATENCY_MS:
            errors.append(FieldError(f"relay_latency_ms.{region}", f"Between 0 and {MAX_LATENCY_MS}."))
    if errors:
        raise ValidationError("The latencies are refused.", errors=tuple(errors))
    return {str(int(region)): ms for region, ms in latencies.items()}


def write_tags(*, node: Node, tags: Sequence[str]) -> None:
    """Makes ``tags`` the tags of a tagged ``node``."""
    NodeTag.objects.filter(node=node).exclude(tag__in=tags).delete()
    present = set(NodeTag.objects.filter(node=node).values_list("tag", flat=True))
    NodeTag.objects.bulk_create(NodeTag(node=node, tag=tag) for tag in sorted(set(tags) - present))


def remove_node(*, network: Network, node: Node, retire_key: bool, now: datetime) -> set[int]:
    """Deletes a node's row; its addresses and name go into quarantine, and with ``retire_key`` its key is refused
    until an administrator releases it. Returns the ids of the nodes that took over its routes."""
    release_addresses(network=network, node=node, now=now)
    reserve_name(network=network, name=node.name, now=now)
    if retire_key:
        RetiredKey.objects.create(
            public_key=node.public_key,
            network=network,
            node_id_was=node.pk,
            node_name_was=node.name,
            reason=RetiredKey.Reason.DELETED,
        )
    prefixes = prefixes_of([node.pk])
    node.delete()
    return elect_primaries(network=network, prefixes=prefixes)


def _by_region(latencies: Mapping[str, float]) -> dict[int, float]:
    return {int(region): ms for region, ms in latencies.items()}


def _scalars(node: Node) -> tuple[object, ...]:
    return (
        node.hostname,
        node.os,
        node.os_version,
        node.agent_version,
        node.listen_port,
        dict(node.relay_latency_ms),
        node.home_region,
    )
