"""Settles who the client is, once, in front of everything: later parts read the scope and no header.

X-Forwarded-For and X-Forwarded-Proto count only where the connection comes from a trusted proxy, and of the chain of
addresses only the part that trusted proxies added: read from the right, the first address that is no trusted proxy
is the client. The headers are taken out either way.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from ghostwire_site.edge import App, Receive, Scope, Send

_FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto")
_MAPPED = "::ffff:"
_SECURE_SCHEME = {"http": "https", "websocket": "wss"}


class TrustedProxies:
    """ASGI middleware for HTTP and WebSocket scopes."""

    def __init__(self, app: App, trusted: tuple[IPv4Network | IPv6Network, ...]) -> None:
        self.app = app
        self.trusted = trusted
        self._is_trusted = lru_cache(maxsize=4096)(self._in_trusted_network)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the true client address and scheme in the scope."""
        if scope["type"] in ("http", "websocket"):
            client = scope.get("client")
            if client and client[0].startswith(_MAPPED):
                # An IPv4 client of a socket that listens on both families.
                scope = {**scope, "client": (client[0][len(_MAPPED) :], client[1])}
            headers = scope["headers"]
            for name, _ in headers:
                if name in _FORWARDED:
                    scope = self._settled(scope, headers)
                    break
        await self.app(scope, receive, send)

    def _settled(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Scope:
        kept = [(name, value) for name, value in headers if name not in _FORWARDED]
        settled: Scope = {**scope, "headers": kept}
        client = scope.get("client")
        if client and self._is_trusted(client[0]):
            forwarded = _joined(headers, _FORWARDED[0])
            settled["client"] = (self._client(client[0], forwarded), 0 if forwarded else client[1])
            scheme = _joined(headers, _FORWARDED[1]).rpartition(",")[2].strip().lower()
            if scheme == "https":
                settled["scheme"] = _SECURE_SCHEME[scope["type"]]
        return settled

    def _client(self, nearest: str, forwarded: str) -> str:
        client = nearest
        for entry in reversed(forwarded.split(",")):
            address = _address_in(entry)
            if address is None:
                break  # nothing beyond an unreadable entry can be believed
            client = address
            if not self._is_trusted(address):
                break
        return client

    def _in_trusted_network(self, text: str) -> bool:
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        return any(address in network for network in self.trusted)


def _joined(headers: list[tuple[bytes, bytes]], wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in headers if name == wanted)


def _address_in(entry: str) -> str | None:
    """Read ``192.0.2.1``, ``192.0.2.1:1234``, ``2001:db8::1`` or ``[2001:db8::1]:1234``; None for anything else."""
    text = entry.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
