"""What the editor asks while somebody works: the rules as they are by now, names that begin so, and explanations."""

from __future__ import annotations

from html import unescape
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import strip_tags
from rest_framework import serializers

from acl.models import PolicyVersion
from coordinator.admin_api.fields import QueryNumberField, StrictSerializer, TextField
from coordinator.admin_api.serializers.policy_preview import edits_of
from nodes.models import Network
from portal.access.calls import body_of, call, query_of
from portal.access.facts import suggest_fact
from portal.access.flows import MAX_WORDS, Asked, ask
from portal.access.named import suggest
from portal.access.preview import DraftBody
from portal.access.rules import rules_in_force
from portal.policy.who import names_of

TOLD = 10
FACTS = ("os", "posture")


class StateQuery(StrictSerializer):
    """``since``: a version; those after it are told."""

    since = QueryNumberField(required=False, min_value=0)


class NamesQuery(StrictSerializer):
    """How a name begins, and where it is to stand."""

    q = TextField(max_length=MAX_WORDS, allow_blank=True)
    scope = serializers.ChoiceField(choices=("source", "destination", "point", *FACTS))


class FlowBody(DraftBody):
    """A flow to explain by a draft."""

    to = TextField(max_length=MAX_WORDS, allow_blank=True)
    on = TextField(max_length=MAX_WORDS, allow_blank=True, required=False)
    at = TextField(max_length=MAX_WORDS, allow_blank=True, required=False)

    def get_fields(self) -> dict[str, Any]:
        # "from" cannot be the name of a class attribute.
        return {**super().get_fields(), "from": TextField(max_length=MAX_WORDS, allow_blank=True)}


@call("policy.view")
def state(request: HttpRequest, network: Network) -> HttpResponse:
    """The rules in force, and who put the versions after ``since`` in force, newest first."""
    since = query_of(request, StateQuery).get("since")
    body = rules_in_force(network, timezone.now())
    return JsonResponse(body | {"since": [] if since is None else _since(network, since)})


@call("policy.view")
def names(request: HttpRequest, network: Network) -> HttpResponse:
    """What a name may become."""
    query = query_of(request, NamesQuery)
    find = suggest_fact if query["scope"] in FACTS else suggest
    found = find(network_id=network.pk, text=query["q"], scope=query["scope"])
    return JsonResponse({"names": [{"text": item.text, "hint": item.hint, "url": item.url} for item in found]})


@call("policy.view", methods=("GET", "POST"))
def explain(request: HttpRequest, network: Network) -> HttpResponse:
    """An explanation as the box shows it: by the policy in force, or (POST) by a draft."""
    now = timezone.now()
    if request.method == "POST":
        said = body_of(request, FlowBody)
        asked = ask(network.pk, said, now, edits=edits_of(said["edits"]))
    else:
        asked = ask(network.pk, request.GET, now)
    return HttpResponse(explanation(asked, request))


def explanation(asked: Asked, request: HttpRequest) -> str:
    """An answer as markup."""
    return render_to_string("portal/access/explanation.html", {"asked": asked}, request)


def _since(network: Network, number: int) -> list[dict[str, Any]]:
    versions = list(PolicyVersion.objects.filter(network=network, number__gt=number).order_by("-number")[:TOLD])
    who = names_of(version.actor for version in versions)
    return [
        {
            "number": version.number,
            "by": unescape(strip_tags(who.actor(version.actor))),
            "at": version.created_at.isoformat(),
            "summary": version.summary,
            "comment": version.comment,
        }
        for version in versions
    ]
