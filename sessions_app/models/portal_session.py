from __future__ import annotations

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class PortalSession(AbstractBaseSession):
    """A browser's session of the portal, and whose it is, so that people see and end their own."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, editable=False, related_name="portal_sessions"
    )
    began_at = models.DateTimeField(null=True, editable=False, help_text="When the person logged in.")
    seen_at = models.DateTimeField(null=True, editable=False)
    origin = models.CharField(max_length=64, blank=True, editable=False)
    browser = models.CharField(max_length=200, blank=True, editable=False)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        verbose_name = "portal session"
        verbose_name_plural = "portal sessions"

    def __str__(self) -> str:
        return f"session of {self.user} since {self.began_at}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """The engine that writes these rows."""
        from sessions_app.session_engine import SessionStore  # noqa: PLC0415 - the engine imports this model

        return SessionStore
