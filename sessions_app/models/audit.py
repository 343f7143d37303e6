from __future__ import annotations

from django.db import models
from django.db.models import Q


class AuditEntry(models.Model):
    """Something about access that moves no map: who came in, who was refused, who was invited.

    Written by ``sessions_app.services.audit`` alone and never changed, but for what repeats within one minute, which
    is counted in its first row.
    """

    class Kind(models.TextChoices):
        LOGIN = "login", "Login"
        LOGIN_FAILED = "login_failed", "Failed login"
        LOGOUT = "logout", "Logout"
        SESSIONS_ENDED = "sessions_ended", "Sessions ended"
        PASSWORD_SET = "password_set", "Password set"
        DENIED = "denied", "Denied"
        LINK_MADE = "link_made", "Link made"
        LINK_REVOKED = "link_revoked", "Link revoked"
        LINK_USED = "link_used", "Link used"
        TOKEN_MADE = "token_made", "API token made"
        TOKEN_USED = "token_used", "API token from a new address"
        TOKEN_REFUSED = "token_refused", "API token refused"
        KEY_MADE = "key_made", "Auth key made"

    kind = models.CharField(max_length=16, choices=Kind.choices, editable=False)
    actor = models.CharField(max_length=64, editable=False, help_text="user:7, command, anonymous.")
    origin = models.CharField(max_length=64, blank=True, editable=False, help_text="The address it came from.")
    request_id = models.CharField(max_length=64, blank=True, editable=False)
    facts = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField(editable=False)
    last_at = models.DateTimeField(editable=False, help_text="When it happened last, where it repeated.")
    count = models.PositiveIntegerField(default=1, editable=False)
    # What makes two of them the same within a minute; empty for what is never counted together.
    minute = models.DateTimeField(editable=False)
    repeats = models.CharField(max_length=32, blank=True, editable=False)

    class Meta:
        ordering = ("-pk",)
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        constraints = (
            models.UniqueConstraint(fields=("minute", "repeats"), condition=~Q(repeats=""), name="audit_repeats_once"),
        )
        indexes = (
            models.Index(fields=("created_at",), name="audit_created_at"),
            models.Index(fields=("kind", "created_at"), name="audit_kind_time"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
