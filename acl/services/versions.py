"""Going back to an earlier version of a policy."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from acl.models import PolicyVersion
from acl.selectors import get_version
from acl.selectors.history import facts_of_version
from acl.services.apply import apply_policy
from acl.services.policy import activate_policy, check_version
from acl.stored import policy_of
from mesh.change import Cause
from mesh.policy import validate_policy
from nodes.changes import lock_network


@transaction.atomic
def roll_back(
    *,
    network_id: int,
    number: int,
    cause: Cause,
    now: datetime,
    forced: bool = False,
    comment: str = "",
    expected_version: int | None = None,
) -> PolicyVersion | None:
    """Puts the policy of version ``number`` in force again, as a new version; None where it says what is in force.

    Selectors stay bound to whom they meant: a newcomer with an old name gets nothing. Rules whose time is over since
    come back switched off.

    Raises NotFoundError, ConflictError (another version is in force, objections, a host named like a node by now),
    ValidationError if the version does not hold together any more.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    version = get_version(network_id, number)
    facts = facts_of_version(version)
    apply_policy(network=network, policy=validate_policy(policy_of(facts)), comments=facts["comments"])
    return activate_policy(
        network=network,
        cause=cause,
        now=now,
        forced=forced,
        comment=comment or f"Back to version {number}",
        document=version.document,
    )
