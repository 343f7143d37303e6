from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.models.credential import Credential


class ApiToken(Credential):
    """A person's token for the administration API. It may do what its user's role may do, or less."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=64)
    hint = models.CharField(max_length=12, editable=False)
    # Capabilities of ``sessions_app.roles``, and ``own``. None: all that the role may, now and later.
    scopes = models.JSONField(null=True, blank=True, default=None)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # When the log was told that its time is over. What ends it is the clock.
    lapsed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Addresses that it was used from, the latest new one first.
    seen_from = models.JSONField(default=list, editable=False)

    class Meta:
        ordering = ("-created_at",)
        verbose_name = "API token"
        indexes = (
            models.Index(
                fields=("expires_at",), name="api_token_expires_at", condition=Q(revoked_at=None, lapsed_at=None)
            ),
        )

    def __str__(self) -> str:
        return self.name
