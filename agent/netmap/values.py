"""Reading single members of a map. Each function takes the member's path, so that a refusal says where."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from agent.clock import parse_instant
from agent.errors import MapRefusedError
from agent.netmap.types import Endpoint, Prefix
from mesh.errors import FieldError, ValidationError
from mesh.keys import decode_public_key

MAX_INTEGER: Final = 2**53 - 1
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_T = TypeVar("_T")


def refused(path: str, message: str) -> MapRefusedError:
    """The error for a member at fault."""
    return MapRefusedError(f"The map's {path} {message}.", errors=(FieldError(path, message),))


def member(value: dict[str, Any], name: str, path: str) -> Any:
    """A member that has to be there."""
    if name not in value:
        raise refused(f"{path}{name}", "is missing")
    return value[name]


def an_object(value: Any, path: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise refused(path, "is not an object")
    return value


def a_list(value: Any, path: str, read: Callable[[Any, str], _T]) -> tuple[_T, ...]:
    """A JSON array, each item read by ``read``."""
    if not isinstance(value, list):
        raise refused(path, "is not a list")
    return tuple(read(item, f"{path}.{index}") for index, item in enumerate(value))


def integer(value: Any, path: str, *, low: int = 0, high: int = MAX_INTEGER) -> int:
    """A whole number within bounds; ``true`` is none."""
    if type(value) is not int or not low <= value <= high:
        raise refused(path, f"is not a whole number from {low} to {high}")
    return value


def boolean(value: Any, path: str) -> bool:
    """``true`` or ``false``."""
    if type(value) is not bool:
        raise refused(path, "is neither true nor false")
    return value


def text(value: Any, path: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise refused(path, "is not text")
    return value


def label(value: Any, path: str) -> str:
    """A DNS label in lower case (RFC 1035 section 2.3.1, digits first allowed by RFC 1123 section 2.1).

    Names are written into the hosts file: nothing else may get there.
    """
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        raise refused(path, "is not a DNS label")
    return value


def domain(value: Any, path: str) -> str:
    """A domain of DNS labels, or nothing."""
    name = text(value, path)
    if name and (len(name) > 253 or not all(_LABEL.fullmatch(part) for part in name.split("."))):
        raise refused(path, "is not a domain")
    return name


def public_key(value: Any, path: str) -> str:
    """A public key in its one spelling."""
    try:
        decode_public_key(text(value, path))
    except MapRefusedError:
        raise
    except ValidationError as error:
        raise refused(path, "is not a public key") from error
    return str(value)


def instant(value: Any, path: str) -> datetime | None:
    """An RFC 3339 instant, or null."""
    if value is None:
        return None
    try:
        return parse_instant(text(value, path))
    except ValueError as error:
        raise refused(path, "is not an instant") from error


def prefix(value: Any, path: str) -> Prefix:
    """A prefix whose host bits are zero."""
    try:
        return ipaddress.ip_network(text(value, path))
    except ValueError as error:
        raise refused(path, "is not a prefix") from error


def mesh_prefix(value: Any, path: str) -> Prefix:
    """A prefix that may be routed into the mesh: no default route, nothing that belongs to a machine or a link."""
    network = prefix(value, path)
    if network.prefixlen == 0:
        raise refused(path, "is a default route")
    if network.is_loopback or network.is_link_local or network.is_multicast or network.network_address.is_unspecified:
        raise refused(path, "does not belong into a mesh")
    return network


def address(value: Any, path: str) -> Prefix:
    """A node's address: a /32 or a /128."""
    network = mesh_prefix(value, path)
    if network.prefixlen != network.max_prefixlen:
        raise refused(path, "is not a single address")
    return network


def endpoint(value: Any, path: str) -> Endpoint:
    """``ip:port`` or ``[ip6]:port``."""
    found = parse_endpoint(text(value, path))
    if found is None:
        raise refused(path, "is not an endpoint")
    return found


def parse_endpoint(spelled: str) -> Endpoint | None:
    """Read ``ip:port`` or ``[ip6]:port``; None for anything else."""
    host, colon, port = spelled.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        return None
    try:
        found = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    if (found.version == 6) is not bracketed:
        return None
    return Endpoint(found, int(port))


def number_range(value: Any, path: str, *, high: int = MAX_INTEGER) -> tuple[int, int]:
    """``[first, last]``, both included."""
    if not isinstance(value, list) or len(value) != 2:
        raise refused(path, "is not a range")
    first, last = (integer(number, path, high=high) for number in value)
    if first > last:
        raise refused(path, "is a range that ends before it begins")
    return first, last
