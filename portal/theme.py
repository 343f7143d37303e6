"""How the portal looks and where its pages are: stylesheets, and the sidebar.

The theme (django-unfold) needs no ``UNFOLD`` setting: the site (``portal.site``) says all that differs from its
defaults. Pages under the sidebar are those that exist now. Each entry names the capability
(``sessions_app.roles``) that shows it; the same capability guards the page itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from portal.badges import only_network, waiting_machines, waiting_routes
from sessions_app.roles import allows

# In this order: fonts and tokens first, rules for phones and fingers after what they change.
STYLESHEETS: Final = (
    "portal/css/fonts.css",
    "portal/css/tokens.css",
    "portal/css/base.css",
    "portal/css/parts.css",
    "portal/css/states.css",
    "portal/css/shell.css",
    "portal/css/live.css",
    "portal/css/notes.css",
    "portal/css/menu.css",
    "portal/css/list.css",
    "portal/css/table.css",
    "portal/css/form.css",
    "portal/css/confirm.css",
    "portal/css/page.css",
    "portal/css/record.css",
    "portal/css/overview.css",
    "portal/css/start.css",
    "portal/css/plain.css",
    "portal/css/policy-trial.css",
    "portal/css/phone.css",
    "portal/css/touch.css",
)


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the sidebar. ``view`` is its URL name in the admin site; no capability: for all who may enter."""

    title: str
    icon: str
    view: str
    capability: str = ""
    badge: Callable[[HttpRequest], int | None] | None = None
    leads_to: Callable[[], str | None] | None = None


NAVIGATION: Final[tuple[tuple[str, tuple[Page, ...]], ...]] = (
    (
        "Network",
        (
            Page("Overview", "monitoring", "index"),
            Page("Nodes", "dns", "nodes_node_changelist", "nodes.view"),
            Page("Topology", "hub", "topology", "policy.view"),
            Page("Enrol", "add_link", "enrol", "keys.view"),
            Page("Approvals", "how_to_reg", "sessions_app_enrolment_changelist", "nodes.view", waiting_machines),
            Page("Routes", "alt_route", "nodes_route_changelist", "nodes.view", waiting_routes),
            Page("Sessions", "sensors", "sessions_app_nodesession_changelist", "nodes.view"),
            Page("Settings", "settings", "nodes_network_changelist", "network.view", leads_to=only_network),
        ),
    ),
    (
        "Policy",
        (
            Page("Access", "rule", "access", "policy.view"),
            Page("Users", "group", "sessions_app_user_changelist", "users.view"),
            Page("Groups", "groups", "acl_group_changelist", "policy.view"),
            Page("Tags", "sell", "acl_tagowner_changelist", "policy.view"),
            Page("Hosts", "lan", "acl_host_changelist", "policy.view"),
            Page("Relays", "cell_tower", "nodes_relayregion_changelist", "network.view"),
            Page("DNS", "language", "nodes_dnsrecord_changelist", "network.view"),
        ),
    ),
    (
        "Record",
        (
            Page("Jobs", "checklist", "nodes_job_changelist", "nodes.view"),
            Page("Events", "receipt_long", "nodes_change_changelist", "changes.view"),
            Page("Addresses", "tag", "nodes_address_changelist", "network.view"),
            Page("API tokens", "key", "sessions_app_apitoken_changelist", "users.view"),
            Page("All records", "database", "records"),
        ),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups and entries that this person may see, with the present one marked."""
    groups = []
    for title, pages in NAVIGATION:
        items = [
            _entry(page, request) for page in pages if not page.capability or allows(request.user, page.capability)
        ]
        if items:
            groups.append({"title": title, "items": items})
    return groups


def _entry(page: Page, request: HttpRequest) -> dict[str, Any]:
    address = reverse(f"admin:{page.view}")
    elsewhere = page.leads_to() if page.leads_to is not None else None
    return {
        "title": page.title,
        "icon": page.icon,
        "link": elsewhere or address,
        "active": request.path == address if page.view == "index" else request.path.startswith(address),
        "counts": page.badge is not None,
        "badge": page.badge(request) if page.badge is not None else None,
    }
