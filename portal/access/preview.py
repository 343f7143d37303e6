"""What a draft would do, for the panel beside the rules: pairs, examples, tests, remarks, and one's own machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from rest_framework import serializers

from acl.models import PolicyTest
from coordinator.admin_api.fields import StrictSerializer
from coordinator.admin_api.serializers.policy_lint import describe_remark
from coordinator.admin_api.serializers.policy_preview import MAX_EDITS, EditIn, PreviewOut, describe_preview, edits_of
from coordinator.errors import problem
from coordinator.policy.lint import PolicyRemark, remarks_on
from coordinator.policy.own_machines import asker_of, own_losses
from coordinator.policy.preview import PolicyPreview, preview_edits
from mesh.errors import ValidationError
from mesh.explain.preview import PairGroup
from mesh.policy import Labels, SelectorKind
from nodes.models import Network, Node
from portal import links
from portal.access.calls import body_of, call
from portal.access.meant import with_meant
from portal.access.named import pages_of
from portal.rule_words import limit_words
from sessions_app.models import User

GROUPS = 100
"""How many groups of pairs are told; the figures count all."""


class DraftBody(StrictSerializer):
    """A draft: edits of the rules in force, one after the other, as the API takes them."""

    edits = serializers.ListField(child=EditIn(), max_length=MAX_EDITS)


@call("policy.view", methods=("POST",))
def preview(request: HttpRequest, network: Network) -> HttpResponse:
    """What edits would change. Nothing is saved; no edits at all: what there is to say of the rules in force."""
    said = body_of(request, DraftBody)["edits"]
    now = timezone.now()
    try:
        found = preview_edits(network_id=network.pk, edits=edits_of(said), now=now, limit=0)
    except ValidationError as error:
        return refused(network, error, said)
    labels = _labels(found)
    remarks = remarks_on(found.assessment.after, found.assessment.after.at)
    asker = asker_of(request, user_id=request.user.pk)
    own = own_losses(network=network, assessment=found.assessment, asker=asker)
    body = dict(PreviewOut(describe_preview(found, labels, own)).data)
    del body["first_gained"], body["first_lost"]
    body["gained_by"] = _groups(body["gained_by"], found.preview.gained_by, labels)
    body["lost_by"] = _groups(body["lost_by"], found.preview.lost_by, labels)
    named = {
        text for group in (*body["gained_by"], *body["lost_by"]) for text in (group["source"], group["destination"])
    }
    named |= {
        text for edit in said for side in ("sources", "destinations") for text in edit.get("fields", {}).get(side, ())
    }
    named |= {
        f"node:{name}" for group in (*body["gained_by"], *body["lost_by"]) for pair in group["first"] for name in pair
    }
    return JsonResponse(
        body
        | {
            "remarks": [_remark(network, item, labels) for item in remarks],
            "own": _with_pages(body["own"]),
            "when": [limit_words(rule) for rule in found.assessment.after.policy.ordered()],
            "others": found.assessment.others,
            "stored_tests": PolicyTest.objects.filter(network=network).count(),
            "pages": pages_of(network.pk, named),
        }
    )


def refused(network: Network, error: ValidationError, edits: list[dict[str, Any]]) -> HttpResponse:
    """A draft that cannot be: each fault with what was probably meant."""
    body = problem(error) | {"errors": with_meant(network.pk, error.errors, edits)}
    return JsonResponse(body, status=error.status, content_type="application/problem+json")


def _remark(network: Network, remark: PolicyRemark, labels: Labels) -> dict[str, Any]:
    """A remark, with the page of what it names."""
    said = describe_remark(remark, labels)
    name = said["selector"]
    return said | {"page": pages_of(network.pk, {name}).get(name, "") if name else ""}


def _with_pages(own: dict[str, Any]) -> dict[str, Any]:
    """Losses of one's own machines, each with where the machine's page is."""
    machines = [dict(item) | {"url": links.change_url("nodes.node", item["id"])} for item in own["machines"]]
    return dict(own) | {"machines": machines}


def _groups(told: list[Any], groups: Iterable[PairGroup], labels: Labels) -> list[dict[str, Any]]:
    return [
        dict(item)
        | {
            "rule_id": group.cause.rule_id,
            "first": [[_name(one, labels), _name(two, labels)] for one, two in group.first],
        }
        for item, group in zip(told[:GROUPS], groups, strict=False)
    ]


def _name(node_id: int, labels: Labels) -> str:
    return labels.nodes.get(node_id, f"node#{node_id}")


def _labels(found: PolicyPreview) -> Labels:
    """Names of what a preview speaks of, and no others: there may be very many nodes."""
    groups = (*found.preview.gained_by[:GROUPS], *found.preview.lost_by[:GROUPS])
    after = found.assessment.after
    selectors = {side for group in groups for side in (group.cause.source, group.cause.destination)}
    selectors |= {item for rule in after.policy.rules for item in (*rule.sources, *rule.destinations)}
    nodes = {ident for group in groups for pair in group.first for ident in pair}
    nodes |= {item.ident for item in selectors if item.kind is SelectorKind.NODE}
    users = {item.ident for item in selectors if item.kind is SelectorKind.USER}
    return Labels(
        users=dict(User.objects.filter(pk__in=users).values_list("pk", "username")),
        nodes=dict(Node.objects.filter(pk__in=nodes).values_list("pk", "name")),
    )
