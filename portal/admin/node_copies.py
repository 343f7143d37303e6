"""A page of the list of nodes as a command and as a call of the API, whose ids are the page's."""

from __future__ import annotations

from django.http import HttpRequest

from nodes.models import Network
from portal.admin.node_list import criteria_of, order_in
from portal.jobs.copied import Copy, list_copies
from portal.page_list import PageList


def copies_of_page(request: HttpRequest, cl: PageList) -> list[Copy] | None:
    """None where the page mixes networks, or has an order that commands do not have."""
    order = order_in(request.GET, cl.list_display)
    if order is None:
        return None
    network = ""
    names = dict(Network.objects.order_by("pk").values_list("pk", "name")[:50])
    if len(names) > 1:
        wanted = request.GET.get("network", "")
        network = names.get(int(wanted), "") if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else ""
        if not network:
            return None
    start = cl.gw_stretch.start
    cursor = "" if start is None else start.cursor()
    criteria = criteria_of(request.GET)
    return list_copies(request, criteria, order=order, limit=cl.list_per_page, cursor=cursor, network=network)
