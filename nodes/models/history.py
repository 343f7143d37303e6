from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from nodes.models.network import Network
from nodes.models.node import Node


class OnlineSpan(models.Model):
    """A stretch of time that a node was online, as its peers were told. Made from the log of changes, in its order."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="online_spans")
    began = models.DateTimeField()
    ended = models.DateTimeField(null=True, blank=True, help_text="When it was last heard. Empty: it is online.")

    class Meta:
        ordering = ("node", "-began")
        constraints = (
            models.UniqueConstraint(fields=("node",), condition=Q(ended=None), name="online_span_one_open_a_node"),
            models.CheckConstraint(condition=Q(ended=None) | Q(ended__gte=F("began")), name="online_span_forwards"),
        )
        indexes = (
            models.Index(fields=("node", "began"), name="online_span_node_began"),
            models.Index(fields=("ended",), name="online_span_ended", condition=Q(ended__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.node} since {self.began}"


class HistoryCursor(models.Model):
    """How far the log of changes of a network was read for its history."""

    network = models.OneToOneField(Network, on_delete=models.CASCADE, primary_key=True, related_name="history_cursor")
    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"history of {self.network} up to {self.version}"
