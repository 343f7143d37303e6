"""The origin of a portal, in the one spelling that agent and portal both put into a proof."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from mesh.errors import ValidationError

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?")
_BRACKETED: Final = re.compile(r"\[[0-9a-f:.]+\](?::[0-9]*)?", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def normalise_audience(origin: str) -> str:
    """The one spelling of a portal's origin that goes into a proof: lower case, no default port, no trailing slash.

    ``https://Portal.example:443/`` becomes ``https://portal.example``. Hosts are ASCII (an international name in its
    ``xn--`` form), IPv6 addresses in brackets and in compressed form (RFC 5952).

    :raises ValidationError: for what is not ``http(s)://host[:port]``
    """

    def refuse(why: str) -> ValidationError:
        # Without the text itself: a URL with a password in it is one way to get here.
        return ValidationError(f"This is not the origin of a portal: {why}.")

    if not origin.isascii():
        raise refuse("write an international name in its xn-- form")
    if not origin.isprintable() or " " in origin or "\\" in origin:
        raise refuse("it has spaces, control characters or backslashes")
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError as error:
        raise refuse("host or port cannot be read") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise refuse("it does not begin with https:// or http://")
    if "@" in parts.netloc:
        raise refuse("it carries a user name")
    if parts.path not in ("", "/") or "?" in origin or "#" in origin:
        raise refuse("something follows the host")
    if port == 0:
        raise refuse("port 0 cannot be reached")
    host = parts.hostname or ""
    if "[" in parts.netloc:
        if not _BRACKETED.fullmatch(parts.netloc):
            raise refuse("the IPv6 address cannot be read, or names a zone of this machine")
        try:
            host = f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError as error:
            raise refuse("the IPv6 address cannot be read") from error
    elif not _HOST.fullmatch(host):
        raise refuse("the host cannot be read")
    if port is None or port == _DEFAULT_PORTS[parts.scheme]:
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"
