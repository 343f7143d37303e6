"""What follows from the public URLs: whom Django answers, and how cookies are named."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def allowed_hosts(public_urls: tuple[str, ...]) -> list[str]:
    """List the Host headers that are answered: those of the public URLs, and loopback for health checks."""
    hosts = [urlsplit(url).netloc.rpartition("@")[2] for url in public_urls]
    return list(dict.fromkeys([*(_without_port(host) for host in hosts), *LOOPBACK]))


def cookie_name(name: str, *, https: bool) -> str:
    """Name a cookie: with https, browsers hold ``__Host-`` cookies to be Secure and of this host alone."""
    return f"__Host-{name}" if https else name


def _without_port(netloc: str) -> str:
    if netloc.startswith("["):
        return netloc.partition("]")[0] + "]"
    return netloc.partition(":")[0]
