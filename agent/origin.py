"""Where the portal is, and whether it may be spoken to in the clear."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from agent.errors import UsageError
from mesh.errors import ValidationError
from mesh.keys import normalise_audience


def parse_server(text: str, *, insecure_http: bool) -> str:
    """The portal's origin in the one spelling that proofs are made for.

    A bare host (``portal.example``) means ``https://``. ``http://`` is taken for this machine alone, unless
    ``insecure_http`` says that the network between is trusted: whoever listens there reads auth keys and tokens.

    :raises UsageError: for what is not an origin, and for ``http://`` without leave
    """
    try:
        origin = normalise_audience(text if "://" in text else f"https://{text}")
    except ValidationError as error:
        raise UsageError(f"--server: {error.detail}") from error
    if origin.startswith("http://") and not insecure_http and not is_loopback(origin):
        raise UsageError(
            f"--server: {origin} is not encrypted: who listens on the way reads the auth key. "
            "Use https://, or say --insecure-http if you trust the network between."
        )
    return origin


def is_loopback(origin: str) -> bool:
    """Whether an origin is on this machine: ``localhost`` or an address of 127.0.0.0/8 or ::1."""
    host = urlsplit(origin).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def socket_url(origin: str) -> str:
    """The agent socket of a portal: ``https://host`` becomes ``wss://host/ws/v1/agent``."""
    scheme, rest = origin.split("://", 1)
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws/v1/agent"
