from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models.network import Network


class DnsRecord(models.Model):
    """A name that the mesh's resolver answers beside the nodes' own names."""

    class Type(models.TextChoices):
        A = "A"
        AAAA = "AAAA"

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="dns_records")
    name = models.CharField(max_length=253, help_text="Fully qualified, lower case, without a final dot.")
    type = models.CharField(max_length=4, choices=Type.choices)
    value = models.GenericIPAddressField()

    class Meta:
        ordering = ("name", "type", "value")
        verbose_name = "DNS record"
        constraints = (
            models.UniqueConstraint(fields=("network", "name", "type", "value"), name="dns_record_once"),
            models.CheckConstraint(condition=Q(type__in=("A", "AAAA")), name="dns_record_type_known"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.type}"
