from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from nodes.models import Network, Node
from sessions_app.models.auth_key import AuthKey


class Enrolment(models.Model):
    """A machine that proved its key and waits for a person. It holds no address and no name until it is approved."""

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="enrolments")
    # Eight letters, without the hyphen that people see. It names the request and opens nothing.
    code = models.CharField(max_length=8, unique=True, editable=False)
    # One request a key: the machine's next one takes its place.
    public_key = models.CharField(max_length=44, unique=True, editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING, editable=False)
    # What the machine said of itself, checked, by the names of ``ReportedFacts``; and the tags that it wishes for.
    reported = models.JSONField(default=dict, editable=False)
    tags = models.JSONField(default=list, editable=False)
    # The key that decides whom the machine belongs to; without one the person who takes it decides.
    auth_key = models.ForeignKey(
        AuthKey, on_delete=models.CASCADE, null=True, editable=False, related_name="waiting_enrolments"
    )
    # The node that was approved; or, from the beginning, the one that this key belongs to already.
    node = models.ForeignKey(Node, on_delete=models.CASCADE, null=True, editable=False, related_name="enrolments")
    origin = models.CharField(max_length=64, blank=True, editable=False)
    # What counts as one address: an IPv4 address, or an IPv6 /64.
    source = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(db_index=True, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=("pending", "approved", "rejected")), name="enrolment_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(node__isnull=False), name="enrolment_approved_has_node"
            ),
        )
        indexes = (models.Index(fields=("source", "expires_at"), name="enrolment_source"),)

    @property
    def shown_code(self) -> str:
        """The code as people read and type it: ``WDJB-MJHT``."""
        return f"{self.code[:4]}-{self.code[4:]}"

    @property
    def hostname(self) -> str:
        """What the machine calls itself."""
        return str(self.reported.get("hostname", ""))

    def __str__(self) -> str:
        return f"{self.hostname} ({self.shown_code})"
