"""What is answered in front of Django: heartbeats, which are most of all requests.

Everything else goes on to Django, and so does a heartbeat that Django's middleware would refuse or send elsewhere: one
for a host that is not ours, or over http where there has to be https.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from ghostwire_site.edge import ROUTE, App, Receive, Scope, Send


class Front:
    """ASGI middleware for HTTP scopes: ``answer`` gets the POSTs to ``path``, ``django`` the rest."""

    def __init__(self, django: App, *, path: str, answer: App) -> None:
        self.django = django
        self.path = path
        self.route = path.removeprefix("/")
        self.answer = answer
        self.https_alone: bool = settings.SECURE_SSL_REDIRECT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to one of the two."""
        if scope["path"] == self.path and scope["method"] == "POST" and self._may_pass(scope):
            scope[ROUTE] = self.route
            await self.answer(scope, receive, send)
        else:
            await self.django(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        if self.https_alone and scope.get("scheme") != "https":
            return False
        host: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value if host is None else host + b"," + value
        return is_our_host(_server_name(scope) if host is None else host)


def _server_name(scope: Scope) -> bytes:
    server: Any = scope.get("server") or ("unknown", None)
    return str(server[0]).encode()


@lru_cache(maxsize=1024)
def is_our_host(host: bytes) -> bool:
    """Tell whether Django would answer requests for this Host header."""
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
