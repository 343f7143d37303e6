"""The versions of a policy, and the instant that it is compiled for."""

from __future__ import annotations

from datetime import datetime

from acl.models import PolicyClock, PolicyVersion
from acl.stored import Facts, policy_of, unpack_facts
from mesh.errors import NotFoundError
from mesh.policy import Policy
from nodes.models import Network


def latest_version(network_id: int) -> PolicyVersion | None:
    """The newest version of a network's policy; None where none was ever recorded."""
    return PolicyVersion.objects.filter(network_id=network_id).order_by("-number").first()


def get_version(network_id: int, number: int) -> PolicyVersion:
    """One version of a network's policy. Raises NotFoundError."""
    version = PolicyVersion.objects.filter(network_id=network_id, number=number).first()
    if version is None:
        raise NotFoundError(f"There is no policy version {number}.")
    return version


def facts_of_version(version: PolicyVersion) -> Facts:
    """The whole policy of a version as JSON."""
    return unpack_facts(version.facts)


def policy_of_version(version: PolicyVersion) -> Policy:
    """The whole policy of a version. Raises ValidationError if what is stored cannot be read."""
    return policy_of(facts_of_version(version))


def policy_clock(network_id: int) -> datetime:
    """The instant that the network's policy is compiled for at its present map version.

    It moves with a version of the policy or a boundary of a schedule, which are Changes: compiling for it, and never
    for the clock on the wall, makes a map depend on its version alone. Raises NotFoundError.
    """
    at = PolicyClock.objects.filter(network_id=network_id).values_list("at", flat=True).first()
    if at is None:
        # No version was recorded yet, so no schedule can have begun or ended either.
        at = Network.objects.filter(pk=network_id).values_list("created_at", flat=True).first()
    if at is None:
        raise NotFoundError(f"There is no network {network_id}.")
    return at
