"""Makes the network that the configuration describes, and keeps it as the configuration says."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from acl.services.rules import own_devices_rule
from mesh.addressing import random_ula
from mesh.change import Cause, ChangeKind
from mesh.relay_health import Health
from nodes.changes import lock_network, record_change
from nodes.facts import network_facts
from nodes.models import DnsRecord, Network, RelayRegion, RelayServer
from nodes.services.dns import write_record
from nodes.services.network import write_settings
from nodes.services.relays import health_of, record_relays, save_checked, set_health, where_of

CAUSE: Final = Cause.system("configuration")


def ensure_network(*, config: Any, now: datetime, random5: bytes) -> Network:
    """The network named in the configuration's section ``network``, made at the first start.

    At every start the keys that are given in the file or the environment win over what was changed in the portal;
    keys that are not given leave it alone. ``random5``: 5 random bytes for the network's own IPv6 range. Raises
    ValidationError and ConflictError in the words of the setting at fault.
    """
    wanted = config.network
    network = Network.objects.filter(name=wanted.name).first()
    if network is None:
        try:
            return _create(wanted, now, random5)
        except IntegrityError:
            # Another worker that starts at the same moment made it; unless that is why, the error stands.
            network = Network.objects.filter(name=wanted.name).first()
            if network is None:
                raise
    return _bring_in_line(network.pk, wanted, now)


@transaction.atomic
def _create(wanted: Any, now: datetime, random5: bytes) -> Network:
    settings = _settings(wanted)
    if wanted.ipv6_is_random:
        settings["ipv6_range"] = str(random_ula(random5))
    network = Network(name=wanted.name)
    write_settings(network=network, changes=settings)
    network = lock_network(network.pk)
    own_devices_rule(network=network)
    _write_relays(network, wanted.relays)
    _write_records(network, wanted.dns.records)
    _record(network, now)
    return network


@transaction.atomic
def _bring_in_line(network_id: int, wanted: Any, now: datetime) -> Network:
    network = lock_network(network_id)
    given = set(wanted.model_fields_set)
    changed = write_settings(network=network, changes=_settings(wanted, only=given))
    if "dns" in given and "records" in wanted.dns.model_fields_set:
        changed |= _write_records(network, wanted.dns.records)
    if "relays" in given and _write_relays(network, wanted.relays):
        record_relays(network=network, cause=CAUSE, now=now)
    elif changed:
        _record(network, now)
    return network


def _record(network: Network, now: datetime) -> None:
    facts = network_facts(network.pk)
    record_change(network=network, kind=ChangeKind.NETWORK, facts=facts, cause=CAUSE, now=now)


def _settings(wanted: Any, *, only: set[str] | None = None) -> dict[str, Any]:
    """The network's settings by the names of the model; with ``only`` those whose keys are in it."""
    values: dict[str, tuple[str, Any]] = {
        "domain": ("domain", str(wanted.domain)),
        "ipv4_range": ("ipv4_range", str(wanted.ipv4_range)),
        "ipv6_range": ("ipv6_range", None if wanted.ipv6_network is None else str(wanted.ipv6_network)),
        "excluded": ("exclude", [str(item) for item in wanted.exclude]),
        "keepalive_seconds": ("keepalive_interval", _seconds(wanted.keepalive_interval)),
        "grace_seconds": ("grace_period", _seconds(wanted.grace_period)),
        "lease_seconds": ("lease", _seconds(wanted.lease)),
        "quarantine_seconds": ("quarantine", _seconds(wanted.quarantine)),
        "max_peers": ("max_peers", wanted.max_peers),
        "key_rotation_seconds": ("key_rotation", _seconds(wanted.key_rotation) if wanted.key_rotation else 0),
        "approve_nodes": ("approve_nodes", wanted.approve_nodes),
    }
    settings = {name: value for name, (key, value) in values.items() if only is None or key in only}
    if wanted.ipv6_is_random:
        settings.pop("ipv6_range", None)
    if only is None or "dns" in only:
        dns = {
            "magic_dns": ("magic_dns", wanted.dns.magic_dns),
            "nameservers": ("nameservers", [str(item) for item in wanted.dns.nameservers]),
            "split_dns": (
                "split",
                {str(domain): [str(item) for item in servers] for domain, servers in wanted.dns.split.items()},
            ),
            "search_domains": ("search_domains", [str(item) for item in wanted.dns.search_domains]),
        }
        given = wanted.dns.model_fields_set
        settings |= {name: value for name, (key, value) in dns.items() if only is None or key in given}
    return settings


def _seconds(duration: Any) -> int:
    return int(duration.total_seconds())


def _write_relays(network: Network, regions: Any) -> bool:
    """Makes the regions and servers exactly those of the configuration; returns whether anything differs."""
    wanted = {
        region.id: (
            region.code,
            region.name,
            {
                server.name: (
                    str(server.host),
                    None if server.ipv4 is None else str(server.ipv4),
                    None if server.ipv6 is None else str(server.ipv6),
                    server.port,
                    server.stun_port,
                )
                for server in region.servers
            },
        )
        for region in regions
    }
    present = {
        region.number: (
            region.code,
            region.name,
            {s.name: (s.host, s.ipv4, s.ipv6, s.port, s.stun_port) for s in region.servers.all()},
        )
        for region in RelayRegion.objects.filter(network=network).prefetch_related("servers")
    }
    if present == wanted:
        return False
    rows = RelayServer.objects.filter(region__network=network).select_related("region")
    # A server that stays where it is has not become another one because something else was edited.
    known = {(server.region.number, server.name, *where_of(server)): health_of(server) for server in rows}
    RelayRegion.objects.filter(network=network).delete()
    for number, (code, name, servers) in wanted.items():
        region = RelayRegion(network=network, number=number, code=code, name=name)
        save_checked(region)
        for server_name, (host, ipv4, ipv6, port, stun_port) in servers.items():
            server = RelayServer(
                region=region,
                name=server_name,
                host=host,
                ipv4=ipv4,
                ipv6=ipv6,
                port=port,
                stun_port=stun_port,
            )
            set_health(server, known.get((number, server_name, *where_of(server)), Health()))
            save_checked(server)
    return True


def _write_records(network: Network, records: Any) -> bool:
    """Makes the DNS records exactly those of the configuration; returns whether anything differs."""
    wanted = {(str(record.name), record.type, str(record.value)) for record in records}
    rows = DnsRecord.objects.filter(network=network)
    if {(row.name, row.type, row.value) for row in rows} == wanted:
        return False
    rows.delete()
    for name, type_, value in sorted(wanted):
        write_record(network=network, record=DnsRecord(network=network), name=name, type=type_, value=value)
    return True
