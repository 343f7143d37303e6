from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models.indexes import TimeIndex
from nodes.models.node import Node


class TrafficTotal(models.Model):
    """What a node's counters said when it last told of them: what the next report is held against."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, primary_key=True, related_name="traffic_total")
    counter = models.CharField(max_length=64, blank=True, help_text="Which counters: others begin at nothing.")
    rx_bytes = models.BigIntegerField()
    tx_bytes = models.BigIntegerField()
    told_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"traffic of {self.node} until {self.told_at}"


class TrafficHour(models.Model):
    """What went through a node's tunnel within one hour, as it told itself."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="traffic_hours", db_index=False)
    hour = models.DateTimeField(help_text="Its beginning, in UTC.")
    rx_bytes = models.BigIntegerField()
    tx_bytes = models.BigIntegerField()

    class Meta:
        ordering = ("node", "hour")
        constraints = (
            models.UniqueConstraint(fields=("node", "hour"), name="traffic_hour_once_a_node"),
            models.CheckConstraint(condition=Q(rx_bytes__gte=0) & Q(tx_bytes__gte=0), name="traffic_hour_not_negative"),
        )
        indexes = (TimeIndex(fields=("hour",), name="traffic_hour_time"),)

    def __str__(self) -> str:
        return f"traffic of {self.node} at {self.hour}"
