"""Finding nodes: filters and search of their list."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from mesh.addressing import pack
from nodes.models import Address, Node, NodeTag, Route
from portal import live
from portal.admin.filters import MOST_COMMON, IdFilter, TabFilter, ValueFilter

_KEY = re.compile(r"[A-Za-z0-9+/]{4,43}=?")


class StatusTabs(TabFilter):
    """All, online, late, offline, waiting; expired and disabled where there are such."""

    title = "status"
    parameter_name = "status"
    always = ("online", "late", "offline", "waiting")

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Late nodes are those whose heartbeats are missing; peers still take them for online."""
        late = live.one_of(live.late_ids(timezone.now()))
        return {
            "online": ("Online", live.ONLINE & ~late),
            "late": ("Late", late),
            "offline": ("Offline", live.OFFLINE),
            "waiting": ("Waiting", live.WAITING),
            "expired": ("Expired", live.EXPIRED),
            "disabled": ("Disabled", live.DISABLED),
        }

    def glyphs(self) -> dict[str, str]:
        """The states' own."""
        return {value: value for value, _ in self.lookup_choices}

    def counts(self, cl: ChangeList) -> dict[str, int]:
        """Of the whole fleet, whatever else is filtered: one query."""
        fleet = live.count_fleet(len(live.late_ids(timezone.now())))
        return {
            "": fleet.total,
            "online": fleet.online,
            "late": fleet.late,
            "offline": fleet.offline,
            "waiting": fleet.waiting,
            "expired": fleet.expired,
            "disabled": fleet.disabled,
        }


class OwnerFilter(IdFilter):
    """People with the most nodes."""

    title = "owner"
    parameter_name = "owner"
    column = "owner_id"
    label_column = "owner__username"


class TagFilter(SimpleListFilter):
    """The most common tags."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """By number of nodes."""
        rows = NodeTag.objects.order_by().values_list("tag").annotate(number=Count("pk")).order_by("-number")
        names = sorted(tag.removeprefix("tag:") for tag, _ in rows[:MOST_COMMON])
        chosen = self.value()
        if chosen and chosen not in names:
            names.append(chosen)
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Nodes that carry the tag."""
        value = self.value()
        if not value:
            return queryset
        carried = NodeTag.objects.filter(node=OuterRef("pk"), tag=f"tag:{value}".replace("\x00", ""))
        return queryset.filter(Exists(carried))


class SystemFilter(ValueFilter):
    """Operating systems."""

    title = "system"
    parameter_name = "os"
    column = "os"


class VersionFilter(ValueFilter):
    """Versions of the agent."""

    title = "version"
    parameter_name = "agent"
    column = "agent_version"


class KeyExpiryFilter(SimpleListFilter):
    """When keys end."""

    title = "key expiry"
    parameter_name = "key"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Soon, later, never."""
        return [("over", "over"), ("7", "within 7 days"), ("30", "within 30 days"), ("never", "never")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Nodes whose key ends then."""
        now = timezone.now()
        match self.value():
            case None:
                return queryset
            case "over":
                return queryset.filter(key_expires_at__lte=now)
            case "never":
                return queryset.filter(key_expires_at=None)
            case "7" | "30" as days:
                end = now + timedelta(days=int(days))
                return queryset.filter(key_expires_at__gt=now, key_expires_at__lte=end)
            case _:
                return queryset.none()


def search_nodes(queryset: QuerySet[Node], term: str) -> QuerySet[Node]:
    """Nodes by name, owner, tag, address, CIDR, route or the first letters of a key: every word must fit.

    An address or CIDR is one index range; a route that covers it counts as well.
    """
    for word in term.replace("\x00", "").split()[:8]:
        queryset = queryset.filter(_condition(word))
    return queryset


def _condition(word: str) -> Q:
    prefix = prefix_span(word)
    if prefix is not None:
        first, last = prefix
        held = Address.objects.filter(node=OuterRef("pk"), packed__gte=first, packed__lte=last)
        routed = Route.objects.filter(node=OuterRef("pk"), first__lte=last, last__gte=first, last__gt="")
        routed = routed.exclude(prefix__in=("0.0.0.0/0", "::/0"))
        return Q(Exists(held)) | Q(Exists(routed))
    tag = word.lower().removeprefix("tag:")
    tagged = NodeTag.objects.filter(node=OuterRef("pk"), tag__icontains=tag)
    if word.lower().startswith("tag:"):
        return Q(Exists(tagged))
    found = (
        Q(name__icontains=word)
        | Q(hostname__icontains=word)
        | Q(owner__username__icontains=word)
        | Q(owner__display_name__icontains=word)
        | Q(Exists(tagged))
    )
    if _KEY.fullmatch(word):
        found |= Q(public_key__startswith=word)
    if word.replace(".", "").isdigit() and "." in word:
        found |= Q(Exists(Address.objects.filter(node=OuterRef("pk"), address__startswith=word)))
    return found


def prefix_span(word: str) -> tuple[str, str] | None:
    """First and last address of an address or CIDR, as ``Address.packed`` writes them."""
    try:
        if "/" in word:
            network = ip_network(word, strict=False)
            return pack(network.network_address), pack(network.broadcast_address)
        address = pack(ip_address(word))
    except ValueError:
        return None
    return address, address
