from __future__ import annotations

from django.db import models

from nodes.models import Network, Node


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
    """Marks a route that the policy approves, for as long as it would: by node and prefix, so that a router cannot be
    rid of what a person decided by withdrawing the route and offering it anew.

    ``given`` says that the approval is the policy's, which then takes it back when it would not approve the route any
    more. Where it is not, a person decided: approved the route before the policy did, or took the approval back, which
    the policy does not give again.
    """

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="auto_approvals")
    prefix = models.CharField(max_length=43)
    given = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("node", "prefix")
        verbose_name = "automatic approval"
        constraints = (models.UniqueConstraint(fields=("node", "prefix"), name="auto_approval_once"),)

    def __str__(self) -> str:
        return f"automatic approval of {self.prefix}"
