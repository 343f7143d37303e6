from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models import Network


class Host(models.Model):
    """A named address or CIDR: ``host:NAME``."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="hosts")
    name = models.CharField(max_length=63)
    prefix = models.CharField(max_length=43, help_text="An address or a CIDR.")
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("network", "name"), name="host_name_once"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(prefix=""), name="host_name_and_prefix_present"),
        )

    def __str__(self) -> str:
        return f"host:{self.name}"
