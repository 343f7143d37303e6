from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from ghostwire_site.edge import Receive, Scope, Send
from ghostwire_site.edge.proxies import TrustedProxies

TRUSTED = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("::1/128"))


async def seen(
    client: str, *headers: tuple[str, str], kind: str = "http", scheme: str = "http"
) -> tuple[str, str, list[bytes]]:
    """Send a request through; give the client, the scheme and the names of the headers that arrive."""
    arrived: dict[str, Any] = {}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.update(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or sent here")

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "scheme": scheme, "client": (client, 5000), "headers": raw}
    await TrustedProxies(application, TRUSTED)(scope, nothing, nothing)
    return arrived["client"][0], arrived["scheme"], [name for name, _ in arrived["headers"]]


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.9, 127.0.0.1", "198.51.100.7"),
        ("127.0.0.1", "10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("127.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("127.0.0.1", "6.6.6.6, nonsense", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, nonsense, 10.0.0.9", "10.0.0.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("::1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("203.0.113.5", "198.51.100.7", "203.0.113.5"),
    ],
)
async def test_the_client_is_the_first_that_no_trusted_proxy_vouches_for(
    client: str, forwarded: str, expected: str
) -> None:
    assert (await seen(client, ("x-forwarded-for", forwarded)))[0] == expected


async def test_repeated_headers_are_one_chain() -> None:
    chain = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7")]

    assert (await seen("127.0.0.1", *chain))[0] == "198.51.100.7"


@pytest.mark.parametrize(
    ("client", "kind", "proto", "expected"),
    [
        ("127.0.0.1", "http", "https", "https"),
        ("127.0.0.1", "websocket", "https", "wss"),
        ("127.0.0.1", "http", "http, https", "https"),
        ("127.0.0.1", "http", "https, http", "http"),
        ("127.0.0.1", "http", "gopher", "http"),
        ("203.0.113.5", "http", "https", "http"),
    ],
)
async def test_the_scheme_is_what_a_trusted_proxy_says(client: str, kind: str, proto: str, expected: str) -> None:
    scheme = "http" if kind == "http" else "ws"

    assert (await seen(client, ("x-forwarded-proto", proto), kind=kind, scheme=scheme))[1] == expected


@pytest.mark.parametrize("client", ["127.0.0.1", "203.0.113.5"])
async def test_nothing_behind_sees_the_headers(client: str) -> None:
    names = (await seen(client, ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("accept", "*/*")))[2]

    assert names == [b"accept"]


async def test_an_ipv4_client_of_an_ipv6_socket_is_an_ipv4_client() -> None:
    assert (await seen("::ffff:203.0.113.5"))[0] == "203.0.113.5"


async def test_a_client_without_address_stays_without() -> None:
    arrived: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or sent here")

    scope = {"type": "http", "client": None, "headers": [(b"x-forwarded-for", b"1.1.1.1")], "scheme": "http"}
    await TrustedProxies(application, TRUSTED)(scope, nothing, nothing)

    assert arrived[0]["client"] is None
