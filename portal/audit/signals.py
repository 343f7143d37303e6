"""Django tells of logins by signals; these receivers hand them to the audit trail and do nothing else."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from coordinator.requests import origin_of, request_id_of
from mesh.change import Cause
from sessions_app.models import AuditEntry, User
from sessions_app.services.audit import ANONYMOUS, note_audit
from sessions_app.session_engine import note_login


def cause_by(request: HttpRequest | None, actor: str) -> Cause:
    """Who did something at a page where nobody need be logged in."""
    return Cause(actor) if request is None else Cause(actor, origin_of(request), request_id_of(request))


def note_failed_login(request: HttpRequest | None, login: str, reason: str) -> None:
    """Somebody was not let in. The login is told only if there is one: people type passwords into that field too."""
    user = User.objects.filter(username=login.strip().lower()[:150]).only("pk", "username").first()
    facts = {"reason": reason} | ({} if user is None else {"user": user.pk, "login": user.username})
    cause = cause_by(request, ANONYMOUS)
    note_audit(kind=AuditEntry.Kind.LOGIN_FAILED, facts=facts, cause=cause, now=timezone.now())


@receiver(user_logged_in, dispatch_uid="gw_logged_in")
def _logged_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    now, cause = timezone.now(), cause_by(request, f"user:{user.pk}")
    browser = str(request.META.get("HTTP_USER_AGENT", ""))
    note_login(request.session, origin=cause.origin, browser=browser, now=now)
    facts = {"user": user.pk, "login": user.username, "browser": browser}
    note_audit(kind=AuditEntry.Kind.LOGIN, facts=facts, cause=cause, now=now)


@receiver(user_login_failed, dispatch_uid="gw_login_failed")
def _login_failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    note_failed_login(request, str(credentials.get("username") or ""), "password")


@receiver(user_logged_out, dispatch_uid="gw_logged_out")
def _logged_out(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        cause = cause_by(request, f"user:{user.pk}")
        facts = {"user": user.pk, "login": user.username}
        note_audit(kind=AuditEntry.Kind.LOGOUT, facts=facts, cause=cause, now=timezone.now())
