"""Logging in: one form for everybody, how often it may be tried, and where it leads."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from coordinator.limits import Limit, enforce, source_of
from coordinator.requests import origin_of
from mesh.errors import ThrottledError
from portal.audit.signals import note_failed_login
from sessions_app.roles import CAPABILITIES

# Guesses at passwords: per address, and per login name whatever the address.
PER_ADDRESS: Final = Limit("login_address", 20, 300.0, burst=10)
PER_LOGIN: Final = Limit("login_name", 20, 300.0, burst=10)


def may_enter(user: Any) -> bool:
    """Whether a person may see pages under ``/admin/`` at all: an active one whose role can do something there."""
    return bool(getattr(user, "is_active", False) and CAPABILITIES.get(getattr(user, "role", ""), frozenset()))


def home_of(user: Any) -> str:
    """Where a person begins: the overview for whoever has pages under ``/admin/``, own devices for everybody else."""
    return reverse("admin:index" if may_enter(user) else "account")


def place_after_login(user: Any, wanted: str) -> str:
    """Where to go after a login: where the person was going, unless only others may go there."""
    if not wanted or (wanted.startswith(reverse("admin:index")) and not may_enter(user)):
        return home_of(user)
    return wanted


class PortalAuthenticationForm(AuthenticationForm):
    """Checks name and password of anybody, slowly after a few tries."""

    error_messages = {
        "invalid_login": "This user and password do not go together.",
        "inactive": "This user is disabled.",
    }
    throttled_for: int = 0
    """Seconds until another try is looked at; 0: this one was."""

    def clean(self) -> dict[str, Any]:
        """Count the attempt before the password is looked at."""
        assert self.request is not None
        now = timezone.now().timestamp()
        # Logins are stored in lower case; people's keyboards on phones are of another opinion.
        login = str(self.cleaned_data.get("username") or "").strip().lower()
        self.cleaned_data["username"] = login
        try:
            enforce(PER_ADDRESS, source_of(origin_of(self.request)), now)
            if login:
                enforce(PER_LOGIN, login, now)
        except ThrottledError as error:
            self.throttled_for = wait = max(1, round(error.retry_after or 1))
            note_failed_login(self.request, login, "throttled")
            raise ValidationError(f"Too many attempts. Try again in {wait} s.", code="throttled") from error
        return super().clean()
