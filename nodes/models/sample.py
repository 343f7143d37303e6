from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models.network import Network


class Sample(models.Model):
    """How a network did during a span of time; or, without a network, what the portal's workers did in it.

    Written once a minute, and added up to half hours. A figure that nobody could know is empty, never 0.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, null=True, related_name="samples")
    at = models.DateTimeField(help_text="Where the span begins.")
    span = models.PositiveIntegerField(help_text="Its length in seconds: 60 or 1800.")
    online = models.PositiveIntegerField(null=True, help_text="Nodes, without those that are late.")
    late = models.PositiveIntegerField(null=True, help_text="Nodes that miss heartbeats; the most at once.")
    offline = models.PositiveIntegerField(null=True)
    waiting = models.PositiveIntegerField(null=True)
    sessions = models.PositiveIntegerField(null=True, help_text="Node sessions in force.")
    due = models.PositiveBigIntegerField(null=True, help_text="Looks at whether an online node was heard in time.")
    heard = models.PositiveBigIntegerField(null=True, help_text="Those at which it was.")
    heartbeats = models.PositiveBigIntegerField(null=True, help_text="Answered by all workers.")
    pushes = models.PositiveBigIntegerField(null=True, help_text="Maps and deltas sent by all workers.")
    errors = models.PositiveBigIntegerField(null=True, help_text="Requests answered with an error of the portal's own.")
    maps = models.JSONField(null=True, help_text="Whole maps built, by how long that took: counts by bucket.")

    class Meta:
        ordering = ("-at",)
        constraints = (
            models.UniqueConstraint(
                fields=("network", "span", "at"), name="sample_network_once", condition=Q(network__isnull=False)
            ),
            models.UniqueConstraint(fields=("span", "at"), name="sample_portal_once", condition=Q(network=None)),
        )
        indexes = (models.Index(fields=("span", "at"), name="sample_span_at"),)

    def __str__(self) -> str:
        return f"{self.network or 'portal'} at {self.at}"
