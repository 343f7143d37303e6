"""One version of the policy: what made it out of another, what that means for pairs of nodes, and its document."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from acl.models import PolicyTrial, PolicyVersion
from acl.selectors import get_version, policy_of_version
from coordinator.policy.documents import export_version
from coordinator.policy.effects import version_effect
from coordinator.policy.history import compare_versions
from mesh.errors import GhostWireError, NotFoundError
from nodes.models import Network
from portal import html
from portal.policy.changes import blocks_of
from portal.policy.history import event_url, state_of
from portal.policy.pages import address, page, show
from portal.policy.review import GROUPS, group_row, labels_of_groups
from portal.policy.who import names_of

DIFF_LINES: Final = 4_000
"""Documents that differ in more lines than this are not compared on the page."""

CONTEXT: Final = 3


@page("policy.view")
def version_page(request: HttpRequest, number: int, *, network: Network) -> HttpResponse:
    """A version against the one before, or against ``?to=NUMBER``."""
    version = _found(network, number)
    other = _other(request, network, number)
    before, after = sorted((other, number))
    trial = PolicyTrial.objects.filter(network=network, number=number).first()
    names = names_of([version.actor, *([trial.ended_by] if trial else [])])
    newest = _found(network, after)
    found = compare_versions(network_id=network.pk, before=before, after=after, matched=True)
    return show(
        request,
        network,
        "version",
        "history",
        title=f"Policy {number}",
        gw_crumbs=[{"label": "Access", "url": address(request, "policy_history")}],
        version=version,
        state=state_of(version, network, trial),
        trial=trial,
        by=names.actor(version.actor),
        ended_by=names.actor(trial.ended_by) if trial and trial.ended_by else "",
        when=html.ago(version.created_at, timezone.now()),
        event=event_url(network, version),
        before=before,
        after=after,
        others=_others(network, number),
        other=other,
        blocks=blocks_of(network.pk, found, policy_of_version(newest)),
        diff=document_diff(network, before, after),
        in_force=number == network.policy_version,
        restore=address(request, "policy_restore", number),
        download=address(request, "policy_version_document", number),
    )


@page("policy.view")
def effect_part(request: HttpRequest, number: int, *, network: Network) -> HttpResponse:
    """How many pairs a version gained and lost against another (``?to=NUMBER``), among the nodes of today."""
    _found(network, number)
    before, after = sorted((_other(request, network, number), number))
    context: dict[str, Any] = {"network": network, "before": before, "after": after}
    try:
        seen = version_effect(network_id=network.pk, before=before, after=after)
    except GhostWireError as error:
        context["trouble"] = error.detail
    else:
        shown = (*seen.gained_by[:GROUPS], *seen.lost_by[:GROUPS])
        labels = labels_of_groups(shown)
        context["effect"] = {
            "gained": seen.gained,
            "lost": seen.lost,
            "touched": seen.touched,
            "lost_by": [group_row(item, labels, {}, gained=False) for item in seen.lost_by[:GROUPS]],
            "gained_by": [group_row(item, labels, {}, gained=True) for item in seen.gained_by[:GROUPS]],
            "more": max(0, len(seen.lost_by) - GROUPS) + max(0, len(seen.gained_by) - GROUPS),
        }
    return TemplateResponse(request, "portal/policy/effect.html", context)


@page("policy.view")
def document_download(request: HttpRequest, number: int, *, network: Network) -> HttpResponse:
    """A version as a file."""
    text = export_version(network_id=network.pk, version=_found(network, number))
    return as_file(text, f"{network.name}-policy-{number}.hujson")


def as_file(text: str, name: str) -> HttpResponse:
    """A document to save."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="application/hujson; charset=utf-8", headers=headers)


def document_diff(network: Network, before: int, after: int) -> dict[str, Any]:
    """Two versions' documents line by line: rows of (kind, text), or why there are none."""
    old, new = (_lines(network, number) for number in (before, after))
    if old == new:
        return {"rows": [], "same": True}
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    if len(old) + len(new) - 2 * (start + end) > DIFF_LINES:
        return {"rows": [], "large": True}
    return {"rows": diff_rows(old, new, skip=max(0, start - CONTEXT), drop=max(0, end - CONTEXT))}


def diff_rows(old: list[str], new: list[str], *, skip: int = 0, drop: int = 0) -> list[dict[str, Any]]:
    """Lines of a unified diff with their numbers. What both begin and end with is left out before they are compared."""
    rows: list[dict[str, Any]] = []
    one, two = skip, skip
    for line in list(unified_diff(old[skip : len(old) - drop], new[skip : len(new) - drop], n=CONTEXT, lineterm=""))[
        2:
    ]:
        if line.startswith("@@"):
            _, removed, added, _ = line.split(" ", 3)
            one, two = (_start(part) + skip - 1 for part in (removed, added))
            rows.append({"kind": "gap", "text": ""})
            continue
        kind = {"+": "added", "-": "removed"}.get(line[0], "same")
        one, two = one + (kind != "added"), two + (kind != "removed")
        rows.append(
            {
                "kind": kind,
                "text": line[1:],
                "one": one if kind != "added" else "",
                "two": two if kind != "removed" else "",
            }
        )
    return rows


def _start(part: str) -> int:
    first, _, count = part[1:].partition(",")
    # An empty side is numbered after the line before it.
    return int(first) + (count == "0")


def _lines(network: Network, number: int) -> list[str]:
    if number == 0:
        return []
    return export_version(network_id=network.pk, version=_found(network, number)).splitlines()


def _found(network: Network, number: int) -> PolicyVersion:
    try:
        return get_version(network.pk, number)
    except NotFoundError as error:
        raise Http404 from error


def _other(request: HttpRequest, network: Network, number: int) -> int:
    asked = request.GET.get("to", "")
    if asked.isdigit() and len(asked) < 10 and int(asked) != number:
        return _found(network, int(asked)).number if int(asked) else 0
    earlier = PolicyVersion.objects.filter(network=network, number__lt=number).order_by("-number")
    return earlier.values_list("number", flat=True).first() or 0


def _others(network: Network, number: int) -> list[int]:
    numbers = PolicyVersion.objects.filter(network=network).exclude(number=number).order_by("-number")
    return list(numbers.values_list("number", flat=True)[:100])
