"""What a policy would change about who sees whom, counted exactly before anything is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from acl.services.policy import next_instant
from coordinator.policy.activation import Assessment, assess
from coordinator.policy.proposals import RuleEdit, propose
from mesh.errors import NotFoundError
from mesh.explain.preview import Preview, preview
from nodes.models import Network

LISTED = 100
"""How many pairs of either kind are listed, unless the caller wants another number."""


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """A preview, with the network before and after it; ``version`` is the policy's that it was made against."""

    version: int
    assessment: Assessment
    preview: Preview


def preview_edits(*, network_id: int, edits: Sequence[RuleEdit], now: datetime, limit: int = LISTED) -> PolicyPreview:
    """What edits of rules would change. Writes nothing.

    Raises ValidationError naming the member at fault, NotFoundError.
    """
    network = Network.objects.filter(pk=network_id).first()
    if network is None:
        raise NotFoundError(f"There is no network {network_id}.")
    policy = propose(network=network, edits=edits, now=now)
    assessment = assess(network=network, policy=policy, at=next_instant(network, now))
    return preview_of(network.policy_version, assessment, limit)


def preview_of(version: int, assessment: Assessment, limit: int = LISTED) -> PolicyPreview:
    """The preview of a policy that was assessed against ``version``."""
    return PolicyPreview(version, assessment, preview(assessment.before, assessment.after, limit=limit))
