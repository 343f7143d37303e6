"""Gives out mesh addresses and takes them back. Runs under the network's lock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from mesh.addressing import Pool, pack, parse_exclusions
from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError, ResourceExhaustedError, ValidationError
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Address, Network, Node

log = structlog.get_logger(__name__)

# How many rows one query reads where a walk meets addresses that have one.
STRIDE: Final = 1000


def pool_of(network: Network, family: int) -> Pool | None:
    """The address pool of a network for a family (4 or 6), or None where the network has none."""
    text = network.ipv4_range if family == 4 else network.ipv6_range
    if not text:
        return None
    return Pool(ip_network(text), exclusions=parse_exclusions(network.excluded, family=family))


def allocate_addresses(*, network: Network, node: Node, now: datetime) -> list[Address]:
    """Gives ``node`` one address of each family of its locked ``network``: both or nothing.

    Next comes an address that was never used; when there is none left, the one that was released the longest ago
    and whose quarantine is over. Raises ResourceExhaustedError, upon which the caller's transaction rolls back.
    """
    pools = {family: pool for family in (4, 6) if (pool := pool_of(network, family)) is not None}
    return _hold(network, node, pools, now)


@transaction.atomic
def complete_addresses(*, network_id: int, cause: Cause, now: datetime, limit: int = 200) -> int:
    """Gives an address to nodes that have none of a family that their network has, as one change; returns how many.

    They registered before the network had the family. Nodes with lower ids come first, ``limit`` of them: the network's
    lock is held meanwhile. Where the pool has too few, the rest goes without. Raises NotFoundError.
    """
    lacking = _lacking(network_id)
    if not any(nodes.exists() for nodes in lacking.values()):
        return 0
    network = lock_network(network_id)
    given: set[int] = set()
    for family, nodes in lacking.items():
        pool = pool_of(network, family)
        if pool is not None:
            given |= _give(network, list(nodes.order_by("pk")[:limit]), family, pool, now)
    if given:
        record_change(network=network, kind=ChangeKind.NODES, facts=node_facts(network.pk, given), cause=cause, now=now)
    return len(given)


def _lacking(network_id: int) -> dict[int, QuerySet[Node]]:
    """By family that the network has: its nodes without an address of it."""
    ranges = Network.objects.filter(pk=network_id).values_list("ipv4_range", "ipv6_range").first()
    families = [family for family, text in zip((4, 6), ranges or (None, None), strict=True) if text]
    return {
        family: Node.objects.filter(
            ~Exists(Address.objects.filter(node=OuterRef("pk"), family=family)), network_id=network_id
        )
        for family in families
    }


def _give(network: Network, nodes: list[Node], family: int, pool: Pool, now: datetime) -> set[int]:
    given: set[int] = set()
    for node in nodes:
        try:
            _hold(network, node, {family: pool}, now)
        except ResourceExhaustedError:
            log.warning("addresses.exhausted", network=network.name, family=family, without=len(nodes) - len(given))
            break
        given.add(node.pk)
    return given


def release_addresses(*, network: Network, node: Node, now: datetime) -> None:
    """Puts all addresses of ``node`` into quarantine. They stay there until no map with them can be in force."""
    until = now + timedelta(seconds=network.quarantine_seconds)
    Address.objects.filter(node=node).update(node=None, fixed=False, quarantined_until=until)


def fix_address(*, network: Network, node: Node, address: str, now: datetime) -> Address:
    """Gives ``node`` the very ``address`` in place of its present one of that family, which goes into quarantine.

    An administrator may take an address out of quarantine early. Raises ValidationError if it is not an address of
    the network's pools that may be given out, ConflictError if a node holds it.
    """
    try:
        wanted = ip_address(address)
    except ValueError as error:
        raise ValidationError(f"{address!r} is not an IP address.") from error
    if isinstance(wanted, IPv6Address) and wanted.scope_id is not None:
        raise ValidationError("An address of the mesh has no zone.")
    pool = pool_of(network, wanted.version)
    if pool is None:
        raise ValidationError(f"The network has no IPv{wanted.version} range.")
    pool.check_fixed(wanted)
    row = Address.objects.filter(network=network, packed=pack(wanted)).first()
    if row is not None and row.node_id is not None and row.node_id != node.pk:
        raise ConflictError(f"{wanted} is held by {row.node}.")
    until = now + timedelta(seconds=network.quarantine_seconds)
    others = Address.objects.filter(node=node, family=wanted.version).exclude(packed=pack(wanted))
    others.update(node=None, fixed=False, quarantined_until=until)
    if row is None:
        row = _row(network, node, wanted)
    row.node, row.fixed, row.quarantined_until = node, True, None
    row.save()
    return row


def _hold(network: Network, node: Node, pools: Mapping[int, Pool], now: datetime) -> list[Address]:
    """One address of each pool. The new rows, and how far the network's pools are used up, are written together."""
    before = (network.ipv4_cursor, network.ipv6_cursor)
    found = {family: _never_used(network, family, pool) for family, pool in pools.items()}
    if (network.ipv4_cursor, network.ipv6_cursor) != before:
        network.save(update_fields=["ipv4_cursor", "ipv6_cursor"])
    new = [_row(network, node, address) for address in found.values() if address is not None]
    rows = {row.family: row for row in Address.objects.bulk_create(new)}
    return [rows.get(family) or _released(network, node, family, pool, now) for family, pool in pools.items()]


def _released(network: Network, node: Node, family: int, pool: Pool, now: datetime) -> Address:
    """The address that was released the longest ago, for ``node``. Raises ResourceExhaustedError."""
    released = (
        Address.objects.filter(network=network, family=family, node=None, quarantined_until__lte=now)
        .order_by("quarantined_until")
        .iterator(chunk_size=100)
    )
    for row in released:
        # An address may have been excluded, or the range moved, since it was last held.
        if pool.is_allocatable(ip_address(row.address)):
            row.node, row.quarantined_until = node, None
            row.save(update_fields=["node", "quarantined_until"])
            return row
    raise ResourceExhaustedError(f"The network has no free IPv{family} address.")


def _never_used(network: Network, family: int, pool: Pool) -> IPv4Address | IPv6Address | None:
    """The next address that nobody ever had; how far the pool is used up since stands in ``network``, not saved."""
    field = "ipv4_cursor" if family == 4 else "ipv6_cursor"
    cursor = before = int(getattr(network, field))
    found: IPv4Address | IPv6Address | None = None
    # Up to the end of the range: behind it lie all addresses of the other family.
    last = pack(pool.network.broadcast_address)
    rows = Address.objects.filter(network=network, packed__lte=last).order_by("packed").values_list("packed", flat=True)
    known: set[str] = set()
    known_until, limit = "", 1
    while found is None and (candidate := pool.next_candidate(cursor)) is not None:
        address, cursor = candidate
        packed = pack(address)
        # Only addresses that an administrator fixed, or those passed before a change of exclusions, have a row here.
        if packed > known_until:
            stretch = list(rows.filter(packed__gte=packed)[:limit])
            known, known_until, limit = set(stretch), stretch[-1] if stretch else packed, STRIDE
        if packed not in known:
            found = address
    if cursor != before:
        setattr(network, field, cursor if family == 4 else str(cursor))
    return found


def _row(network: Network, node: Node, address: IPv4Address | IPv6Address) -> Address:
    return Address(network=network, node=node, family=address.version, address=str(address), packed=pack(address))
