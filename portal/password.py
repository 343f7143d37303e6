"""Changing one's own password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import password_validation
from django.contrib.auth.forms import PasswordChangeForm
from django.utils import timezone

from mesh.change import Cause
from sessions_app.services.users import set_password


class OwnPasswordForm(PasswordChangeForm):
    """Asks for the old password; the service checks and stores the new one."""

    error_messages = {
        "password_mismatch": "The two new passwords differ.",
        "password_incorrect": "This is not your present password.",
    }

    def save(self, commit: bool = True) -> Any:
        """Set the password by its service and return the person as they now are, for the session at hand."""
        assert commit, "A password is set at once or not at all."
        password = self.cleaned_data["new_password1"]
        set_password(user_id=self.user.pk, password=password, cause=Cause.user(self.user.pk), now=timezone.now())
        self.user.refresh_from_db()
        return self.user

    def clean_new_password1(self) -> str:
        """Refuse here what the service would refuse, at the field."""
        password = str(self.cleaned_data["new_password1"])
        password_validation.validate_password(password, self.user)
        return password
