from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models import Network


class PolicyTest(models.Model):
    """A stored assertion: flows from ``source`` that must be accepted, and flows that must be denied.

    ``source`` is a bound selector; ``accept`` and ``deny`` list ``{"destination": SELECTOR, "ports": [[first, last]]}``
    (no ports: any). ``posture`` is what the imagined source node reports. Run at every change of the policy.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="policy_tests")
    position = models.PositiveIntegerField()
    source = models.CharField(max_length=300)
    accept = models.JSONField(default=list, blank=True)
    deny = models.JSONField(default=list, blank=True)
    protocol = models.PositiveSmallIntegerField(null=True, blank=True, help_text="IANA number. Empty: TCP and UDP.")
    posture = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("network", "position")
        verbose_name = "policy test"
        constraints = (
            models.UniqueConstraint(fields=("network", "position"), name="policy_test_position_once"),
            models.CheckConstraint(condition=~Q(source=""), name="policy_test_source_present"),
        )

    def __str__(self) -> str:
        return f"test {self.position}"
