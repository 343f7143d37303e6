from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.models import Node
from sessions_app.models.credential import Credential


class NodeSession(Credential):
    """A node's right to speak to the portal. At most one a node is active (not ended).

    While a renewal is under way there are two tokens: the pending one replaces ``digest`` when it is first used,
    so a lost answer locks nobody out.
    """

    class End(models.TextChoices):
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"
        REPLACED = "replaced", "Replaced by a new registration"
        LOGGED_OUT = "logged_out", "Logged out"

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="sessions")
    pending_digest = models.BinaryField(max_length=32, unique=True, null=True, editable=False)
    pending_pepper = models.CharField(max_length=16, blank=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=10, choices=End.choices, blank=True)
    origin = models.CharField(max_length=64, blank=True, help_text="The address that it was issued to.")

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=("node",), condition=Q(ended_at=None), name="session_one_active_a_node"),
            models.CheckConstraint(
                condition=Q(ended_at=None, end_reason="") | Q(ended_at__isnull=False) & ~Q(end_reason=""),
                name="session_end_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(pending_digest=None, pending_pepper="")
                | Q(pending_digest__isnull=False) & ~Q(pending_pepper=""),
                name="session_pending_has_pepper",
            ),
        )
        indexes = (models.Index(fields=("expires_at",), name="session_expires_at", condition=Q(ended_at=None)),)

    def __str__(self) -> str:
        return f"session {self.pk} of {self.node}"
