"""A network's settings as commands show, read and compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings

from coordinator.cli.results import Card, Cell, Column, Listing, Value
from coordinator.cli.times import exact
from mesh.errors import FieldError, ValidationError
from nodes.models import Address, DnsRecord, Network, Node, RelayRegion

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
    "magic_dns": "dns.magic_dns",
    "nameservers": "dns.nameservers",
    "split_dns": "dns.split",
    "search_domains": "dns.search_domains",
}


def network_value(network: Network) -> dict[str, Any]:
    """A network for programs."""
    regions = RelayRegion.objects.filter(network=network).prefetch_related("servers")
    return {
        "id": network.pk,
        "name": network.name,
        "domain": network.domain,
        "ipv4_range": network.ipv4_range,
        "ipv6_range": network.ipv6_range or None,
        "excluded": list(network.excluded),
        "keepalive_seconds": network.keepalive_seconds,
        "grace_seconds": network.grace_seconds,
        "lease_seconds": network.lease_seconds,
        "quarantine_seconds": network.quarantine_seconds,
        "max_peers": network.max_peers,
        "magic_dns": network.magic_dns,
        "nameservers": list(network.nameservers),
        "split_dns": dict(network.split_dns),
        "search_domains": list(network.search_domains),
        "dns_records": [
            {"name": row.name, "type": row.type, "value": row.value}
            for row in DnsRecord.objects.filter(network=network)
        ],
        "relay_regions": [
            {
                "number": region.number,
                "code": region.code,
                "name": region.name,
                "servers": [
                    {
                        "name": server.name,
                        "host": server.host,
                        "ipv4": server.ipv4,
                        "ipv6": server.ipv6,
                        "port": server.port,
                        "stun_port": server.stun_port,
                    }
                    for server in region.servers.all()
                ],
            }
            for region in regions
        ],
        "nodes": Node.objects.filter(network=network).count(),
        "online": Node.objects.filter(network=network, online=True).count(),
        "addresses_held": Address.objects.filter(network=network, node__isnull=False).count(),
        "addresses_in_quarantine": Address.objects.filter(network=network, node=None).count(),
        "epoch": network.epoch,
        "map_version": network.map_version,
        "policy_version": network.policy_version,
        "created_at": network.created_at,
    }


NETWORK_COLUMNS: Final = (
    Column("Id", lambda value: str(value["id"]), keep=True, right=True),
    Column("Name", lambda value: value["name"]),
    Column("Domain", lambda value: value["domain"]),
    Column("IPv4", lambda value: value["ipv4_range"], keep=True),
    Column("IPv6", lambda value: value["ipv6_range"] or "none", wide=True, keep=True),
    Column("Nodes", lambda value: str(value["nodes"]), keep=True, right=True),
    Column("Online", lambda value: str(value["online"]), keep=True, right=True),
    Column("Map", lambda value: str(value["map_version"]), keep=True, right=True),
)


def network_card(value: Value) -> Card:
    """``network show``."""
    split = [f"{domain} by {', '.join(servers)}" for domain, servers in value["split_dns"].items()]
    fields: list[tuple[str, Cell]] = [
        ("Name", value["name"]),
        ("Domain", value["domain"]),
        ("IPv4 range", value["ipv4_range"]),
        ("IPv6 range", value["ipv6_range"] or "none"),
        ("Never given out", _words(value["excluded"])),
        ("Nodes", f"{value['nodes']}, {value['online']} online"),
        ("Addresses", f"{value['addresses_held']} held, {value['addresses_in_quarantine']} in quarantine"),
        ("Keepalive interval", exact(value["keepalive_seconds"])),
        ("Grace period", exact(value["grace_seconds"])),
        ("Lease", exact(value["lease_seconds"])),
        ("Quarantine", exact(value["quarantine_seconds"])),
        ("Peers a node", f"at most {value['max_peers']}"),
        ("MagicDNS", "on" if value["magic_dns"] else "off"),
        ("Nameservers", _words(value["nameservers"])),
        ("Split DNS", _words(split)),
        ("Search domains", _words(value["search_domains"])),
        ("Map version", f"{value['map_version']} (epoch {value['epoch']})"),
        ("Policy version", str(value["policy_version"])),
    ]
    records = [
        Column("Name", lambda row: row["name"]),
        Column("Type", lambda row: row["type"], keep=True),
        Column("Value", lambda row: row["value"], keep=True),
    ]
    regions = [
        Column("Region", lambda row: str(row["number"]), keep=True, right=True),
        Column("Code", lambda row: row["code"], keep=True),
        Column("Name", lambda row: row["name"]),
        Column("Servers", lambda row: _words([f"{s['host']}:{s['port']}" for s in row["servers"]])),
    ]
    lists = (
        ("DNS records", Listing(value["dns_records"], records, "There are none.")),
        ("Relay regions", Listing(value["relay_regions"], regions, "There are none.")),
    )
    return Card(value, fields, lists)


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
