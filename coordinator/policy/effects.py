"""What versions of a policy mean for the network as it is: what going back would do, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from acl.selectors import get_version, policy_of_version
from acl.selectors.history import facts_of_version
from acl.services.policy import next_instant
from acl.states import with_ended_off
from coordinator.policy.activation import Assessment, assess
from coordinator.policy.documents import compare
from coordinator.policy.live import live_network
from mesh.compile import CompiledPolicy, with_policy
from mesh.errors import NotFoundError
from mesh.explain.preview import Preview, preview
from mesh.policy import Policy, validate_policy
from nodes.models import Network


@dataclass(frozen=True, slots=True)
class CheckedVersion:
    """What going back to a version would do. ``difference`` has the shape of ``acl.difference.difference``."""

    policy: Policy
    difference: Mapping[str, Any]
    assessment: Assessment


def check_version(*, network_id: int, number: int) -> CheckedVersion:
    """What going back to version ``number`` would do to the network as it is; writes nothing.

    Raises NotFoundError, ValidationError if the version does not hold together any more.
    """
    network = _network(network_id)
    version = get_version(network_id, number)
    at = next_instant(network, timezone.now())
    policy = validate_policy(with_ended_off(policy_of_version(version), at))
    comments = facts_of_version(version)["comments"]
    found = compare(network_id=network_id, policy=policy, comments=comments)
    return CheckedVersion(policy, found, assess(network=network, policy=policy, at=at))


def version_effect(*, network_id: int, before: int, after: int, limit: int = 0) -> Preview:
    """The pairs that version ``after`` gains and loses against ``before`` among the nodes of today, with the routes
    that are approved today. Version 0 is no policy at all. Raises NotFoundError, ValidationError.
    """
    network = _network(network_id)
    live = live_network(network).compiled

    def compiled(number: int) -> CompiledPolicy:
        if number == network.policy_version:
            return live
        policy = Policy() if number == 0 else policy_of_version(get_version(network_id, number))
        return with_policy(live, policy, live.at)

    return preview(compiled(before), compiled(after), limit=limit)


def _network(network_id: int) -> Network:
    network = Network.objects.filter(pk=network_id).first()
    if network is None:
        raise NotFoundError(f"There is no network {network_id}.")
    return network
