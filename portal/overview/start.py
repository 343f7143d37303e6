"""The first steps: a key, one line on a machine, and a second machine."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from acl.models import AclRule
from mesh.errors import GhostWireError
from nodes.models import Network, Node
from portal import links
from portal.enrolment import JoinCommand, join_command, portal_url
from portal.once import begin_once, spend_once
from sessions_app.models import AuthKeyUse
from sessions_app.roles import allows
from sessions_app.services.auth_keys import create_auth_key

FIRST_KEY_LIVES: Final = timedelta(hours=1)


def state_response(request: HttpRequest) -> HttpResponse:
    """What a page waits for: how many nodes there are, and which machines used a key. Asked every few seconds."""
    if not allows(request.user, "nodes.view"):
        raise PermissionDenied
    answer: dict[str, Any] = {"nodes": Node.objects.count()}
    key = request.GET.get("key", "")
    if key.isascii() and key.isdigit() and len(key) <= 18 and allows(request.user, "keys.view"):
        uses = AuthKeyUse.objects.filter(auth_key_id=int(key)).select_related("node").order_by("created_at")[:50]
        answer["machines"] = [
            {
                "name": use.node.name,
                "url": links.change_url("nodes.node", use.node_id),
                "addresses": list(use.node.addresses.order_by("family").values_list("address", flat=True)),
            }
            for use in uses
        ]
    response = JsonResponse(answer)
    response["Cache-Control"] = "no-store"
    return response


def first_key(request: HttpRequest, network: Network, now: datetime) -> JoinCommand | HttpResponse:
    """A key for one machine of the one who asks, good for an hour."""
    if not allows(request.user, "keys.manage"):
        raise PermissionDenied
    try:
        spend_once(request, request.POST.get("once", ""))
        created = create_auth_key(
            network_id=network.pk,
            owner_id=request.user.pk,
            name="first steps",
            expires_at=now + FIRST_KEY_LIVES,
            created_by_id=request.user.pk,
            now=now,
            random32=secrets.token_bytes(32),
        )
    except GhostWireError as error:
        messages.error(request, error.detail)
        return HttpResponseRedirect(reverse("admin:index"))
    return join_command(portal_url(request), created.secret)


def first_steps(request: HttpRequest, network: Network, enrolled: int, command: JoinCommand | None) -> dict[str, Any]:
    """What the page of the first steps shows. ``enrolled``: how many machines are in."""
    may = allows(request.user, "keys.manage")
    return {
        "enrolled": enrolled,
        "first_node": Node.objects.filter(network=network).first(),
        "command": command,
        "may_enrol": may,
        "once": begin_once(request) if may and command is None else "",
        "rules": AclRule.objects.filter(network=network, enabled=True).count(),
        "only_own_devices": _only_own_devices(network),
        "may_edit_policy": allows(request.user, "policy.manage"),
    }


def _only_own_devices(network: Network) -> bool:
    rules = list(AclRule.objects.filter(network=network, enabled=True)[:2])
    return len(rules) == 1 and (rules[0].action, rules[0].sources, rules[0].destinations) == (
        "accept",
        ["autogroup:member"],
        ["autogroup:self"],
    )
