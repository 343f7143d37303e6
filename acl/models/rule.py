from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from nodes.models import Network


class AclRule(models.Model):
    """One rule of a network's policy; the first that matches decides, in the order of ``position``.

    ``sources`` and ``destinations`` are bound selectors (users and nodes by id), so that a newcomer with an old
    name inherits nothing. A rule whose time is over is switched off and stays.
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
    schedule = models.JSONField(
        default=dict, blank=True, help_text="A weekly window: weekdays, start, end, timezone. Empty: always."
    )
    not_before = models.DateTimeField(null=True, blank=True, help_text="When it begins. Empty: at once.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When it ends and is switched off.")
    conditions = models.JSONField(default=list, blank=True, help_text="What the source node must report.")
    enabled = models.BooleanField(default=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("network", "position")
        verbose_name = "rule"
        constraints = (
            models.UniqueConstraint(fields=("network", "position"), name="rule_position_once"),
            models.CheckConstraint(condition=Q(action__in=("accept", "deny")), name="rule_action_known"),
            models.CheckConstraint(
                condition=Q(not_before=None) | Q(expires_at=None) | Q(not_before__lt=F("expires_at")),
                name="rule_begins_before_it_ends",
            ),
        )
        indexes = (
            models.Index(
                fields=("network", "expires_at"),
                name="rule_temporary",
                condition=Q(enabled=True, expires_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.name or f"rule {self.position}"
