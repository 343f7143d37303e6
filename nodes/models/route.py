from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models.network import Network
from nodes.models.node import Node


class Route(models.Model):
    """A prefix behind a node. ``0.0.0.0/0`` and ``::/0`` make it an exit node. In force: advertised and approved."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="routes")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="routes")
    prefix = models.CharField(max_length=43, help_text="CIDR in normal form.")
    # First and last address as in Address.packed: which route covers an address is one index range.
    first = models.CharField(max_length=32, editable=False)
    last = models.CharField(max_length=32, editable=False)
    advertised = models.BooleanField(default=True)
    approved = models.BooleanField(default=False)
    primary = models.BooleanField(default=False, help_text="The router that peers send this prefix to.")

    class Meta:
        ordering = ("first", "node")
        constraints = (
            models.UniqueConstraint(fields=("node", "prefix"), name="route_once_a_node"),
            models.UniqueConstraint(
                fields=("network", "prefix"),
                condition=Q(primary=True) & ~Q(prefix__in=("0.0.0.0/0", "::/0")),
                name="route_one_primary",
            ),
            models.CheckConstraint(
                condition=Q(primary=False) | Q(advertised=True, approved=True), name="route_primary_in_force"
            ),
        )
        indexes = (models.Index(fields=("network", "first", "last"), name="route_cover"),)

    def __str__(self) -> str:
        return self.prefix
