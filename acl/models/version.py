from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models import Network


class PolicyVersion(models.Model):
    """One version of a network's policy, whole, for good: ``number`` counts as ``Network.policy_version`` does.

    ``facts`` is the policy as ``acl.stored`` writes it, compressed: selectors are bound to ids there, so that going
    back to it gives nothing to a newcomer with an old name. ``document`` is the text that the version came in, with
    its comments, and empty where it came otherwise.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="policy_versions")
    number = models.PositiveIntegerField()
    facts = models.BinaryField(editable=False)
    digest = models.CharField(max_length=64, editable=False, help_text="BLAKE3 of the facts.")
    document = models.TextField(blank=True, editable=False)
    summary = models.CharField(max_length=200, blank=True, help_text="What differs from the version before.")
    comment = models.CharField(max_length=500, blank=True)
    forced = models.BooleanField(default=False)
    objections = models.JSONField(default=list, blank=True, help_text="What was overridden.")
    map_version = models.PositiveBigIntegerField(help_text="Of the change that put it in force.")
    actor = models.CharField(max_length=64)
    origin = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("network", "-number")
        verbose_name = "policy version"
        constraints = (models.UniqueConstraint(fields=("network", "number"), name="policy_version_once"),)

    def __str__(self) -> str:
        return f"policy {self.number}"


class PolicyClock(models.Model):
    """The instant that a network's policy is compiled for, and when a schedule changes something next.

    The clock moves with versions of the policy and at boundaries, each of which is a Change: so a map depends on its
    version alone, whenever and wherever it is built.
    """

    network = models.OneToOneField(Network, on_delete=models.CASCADE, primary_key=True, related_name="policy_clock")
    at = models.DateTimeField()
    next_boundary = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(next_boundary=None) | Q(next_boundary__gt=models.F("at")), name="policy_boundary_ahead"
            ),
        )

    def __str__(self) -> str:
        return f"policy clock of {self.network}"


class PolicyBoundary(models.Model):
    """A boundary of a schedule that was written to the change log: once, whoever sees it first."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="policy_boundaries")
    boundary = models.DateTimeField()
    map_version = models.PositiveBigIntegerField()

    class Meta:
        ordering = ("network", "-boundary")
        verbose_name = "policy boundary"
        verbose_name_plural = "policy boundaries"
        constraints = (models.UniqueConstraint(fields=("network", "boundary"), name="policy_boundary_once"),)

    def __str__(self) -> str:
        return f"boundary at {self.boundary}"
