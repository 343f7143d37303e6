from __future__ import annotations

from django.db import models

from nodes.models import Network


class NodeAttribute(models.Model):
    """Capabilities that the nodes matched by ``targets`` (bound selectors) carry in every map."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="node_attributes")
    position = models.PositiveIntegerField()
    targets = models.JSONField()
    attributes = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("network", "position")
        verbose_name = "node attribute"
        constraints = (models.UniqueConstraint(fields=("network", "position"), name="node_attribute_position_once"),)

    def __str__(self) -> str:
        return ", ".join(self.attributes)
