from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models.network import Network
from nodes.models.node import Node


class Address(models.Model):
    """A mesh address that is held by a node, or was: then it waits in quarantine until it may be given out again."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="addresses")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, null=True, blank=True, related_name="addresses")
    family = models.PositiveSmallIntegerField(choices=((4, "IPv4"), (6, "IPv6")))
    address = models.GenericIPAddressField()
    # 32 hexadecimal digits (IPv4 as ::ffff:0:0/96), so that a CIDR is one index range on every database.
    packed = models.CharField(max_length=32, editable=False)
    fixed = models.BooleanField(default=False, help_text="Chosen by an administrator.")
    quarantined_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("packed",)
        verbose_name_plural = "addresses"
        constraints = (
            # Also holds "no address is held by two live nodes": there is one row an address.
            models.UniqueConstraint(fields=("network", "packed"), name="address_unique_in_network"),
            models.UniqueConstraint(fields=("node", "family"), name="address_one_per_family"),
            models.CheckConstraint(condition=Q(family__in=(4, 6)), name="address_family_known"),
            models.CheckConstraint(
                condition=Q(node=None, quarantined_until__isnull=False) | Q(node__isnull=False, quarantined_until=None),
                name="address_held_or_quarantined",
            ),
        )
        indexes = (
            models.Index(
                fields=("network", "family", "quarantined_until"),
                name="address_longest_released",
                condition=Q(node=None),
            ),
        )

    def __str__(self) -> str:
        return str(self.address)


class NameReservation(models.Model):
    """A name that nobody may take before ``until``: its node left, and peers may still resolve it."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="reserved_names")
    name = models.CharField(max_length=63)
    until = models.DateTimeField()
    held_for = models.ForeignKey(
        Node, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text="May take it back earlier."
    )

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("network", "name"), name="reserved_name_once"),)

    def __str__(self) -> str:
        return self.name
