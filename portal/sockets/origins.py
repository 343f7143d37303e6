"""Which pages may open a socket: the portal's own, since a browser sends the cookie along from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.middleware.csrf import CsrfViewMiddleware

_PAGE_SCHEMES: Final = {"ws": "http", "wss": "https"}


def is_own_origin(scope: Mapping[str, Any]) -> bool:
    """Whether the handshake names, as its one Origin, the portal itself, by a host name that the portal answers to.

    The rule is that of Django's forms: the very address that was asked, or a trusted one (the public URLs). It holds
    for plain http on a LAN address too. RFC 6455, section 10.2.
    """
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(origins) != 1 or len(hosts) != 1:
        return False
    origin, host = origins[0].decode("latin-1"), hosts[0].decode("latin-1")
    try:
        parts = urlsplit(origin)
        name = parts.hostname or ""
    except ValueError:
        return False
    bare = f"[{name}]" if ":" in name else name
    if parts.scheme not in ("http", "https") or not validate_host(bare, settings.ALLOWED_HOSTS):
        return False
    scheme = _PAGE_SCHEMES.get(str(scope.get("scheme") or "ws"), "")
    return origin == f"{scheme}://{host}" or _is_trusted(origin)


def _is_trusted(origin: str) -> bool:
    trusted = CsrfViewMiddleware(lambda request: None)  # type: ignore[arg-type]  # only its lists are read
    if origin in trusted.allowed_origins_exact:
        return True
    parts = urlsplit(origin)
    domains = trusted.allowed_origin_subdomains.get(parts.scheme, ())
    return any(parts.netloc.endswith(domain.lstrip("*")) for domain in domains)
