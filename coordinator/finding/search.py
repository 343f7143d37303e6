"""Finding nodes by a few words: every word must fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

from django.db.models import Q, QuerySet

from mesh.addressing import pack
from nodes.models import Address, Node, NodeTag, Route
from nodes.services.routes import DEFAULT_ROUTES
from sessions_app.models import User

MOST_WORDS: Final = 8
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{4,43}=?")
_PART: Final = re.compile(r"(?:\d{1,3}\.){1,3}\d{0,3}")


def search_nodes(rows: QuerySet[Node], term: str) -> QuerySet[Node]:
    """Nodes by name, owner, tag, address, CIDR, route or the first letters of a key.

    An address or CIDR is one range of an index; a route that covers it counts as well.
    """
    for word in term.replace("\x00", "").split()[:MOST_WORDS]:
        rows = rows.filter(_condition(word))
    return rows


def prefix_span(word: str) -> tuple[str, str] | None:
    """First and last address of an address or CIDR, as ``Address.packed`` writes them; None for what is neither."""
    try:
        if "/" in word:
            network = ip_network(word, strict=False)
            return pack(network.network_address), pack(network.broadcast_address)
        address = pack(ip_address(word))
    except ValueError:
        return None
    return address, address


def part_spans(word: str) -> list[tuple[str, str]]:
    """The ranges of addresses that are written with ``word`` first: ``10.1.2`` is 10.1.2.*, 10.1.20.* and so on."""
    if not _PART.fullmatch(word):
        return []
    *whole, last = word.split(".")
    return [_span([*map(int, whole), *range_]) for range_ in _octets(last) if all(int(item) < 256 for item in whole)]


def _octets(begun: str) -> Iterator[list[int]]:
    """Octets that begin with these digits, one by one; none begun: all of them, which is no octet at all."""
    if not begun:
        yield []
        return
    if begun[0] == "0" and len(begun) > 1:
        return
    for octet in range(256):
        if str(octet).startswith(begun):
            yield [octet]


def _span(octets: list[int]) -> tuple[str, str]:
    missing = 4 - len(octets)
    first, last = bytes([*octets, *[0] * missing]), bytes([*octets, *[255] * missing])
    return pack(IPv4Address(first)), pack(IPv4Address(last))


def _condition(word: str) -> Q:
    """Subqueries that stand for themselves: the database makes each a set of ids once, not once a node."""
    span = prefix_span(word)
    if span is not None:
        return _holds([span]) | _routes(span)
    tag = word.lower().removeprefix("tag:")
    tagged = Q(pk__in=NodeTag.objects.filter(tag__icontains=tag).order_by().values("node_id"))
    if word.lower().startswith("tag:"):
        return tagged
    people = User.objects.filter(Q(username__icontains=word) | Q(display_name__icontains=word)).order_by()
    found = Q(name__icontains=word) | Q(hostname__icontains=word) | Q(owner_id__in=people.values("pk")) | tagged
    if _KEY.fullmatch(word):
        found |= Q(public_key__startswith=word)
    spans = part_spans(word)
    return found | _holds(spans) if spans else found


def _holds(spans: list[tuple[str, str]]) -> Q:
    within = Q()
    for first, last in spans:
        within |= Q(packed__gte=first, packed__lte=last)
    return Q(pk__in=Address.objects.filter(within, node__isnull=False).order_by().values("node_id"))


def _routes(span: tuple[str, str]) -> Q:
    first, last = span
    routed = Route.objects.filter(first__lte=last, last__gte=first, last__gt="").exclude(prefix__in=DEFAULT_ROUTES)
    return Q(pk__in=routed.order_by().values("node_id"))
