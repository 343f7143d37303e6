"""Where a page hears what happens."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import reverse

from nodes.models import Network
from portal.sockets.kinds import kind_of_path
from portal.sockets.lists import LISTS, LiveList
from portal.sockets.routes import BASE

register = template.Library()


@register.simple_tag(takes_context=True)
def live_socket(context: dict[str, Any]) -> str:
    """The address of the socket that goes with the page being made: ``/ws/v1/portal/fleet?network=1``.

    Empty where the server speaks no WebSocket (WSGI): such a page asks by the clock alone.
    """
    request: HttpRequest | None = context.get("request")
    if request is None or getattr(request, "scope", None) is None:
        return ""
    inside = reverse("admin:index")
    if not request.path.startswith(inside):
        return BASE + "own"
    kind, node_id = kind_of_path(request.path.removeprefix(inside))
    shown = next((item for name in ("network", "gw_network") if isinstance(item := context.get(name), Network)), None)
    asked = {"network": None if shown is None else shown.pk, "id": node_id}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"{BASE}{kind}?{query}" if query else BASE + kind


@register.simple_tag
def live_list(cl: ChangeList) -> LiveList:
    """What keeps a list up to date; no events for one that stays as it is."""
    return LISTS.get(cl.opts.label_lower, LiveList(""))
