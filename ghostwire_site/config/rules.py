"""Rules that hold between several keys."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from ghostwire_site.config.values import format_duration

if TYPE_CHECKING:
    from ghostwire_site.config.load import Config

Finding = tuple[tuple[str, ...], str]


def contradictions(config: Config, given: set[tuple[str, ...]]) -> tuple[list[Finding], list[Finding]]:
    """Find keys that contradict each other (faults) and keys that have no effect beside others (notes).

    ``given`` holds the paths of the keys that the file or the environment set.
    """
    return [*_network_faults(config)], [*_notes(config, given)]


def _network_faults(config: Config) -> list[Finding]:
    network = config.network
    faults: list[Finding] = []
    if network.quarantine < network.lease:
        message = (
            f"{format_duration(network.quarantine)} is shorter than network.lease "
            f"({format_duration(network.lease)}): an agent out of contact could still send to a reused address"
        )
        faults.append((("network", "quarantine"), message))
    if network.lease < 3 * network.keepalive_interval:
        message = (
            f"{format_duration(network.lease)} is shorter than three heartbeats "
            f"({format_duration(network.keepalive_interval)} each): agents would drop their peers between them"
        )
        faults.append((("network", "lease"), message))
    if config.database.connections < config.database.processes:
        message = f"{config.database.connections} cannot be shared by {config.database.processes} processes"
        faults.append((("database", "connections"), message))
    pools: list[IPv4Network | IPv6Network] = [network.ipv4_range]
    pools += [network.ipv6_network] if network.ipv6_network else []
    for excluded in network.exclude:
        unknowable = excluded.version == 6 and network.ipv6_is_random
        if not unknowable and not any(excluded.overlaps(pool) for pool in pools):
            faults.append((("network", "exclude"), f"{excluded} lies in no pool of this network"))
    return faults


def _notes(config: Config, given: set[tuple[str, ...]]) -> list[Finding]:
    notes: list[Finding] = []
    if config.database.url:
        notes += [
            (("database", key), "has no effect: database.url names a PostgreSQL")
            for key in ("path", "cache_size", "parallel_writes")
            if ("database", key) in given
        ]
    else:
        notes += [
            (("database", key), "has no effect on SQLite")
            for key in ("connections", "processes", "statement_timeout", "lock_timeout")
            if ("database", key) in given
        ]
    schemes = {url.split(":", 1)[0] for url in config.server.public_urls}
    if len(schemes) > 1:
        notes.append((("server", "public_urls"), "http beside https: cookies are not Secure"))
    if isinstance(config.network.ipv6_range, IPv6Network) and not config.network.ipv6_range.is_private:
        notes.append((("network", "ipv6_range"), "is not a private range (RFC 4193): make sure that it is yours"))
    return notes
