"""Who may log in to the pages under ``/admin/``, and how often it may be tried."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from coordinator.limits import Limit, enforce
from mesh.errors import ThrottledError
from sessions_app.roles import CAPABILITIES

# Guesses at passwords: per address, and per login name whatever the address.
PER_ADDRESS: Final = Limit("login_address", 20, 300.0, burst=10)
PER_LOGIN: Final = Limit("login_name", 20, 300.0, burst=10)


def may_enter(user: Any) -> bool:
    """Whether a person may see pages under ``/admin/`` at all: an active one whose role can do something there."""
    return bool(getattr(user, "is_active", False) and CAPABILITIES.get(getattr(user, "role", ""), frozenset()))


class PortalAuthenticationForm(AuthenticationForm):
    """Checks name and password, slowly after a few tries."""

    error_messages = {
        "invalid_login": "This user and password do not go together.",
        "inactive": "This user is disabled.",
    }

    def clean(self) -> dict[str, Any]:
        """Count the attempt before the password is looked at."""
        assert self.request is not None
        now = timezone.now().timestamp()
        # Logins are stored in lower case; people's keyboards on phones are of another opinion.
        login = str(self.cleaned_data.get("username") or "").strip().lower()
        self.cleaned_data["username"] = login
        try:
            enforce(PER_ADDRESS, self.request.META.get("REMOTE_ADDR", ""), now)
            if login:
                enforce(PER_LOGIN, login, now)
        except ThrottledError as error:
            wait = max(1, round(error.retry_after or 1))
            raise ValidationError(f"Too many attempts. Try again in {wait} s.", code="throttled") from error
        return super().clean()

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        """Members have no pages here."""
        super().confirm_login_allowed(user)  # type: ignore[arg-type]
        if not may_enter(user):
            raise ValidationError("Your role has no pages here.", code="role")
