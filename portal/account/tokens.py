"""Own API tokens: what they may, until when, when and from where they were used last."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from mesh.errors import GhostWireError, NotFoundError
from mesh.tokens import RANDOM_BYTES
from portal import html
from portal.account.guard import own_page, person_of, show
from portal.account.token_form import TokenForm, scope_words, token_fields
from portal.cause import act, cause_of
from portal.once import spend_once
from sessions_app.models import ApiToken, User
from sessions_app.services.api_tokens import create_api_token, revoke_api_token


def _row(token: ApiToken, person: User) -> dict[str, Any]:
    now = timezone.now()
    live = token.revoked_at is None and (token.expires_at is None or token.expires_at > now)
    if live:
        state = html.status("online", "Valid")
    else:
        state = html.status("disabled", "Revoked") if token.revoked_at else html.status("ended", "Expired")
    return {
        "token": token,
        "live": live,
        "state": state,
        "may": scope_words(token.scopes, person.role),
        "ends": html.until(token.expires_at, now),
        "used": html.ago(token.last_used_at, now),
        "seen_from": token.seen_from[:1],
    }


def _own(person: User) -> Any:
    return ApiToken.objects.filter(user=person).defer("digest", "pepper").order_by("-pk")


@own_page("POST")
def tokens_page(request: HttpRequest) -> HttpResponse:
    """All of them, and the form for another; the answer to that shows its secret, once."""
    person = person_of(request)
    form = TokenForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        try:
            spend_once(request, form.cleaned_data["once"])
            created = create_api_token(
                user_id=person.pk,
                now=now,
                random32=secrets.token_bytes(RANDOM_BYTES),
                cause=cause_of(request),
                **token_fields(form.cleaned_data, now),
            )
        except GhostWireError as error:
            form.take(error)
        else:
            row = _row(created.api_token, person)
            response = show(
                request, "portal/account/token_once.html", "Copy the token", "tokens", row=row, secret=created.secret
            )
            response["Cache-Control"] = "no-store"
            return response
    rows = [_row(token, person) for token in _own(person)[:200]]
    rows.sort(key=lambda row: not row["live"])
    return show(request, "portal/account/tokens.html", "API tokens", "tokens", rows=rows, form=form)


@own_page("POST")
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks, and ends one of them."""
    person = person_of(request)
    token = _own(person).filter(pk=pk).first()
    if token is None:
        raise NotFoundError("There is no such token.")
    if request.method == "POST":
        revoke_api_token(api_token_id=token.pk, **act(request))
        messages.success(request, f"{token.name} is revoked.")
        return redirect("account_tokens")
    question = {
        "label": "Revoke",
        "title": f"Revoke {token.name}?",
        "text": "Programs that use it are refused at once.",
        "keep": "Keep it",
    }
    return show(request, "portal/account/confirm.html", "Revoke a token", "tokens", question=question, back="tokens")
