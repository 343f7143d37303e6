from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from ghostwire_site.config import ConfigError, load
from ghostwire_site.config.load import Loaded
from ghostwire_site.config.model import HOME

Build = Callable[..., Loaded]

SEED = """\
# Server configuration
server:
  listen_addr: "0.0.0.0:8080"

# Network configuration
network:
  ipv4_range: "10.1.0.0/16"         # IPv4 allocation pool
  ipv6_range: "fd7a:115c:a1e0::/48" # IPv6 allocation pool (optional)
  keepalive_interval: "30s"         # Heartbeat interval

# Authentication
auth:
  session_timeout: "24h"            # Session token lifetime

# Database
database:
  path: "/var/lib/ghostwire/db.sqlite"
  cache_size: "256MB"
  parallel_writes: true
"""


def test_the_documented_example_is_read(build_config: Build) -> None:
    config = build_config(SEED).config

    assert str(config.server.listen_addr) == "0.0.0.0:8080"
    assert config.network.ipv4_range == IPv4Network("10.1.0.0/16")
    assert config.network.ipv6_network == IPv6Network("fd7a:115c:a1e0::/48")
    assert config.network.keepalive_interval == timedelta(seconds=30)
    assert config.auth.session_timeout == timedelta(hours=24)
    assert config.sqlite_path == Path("/var/lib/ghostwire/db.sqlite")
    assert config.database.cache_size == 256_000_000
    assert config.database.parallel_writes is True


def test_without_a_file_everything_has_a_default(build_config: Build) -> None:
    config = build_config().config

    assert config.server.data_dir == HOME / "var"
    assert config.sqlite_path == HOME / "var" / "db.sqlite"
    assert config.network.quarantine >= config.network.lease
    assert config.redis.url is None


def test_an_absent_ipv6_range_is_random_and_null_is_none(build_config: Build) -> None:
    absent = build_config("network: {}").config.network
    null = build_config("network:\n  ipv6_range: null\n").config.network

    assert (absent.ipv6_is_random, absent.ipv6_network) == (True, None)
    assert (null.ipv6_is_random, null.ipv6_network) == (False, None)


def test_an_empty_section_is_one_without_keys(build_config: Build) -> None:
    assert build_config("redis:\nserver:\n").config == build_config().config


def test_a_configuration_cannot_be_changed(build_config: Build) -> None:
    config = build_config().config

    with pytest.raises(ValueError, match="frozen"):
        config.network.max_peers = 1
    with pytest.raises(ValueError, match="frozen"):
        config.server = config.server


def test_relative_paths_count_from_the_folder_of_manage_py(
    build_config: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")

    assert build_config("server: {data_dir: data/one}").config.server.data_dir == HOME / "data" / "one"


def test_the_file_is_the_one_that_the_environment_names(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("server: {name: Mine}")

    assert load({"GHOSTWIRE_CONFIG": str(path)}).config.server.name == "Mine"


def test_a_named_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"

    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load({"GHOSTWIRE_CONFIG": str(path)})


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("database: {url: postgresql://db/gw, cache_size: 1MB, path: /x}", ["database.path", "database.cache_size"]),
        ("database: {connections: 50}", ["database.connections"]),
        ("database: {lock_timeout: 5s, processes: 2}", ["database.processes", "database.lock_timeout"]),
        ("server: {public_urls: [https://a.example, http://b.example]}", ["server.public_urls"]),
        ('network: {ipv6_range: "2001:db8::/48"}', []),
        ('network: {ipv6_range: "2a00:1:2::/48"}', ["network.ipv6_range"]),
        ("", []),
    ],
)
def test_keys_without_effect_are_noted(build_config: Build, text: str, keys: list[str]) -> None:
    assert [note.key for note in build_config(text).notes] == keys


def test_the_origin_of_each_value_is_known(build_config: Build) -> None:
    loaded = build_config("network:\n  max_peers: 5\n", GHOSTWIRE_AUTH__SESSION_TIMEOUT="1h")

    assert loaded.origin(("network", "max_peers")) == "ghostwire.yaml, line 2"
    assert loaded.origin(("auth", "session_timeout")) == "GHOSTWIRE_AUTH__SESSION_TIMEOUT"
    assert loaded.origin(("network", "lease")) == "default"
