"""The first steps: a key, one line on a machine, and a second machine. Each is followed until it answers a ping."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from acl.models import AclRule
from mesh.errors import GhostWireError
from nodes.models import Network
from portal.enrol.keys import first_key
from portal.enrol.machines import first_machines
from portal.enrolment import JoinCommand, join_command, portal_url
from portal.once import begin_once
from sessions_app.models import AuthKey
from sessions_app.roles import allows
from sessions_app.services.auth_keys import usable

GUIDE: Final = "guide"
"""In the address: the first steps, also where they are done."""


def make_first_key(request: HttpRequest, network: Network, now: datetime) -> JoinCommand | HttpResponse:
    """The line with a key for the first two machines of the one who asks."""
    if not allows(request.user, "keys.manage"):
        raise PermissionDenied
    try:
        return join_command(portal_url(request), first_key(request, network, now))
    except GhostWireError as error:
        messages.error(request, error.detail)
        return HttpResponseRedirect(guide_url(network))


def guide_url(network: Network) -> str:
    """Where the first steps of a network are, done or not."""
    return f"{reverse('admin:index')}?{urlencode({GUIDE: '1', 'network': network.name})}"


def first_steps(request: HttpRequest, network: Network, command: JoinCommand | None, now: datetime) -> dict[str, Any]:
    """What the page of the first steps shows."""
    may = allows(request.user, "keys.manage")
    machines = first_machines(network, now) if allows(request.user, "nodes.view") else []
    first, second = ([*machines, None, None])[:2]
    return {
        "guide_url": guide_url(network),
        "first": first,
        "second": second,
        "others": machines[2:],
        "talk": [machine for machine in (first, second) if machine is not None and machine.answered],
        "command": command,
        "may_enrol": may,
        "may_approve": allows(request.user, "nodes.approve"),
        "once": begin_once(request) if may and command is None else "",
        "open_key": _open_keys(network, now).order_by("-pk").first(),
        "rules": AclRule.objects.filter(network=network, enabled=True).count(),
        "only_own_devices": _only_own_devices(network),
        "may_edit_policy": allows(request.user, "policy.manage"),
    }


def _open_keys(network: Network, now: datetime) -> QuerySet[AuthKey]:
    """The keys whose lines this guide speaks of, as long as they let one more machine in: for several machines of one
    person, as the first start of the portal prints one and as this guide makes them."""
    reusable = Q(max_uses=None) | Q(max_uses__gt=1)
    return AuthKey.objects.filter(usable(now) & reusable, network=network, tagged=False, owner__isnull=False)


def _only_own_devices(network: Network) -> bool:
    rules = list(AclRule.objects.filter(network=network, enabled=True)[:2])
    return len(rules) == 1 and (rules[0].action, rules[0].sources, rules[0].destinations) == (
        "accept",
        ["autogroup:member"],
        ["autogroup:self"],
    )
