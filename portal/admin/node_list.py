"""Finding nodes: filters and search of their list. What they mean is said once, for API and commands too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from coordinator.finding.criteria import KEY_ENDS, SEEN, Criteria, has_tag, key_ends, of_statuses, seen
from coordinator.finding.search import prefix_span, search_nodes
from nodes.models import NodeTag
from portal import live
from portal.admin.filters import MOST_COMMON, ChoiceFilter, IdFilter, TabFilter, ValueFilter

__all__ = [
    "KeyExpiryFilter",
    "OwnerFilter",
    "SeenFilter",
    "StatusTabs",
    "SystemFilter",
    "TagFilter",
    "VersionFilter",
    "criteria_of",
    "late_of",
    "prefix_span",
    "search_nodes",
]

# What a tab of the page means in words of the API: the page has one word for all that must register again.
STATUSES = {"expired": ("expired", "login")}
# Columns of the page that are orders of the API.
ORDERS = {"node": "name", "belongs_to": "owner", "system": "system", "seen": "seen", "key_expires": "key"}


def late_of(request: HttpRequest) -> list[int]:
    """Ids of late nodes, asked for once a page."""
    found: list[int] | None = getattr(request, "gw_late", None)
    if found is None:
        found = live.late_ids(timezone.now())
        request.gw_late = found  # type: ignore[attr-defined]
    return found


def order_in(params: Any, columns: Sequence[Any]) -> str | None:
    """The order that a query string asks for, in the words of the API; None for one that only the page has.

    ``columns``: the page's, in their places.
    """
    asked = params.get("o", "")
    if not asked:
        return "attention"
    place, down = asked.removeprefix("-"), asked.startswith("-")
    if not (place.isascii() and place.isdigit() and len(place) < 3 and int(place) < len(columns)):
        return None
    order = ORDERS.get(str(columns[int(place)]))
    return None if order is None else f"-{order}" if down else order


def criteria_of(params: Any) -> Criteria:
    """What the list's query string chooses, in the words of API, commands and jobs."""
    status = params.get("status", "")
    owner = params.get("owner", "")
    return Criteria(
        q=params.get("q", "").replace("\x00", "").strip(),
        statuses=STATUSES.get(status, (status,)) if status else (),
        owner=int(owner) if owner.isascii() and owner.isdigit() and len(owner) <= 18 else (0 if owner else None),
        tags=(tag,) if (tag := params.get("tag", "")) else (),
        os=params.get("os", ""),
        agent=params.get("agent", ""),
        seen=params.get("seen", ""),
        key=params.get("key", ""),
    )


class StatusTabs(TabFilter):
    """All, online, late, offline, waiting; expired and disabled where there are such."""

    title = "status"
    parameter_name = "status"
    always = ("online", "late", "offline", "waiting")

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Late nodes are those whose heartbeats are missing; peers still take them for online."""
        late, now = late_of(request), timezone.now()
        words = ("online", "late", "offline", "waiting", "expired", "disabled")
        return {word: (live.WORDS[word], of_statuses(STATUSES.get(word, (word,)), now, late)) for word in words}

    def glyphs(self) -> dict[str, str]:
        """The states' own."""
        return {value: value for value, _ in self.lookup_choices}

    def counts(self, cl: ChangeList) -> dict[str, int]:
        """Of the whole fleet, whatever else is filtered: one query."""
        fleet = live.count_fleet(len(late_of(self.request)))
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
        return queryset.filter(has_tag(value)) if value else queryset


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


class SeenFilter(ChoiceFilter):
    """When they were last heard."""

    title = "last seen"
    parameter_name = "seen"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Lately, long ago, never."""
        now = timezone.now()
        return {word: (words, seen(word, now)) for word, words in SEEN.items()}


class KeyExpiryFilter(ChoiceFilter):
    """When keys end."""

    title = "key expiry"
    parameter_name = "key"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Soon, later, never."""
        now = timezone.now()
        return {word: (words, key_ends(word, now)) for word, words in KEY_ENDS.items()}
