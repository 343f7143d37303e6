"""API tokens of people. The secret is shown once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import html, links
from portal.account.token_form import TokenForm, scope_words, token_fields
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter
from portal.cause import act, cause_of
from portal.once import spend_once
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import ApiToken, User
from sessions_app.services.api_tokens import create_api_token, revoke_api_token


class StateFilter(ChoiceFilter):
    """Valid or not."""

    title = "state"
    parameter_name = "state"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """By the row and the clock."""
        now = timezone.now()
        valid = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        return {
            "valid": ("valid", valid),
            "expired": ("expired", Q(revoked_at=None, expires_at__lte=now)),
            "revoked": ("revoked", Q(revoked_at__isnull=False)),
        }


def _ask(tokens: Sequence[ApiToken]) -> Question:
    what = f"{len(tokens)} tokens" if len(tokens) > 1 else tokens[0].name
    rows = [Row(token.name, f"of {token.user.username}") for token in tokens]
    return Question(f"Revoke {what}?", "Programs that use it are refused at once.", "Revoke", rows, keep="Keep")


def _revoke(request: HttpRequest, token: ApiToken, data: dict[str, Any]) -> None:
    revoke_api_token(api_token_id=token.pk, **act(request))


class ApiTokenAdmin(ServiceAdmin):
    """Programs that act as a person."""

    view_right = "users.view"
    edit_right = "users.manage"
    add_form = TokenForm
    add_label = "New token"
    add_icon = "key"
    verbs = (
        Verb(
            "revoke",
            "Revoke",
            "users.manage",
            _revoke,
            lambda rows: f"Revoked: {count(rows, '', 'tokens')}.",
            _ask,
            destroys=True,
            offered=lambda token: token.revoked_at is None,
        ),
    )
    lead = "A token may do what its person's role may do, over the API. New ones are made for yourself."
    empty_text = "Make one for a program that speaks to the API in your name."
    list_display = ("subject", "state", "who", "ends", "used")
    list_filter = (StateFilter,)
    search_fields = ("name", "hint__startswith", "user__username")
    search_hint = "Name, user or the token's beginning"
    column_css = {"subject": "gw-c-subject", "state": "gw-c-status gw-c-plain", "who": "gw-c-wide gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """With the people, without the digests."""
        return super().get_queryset(request).select_related("user").defer("digest")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
        """Make it, and show the secret in this very answer."""
        spend_once(request, data["once"])
        now = timezone.now()
        assert isinstance(request.user, User)
        created = create_api_token(
            user_id=request.user.pk,
            now=now,
            random32=secrets.token_bytes(32),
            cause=cause_of(request),
            **token_fields(data, now),
        )
        token = self.get_queryset(request).get(pk=created.api_token.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Copy the token",
            "gw_crumbs": [{"label": self.list_title(), "url": self.url("changelist")}],
            "token": token,
            "secret": created.secret,
            "section": self.sections(request, token)[0],
            "token_url": self.url("change", token.pk),
        }
        response = TemplateResponse(request, "portal/token_once.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @display(description="Token", ordering="name")
    def subject(self, obj: ApiToken) -> SafeString:
        """Name and beginning."""
        link = html.link(links.change_url("sessions_app.apitoken", obj.pk), obj.name, subject=True)
        return format_html('{} <span class="gw-mono gw-dim">{}…</span>', link, obj.hint)

    @display(description="State")
    def state(self, obj: ApiToken) -> SafeString:
        """Valid or not."""
        if obj.revoked_at is not None:
            return html.status("disabled", "Revoked")
        if obj.expires_at is not None and obj.expires_at <= timezone.now():
            return html.status("ended", "Expired")
        return html.status("online", "Valid")

    @display(description="Acts as", ordering="user__username")
    def who(self, obj: ApiToken) -> SafeString:
        """The person."""
        return links.person(obj.user)

    @display(description="Ends", ordering="expires_at")
    def ends(self, obj: ApiToken) -> SafeString:
        """When."""
        return html.until(obj.expires_at, timezone.now())

    @display(description="Last used", ordering="last_used_at")
    def used(self, obj: ApiToken) -> SafeString:
        """When."""
        return html.ago(obj.last_used_at, timezone.now())

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """State and person."""
        return (self.state(obj), self.who(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        return [
            Section(
                "This token",
                facts=facts(
                    ("Begins", html.mono(f"{obj.hint}…")),
                    ("Acts as", self.who(obj)),
                    ("May", scope_words(obj.scopes, obj.user.role)),
                    ("Ends", self.ends(obj)),
                    ("Made", html.ago(obj.created_at, timezone.now())),
                    ("Last used", self.used(obj)),
                    ("Used from", html.mono(", ".join(obj.seen_from))),
                ),
            )
        ]
