from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from ghostwire_site.config.load import Loaded
from ghostwire_site.config.model import SECTIONS
from ghostwire_site.config.schema import walk
from ghostwire_site.config.values import Rate

Build = Callable[..., Loaded]


ENVIRONMENT: dict[str, tuple[str, Callable[[Any], object], object]] = {
    "GHOSTWIRE_SERVER__NAME": ("Berlin", lambda c: c.server.name, "Berlin"),
    "GHOSTWIRE_SERVER__LISTEN_ADDR": ("127.0.0.1:9", lambda c: str(c.server.listen_addr), "127.0.0.1:9"),
    "GHOSTWIRE_SERVER__DATA_DIR": ("/srv/gw", lambda c: c.server.data_dir, Path("/srv/gw")),
    "GHOSTWIRE_SERVER__PUBLIC_URLS": (
        "https://a.example, http://b.example:8080",
        lambda c: c.server.public_urls,
        ("https://a.example", "http://b.example:8080"),
    ),
    "GHOSTWIRE_SERVER__TRUSTED_PROXIES": (
        '["10.0.0.0/8"]',
        lambda c: c.server.trusted_proxies,
        (IPv4Network("10.0.0.0/8"),),
    ),
    "GHOSTWIRE_NETWORK__NAME": ("office", lambda c: c.network.name, "office"),
    "GHOSTWIRE_NETWORK__DOMAIN": ("corp.ghost", lambda c: c.network.domain, "corp.ghost"),
    "GHOSTWIRE_NETWORK__IPV4_RANGE": ("10.9.0.0/24", lambda c: str(c.network.ipv4_range), "10.9.0.0/24"),
    "GHOSTWIRE_NETWORK__IPV6_RANGE": ("null", lambda c: c.network.ipv6_range, None),
    "GHOSTWIRE_NETWORK__EXCLUDE": ("10.1.0.9,10.1.1.0/24", lambda c: len(c.network.exclude), 2),
    "GHOSTWIRE_NETWORK__KEEPALIVE_INTERVAL": ("10s", lambda c: c.network.keepalive_interval, timedelta(seconds=10)),
    "GHOSTWIRE_NETWORK__GRACE_PERIOD": ("5s", lambda c: c.network.grace_period, timedelta(seconds=5)),
    "GHOSTWIRE_NETWORK__LEASE": ("1h", lambda c: c.network.lease, timedelta(hours=1)),
    "GHOSTWIRE_NETWORK__QUARANTINE": ("2d", lambda c: c.network.quarantine, timedelta(days=2)),
    "GHOSTWIRE_NETWORK__MAX_PEERS": ("7", lambda c: c.network.max_peers, 7),
    "GHOSTWIRE_NETWORK__KEY_ROTATION": ("7d", lambda c: c.network.key_rotation, timedelta(days=7)),
    "GHOSTWIRE_NETWORK__APPROVE_NODES": ("true", lambda c: c.network.approve_nodes, True),
    "GHOSTWIRE_NETWORK__PUSH_INTERVAL": ("0s", lambda c: c.network.push_interval, timedelta(0)),
    "GHOSTWIRE_NETWORK__DNS__MAGIC_DNS": ("false", lambda c: c.network.dns.magic_dns, False),
    "GHOSTWIRE_NETWORK__DNS__NAMESERVERS": ("9.9.9.9", lambda c: c.network.dns.nameservers, (ip_address("9.9.9.9"),)),
    "GHOSTWIRE_NETWORK__DNS__SPLIT": (
        '{"corp.example": ["10.0.0.53"]}',
        lambda c: c.network.dns.split,
        {"corp.example": (ip_address("10.0.0.53"),)},
    ),
    "GHOSTWIRE_NETWORK__DNS__SEARCH_DOMAINS": (
        "a.example,b.example",
        lambda c: c.network.dns.search_domains,
        ("a.example", "b.example"),
    ),
    "GHOSTWIRE_NETWORK__DNS__RECORDS": (
        '[{"name": "nas.mycompany.ghost", "type": "AAAA", "value": "fd00::9"}]',
        lambda c: c.network.dns.records[0].value,
        ip_address("fd00::9"),
    ),
    "GHOSTWIRE_NETWORK__RELAYS": (
        '[{"id": 3, "code": "fra", "name": "Frankfurt", "servers": [{"name": "fra-1", "host": "r.example"}]}]',
        lambda c: (c.network.relays[0].id, c.network.relays[0].servers[0].stun_port),
        (3, 3478),
    ),
    "GHOSTWIRE_AUTH__SESSION_TIMEOUT": ("1h", lambda c: c.auth.session_timeout, timedelta(hours=1)),
    "GHOSTWIRE_AUTH__NODE_KEY_LIFETIME": ("90d", lambda c: c.auth.node_key_lifetime, timedelta(days=90)),
    "GHOSTWIRE_AUTH__MAX_NODES_PER_USER": ("3", lambda c: c.auth.max_nodes_per_user, 3),
    "GHOSTWIRE_DATABASE__PATH": ("/srv/db.sqlite", lambda c: c.sqlite_path, Path("/srv/db.sqlite")),
    "GHOSTWIRE_DATABASE__URL": ("postgresql://db/gw", lambda c: str(c.database.url), "postgresql://db/gw"),
    "GHOSTWIRE_DATABASE__CACHE_SIZE": ("1MiB", lambda c: c.database.cache_size, 1_048_576),
    "GHOSTWIRE_DATABASE__PARALLEL_WRITES": ("false", lambda c: c.database.parallel_writes, False),
    "GHOSTWIRE_DATABASE__CONNECTIONS": ("50", lambda c: c.database.connections, 50),
    "GHOSTWIRE_DATABASE__PROCESSES": ("7", lambda c: c.database.processes, 7),
    "GHOSTWIRE_DATABASE__STATEMENT_TIMEOUT": ("2m", lambda c: c.database.statement_timeout, timedelta(minutes=2)),
    "GHOSTWIRE_DATABASE__LOCK_TIMEOUT": ("5s", lambda c: c.database.lock_timeout, timedelta(seconds=5)),
    "GHOSTWIRE_REDIS__URL": ("redis://r:6379/1", lambda c: str(c.redis.url), "redis://r:6379/1"),
    "GHOSTWIRE_REDIS__MAX_CONNECTIONS": ("64", lambda c: c.redis.max_connections, 64),
    "GHOSTWIRE_LOGGING__LEVEL": ("TRACE", lambda c: c.logging.level, "TRACE"),
    "GHOSTWIRE_LOGGING__FORMAT": ("json", lambda c: c.logging.format, "json"),
    "GHOSTWIRE_LIMITS__CHALLENGES_PER_ADDRESS": ("1/s", lambda c: c.limits.challenges_per_address, Rate(1, 1)),
    "GHOSTWIRE_LIMITS__CHALLENGES_IN_ALL": ("2/s", lambda c: c.limits.challenges_in_all, Rate(2, 1)),
    "GHOSTWIRE_LIMITS__REGISTRATIONS_PER_ADDRESS": ("3/s", lambda c: c.limits.registrations_per_address, Rate(3, 1)),
    "GHOSTWIRE_LIMITS__REGISTRATIONS_PER_KEY": ("4/s", lambda c: c.limits.registrations_per_key, Rate(4, 1)),
    "GHOSTWIRE_LIMITS__REGISTRATIONS_IN_ALL": ("5/s", lambda c: c.limits.registrations_in_all, Rate(5, 1)),
    "GHOSTWIRE_RETENTION__ENDPOINTS": ("1d", lambda c: c.retention.endpoints, timedelta(days=1)),
    "GHOSTWIRE_RETENTION__PRESENCE": ("null", lambda c: c.retention.presence, None),
    "GHOSTWIRE_RETENTION__NODES": ("400d", lambda c: c.retention.nodes, timedelta(days=400)),
    "GHOSTWIRE_RETENTION__SESSIONS": ("401d", lambda c: c.retention.sessions, timedelta(days=401)),
    "GHOSTWIRE_RETENTION__POLICY": ("402d", lambda c: c.retention.policy, timedelta(days=402)),
    "GHOSTWIRE_RETENTION__USERS": ("403d", lambda c: c.retention.users, timedelta(days=403)),
    "GHOSTWIRE_RETENTION__NETWORK": ("404d", lambda c: c.retention.network, timedelta(days=404)),
    "GHOSTWIRE_METRICS__ALLOW": (
        "192.0.2.0/24,::1/128",
        lambda c: c.metrics.allow,
        (ip_network("192.0.2.0/24"), ip_network("::1/128")),
    ),
    "GHOSTWIRE_METRICS__TASKS_ADDR": ("127.0.0.1:9101", lambda c: str(c.metrics.tasks_addr), "127.0.0.1:9101"),
    "GHOSTWIRE_METRICS__TOKEN": ("a-token-of-16-chars", lambda c: c.metrics.token, "a-token-of-16-chars"),
    "GHOSTWIRE_RETENTION__AUDIT": ("406d", lambda c: c.retention.audit, timedelta(days=406)),
    "GHOSTWIRE_RETENTION__HISTORY": ("90d", lambda c: c.retention.history, timedelta(days=90)),
    "GHOSTWIRE_RETENTION__CREDENTIALS": ("405d", lambda c: c.retention.credentials, timedelta(days=405)),
}


@pytest.mark.parametrize("variable", ENVIRONMENT)
def test_each_key_can_be_given_as_a_variable(build_config: Build, variable: str) -> None:
    text, read, expected = ENVIRONMENT[variable]

    assert read(build_config(**{variable: text}).config) == expected


def test_the_table_of_variables_is_complete() -> None:
    every_key = {"GHOSTWIRE_" + "__".join(path).upper() for path, _ in walk(SECTIONS)}

    assert set(ENVIRONMENT) == every_key


def test_a_variable_wins_over_the_file(build_config: Build) -> None:
    config = build_config("network: {max_peers: 5, lease: 2h}", GHOSTWIRE_NETWORK__MAX_PEERS="6").config

    assert (config.network.max_peers, config.network.lease) == (6, timedelta(hours=2))


def test_a_mapping_given_as_a_variable_replaces_the_one_in_the_file(build_config: Build) -> None:
    text = 'network: {dns: {magic_dns: false, split: {"a.example": ["10.0.0.1"]}}}'
    dns = build_config(text, GHOSTWIRE_NETWORK__DNS__SPLIT='{"b.example": ["10.0.0.2"]}').config.network.dns

    assert (dns.magic_dns, list(dns.split)) == (False, ["b.example"])


def test_variables_of_others_are_left_alone(build_config: Build) -> None:
    assert build_config(GHOSTWIRE_CONFIG="x", GHOSTWIRE_AGENT_SERVER="x", PATH="y").config == build_config().config
