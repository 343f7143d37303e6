"""Drafts of rules: several edits that come into force together or not at all, and what they would decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from acl.models import PolicyVersion
from acl.services.apply_rules import apply_rules
from acl.services.approvals import plan_approvals
from acl.services.policy import activate_policy, check_version, next_instant
from coordinator.policy.explain import ExplainedFlow, explain_in
from coordinator.policy.live import live_network, with_approvals
from coordinator.policy.proposals import RuleEdit, propose
from mesh.change import Cause
from mesh.compile import with_policy
from mesh.errors import NotFoundError
from nodes.changes import lock_network
from nodes.models import Network


@transaction.atomic
def apply_edits(
    *,
    network_id: int,
    edits: Sequence[RuleEdit],
    cause: Cause,
    now: datetime,
    expected_version: int | None = None,
    forced: bool = False,
    comment: str = "",
) -> PolicyVersion | None:
    """Puts edits of rules in force, one after the other, as one version and one Change. None where nothing changes.

    ``expected_version``: of the policy, as the caller knows it; None: whatever is in force. ``forced`` overrides
    objections, which are recorded with the version, as ``comment`` is.

    Raises ValidationError naming every member at fault (``edits.0.sources.1``), ConflictError for objections,
    OutdatedError if something else is in force by now, NotFoundError.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    policy = propose(network=network, edits=edits, now=next_instant(network, now))
    apply_rules(network=network, rules=policy.ordered())
    return activate_policy(network=network, cause=cause, now=now, forced=forced, comment=comment)


def explain_draft(
    *,
    network_id: int,
    edits: Sequence[RuleEdit],
    source: str,
    destination: str,
    protocol: int,
    now: datetime,
    port: int | None = None,
    at: datetime | None = None,
) -> ExplainedFlow:
    """What would decide a flow if ``edits`` were in force; as ``explain_flow`` otherwise. Writes nothing.

    Raises ValidationError naming the member at fault, NotFoundError.
    """
    network = Network.objects.filter(pk=network_id).first()
    if network is None:
        raise NotFoundError(f"There is no network {network_id}.")
    live, instant = live_network(network), next_instant(network, now)
    policy = propose(network=network, edits=edits, now=instant)
    compiled = with_policy(live.compiled, policy, instant)
    compiled = with_approvals(live, compiled, plan_approvals(network_id=network_id, policy=policy))
    return explain_in(compiled, network_id, source, destination, protocol=protocol, port=port, at=at)
