from __future__ import annotations

from django.db import models

from nodes.models.node import Node


class Observation(models.Model):
    """From where one peer's WireGuard got authenticated packets of a node: one row a pair.

    What peers are told is the endpoints of kind "observed", which are made of these.
    """

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="observations")
    reporter = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=47, help_text="ip:port or [ip6]:port.")
    since = models.DateTimeField(help_text="When this reporter first told of this address.")
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ("node", "reporter")
        constraints = (models.UniqueConstraint(fields=("node", "reporter"), name="observation_once_a_reporter"),)
        indexes = (models.Index(fields=("seen_at",), name="observation_seen_at"),)

    def __str__(self) -> str:
        return self.address
