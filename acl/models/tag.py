from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models import Network


class TagOwner(models.Model):
    """A tag that policies may name, and who may give it to a node.

    ``owners`` lists bound selectors: ``user#7``, ``group:ops``, ``tag:deploy``, ``autogroup:member``.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="tag_owners")
    tag = models.CharField(max_length=67)
    owners = models.JSONField(default=list, blank=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("tag",)
        verbose_name = "tag"
        constraints = (
            models.UniqueConstraint(fields=("network", "tag"), name="tag_owner_once"),
            models.CheckConstraint(condition=Q(tag__startswith="tag:"), name="tag_owner_prefix"),
        )

    def __str__(self) -> str:
        return self.tag
