from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models.network import Network


class Change(models.Model):
    """One step of a network's map: what became true, at which version, and who caused it.

    Written by ``nodes.changes.record_change`` alone. ``facts`` holds the full new facts of what changed. A row that is
    ``pruned`` has lost them, and where its request came from, to retention: version, kind, time and actor stay.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="changes")
    version = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=32)
    facts = models.JSONField(default=dict)
    actor = models.CharField(max_length=64, help_text="user:7, node:12, command, system:sweep.")
    origin = models.CharField(max_length=64, blank=True, help_text="The address that the request came from.")
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    pruned = models.BooleanField(default=False, editable=False, help_text="Its facts were not kept any longer.")

    class Meta:
        ordering = ("network", "-version")
        constraints = (models.UniqueConstraint(fields=("network", "version"), name="change_version_once"),)
        indexes = (
            models.Index(fields=("network", "kind", "created_at"), name="change_kind_time"),
            models.Index(fields=("kind", "created_at"), name="change_unpruned", condition=Q(pruned=False)),
            models.Index(fields=("actor", "id"), name="change_actor"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"
