from __future__ import annotations

from django.db import models

from nodes.models import Network, Route


class AutoApprover(models.Model):
    """Whose routes inside ``prefix`` are approved without a person. An empty prefix speaks of exit nodes."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="auto_approvers")
    prefix = models.CharField(max_length=43, blank=True, help_text="A CIDR. Empty: exit nodes.")
    approvers = models.JSONField(default=list, help_text="Bound selectors.")

    class Meta:
        ordering = ("network", "prefix")
        verbose_name = "auto approver"
        constraints = (models.UniqueConstraint(fields=("network", "prefix"), name="auto_approver_once"),)

    def __str__(self) -> str:
        return self.prefix or "exit nodes"


class AutoApproval(models.Model):
    """Marks a route that the policy approved, for as long as the policy would.

    With a route that is not approved it says that a person took the approval back: the policy does not give it again.
    """

    route = models.OneToOneField(Route, on_delete=models.CASCADE, related_name="auto_approval")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("route",)
        verbose_name = "automatic approval"

    def __str__(self) -> str:
        return f"automatic approval of {self.route}"
