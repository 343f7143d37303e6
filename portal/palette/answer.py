"""What the palette's script asks for while somebody types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from portal.palette import rows
from portal.palette.found import Found
from portal.palette.places import acts, pages
from sessions_app.roles import allows

LONGEST: Final = 200
Search = Callable[[str], list[Found]]

# In this order they are shown; the capability is the one that guards the pages they lead to.
KINDS: Final[tuple[tuple[str, str, str, Search], ...]] = (
    ("nodes", "Nodes", "nodes.view", rows.nodes),
    ("routes", "Routes", "nodes.view", rows.routes),
    ("users", "Users", "users.view", rows.users),
    ("rules", "Rules", "policy.view", rows.rules),
    ("groups", "Groups", "policy.view", rows.groups),
    ("hosts", "Hosts", "policy.view", rows.hosts),
)


@never_cache
@require_GET
def palette(request: HttpRequest) -> HttpResponse:
    """``{"kinds": [{"kind", "title", "items": [{"title", "detail", "url", "icon"}]}]}``, kinds without items left out.

    ``q`` is what was typed; nothing typed finds pages and acts. What this person may not see is not looked for.
    """
    term = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    found = [("pages", "Pages", pages(term, request.user))]
    if term:
        found += [(kind, title, search(term)) for kind, title, right, search in KINDS if allows(request.user, right)]
    found.append(("acts", "Acts", acts(term, request.user)))
    return JsonResponse(
        {
            "kinds": [
                {"kind": kind, "title": title, "items": [item.as_json() for item in items]}
                for kind, title, items in found
                if items
            ]
        }
    )
