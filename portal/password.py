"""Changing one's own password."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import password_validation
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from coordinator.limits import Limit, enforce
from mesh.change import Cause
from mesh.errors import ThrottledError
from sessions_app.services.users import set_password

# Guesses at the present password by whoever sits at a browser that was left open.
TRIES: Final = Limit("password_change", 20, 300.0, burst=10)


class OwnPasswordForm(PasswordChangeForm):
    """Asks for the old password; the service checks and stores the new one."""

    error_messages = {
        "password_mismatch": "The two new passwords differ.",
        "password_incorrect": "This is not your present password.",
    }

    def __init__(self, *args: Any, cause: Cause | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cause = cause or Cause.user(self.user.pk)

    def save(self, commit: bool = True) -> Any:
        """Set the password by its service and return the person as they now are, for the session at hand."""
        assert commit, "A password is set at once or not at all."
        password = self.cleaned_data["new_password1"]
        set_password(user_id=self.user.pk, password=password, cause=self.cause, now=timezone.now())
        self.user.refresh_from_db()
        return self.user

    def clean_old_password(self) -> str:
        """Count the try before the password is looked at."""
        try:
            enforce(TRIES, str(self.user.pk), timezone.now().timestamp())
        except ThrottledError as error:
            wait = max(1, round(error.retry_after or 1))
            raise ValidationError(f"Too many attempts. Try again in {wait} s.", code="throttled") from error
        return str(super().clean_old_password())

    def clean_new_password1(self) -> str:
        """Refuse here what the service would refuse, at the field."""
        password = str(self.cleaned_data["new_password1"])
        password_validation.validate_password(password, self.user)
        return password
