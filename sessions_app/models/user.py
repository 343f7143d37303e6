from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class User(AbstractUser):
    """A person. ``username`` is the login name (``ana`` or ``ana@example.com``) that policies call ``user:NAME``."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        NETWORK_ADMIN = "network_admin", "Network admin"
        SUPPORT = "support", "Support"
        AUDITOR = "auditor", "Auditor"
        MEMBER = "member", "Member"

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    display_name = models.CharField(max_length=150, blank=True)
    picture_url = models.URLField(blank=True)

    # What the API token that speaks for this person may do; None: all that the role may. No column: the token's.
    token_scopes: frozenset[str] | None = None

    class Meta:
        ordering = ("username",)
        constraints = (
            models.CheckConstraint(
                condition=Q(role__in=("owner", "admin", "network_admin", "support", "auditor", "member")),
                name="user_role_known",
            ),
        )

    def __str__(self) -> str:
        return self.username
