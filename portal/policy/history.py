"""The versions of the policy: who put what in force, and how their trials ended."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from acl.models import PolicyTrial, PolicyVersion
from nodes.models import Network
from portal import html, links
from portal.policy.pages import address, page, show
from portal.policy.who import names_of

SHOWN: Final = 50


@page("policy.view")
def history_page(request: HttpRequest, *, network: Network) -> HttpResponse:
    """The newest first, 50 a page; ``?before=NUMBER`` goes on from there."""
    rows = PolicyVersion.objects.filter(network=network).defer("facts", "document").order_by("-number")
    before = request.GET.get("before", "")
    if before.isdigit() and len(before) < 10:
        rows = rows.filter(number__lt=int(before))
    versions = list(rows[: SHOWN + 1])
    more, versions = len(versions) > SHOWN, versions[:SHOWN]
    return show(
        request,
        network,
        "history",
        "history",
        rows=_rows(request, network, versions),
        older=versions[-1].number if more else None,
        paged=bool(before),
    )


def _rows(request: HttpRequest, network: Network, versions: list[PolicyVersion]) -> list[dict[str, Any]]:
    numbers = [version.number for version in versions]
    trials = {trial.number: trial for trial in PolicyTrial.objects.filter(network=network, number__in=numbers)}
    names = names_of(version.actor for version in versions)
    now = timezone.now()
    return [
        {
            "version": version,
            "url": address(request, "policy_version", version.number),
            "state": state_of(version, network, trials.get(version.number)),
            "trial": trials.get(version.number),
            "by": names.actor(version.actor),
            "when": html.ago(version.created_at, now),
            "event": event_url(network, version),
        }
        for version in versions
    ]


def state_of(version: PolicyVersion, network: Network, trial: PolicyTrial | None) -> Any:
    """In force, on trial, reverted, or replaced: glyph and word."""
    if trial is not None and trial.ended_at is None:
        return html.status("waiting", "On trial")
    if version.number == network.policy_version:
        return html.status("online", "In force")
    if trial is not None and trial.outcome == PolicyTrial.Outcome.REVERTED:
        return html.status("ended", "Reverted")
    return html.status("offline", "Replaced")


def event_url(network: Network, version: PolicyVersion) -> str:
    """The events that a version's change stands among; empty for who may not see them."""
    return links.list_url("nodes.change", f"q={version.map_version}")
