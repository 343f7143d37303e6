from __future__ import annotations

from django.db import models

from nodes.models.network import Network


class Change(models.Model):
    """One step of a network's map: what became true, at which version, and who caused it.

    Written by ``nodes.changes.record_change`` alone. ``facts`` holds the full new facts of what changed.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="changes")
    version = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=32)
    facts = models.JSONField(default=dict)
    actor = models.CharField(max_length=64, help_text="user:7, node:12, command, system:sweep.")
    origin = models.CharField(max_length=64, blank=True, help_text="The address that the request came from.")
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("network", "-version")
        constraints = (models.UniqueConstraint(fields=("network", "version"), name="change_version_once"),)
        indexes = (models.Index(fields=("network", "kind", "created_at"), name="change_kind_time"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"
