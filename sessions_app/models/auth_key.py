from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from nodes.models import Network, Node
from sessions_app.models.credential import Credential


class AuthKey(Credential):
    """A key that lets machines in. It decides the network, the owner (a user, or tags) and how often it works."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="auth_keys")
    name = models.CharField(max_length=64, blank=True, help_text="What it is for.")
    hint = models.CharField(max_length=12, editable=False, help_text="How the key begins.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="auth_keys"
    )
    tagged = models.BooleanField(default=False, editable=False)
    tags = models.JSONField(default=list, blank=True)
    ephemeral = models.BooleanField(default=False)
    pre_approved = models.BooleanField(
        default=False, help_text="Lets machines in at once where others wait for approval."
    )
    max_uses = models.PositiveIntegerField(null=True, blank=True, default=1, help_text="Empty: any number.")
    uses = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When the log was told that its time is over. What ends it is the clock.
    lapsed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # None: a command made it. So a key goes with its maker, and never seems to be a command's.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(condition=Q(tagged=True) | Q(owner__isnull=False), name="auth_key_owner_or_tags"),
            models.CheckConstraint(
                condition=Q(max_uses=None) | Q(uses__lte=F("max_uses")), name="auth_key_uses_within_limit"
            ),
            models.CheckConstraint(condition=Q(max_uses=None) | Q(max_uses__gte=1), name="auth_key_max_uses_positive"),
        )
        indexes = (
            models.Index(
                fields=("expires_at",), name="auth_key_expires_at", condition=Q(revoked_at=None, lapsed_at=None)
            ),
        )

    def __str__(self) -> str:
        return self.name or f"{self.hint}…"


class AuthKeyUse(models.Model):
    """Which node an auth key created: the used-up one-off key may bring that one node back, and no other."""

    auth_key = models.ForeignKey(AuthKey, on_delete=models.CASCADE, related_name="created_nodes")
    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="created_by_key")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.auth_key} created {self.node}"
