"""The policy as one document: written from what is in force, read, checked, and put in force whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from blake3 import blake3
from django.db import transaction

from acl.difference import difference
from acl.errors import OutdatedError
from acl.models import PolicyVersion
from acl.selectors import carried_tags, known_names, labels_in, latest_version, load_policy, policy_facts
from acl.selectors.history import facts_of_version
from acl.services.apply import apply_policy
from acl.services.apply_rules import identified
from acl.services.policy import activate_policy, next_instant
from acl.states import with_ended_off
from acl.stored import Facts, content_of, facts_of, policy_of
from coordinator.policy.activation import Assessment, assess
from coordinator.policy.history import readable
from mesh.change import Cause
from mesh.errors import GhostWireError, NotFoundError
from mesh.policy import Names, Policy, validate_policy
from mesh.policy.document import read_policy, with_vanished, write_policy
from nodes.changes import lock_network
from nodes.models import Network


@dataclass(frozen=True, slots=True)
class ExportedPolicy:
    """A policy as text. ``tag`` names this very text in If-Match; ``version`` is the policy's."""

    text: str
    tag: str
    version: int


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """What a document would do to ``version``, which is in force. ``difference`` has the shape of
    ``acl.difference.difference``, in people's names; it is empty for a document that says what is in force."""

    version: int
    policy: Policy
    difference: Mapping[str, Any]
    warnings: tuple[str, ...]
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class ImportedPolicy:
    """What a document did. ``version`` is None where it says what is in force."""

    version: PolicyVersion | None
    warnings: tuple[str, ...]


def export_policy(*, network_id: int) -> ExportedPolicy:
    """The policy in force as a document.

    The text that it came in, comments and all, as long as that says what is in force; else one that is written anew.
    Raises NotFoundError.
    """
    facts = policy_facts(network_id)
    version = latest_version(network_id)
    number = Network.objects.filter(pk=network_id).values_list("policy_version", flat=True).first()
    if number is None:
        raise NotFoundError(f"There is no network {network_id}.")
    text = None if version is None else _original(network_id, version, facts)
    if text is None:
        text = _written(facts)
    return ExportedPolicy(text, f"{number}-{blake3(text.encode()).hexdigest(8)}", number)


def export_version(*, network_id: int, version: PolicyVersion) -> str:
    """A version as a document: the text that it came in, or one written of it with the names of today."""
    return version.document or _written(facts_of_version(version))


def check_policy_document(*, network_id: int, text: str | bytes, now: datetime) -> CheckedPolicy:
    """What ``text`` would do to the network as it is; writes nothing.

    Raises ValidationError naming line and column of what is wrong, NotFoundError.
    """
    network = Network.objects.filter(pk=network_id).first()
    if network is None:
        raise NotFoundError(f"There is no network {network_id}.")
    at = next_instant(network, now)
    document = read_policy(text, document_names(network_id))
    policy = with_ended_off(document.policy, at)
    assessment = assess(network=network, policy=validate_policy(policy), at=at)
    found = compare(network_id=network_id, policy=policy, comments=document.comments)
    return CheckedPolicy(
        network.policy_version, policy, found, (*document.warnings, *assessment.after.warnings), assessment
    )


def compare(*, network_id: int, policy: Policy, comments: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What ``policy`` makes of the one that is there, in people's names; rules are matched by what they say, and new
    ones have no id. ``comments`` of kinds that are not given stay as they are."""
    present = policy_facts(network_id)
    rules = identified(policy_of(present).ordered(), policy.ordered())
    proposed = facts_of(replace(policy, rules=rules), present["comments"] | dict(comments))
    labels = labels_in(present, proposed)
    found = difference(readable(present, labels), readable(proposed, labels))
    for rule in found.get("rules", {}).get("added", ()):
        rule["id"] = None
    return found


@transaction.atomic
def import_policy(
    *,
    network_id: int,
    text: str,
    cause: Cause,
    now: datetime,
    tag: str | None = None,
    forced: bool = False,
    comment: str = "",
) -> ImportedPolicy:
    """Puts a document in force: whole, or not at all. One that says what is in force changes nothing.

    ``tag``: of the export that the document was made from, or the number of a version; None: whatever is there.

    Raises ValidationError naming line and column of what is wrong, ConflictError for objections unless ``forced``,
    OutdatedError if something else is in force by now, NotFoundError.
    """
    network = lock_network(network_id)
    if tag is not None and tag != str(network.policy_version) and tag != export_policy(network_id=network_id).tag:
        raise OutdatedError(f"The policy was changed meanwhile: it is at version {network.policy_version}.")
    document = read_policy(text, document_names(network_id))
    apply_policy(network=network, policy=validate_policy(document.policy), comments=document.comments)
    version = activate_policy(network=network, cause=cause, now=now, forced=forced, comment=comment, document=text)
    return ImportedPolicy(version, document.warnings)


def document_names(network_id: int) -> Names:
    """What a document may name beside what it defines: people, nodes, tags that nodes carry, and what the policy in
    force goes on to name though it is gone. Tags that are declared alone go with their declaration."""
    return _nameable(network_id, load_policy(network_id))


def _nameable(network_id: int, policy: Policy) -> Names:
    names = known_names(network_id)
    return replace(with_vanished(names, policy), tags=carried_tags(network_id))


def _original(network_id: int, version: PolicyVersion, facts: Facts) -> str | None:
    """The text of a version, if it still reads as what is in force: names may have come to mean something else."""
    if not version.document:
        return None
    try:
        document = read_policy(version.document, _nameable(network_id, policy_of(facts)))
    except GhostWireError:
        return None
    said = content_of(facts_of(with_ended_off(document.policy, version.created_at)))
    return version.document if said == content_of(facts) else None


def _written(facts: Facts) -> str:
    return write_policy(policy_of(facts), labels_in(facts), facts["comments"])
