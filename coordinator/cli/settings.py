"""A network's settings as commands show, read and compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from coordinator.admin_api.serializers.dns_records import DnsRecordOut
from coordinator.admin_api.serializers.networks import NetworkOut
from coordinator.admin_api.serializers.relays import RelayOut
from coordinator.cli.results import Card, Cell, Column, Listing, shaped_by
from coordinator.cli.terminal import note
from coordinator.cli.times import exact
from mesh.errors import FieldError, ValidationError
from nodes.models import Address, DnsRecord, Network, RelayRegion

# The key of the configuration file that each setting of a network comes from.
CONFIGURATION_KEYS: Final = {
    "domain": "domain",
    "ipv4_range": "ipv4_range",
    "ipv6_range": "ipv6_range",
    "excluded": "exclude",
    "keepalive_seconds": "keepalive_interval",
    "grace_seconds": "grace_period",
    "lease_seconds": "lease",
    "quarantine_seconds": "quarantine",
    "max_peers": "max_peers",
    "key_rotation_seconds": "key_rotation",
    "approve_nodes": "approve_nodes",
    "magic_dns": "dns.magic_dns",
    "nameservers": "dns.nameservers",
    "split_dns": "dns.split",
    "search_domains": "dns.search_domains",
}

network_shape: Final = shaped_by(NetworkOut)


def counted_networks() -> QuerySet[Network]:
    """All networks, each with ``node_count`` and ``online_count``."""
    online = Count("nodes", filter=Q(nodes__online=True))
    return Network.objects.annotate(node_count=Count("nodes"), online_count=online)


NETWORK_COLUMNS: Final = (
    Column("Id", lambda network: str(network.pk), keep=True, right=True),
    Column("Name", lambda network: network.name),
    Column("Domain", lambda network: network.domain),
    Column("IPv4", lambda network: network.ipv4_range, keep=True),
    Column("IPv6", lambda network: network.ipv6_range or "none", wide=True, keep=True),
    Column("Nodes", lambda network: str(network.node_count), keep=True, right=True),
    Column("Online", lambda network: str(network.online_count), keep=True, right=True),
    Column("Map", lambda network: str(network.map_version), keep=True, right=True),
)


def network_card(network: Network) -> Card:
    """``network show``: with the DNS records and the relays, which the API answers by themselves."""
    nodes, online = network.nodes.count(), network.nodes.filter(online=True).count()
    held = Address.objects.filter(network=network, node__isnull=False).count()
    resting = Address.objects.filter(network=network, node=None).count()
    split = [f"{domain} by {', '.join(servers)}" for domain, servers in network.split_dns.items()]
    fields: list[tuple[str, Cell]] = [
        ("Name", network.name),
        ("Domain", network.domain),
        ("IPv4 range", network.ipv4_range),
        ("IPv6 range", network.ipv6_range or "none"),
        ("Never given out", _words(network.excluded)),
        ("Nodes", f"{nodes}, {online} online"),
        ("Addresses", f"{held} held, {resting} in quarantine"),
        ("Keepalive interval", exact(network.keepalive_seconds)),
        ("Grace period", exact(network.grace_seconds)),
        ("Lease", exact(network.lease_seconds)),
        ("Quarantine", exact(network.quarantine_seconds)),
        ("Peers a node", f"at most {network.max_peers}"),
        ("Key rotation", exact(network.key_rotation_seconds) if network.key_rotation_seconds else "never"),
        ("New nodes", "wait for approval" if network.approve_nodes else "come in with an auth key"),
        ("MagicDNS", "on" if network.magic_dns else "off"),
        ("Nameservers", _words(network.nameservers)),
        ("Split DNS", _words(split)),
        ("Search domains", _words(network.search_domains)),
        ("Map version", f"{network.map_version} (epoch {network.epoch})"),
        ("Policy version", str(network.policy_version)),
    ]
    records = list(DnsRecord.objects.filter(network=network))
    regions = list(RelayRegion.objects.filter(network=network).prefetch_related("servers"))
    record_columns = [
        Column("Name", lambda record: record.name),
        Column("Type", lambda record: record.type, keep=True),
        Column("Value", lambda record: record.value, keep=True),
    ]
    region_columns = [
        Column("Region", lambda region: str(region.number), keep=True, right=True),
        Column("Code", lambda region: region.code, keep=True),
        Column("Name", lambda region: region.name),
        Column("Servers", lambda region: _words([f"{item.host}:{item.port}" for item in region.servers.all()])),
    ]
    lists = (
        ("DNS records", Listing(records, record_columns, "There are none.")),
        ("Relay regions", Listing(regions, region_columns, "There are none.")),
    )

    def shape(value: Network) -> Mapping[str, Any]:
        more = {
            "dns_records": DnsRecordOut(records, many=True).data,
            "relay_regions": RelayOut(regions, many=True).data,
        }
        return {**NetworkOut(value).data, **more}

    return Card(network, fields, lists, shape=shape)


def _words(items: list[str]) -> str:
    return ", ".join(items) or "none"


def read_list(items: Iterable[str]) -> list[str]:
    """What a repeated option gives; ``none`` empties the list."""
    wanted = [part.strip() for item in items for part in item.split(",") if part.strip()]
    return [] if wanted == ["none"] else wanted


def read_split_dns(items: Iterable[str]) -> dict[str, list[str]]:
    """``corp.example=10.0.0.53,10.0.0.54``, repeated; ``none`` empties it. Raises ValidationError."""
    found: dict[str, list[str]] = {}
    given = list(items)
    if given == ["none"]:
        return found
    for item in given:
        domain, _, servers = item.partition("=")
        addresses = [server.strip() for server in servers.split(",") if server.strip()]
        if not addresses:
            raise ValidationError(f"{item!r}: write a domain and its name servers, as corp.example=10.0.0.53.")
        found[domain.strip()] = addresses
    return found


@contextmanager
def keys_named() -> Iterator[None]:
    """Lets errors of the service name a setting as the command line and the configuration do."""
    try:
        yield
    except ValidationError as error:
        faults = tuple(
            FieldError(CONFIGURATION_KEYS.get(fault.field, fault.field), fault.message) for fault in error.errors
        )
        raise ValidationError("These settings are refused.", errors=faults) from error


def kept_by_configuration(network: Network, changed: Iterable[str]) -> list[str]:
    """Which of the settings the configuration gives: at the next start of the server its word holds again."""
    config = settings.GHOSTWIRE.network
    if config.name != network.name:
        return []
    given = set(config.model_fields_set)
    if "dns" in given:
        given |= {f"dns.{key}" for key in config.dns.model_fields_set}
    return [f"network.{key}" for name in changed if (key := CONFIGURATION_KEYS[name]) in given]


def note_if_configured(network: Network, *path: str) -> None:
    """Says so if the configuration gives what was changed, such as ``dns``, ``records``: its word holds again at the
    next start of the server."""
    section: Any = settings.GHOSTWIRE.network
    if section.name != network.name:
        return
    for key in path:
        if key not in section.model_fields_set:
            return
        section = getattr(section, key)
    words = ".".join(path)
    note(f"network.{words} stands in the configuration: what it says there holds again when the server next starts.")
