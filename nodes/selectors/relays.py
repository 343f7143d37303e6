"""Which relays agents are told of."""

from __future__ import annotations

from mesh.relay_health import regions_in_maps
from nodes.models import RelayRegion, RelayServer


def relays_in_maps(*, network_id: int) -> list[tuple[RelayRegion, list[RelayServer]]]:
    """The regions of a network that stand in its maps, by number, each with those of its servers that do: two
    queries."""
    regions = {
        region.pk: region for region in RelayRegion.objects.filter(network_id=network_id).prefetch_related("servers")
    }
    servers = {server.pk: server for region in regions.values() for server in region.servers.all()}
    told = regions_in_maps(
        {pk: {server.pk: server.alive for server in region.servers.all()} for pk, region in regions.items()}
    )
    return [(regions[pk], [servers[server] for server in ids]) for pk, ids in told.items()]


def regions_told(*, network_id: int) -> set[int]:
    """The numbers of the regions that stand in a network's maps: where a node may have its home."""
    return {region.number for region, _ in relays_in_maps(network_id=network_id)}
