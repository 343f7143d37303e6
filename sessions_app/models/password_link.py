from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.models.credential import Credential


class PasswordLink(Credential):
    """A link by which one person sets their own password, once: the first one (an invitation) or another one."""

    class Purpose(models.TextChoices):
        INVITE = "invite", "Invitation"
        RESET = "reset", "New password"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="password_links")
    purpose = models.CharField(max_length=6, choices=Purpose.choices, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    # Whoever made it has seen it: it goes with its maker. None: a command made it.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("user",), condition=Q(used_at=None, revoked_at=None), name="password_link_one_live"
            ),
            models.CheckConstraint(condition=Q(purpose__in=("invite", "reset")), name="password_link_purpose_known"),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} of {self.user}"
