"""What a policy may name, by how it begins: users, groups, tags, hosts, nodes, and the fixed words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from django.db.models import Count, Q
from django.urls import reverse

from acl.models import Group, Host, TagOwner
from mesh.addressing import pack
from mesh.errors import ValidationError
from mesh.policy import parse_prefix
from mesh.policy.selectors import format_prefix
from nodes.models import Node, NodeTag
from portal import html
from portal.viewer import may_see
from sessions_app.models import User

SHOWN: Final = 8
FIXED: Final = {
    "*": "every address of the network and its routes",
    "autogroup:member": "every node that has no tag",
    "autogroup:tagged": "every node that has a tag",
    "autogroup:self": "one's own other devices",
    "autogroup:internet": "the internet, through an exit node",
}
_DESTINATIONS_ONLY: Final = frozenset({"autogroup:self", "autogroup:internet"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing to name: as a rule names it, what it is, and its page (empty where there is none to see)."""

    text: str
    hint: str = ""
    url: str = ""


def suggest(*, network_id: int, text: str, scope: str, limit: int = SHOWN) -> list[Suggestion]:
    """What ``text`` may become, best first: at most ``limit``, by indexed beginnings of names.

    ``scope``: source, destination, or point (one end of one flow: nodes, hosts and addresses). Who looks sees only
    what their role may see.
    """
    text = text.strip()
    kind, colon, rest = text.partition(":")
    if colon and kind in _KINDS:
        if scope == "point" and kind not in _POINTS:
            return []
        return list(_KINDS[kind](network_id, rest.lower(), limit))
    found: list[list[Suggestion]] = []
    if scope != "point":
        found.append([item for item in _fixed(text) if scope == "destination" or item.text not in _DESTINATIONS_ONLY])
    found.append(list(_address(network_id, text)))
    found += [list(_KINDS[name](network_id, text.lower(), limit)) for name in _order(scope)]
    return _merged(found, limit)


def _order(scope: str) -> tuple[str, ...]:
    return _POINTS if scope == "point" else tuple(kind for kind in _KINDS if kind != "autogroup")


def _merged(found: list[list[Suggestion]], limit: int) -> list[Suggestion]:
    """A few of each kind, so that a common beginning hides none; then the rest of each."""
    share = max(limit // max(sum(1 for items in found if items), 1), 1)
    few = [item for items in found for item in items[:share]]
    rest = [item for items in found for item in items[share:]]
    return (few + rest)[:limit]


def _fixed(text: str) -> Iterator[Suggestion]:
    for name, hint in FIXED.items():
        if name.startswith(text) or name.removeprefix("autogroup:").startswith(text):
            yield Suggestion(name, hint)


def _address(network_id: int, text: str) -> Iterator[Suggestion]:
    """An address or CIDR as it stands, and whose it is."""
    if not text[:1].isdigit() and ":" not in text:
        return
    try:
        yield Suggestion(format_prefix(parse_prefix(text)), "an address" if "/" not in text else "a network")
        packed = pack(ip_address(text))
    except (ValidationError, ValueError):
        return
    if may_see("nodes.node"):
        for node in Node.objects.filter(network_id=network_id, addresses__packed=packed)[:1]:
            yield _node(node)


def _groups(network_id: int, text: str, limit: int) -> Iterator[Suggestion]:
    rows = Group.objects.filter(network_id=network_id, name__startswith=text).order_by("name")
    for row in rows.annotate(size=Count("members"))[:limit]:
        yield Suggestion(f"group:{row.name}", html.many(row.size, "member"), _url("acl.group", row.pk))


def _tags(network_id: int, text: str, limit: int) -> Iterator[Suggestion]:
    sought = f"tag:{text}"
    urls = {
        row.tag: _url("acl.tagowner", row.pk)
        for row in TagOwner.objects.filter(network_id=network_id, tag__startswith=sought).order_by("tag")[:limit]
    }
    carried = NodeTag.objects.filter(node__network_id=network_id, tag__startswith=sought).order_by("tag")
    names = sorted({*urls, *carried.values_list("tag", flat=True).distinct()[:limit]})[:limit]
    sizes = dict(
        NodeTag.objects.filter(node__network_id=network_id, tag__in=names)
        .order_by()
        .values_list("tag")
        .annotate(size=Count("pk"))
    )
    for name in names:
        yield Suggestion(name, html.many(sizes.get(name, 0), "node"), urls.get(name, ""))


def _users(network_id: int, text: str, limit: int) -> Iterator[Suggestion]:
    if not may_see("sessions_app.user"):
        return
    rows = User.objects.filter(Q(username__istartswith=text) | Q(display_name__istartswith=text)).order_by("username")
    for row in rows[:limit]:
        yield Suggestion(f"user:{row.username}", row.display_name, _url("sessions_app.user", row.pk))


def _hosts(network_id: int, text: str, limit: int) -> Iterator[Suggestion]:
    for row in Host.objects.filter(network_id=network_id, name__startswith=text).order_by("name")[:limit]:
        yield Suggestion(f"host:{row.name}", row.prefix, _url("acl.host", row.pk))


def _nodes(network_id: int, text: str, limit: int) -> Iterator[Suggestion]:
    if not may_see("nodes.node"):
        return
    rows = Node.objects.filter(network_id=network_id, name__startswith=text).select_related("owner").order_by("name")
    for row in rows.prefetch_related("tags")[:limit]:
        yield _node(row)


def _autogroups(network_id: int, text: str, limit: int) -> Iterator[Suggestion]:
    yield from (Suggestion(name, hint) for name, hint in FIXED.items() if name.startswith(f"autogroup:{text}"))


def _node(node: Node) -> Suggestion:
    whose = ", ".join(row.tag for row in node.tags.all()) if node.tagged else str(node.owner or "")
    return Suggestion(f"node:{node.name}", whose, _url("nodes.node", node.pk))


def _url(model: str, pk: int) -> str:
    return reverse(f"admin:{model.replace('.', '_')}_change", args=[pk]) if may_see(model) else ""


_Finder = Callable[[int, str, int], Iterator[Suggestion]]
_KINDS: Final[dict[str, _Finder]] = {
    "group": _groups,
    "tag": _tags,
    "user": _users,
    "host": _hosts,
    "node": _nodes,
    "autogroup": _autogroups,
}
_POINTS: Final = ("node", "host")


def pages_of(network_id: int, texts: set[str]) -> dict[str, str]:
    """The pages of selectors as people write them, as far as who looks may see them."""
    found: dict[str, str] = {}
    sources: tuple[tuple[str, str, Any, str], ...] = (
        ("group:", "acl.group", Group.objects.filter(network_id=network_id), "name"),
        ("host:", "acl.host", Host.objects.filter(network_id=network_id), "name"),
        ("user:", "sessions_app.user", User.objects.all(), "username"),
        ("node:", "nodes.node", Node.objects.filter(network_id=network_id), "name"),
        ("tag:", "acl.tagowner", TagOwner.objects.filter(network_id=network_id), "tag"),
    )
    for prefix, model, rows, column in sources:
        wanted = [text for text in texts if text.startswith(prefix)]
        if not wanted or not may_see(model):
            continue
        names = wanted if column == "tag" else [text.removeprefix(prefix) for text in wanted]
        for name, pk in rows.filter(**{f"{column}__in": names}).values_list(column, "pk"):
            found[name if column == "tag" else f"{prefix}{name}"] = _url(model, pk)
    return found
