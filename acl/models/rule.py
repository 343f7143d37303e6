from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models import Network


class AclRule(models.Model):
    """One rule of a network's policy; the first that matches decides, in the order of ``position``.

    ``sources`` and ``destinations`` are bound selectors (users and nodes by id), so that a newcomer with an old
    name inherits nothing.
    """

    class Action(models.TextChoices):
        ACCEPT = "accept", "Accept"
        DENY = "deny", "Deny"

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="acl_rules")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=6, choices=Action.choices, default=Action.ACCEPT)
    sources = models.JSONField()
    destinations = models.JSONField()
    protocols = models.JSONField(default=list, blank=True, help_text="Empty: TCP, UDP and ICMP.")
    ports = models.JSONField(default=list, blank=True, help_text="Empty: any.")
    enabled = models.BooleanField(default=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("network", "position")
        verbose_name = "rule"
        constraints = (
            models.UniqueConstraint(fields=("network", "position"), name="rule_position_once"),
            models.CheckConstraint(condition=Q(action__in=("accept", "deny")), name="rule_action_known"),
        )

    def __str__(self) -> str:
        return self.name or f"rule {self.position}"
