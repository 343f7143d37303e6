"""What must be asked before a policy comes into force, by floors above this one.

Whether a policy keeps stored tests and limits depends on the live network, which the floor above holds in memory. It
appoints its judge when the program starts; every edit of a policy, wherever it is made, hears it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mesh.policy import Policy
from nodes.models import Network


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy about to come into force in a locked ``network``, compiled for ``at``."""

    network: Network
    policy: Policy
    at: datetime


Judge = Callable[[Proposal], tuple[str, ...]]
"""Says what speaks against a proposal, in words for people; raises ValidationError for what may never be in force."""

_judges: dict[str, Judge] = {}


def appoint_judge(name: str, judge: Judge) -> None:
    """From now on ``judge`` is heard; an earlier one of this name is not."""
    _judges[name] = judge


def hear(proposal: Proposal) -> tuple[str, ...]:
    """What all judges have against a proposal. Raises what they raise."""
    return tuple(objection for judge in _judges.values() for objection in judge(proposal))
