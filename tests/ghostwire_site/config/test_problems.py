from __future__ import annotations

from collections.abc import Callable

import pytest

from ghostwire_site.config import ConfigError
from ghostwire_site.config.load import Loaded

Build = Callable[..., Loaded]


def problems(build: Callable[[], object]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build()
    return [str(problem) for problem in caught.value.problems]


FAULTS = {
    "an unknown key": (
        "server:\n  name: a\n  pubic_urls: []\n",
        ["ghostwire.yaml, line 3: server.pubic_urls: there is no such key; did you mean 'public_urls'?"],
    ),
    "an unknown section": (
        "server: {}\nnetwrok:\n  lease: 1h\n",
        ["ghostwire.yaml, line 2: netwrok: there is no such key; did you mean 'network'?"],
    ),
    "an unknown key deep inside": (
        "network:\n  relays:\n    - id: 1\n      code: fra\n      name: Frankfurt\n      servers:\n"
        "        - name: a\n          host: r.example\n          stun: 1\n",
        ["ghostwire.yaml, line 9: network.relays[0].servers[0].stun: there is no such key; did you mean 'stun_port'?"],
    ),
    "a key twice": (
        "network:\n  lease: 1h\n  max_peers: 5\n  lease: 2h\n",
        ["ghostwire.yaml, line 4: network.lease: stands twice in this section (first on line 2)"],
    ),
    "a section twice": (
        "server: {}\nserver: {}\n",
        ["ghostwire.yaml, line 2: server: stands twice in this section (first on line 1)"],
    ),
    "a missing member": (
        "network:\n  relays:\n    - id: 1\n      code: fra\n",
        ["ghostwire.yaml, line 3: network.relays[0].name: is missing"],
    ),
    "a duration without unit": (
        "network:\n  keepalive_interval: 30\n",
        [
            "ghostwire.yaml, line 2: network.keepalive_interval: 30 is not a duration; "
            "write a number and a unit, as 250ms, 30s, 5m, 24h or 7d"
        ],
    ),
    "a duration out of bounds": (
        "network:\n  keepalive_interval: 1h\n",
        ["ghostwire.yaml, line 2: network.keepalive_interval: 1h is not between 1s and 10m"],
    ),
    "a fraction of a second": (
        "network:\n  grace_period: 1500ms\n",
        ["ghostwire.yaml, line 2: network.grace_period: 1500ms is not a whole number of seconds"],
    ),
    "a number out of bounds": (
        "database:\n  connections: 0\n",
        ["ghostwire.yaml, line 2: database.connections: should be greater than or equal to 1 (it is 0)"],
    ),
    "an item of a list": (
        "network:\n  exclude:\n    - 10.1.0.1\n    - nonsense\n",
        [
            "ghostwire.yaml, line 4: network.exclude[1]: 'nonsense' is not an address, a network or a range "
            "such as 10.1.0.10-10.1.0.20"
        ],
    ),
    "IPv6 where IPv4 belongs": (
        "network:\n  ipv4_range: fd00::/48\n",
        ["ghostwire.yaml, line 2: network.ipv4_range: 'fd00::/48' is not an IPv4 network"],
    ),
    "addresses that nobody can use": (
        "network:\n  ipv4_range: 127.0.0.0/8\n",
        [
            "ghostwire.yaml, line 2: network.ipv4_range: '127.0.0.0/8' cannot be given to nodes "
            "(loopback, link-local, multicast or unspecified)"
        ],
    ),
    "a quarantine shorter than the lease": (
        "network:\n  lease: 2d\n  quarantine: 24h\n",
        [
            "ghostwire.yaml, line 3: network.quarantine: 24h is shorter than network.lease (48h): "
            "an agent out of contact could still send to a reused address"
        ],
    ),
    "a lease shorter than heartbeats": (
        "network:\n  keepalive_interval: 10m\n  lease: 20m\n",
        [
            "ghostwire.yaml, line 3: network.lease: 20m is shorter than three heartbeats (10m each): "
            "agents would drop their peers between them"
        ],
    ),
    "fewer connections than processes": (
        "database:\n  connections: 4\n",
        ["ghostwire.yaml, line 2: database.connections: 4 cannot be shared by 5 processes"],
    ),
    "exclusions that exclude nothing": (
        "network:\n  ipv6_range: null\n  exclude: [192.168.0.1]\n",
        ["ghostwire.yaml, line 3: network.exclude: 192.168.0.1 lies in no pool of this network"],
    ),
    "a record with the other family's address": (
        'network:\n  dns:\n    records:\n      - {name: a.b, type: A, value: "fd00::1"}\n',
        ["ghostwire.yaml, line 4: network.dns.records[0]: a record of type A cannot have the address fd00::1"],
    ),
    "two regions with one id": (
        "network:\n  relays:\n    - {id: 1, code: a, name: A}\n    - {id: 1, code: b, name: B}\n",
        ["ghostwire.yaml, line 2: network.relays: two regions have the id 1"],
    ),
    "text that is not YAML": (
        "server: [\n",
        ["ghostwire.yaml, line 2: is not valid YAML: expected the node content, but found '<stream end>'"],
    ),
    "a list at the top": ("- a\n", ["ghostwire.yaml, line 1: must hold sections such as 'server:' and 'network:'"]),
    "a section that is none": (
        "server: 5\n",
        ["ghostwire.yaml, line 1: server: should be a valid dictionary or instance of Server (it is 5)"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_errors_name_line_and_key(build_config: Build, fault: str) -> None:
    text, expected = FAULTS[fault]

    assert problems(lambda: build_config(text)) == expected


def test_all_problems_are_named_at_once_in_the_order_of_the_file(build_config: Build) -> None:
    text = "server:\n  nam: x\nnetwork:\n  max_peers: lots\nauth:\n  session_timeout: 0s\n"
    found = problems(lambda: build_config(text, GHOSTWIRE_LOGGING__LEVEL="LOUD"))

    assert [line.split(": ")[:2] for line in found] == [
        ["ghostwire.yaml, line 2", "server.nam"],
        ["ghostwire.yaml, line 4", "network.max_peers"],
        ["ghostwire.yaml, line 6", "auth.session_timeout"],
        ["GHOSTWIRE_LOGGING__LEVEL", "logging.level"],
    ]


def test_a_variable_that_names_no_key_is_an_error(build_config: Build) -> None:
    assert problems(lambda: build_config(GHOSTWIRE_NETWORK__MAX_PEER="3")) == [
        "GHOSTWIRE_NETWORK__MAX_PEER: network.max_peer: there is no such key; "
        "did you mean 'GHOSTWIRE_NETWORK__MAX_PEERS'?"
    ]


def test_json_in_a_variable_must_be_json(build_config: Build) -> None:
    (problem,) = problems(lambda: build_config(GHOSTWIRE_NETWORK__RELAYS="[{"))

    assert problem.startswith("GHOSTWIRE_NETWORK__RELAYS: network.relays: is not valid JSON")


def test_a_password_is_never_in_a_message(build_config: Build) -> None:
    (problem,) = problems(lambda: build_config("database:\n  url: mysql://gw:hunter2@db/gw\n"))

    assert "line 2: database.url" in problem
    assert "hunter2" not in problem
