"""The overview: the first steps while the network is empty, then how it does. Only what is really known."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from acl.models import AclRule
from mesh.errors import GhostWireError
from nodes.models import Change, Network, Node, Route
from portal import html, links, live
from portal.enrolment import JoinCommand, join_command, portal_url
from portal.events import Names, event_lines
from portal.once import begin_once, spend_once
from portal.pools import pools_of
from sessions_app.models import AuthKey, AuthKeyUse, NodeSession
from sessions_app.roles import allows
from sessions_app.services.auth_keys import create_auth_key

EVENTS: Final = 12
FIRST_KEY_LIVES: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the fleet bar."""

    state: str
    word: str
    count: int
    x: float
    width: float
    url: str


def overview_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page. A POST makes the key of the first steps and shows it in the answer."""
    network = _chosen(request)
    now = timezone.now()
    context |= {"title": "Overview", "networks": list(Network.objects.order_by("name")), "network": network}
    if network is None:
        return TemplateResponse(request, "portal/no_network.html", context)
    command: JoinCommand | None = None
    if request.method == "POST":
        made = _first_key(request, network, now)
        if isinstance(made, HttpResponse):
            return made
        command = made
    elif request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    enrolled = Node.objects.filter(network=network).count()
    if enrolled < 2:
        context |= _first_steps(request, network, enrolled, command)
        response = TemplateResponse(request, "portal/start.html", context)
        if command is not None:
            response["Cache-Control"] = "no-store"
        return response
    context |= _dashboard(request, network, now)
    return TemplateResponse(request, "portal/overview.html", context)


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


def _chosen(request: HttpRequest) -> Network | None:
    """The network of ``?network=``, else the first."""
    wanted = request.GET.get("network", "")
    networks = Network.objects.order_by("pk")
    return networks.filter(name=wanted).first() or networks.first()


def _first_key(request: HttpRequest, network: Network, now: datetime) -> JoinCommand | HttpResponse:
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


def _first_steps(request: HttpRequest, network: Network, enrolled: int, command: JoinCommand | None) -> dict[str, Any]:
    may = allows(request.user, "keys.manage")
    return {
        "enrolled": enrolled,
        "first_node": Node.objects.filter(network=network).first(),
        "command": command,
        "may_enrol": may,
        "once": begin_once(request) if may and command is None else "",
        "rules": AclRule.objects.filter(network=network, enabled=True).count(),
        "only_own_devices": _only_own_devices(network),
    }


def _only_own_devices(network: Network) -> bool:
    rules = list(AclRule.objects.filter(network=network, enabled=True)[:2])
    return len(rules) == 1 and (rules[0].action, rules[0].sources, rules[0].destinations) == (
        "accept",
        ["autogroup:member"],
        ["autogroup:self"],
    )


def _dashboard(request: HttpRequest, network: Network, now: datetime) -> dict[str, Any]:
    nodes = Node.objects.filter(network=network)
    late = live.late_ids(now)
    late_here = nodes.filter(pk__in=late[:500]).count() if late else 0
    fleet = live.count_fleet(late_here, nodes)
    context: dict[str, Any] = {
        "fleet": fleet,
        "segments": _segments(fleet),
        "pools": pools_of(network, now),
        "needs": _needs(request, network, now),
        "sessions": NodeSession.objects.filter(node__network=network).aggregate(
            active=Count("pk", filter=Q(ended_at=None)),
            soon=Count("pk", filter=Q(ended_at=None, expires_at__lte=now + timedelta(hours=1))),
        ),
        "rules_url": links.list_url("acl.aclrule"),
        "rule_count": AclRule.objects.filter(network=network, enabled=True).count(),
    }
    if allows(request.user, "keys.view"):
        usable = AuthKey.objects.filter(network=network, revoked_at=None).filter(
            Q(expires_at=None) | Q(expires_at__gt=now)
        )
        context["usable_keys"] = usable.count()
    if allows(request.user, "changes.view"):
        changes = Change.objects.filter(network=network).order_by("-version")
        context["events"] = event_lines(changes[:EVENTS])
        context["policy_change"] = _policy_change(network)
    return context


def _segments(fleet: live.Fleet) -> list[Segment]:
    """The fleet bar: 1000 wide, no segment thinner than 6, gaps of 2."""
    total = max(fleet.online + fleet.late + fleet.offline + fleet.waiting, 1)
    x, found = 0.0, []
    for state in ("online", "late", "offline", "waiting"):
        number = getattr(fleet, state)
        width = max(1000 * number / total, 6.0) if number else 0.0
        url = links.list_url("nodes.node", f"status={state}")
        found.append(Segment(state, live.WORDS[state], number, round(x, 1), round(max(width - 2, 0), 1), url))
        x += width
    return found


def _needs(request: HttpRequest, network: Network, now: datetime) -> list[dict[str, Any]]:
    """What a person must look at, each with the page that settles it."""
    found = []
    waiting = Route.objects.filter(network=network, advertised=True, approved=False).select_related("node")
    for route in waiting[:3]:
        found.append(
            {
                "icon": "alt_route",
                "css": "gw-wait",
                "title": f"{route.node.name} offers {route.prefix}",
                "text": "Nobody reaches it before someone approves it.",
                "link": ("Review", links.list_url("nodes.route", "approval=waiting")),
            }
        )
    week = now + timedelta(days=7)
    expiring = Node.objects.filter(network=network, state=Node.State.ACTIVE, key_expires_at__lte=week)
    for node in expiring.order_by("key_expires_at")[:3]:
        assert node.key_expires_at is not None
        found.append(
            {
                "icon": "key",
                "css": "gw-warn",
                "title": f"The key of {node.name} ends in {html.span_words(node.key_expires_at - now)}",
                "text": "It loses its peers then, unless its owner registers it again.",
                "link": ("Open node", links.change_url("nodes.node", node.pk)),
            }
        )
    lapsed = Node.objects.filter(live.EXPIRED, network=network).count()
    if lapsed:
        found.append(
            {
                "icon": "lock_clock",
                "css": "gw-warn",
                "title": f"{lapsed} {'node has' if lapsed == 1 else 'nodes have'} to register again",
                "text": "Expired, or marked “log in again”.",
                "link": ("Show", links.list_url("nodes.node", "status=expired")),
            }
        )
    return found


def _policy_change(network: Network) -> dict[str, Any] | None:
    change = Change.objects.filter(network=network, kind="policy").order_by("-created_at").first()
    if change is None:
        return None
    return {
        "version": network.policy_version,
        "at": change.created_at,
        "by": Names([change]).actor(change.actor),
        "url": links.change_url("nodes.change", change.pk),
    }
