"""What a policy would do before it is in force: the page that stands between a proposal and its coming into force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest

from acl.models import PolicyTest
from acl.services.trials import begin_trial
from coordinator.admin_api.serializers.policy_tests import describe_outcomes
from coordinator.policy.activation import Assessment
from coordinator.policy.own_machines import asker_of, own_losses
from coordinator.policy.preview import preview_of
from mesh.errors import FieldError, ValidationError
from mesh.explain.preview import PairGroup
from mesh.policy import Labels, Policy, Selector, SelectorKind, format_selector
from nodes.models import Network, Node
from portal import html, links
from portal.access.named import pages_of
from portal.cause import act
from portal.policy.changes import blocks_of
from portal.policy.trial import CHOICES
from sessions_app.models import User

GROUPS: Final = 8
"""How many groups of pairs are shown of either kind; the figures count all."""


def review_of(
    request: HttpRequest, network: Network, assessment: Assessment, found: Mapping[str, Any], after: Policy
) -> dict[str, Any]:
    """What the template ``portal/policy/review_parts.html`` shows of a policy that was assessed."""
    seen = preview_of(network.policy_version, assessment, limit=0).preview
    asker = asker_of(request, user_id=request.user.pk)
    own = own_losses(network=network, assessment=assessment, asker=asker)
    failed = describe_outcomes([item for item in assessment.outcomes if not item.passed])
    shown = (*seen.gained_by[:GROUPS], *seen.lost_by[:GROUPS])
    labels = labels_of_groups(shown)
    pages = pages_of(network.pk, {format_selector(item, labels) for item in _selectors(shown)})
    return {
        "version": network.policy_version,
        "gained": seen.gained,
        "lost": seen.lost,
        "touched": seen.touched,
        "nodes": len(assessment.after.world.nodes),
        "lost_by": [group_row(item, labels, pages, gained=False) for item in seen.lost_by[:GROUPS]],
        "gained_by": [group_row(item, labels, pages, gained=True) for item in seen.gained_by[:GROUPS]],
        "more": max(0, len(seen.gained_by) - GROUPS) + max(0, len(seen.lost_by) - GROUPS),
        "blocks": blocks_of(network.pk, found, after),
        "tests": len(assessment.outcomes),
        "failed": failed,
        "objections": assessment.objections,
        "warnings": assessment.after.warnings,
        "own": [{"machine": item, "url": links.change_url("nodes.node", item.node_id)} for item in own.machines],
        "own_portal": own.portal,
        "tick": tick_words(seen.lost, portal=own.portal),
        "trials": CHOICES,
        "stored_tests": PolicyTest.objects.filter(network=network).count(),
    }


def tick_words(lost: int, *, portal: bool) -> str:
    """The damage in words, where there is any: ticking it enables the button."""
    if portal:
        return "Cut the way from this machine to this portal"
    return f"Cut {html.many(lost, 'pair')} of nodes" if lost else ""


def group_row(group: PairGroup, labels: Labels, pages: Mapping[str, str], *, gained: bool) -> dict[str, Any]:
    """Pairs of one cause: the two selectors as chips, how many, and the first of them by name."""
    source, destination = (format_selector(item, labels) for item in (group.cause.source, group.cause.destination))
    return {
        "source": html.chip(source, url=pages.get(source, "")),
        "wire": html.wire("accept" if gained else "deny"),
        "destination": html.chip(destination, url=pages.get(destination, "")),
        "pairs": group.pairs,
        "sign": "+" if gained else "−",
        "first": [
            [(labels.nodes.get(ident, f"node {ident}"), links.change_url("nodes.node", ident)) for ident in pair]
            for pair in group.first
        ],
        "more": group.pairs - len(group.first),
    }


def labels_of_groups(groups: Iterable[PairGroup]) -> Labels:
    """Names of what some groups speak of, and no others: there may be very many nodes."""
    groups = list(groups)
    selectors = _selectors(groups)
    nodes = {ident for group in groups for pair in group.first for ident in pair}
    nodes |= {item.ident for item in selectors if item.kind is SelectorKind.NODE}
    users = {item.ident for item in selectors if item.kind is SelectorKind.USER}
    return Labels(
        users=dict(User.objects.filter(pk__in=users).values_list("pk", "username")),
        nodes=dict(Node.objects.filter(pk__in=nodes).values_list("pk", "name")),
    )


def applied(request: HttpRequest, network: Network, edit: Any) -> Any:
    """Does ``edit(cause=..., now=..., forced=...)``, on trial where the form says for how many seconds.

    Raises what the edit raises, OnTrialError, and ValidationError where the damage was not ticked.
    """
    options = act(request)
    forced = request.POST.get("forced") == "yes"
    seconds = request.POST.get("confirm_within", "")
    if not seconds:
        return edit(forced=forced, **options)
    if not seconds.isdigit() or len(seconds) > 6:
        words = "A number of seconds."
        raise ValidationError(words, errors=(FieldError("confirm_within", words),))
    within = timedelta(seconds=int(seconds))
    return begin_trial(
        network_id=network.pk, within=within, apply=lambda: edit(forced=forced, **options), **options
    ).result


def _selectors(groups: Iterable[PairGroup]) -> set[Selector]:
    return {side for group in groups for side in (group.cause.source, group.cause.destination)}
