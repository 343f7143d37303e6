from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from nodes.models import Network


class PolicyTrial(models.Model):
    """A policy that was put in force for a while: unless somebody confirms it in time, the one before comes back.

    ``number`` is the version on trial, ``former`` the one to go back to. ``due_at`` is when going back is tried next:
    the deadline, or later where that failed for ``problem``. ``result`` is the version that going back made.
    """

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed"
        REVERTED = "reverted"

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="policy_trials")
    number = models.PositiveIntegerField()
    former = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    deadline = models.DateTimeField()
    due_at = models.DateTimeField()
    actor = models.CharField(max_length=64)
    origin = models.CharField(max_length=64, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=64, blank=True)
    result = models.PositiveIntegerField(null=True, blank=True)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("network", "-number")
        verbose_name = "policy trial"
        indexes = (models.Index(fields=("due_at",), name="policy_trial_due", condition=Q(ended_at=None)),)
        constraints = (
            models.UniqueConstraint(fields=("network",), condition=Q(ended_at=None), name="policy_trial_one_open"),
            models.UniqueConstraint(fields=("network", "number"), name="policy_trial_once"),
            models.CheckConstraint(condition=Q(deadline__gt=F("began_at")), name="policy_trial_ahead"),
            models.CheckConstraint(condition=Q(number__gt=F("former")), name="policy_trial_forward"),
            models.CheckConstraint(
                condition=Q(ended_at=None, outcome="") | (Q(ended_at__isnull=False) & ~Q(outcome="")),
                name="policy_trial_outcome",
            ),
        )

    def __str__(self) -> str:
        return f"trial of policy {self.number}"
