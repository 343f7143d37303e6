from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models.network import Network


class Job(models.Model):
    """An act on many nodes: planned, looked at, carried out in the background, and undone where that is possible.

    Whom it concerns is fixed when it is planned (``node_ids``): what a person agreed to is what is done, whoever comes
    to match the same words later. Members of the outcome move in the transactions of the work that they tell of, so a
    job that a dead worker left is taken up where it stood.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="jobs")
    act = models.CharField(max_length=16)
    arguments = models.JSONField(default=dict)
    selection = models.JSONField(default=dict, help_text="The criteria that chose the nodes.")
    node_ids = models.JSONField(default=list)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PLANNED)
    cancel_requested = models.BooleanField(default=False)

    total = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0, help_text="How many of the nodes were dealt with.")
    changed = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0, help_text="How many could not be changed.")
    reasons = models.JSONField(default=list, help_text="The first of those left, as [id, name, why].")
    # As in facts: [{"ids": [...], "set": {...}}], what nodes were and what the job made of them.
    before = models.JSONField(default=list)
    after = models.JSONField(default=list)
    versions = models.JSONField(default=list, help_text="Map versions that it led to.")
    error = models.CharField(max_length=500, blank=True)
    undo_of = models.OneToOneField("self", on_delete=models.CASCADE, null=True, blank=True, related_name="undone_by")

    actor = models.CharField(max_length=64)
    origin = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    lease = models.CharField(max_length=32, blank=True, help_text="Which worker is at it.")
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=("planned", "waiting", "running", "done", "failed", "cancelled")),
                name="job_state_known",
            ),
        )
        indexes = (
            models.Index(fields=("leased_until",), name="job_under_way", condition=Q(state__in=("waiting", "running"))),
            models.Index(fields=("network", "-id"), name="job_of_network"),
        )

    def __str__(self) -> str:
        return f"job {self.pk}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it by itself."""
        return self.state in (self.State.DONE, self.State.FAILED, self.State.CANCELLED)
