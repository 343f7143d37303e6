"""What relay servers answer, and what is never asked."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from mesh.relay_health import Answer
from nodes.relay_probe import Probe, Where
from tests.nodes.relay import certificate, closed_port, stun_server, tls_server, trusting

QUICK: dict[str, Any] = {"tls_seconds": 5.0, "lookup_seconds": 5.0, "stun_pauses": (0.05, 5.0)}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("good"))


def ask(where: Where, *, trusted: Path | None = None, **options: Any) -> Answer:
    return Probe(tls=trusting(trusted), **(QUICK | options)).ask([where])[where]


def test_one_that_serves(good: Path) -> None:
    with tls_server(good) as port, stun_server() as stun_port:
        answer = ask(("127.0.0.1", None, None, port, stun_port), trusted=good)
    assert (answer.fault, answer.unknown_issuer) == (None, False)
    assert answer.ms is not None


def test_an_address_is_asked_in_the_name_s_place(tmp_path: Path) -> None:
    path = certificate(tmp_path, host="relay.example.com")
    with tls_server(path) as port:
        answer = ask(("relay.example.com", "127.0.0.1", None, port, 0), trusted=path)
    assert answer.tls_fault is None
    assert not answer.asks_stun


def test_an_issuer_that_only_others_may_know(good: Path) -> None:
    with tls_server(good) as port:
        answer = ask(("127.0.0.1", None, None, port, 0))
    assert (answer.fault, answer.unknown_issuer) == (None, True)


@pytest.mark.parametrize(("host", "days"), [("127.0.0.1", -1), ("other.example.com", 1)], ids=["expired", "other name"])
def test_a_certificate_that_no_agent_would_take(tmp_path: Path, host: str, days: int) -> None:
    path = certificate(tmp_path, host=host, days=days)
    with tls_server(path) as port:
        assert ask(("127.0.0.1", None, None, port, 0), trusted=path).tls_fault == "certificate"


def test_one_that_does_not_speak_tls() -> None:
    with tls_server(None) as port:
        assert ask(("127.0.0.1", None, None, port, 0)).tls_fault == "tls"


def test_a_closed_port(good: Path) -> None:
    with stun_server() as stun_port:
        answer = ask(("127.0.0.1", None, None, closed_port(socket.SOCK_STREAM), stun_port))
    assert (answer.tls_fault, answer.stun_fault) == ("refused", None)


def test_one_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = ("127.0.0.1", None, None, server.getsockname()[1], 0)
        assert ask(where, tls_seconds=0.05).tls_fault == "silent"


def test_no_stun_behind_a_relay_that_serves(good: Path) -> None:
    with tls_server(good) as port:
        answer = ask(("127.0.0.1", None, None, port, closed_port(socket.SOCK_DGRAM)), trusted=good)
    assert (answer.tls_fault, answer.stun_fault) == (None, "stun")


def test_stun_that_never_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        where = ("127.0.0.1", None, None, closed_port(socket.SOCK_STREAM), mute.getsockname()[1])
        assert ask(where, stun_pauses=(0.01, 0.01)).stun_fault == "stun"


@pytest.mark.parametrize("how", [{"deaf_to": 1}, {"nonsense": True}], ids=["one lost", "nonsense first"])
def test_stun_answers_after_all(how: dict[str, Any]) -> None:
    with stun_server(**how) as stun_port:
        where = ("127.0.0.1", None, None, closed_port(socket.SOCK_STREAM), stun_port)
        assert ask(where).stun_fault is None


def test_another_address_answers_where_the_first_does_not(good: Path) -> None:
    with tls_server(good) as port:
        answer = ask(("127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1", port, 0), trusted=good)
    assert answer.tls_fault is None


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    async def look_up(self: Any, host: Any, port: Any, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "::1", "169.254.169.254", "fe80::1", "fe80::1%lo", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255",
    ],
)  # fmt: skip
def test_names_that_lead_to_this_machine_or_its_links_are_not_asked(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    leads_to(monkeypatch, address)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        answer = ask(("relay.example.com", None, None, server.getsockname()[1], 9))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert (answer.tls_fault, answer.stun_fault) == ("address", "address")


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "255.255.255.255"])
def test_nobody_s_address_is_not_asked_though_it_is_configured(address: str) -> None:
    assert ask(("relay.example.com", address, None, 9, 0)).tls_fault == "address"


def test_a_name_that_leads_nowhere() -> None:
    assert ask(("no-such-host.invalid", None, None, 443, 3478)).fault == "name"


def test_a_name_with_a_label_too_long() -> None:
    assert ask((f"{'a' * 64}.example", None, None, 443, 0)).fault == "name"


def test_a_server_of_two_networks_is_asked_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = ("127.0.0.1", None, None, server.getsockname()[1], 0)
        assert len(Probe(tls=trusting(), tls_seconds=0.05).ask([where, where])) == 1
        server.setblocking(False)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()


def test_nobody_to_ask() -> None:
    assert Probe(tls=trusting()).ask([]) == {}
