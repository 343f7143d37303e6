"""Putting a draft in force: all of it as one change, against the version that it was made on, or nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework import serializers

from acl.models import PolicyVersion
from acl.services.trials import LONGEST, SHORTEST, begin_trial
from coordinator.admin_api.fields import FlagField, WholeNumberField
from coordinator.admin_api.serializers.policy_preview import edits_of
from coordinator.policy.drafts import apply_edits
from mesh.errors import ValidationError
from nodes.models import Network
from portal.access.calls import body_of, call
from portal.access.preview import DraftBody, refused
from portal.cause import act


class ApplyBody(DraftBody):
    """A draft to put in force, and the version of the policy that it was made on. ``confirm_within`` seconds: on trial,
    the policy before comes back unless it is confirmed by then."""

    version = WholeNumberField(min_value=0)
    forced = FlagField(required=False)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=500)
    confirm_within = WholeNumberField(
        required=False,
        allow_null=True,
        min_value=int(SHORTEST.total_seconds()),
        max_value=int(LONGEST.total_seconds()),
    )


@call("policy.manage", methods=("POST",))
def apply(request: HttpRequest, network: Network) -> HttpResponse:
    """Answers the version in force and whether anything changed. 409: a test would break, or a policy is on trial; 412:
    somebody else's policy came into force since ``version``."""
    said = body_of(request, ApplyBody)
    options = act(request)

    def put() -> PolicyVersion | None:
        return apply_edits(
            network_id=network.pk,
            edits=edits_of(said["edits"]),
            expected_version=said["version"],
            forced=said.get("forced", False),
            comment=said.get("comment", ""),
            **options,
        )

    within = said.get("confirm_within")
    try:
        version = _on_trial(network, within, put, options) if within else put()
    except ValidationError as error:
        return refused(network, error, said["edits"])
    number = Network.objects.values_list("policy_version", flat=True).get(pk=network.pk)
    if version is not None:
        messages.success(request, f"Policy {number} is in force.")
    return JsonResponse({"version": number, "changed": version is not None})


def _on_trial(network: Network, within: int, put: Any, options: dict[str, Any]) -> PolicyVersion | None:
    tried = begin_trial(network_id=network.pk, within=timedelta(seconds=within), apply=put, **options)
    version: PolicyVersion | None = tried.result
    return version
