"""``GET /metrics`` for Prometheus, for those alone whom the configuration names.

It stands in front of everything that reads forwarding headers, since it does not believe them: a source is admitted by
the connection's own address, and a request that came through a proxy, trusted or not, needs the token.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from ipaddress import ip_address
from typing import Final

import orjson
from prometheus_client.exposition import choose_encoder

from coordinator.errors import CONTENT_TYPE, headers, problem
from coordinator.metrics import REGISTRY
from coordinator.threads import in_thread
from ghostwire_site.config.model import Metrics
from ghostwire_site.edge import App, Receive, Scope, Send
from mesh.errors import AuthenticationError, GhostWireError, NotFoundError, PermissionDeniedError

PATH: Final = "/metrics"
_FORWARDING: Final = frozenset(
    (b"forwarded", b"via", b"x-real-ip", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
)


class MetricsEndpoint:
    """ASGI middleware: answers ``/metrics``, passes on all else. ``access`` is asked anew for each request."""

    def __init__(self, app: App, access: Callable[[], Metrics]) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.app(scope, receive, send)
            return
        try:
            check_access(scope, self.access())
            if scope["method"] not in ("GET", "HEAD"):
                raise NotFoundError("There is no such call.")
        except GhostWireError as error:
            fields = {"Content-Type": CONTENT_TYPE, **headers(error)}
            await _answer(send, error.status, fields, orjson.dumps(problem(error)))
            return
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        encoder, content_type = choose_encoder(accept)
        body = await in_thread(encoder, REGISTRY)
        await _answer(send, 200, {"Content-Type": content_type}, b"" if scope["method"] == "HEAD" else body)


def check_access(scope: Scope, access: Metrics) -> None:
    """Raises AuthenticationError or PermissionDeniedError for a request that is not to read the metrics."""
    fields = dict(scope["headers"])
    if access.token is not None:
        scheme, _, token = fields.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and compare_digest(token, access.token.encode()):
            return
    client = scope.get("client")
    if client and not _FORWARDING.intersection(fields) and _is_within(client[0], access):
        return
    if access.token is not None:
        raise AuthenticationError("A bearer token is needed.")
    raise PermissionDeniedError("Metrics are read from where the configuration allows.")


def _is_within(text: str, access: Metrics) -> bool:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in access.allow)


async def _answer(send: Send, status: int, fields: dict[str, str], body: bytes) -> None:
    fields = {**fields, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    fields["Content-Length"] = str(len(body))
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
