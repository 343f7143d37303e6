"""What every change of a policy does: check the whole, count a version, record it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from acl.difference import EMPTY, change_facts, difference, summary_of
from acl.errors import OnTrialError, OutdatedError
from acl.judges import Proposal, hear
from acl.models import AclRule, PolicyClock, PolicyVersion
from acl.selectors import latest_version, load_policy, policy_facts, rule_value
from acl.selectors.history import facts_of_version
from acl.selectors.trials import open_trial
from acl.services.approvals import apply_approvals, plan_approvals
from acl.stored import Facts, digest_of, pack_facts, policy_of
from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError
from mesh.policy import Policy, Rule, Selector, denials_naming, next_boundary, validate_policy
from mesh.policy.schedule import format_instant
from nodes.changes import record_change
from nodes.facts import node_facts
from nodes.models import Network


def activate_policy(
    *,
    network: Network,
    cause: Cause,
    now: datetime,
    forced: bool = False,
    overridden: Sequence[str] = (),
    comment: str = "",
    document: str | None = None,
    during_trial: bool = False,
) -> PolicyVersion | None:
    """Puts the policy as its rows now are in force, under the network's lock, as a new version.

    Rows that say what the version in force says change nothing, and give None. ``document`` is the text that they came
    in; the version in force takes a new text that says the same. ``forced`` overrides objections, which are recorded,
    as are those that the caller has ``overridden`` already. ``during_trial``: also while a policy is on trial, for what
    must not wait, such as the end of a person.

    Raises ValidationError if the whole does not hold together, ConflictError for objections (a stored test would
    break, nodes would have too many peers), OnTrialError; the caller's transaction takes its rows back.
    """
    at = next_instant(network, now)
    switch_off_ended(network=network, at=at)
    facts = policy_facts(network.pk)
    former = latest_version(network.pk)
    if former is not None and former.digest == digest_of(facts):
        if document is not None and document != former.document:
            PolicyVersion.objects.filter(pk=former.pk).update(document=document)
        return None
    if not during_trial:
        _check_no_trial(network)
    policy = validate_policy(policy_of(facts))
    objections = hear(Proposal(network, policy, at))
    if objections and not forced:
        raise ConflictError(f"{' '.join(objections)} Force it to do it all the same.")
    return write_version(
        network=network,
        facts=facts,
        former=former,
        at=at,
        cause=cause,
        comment=comment,
        document=document or "",
        objections=(*overridden, *objections),
        now=now,
    )


def write_version(
    *,
    network: Network,
    facts: Facts,
    former: PolicyVersion | None,
    at: datetime,
    cause: Cause,
    now: datetime,
    comment: str = "",
    document: str = "",
    objections: tuple[str, ...] = (),
    boundary: datetime | None = None,
) -> PolicyVersion:
    """Records a policy that was found good as the version in force: version, clock, change, approvals of routes."""
    before = EMPTY if former is None else facts_of_version(former)
    network.policy_version = max(network.policy_version, 0 if former is None else former.number) + 1
    network.save(update_fields=["policy_version"])
    said: dict[str, Any] = {"policy_version": network.policy_version, "at": format_instant(at)}
    if boundary is not None:
        said["boundary"] = format_instant(boundary)
    if objections:
        said["forced"] = True
    map_version = record_change(
        network=network,
        kind=ChangeKind.POLICY,
        facts=said | change_facts(before, facts),
        cause=cause,
        now=now,
    )
    policy = policy_of(facts)
    set_clock(network=network, policy=policy, at=at)
    version = PolicyVersion.objects.create(
        network=network,
        number=network.policy_version,
        facts=pack_facts(facts),
        digest=digest_of(facts),
        document=document,
        summary=summary_of(difference(before, facts))[:200],
        comment=comment[:500],
        forced=bool(objections),
        objections=list(objections),
        map_version=map_version,
        actor=cause.actor,
        origin=cause.origin,
        request_id=cause.request_id,
        created_at=now,
    )
    plan = plan_approvals(network_id=network.pk, policy=policy)
    if touched := apply_approvals(network=network, plan=plan, now=now):
        told = node_facts(network.pk, touched)
        record_change(network=network, kind=ChangeKind.NODES, facts=told, cause=cause, now=now)
    return version


def first_version(*, network: Network, cause: Cause, now: datetime) -> PolicyVersion:
    """Records the policy that a new network begins with as its version 1: it is part of the network's first map."""
    facts = policy_facts(network.pk)
    at = now.astimezone(UTC)
    set_clock(network=network, policy=policy_of(facts), at=at)
    return PolicyVersion.objects.create(
        network=network,
        number=network.policy_version,
        facts=pack_facts(facts),
        digest=digest_of(facts),
        summary=summary_of(difference(EMPTY, facts))[:200],
        map_version=network.map_version,
        actor=cause.actor,
        origin=cause.origin,
        request_id=cause.request_id,
        created_at=now,
    )


def next_instant(network: Network, now: datetime) -> datetime:
    """The instant to compile for from now on: never before the last one, whatever this machine's clock says."""
    last = PolicyClock.objects.filter(network=network).values_list("at", flat=True).first()
    return (now if last is None else max(now, last)).astimezone(UTC)


def set_clock(*, network: Network, policy: Policy, at: datetime) -> None:
    """Moves the policy's clock to ``at`` and notes what comes next."""
    upcoming = boundary_after(policy.rules, at)
    PolicyClock.objects.update_or_create(network=network, defaults={"at": at, "next_boundary": upcoming})


def boundary_after(rules: Iterable[Rule], at: datetime) -> datetime | None:
    """The first instant later than ``at`` at which an enabled rule begins, ends, opens or closes, in UTC.

    A rule that ends while its window is shut changes no map, but is switched off all the same.
    """
    found = []
    for rule in rules:
        if rule.enabled and rule.schedule is not None:
            found.append(next_boundary(rule.schedule, at))
            if rule.schedule.expires_at is not None and rule.schedule.expires_at > at:
                found.append(rule.schedule.expires_at.astimezone(UTC))
    return min((item for item in found if item is not None), default=None)


def switch_off_ended(*, network: Network, at: datetime) -> list[str]:
    """Switches off the rules whose time is over at ``at``; they stay as they are otherwise. Returns their labels."""
    ended = list(AclRule.objects.filter(network=network, enabled=True, expires_at__lte=at).order_by("position"))
    if ended:
        AclRule.objects.filter(pk__in=[rule.pk for rule in ended]).update(enabled=False)
    return [rule_value(rule).label() for rule in ended]


def check_version(*, network: Network, expected: int | None) -> None:
    """Refuses an edit that was made against another version than the one in force; None: any will do.

    Raises OutdatedError.
    """
    if expected is not None and expected != network.policy_version:
        raise OutdatedError(f"The policy is at version {network.policy_version} by now, not at {expected}.")


def _check_no_trial(network: Network) -> None:
    trial = open_trial(network.pk)
    if trial is not None:
        until = format_instant(trial.deadline)
        raise OnTrialError(f"Policy {trial.number} is on trial until {until}: confirm it or revert it first.")


def check_no_denial_names(*, network: Network, selector: Selector, what: str, forced: bool = False) -> tuple[str, ...]:
    """Refuses to let something vanish that an enabled deny rule names: the rule would fail open.

    Raises ConflictError naming the rules, unless ``forced``: then that objection is returned, to be recorded.
    """
    rules = denials_naming(load_policy(network.pk), selector)
    if not rules:
        return ()
    objection = f"{what} is denied something by {', '.join(rule.label() for rule in rules)}"
    if not forced:
        raise ConflictError(f"{objection}: change the rule first.")
    return (f"{objection}.",)
