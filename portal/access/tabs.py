"""The tabs above the pages of Access. Each page adds its line to ``TABS``, in the order in which they stand.

A page puts ``"gw_tabs": tabs(request, "rules")`` into its context, and its template says
``{% include "portal/access/tabs.html" %}`` as the first thing of its content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from acl.models import AclRule, PolicyTest
from coordinator.policy.testing import run_tests
from coordinator.replica import REPLICAS
from nodes.models import Network
from sessions_app.roles import allows


@dataclass(frozen=True, slots=True)
class Note:
    """A word beside a tab's title: a count, or how the tests do. ``css`` colours it: gw-ok or gw-bad."""

    text: str
    css: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the pages. ``view`` is its URL name in the admin site; ``note`` says something of a network, cheaply."""

    name: str
    title: str
    view: str
    note: Callable[[Network], Note | None] | None = None
    capability: str = "policy.view"


TESTS_RUN: Final = 100
"""More tests than this are only counted above the pages; their own page runs them."""


def _rules(network: Network) -> Note | None:
    return Note(str(AclRule.objects.filter(network=network).count()))


def _tests(network: Network) -> Note | None:
    """How they do, where the engine has the network at hand; how many there are, where it would have to read it all."""
    count = PolicyTest.objects.filter(network=network).count()
    if not count or count > TESTS_RUN or REPLICAS.of(network.pk).state is None:
        return Note(str(count)) if count else None
    failed = sum(not item.outcome.passed for item in run_tests(network_id=network.pk))
    return Note(f"{failed} fail" if failed > 1 else "1 fails", "gw-bad") if failed else Note(f"{count} pass", "gw-ok")


def _version(network: Network) -> Note | None:
    return Note(str(network.policy_version))


TABS: Final[tuple[Tab, ...]] = (
    Tab("rules", "Rules", "access", _rules),
    Tab("matrix", "Matrix", "matrix"),
    Tab("tests", "Tests", "policy_tests", _tests),
    Tab("file", "File", "policy_file"),
    Tab("history", "History", "policy_history", _version),
)


def tabs(request: HttpRequest, current: str, network: Network | None = None) -> list[dict[str, Any]]:
    """The tabs that this person may see: title, url, note, current. The network is the one asked for, or the first."""
    network = network or network_of(request)
    return [
        {
            "title": tab.title,
            "url": reverse(f"admin:{tab.view}") + _query(request),
            "note": tab.note(network) if tab.note is not None and network is not None else None,
            "current": tab.name == current,
        }
        for tab in TABS
        if allows(request.user, tab.capability)
    ]


def network_of(request: HttpRequest) -> Network | None:
    """The network that ``?network=NAME`` asks for, else the first; None where there is none of that name, or at all."""
    networks = Network.objects.order_by("pk")
    name = request.GET.get("network")
    return networks.filter(name=name).first() if name else networks.first()


def _query(request: HttpRequest) -> str:
    name = request.GET.get("network")
    return "?" + urlencode({"network": name}) if name and network_of(request) is not None else ""
