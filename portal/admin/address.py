"""Addresses and reserved names: given out and taken back by the portal, so pages only show them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from nodes.models import Address, NameReservation
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter, NetworkFilter
from portal.admin.node_list import prefix_span
from portal.sections import Section, facts


class UseFilter(ChoiceFilter):
    """Held or resting."""

    title = "use"
    parameter_name = "use"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """By what the row says."""
        now = timezone.now()
        return {
            "held": ("held", Q(node__isnull=False)),
            "fixed": ("fixed", Q(fixed=True)),
            "quarantine": ("in quarantine", Q(quarantined_until__gt=now)),
            "free": ("free again", Q(quarantined_until__lte=now)),
        }


class FamilyFilter(ChoiceFilter):
    """IPv4 or IPv6."""

    title = "family"
    parameter_name = "family"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Both."""
        return {"4": ("IPv4", Q(family=4)), "6": ("IPv6", Q(family=6))}


class AddressAdmin(ServiceAdmin):
    """Every address that is or was given out."""

    view_right = "network.view"
    related = (("Reserved names", "nodes.namereservation"),)
    lead = "Addresses that nodes hold, and those in quarantine after a node left. A node's page gives it a fixed one."
    empty_text = "Nodes get their addresses when they enrol."
    list_display = ("subject", "holder", "use", "rests")
    list_filter = (NetworkFilter, UseFilter, FamilyFilter)
    search_fields = ("address",)
    search_hint = "Address, CIDR or node"
    search_in = "its address or node"
    column_css = {"subject": "gw-c-subject", "holder": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Address]:
        """With the holders."""
        return super().get_queryset(request).select_related("node", "network")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """In numerical order."""
        return ("packed",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Address], search_term: str
    ) -> tuple[QuerySet[Address], bool]:
        """A CIDR is one index range."""
        for word in search_term.replace("\x00", "").split()[:4]:
            span = prefix_span(word)
            if span is not None:
                queryset = queryset.filter(packed__gte=span[0], packed__lte=span[1])
            else:
                queryset = queryset.filter(Q(node__name__icontains=word) | Q(address__startswith=word))
        return queryset, False

    @display(description="Address", ordering="packed")
    def subject(self, obj: Address) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.address", obj.pk), html.mono(obj.address), subject=True)

    @display(description="Held by", ordering="node__name")
    def holder(self, obj: Address) -> SafeString:
        """A node."""
        return links.node_link(obj.node)

    @display(description="Use")
    def use(self, obj: Address) -> SafeString | str:
        """Pool, fixed, or resting."""
        if obj.node_id is not None:
            return html.chip("fixed") if obj.fixed else html.dim("from the pool")
        resting = obj.quarantined_until is not None and obj.quarantined_until > timezone.now()
        return "in quarantine" if resting else html.dim("free again")

    @display(description="Quarantine ends", ordering="quarantined_until")
    def rests(self, obj: Address) -> SafeString:
        """When it may be given out again."""
        return html.until(obj.quarantined_until, timezone.now(), never="")

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        return [
            Section(
                "Address",
                facts=facts(
                    ("Network", html.link(links.change_url("nodes.network", obj.network_id), obj.network.name)),
                    ("Held by", self.holder(obj)),
                    ("Use", self.use(obj)),
                    ("Quarantine ends", self.rests(obj)),
                ),
            )
        ]


class NameReservationAdmin(ServiceAdmin):
    """Names in quarantine."""

    view_right = "network.view"
    lead = "Names that nobody may take for a while: their node left or was renamed, and peers may still resolve them."
    list_display = ("subject", "ends")
    list_filter = (NetworkFilter,)
    search_fields = ("name",)
    column_css = {"subject": "gw-c-subject", "ends": "gw-c-status"}

    @display(description="Name", ordering="name")
    def subject(self, obj: NameReservation) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.namereservation", obj.pk), obj.name, subject=True)

    @display(description="Reserved until", ordering="until")
    def ends(self, obj: NameReservation) -> SafeString:
        """When it is free."""
        return html.until(obj.until, timezone.now())

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Only the end."""
        return [Section("Reserved name", facts=facts(("Name", html.mono(obj.name)), ("Until", self.ends(obj))))]
