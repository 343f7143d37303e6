"""Explaining a flow over the live network: what decides it, and why nothing before did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coordinator.policy.points import find_point
from coordinator.replica import current_state
from mesh.compile import CompiledPolicy
from mesh.explain.flow import Explanation, explain
from mesh.policy.services import PORT_PROTOCOLS


@dataclass(frozen=True, slots=True)
class ExplainedFlow:
    """An explanation, with the policy that it speaks of, for the names in it."""

    compiled: CompiledPolicy
    explanation: Explanation
    at: datetime


def explain_flow(
    *,
    network_id: int,
    source: str,
    destination: str,
    protocol: int,
    port: int | None = None,
    at: datetime | None = None,
) -> ExplainedFlow:
    """Whether ``source`` may reach ``destination`` with an IANA protocol number and a port, and which rule says so.

    Both as people write them (see ``find_point``). ``at`` is the aware instant to decide for, by default the present
    one as it is in force; nodes and rules are those of now. Raises ValidationError, NotFoundError.
    """
    compiled = current_state(network_id).policy
    return explain_in(compiled, network_id, source, destination, protocol=protocol, port=port, at=at)


def explain_in(
    compiled: CompiledPolicy,
    network_id: int,
    source: str,
    destination: str,
    *,
    protocol: int,
    port: int | None = None,
    at: datetime | None = None,
) -> ExplainedFlow:
    """The same by any policy compiled for the network."""
    said = explain(
        compiled,
        find_point(network_id, source, field="source"),
        find_point(network_id, destination, field="destination"),
        protocol=protocol,
        port=(port or 0) if protocol in PORT_PROTOCOLS else 0,
        at=at,
    )
    return ExplainedFlow(compiled, said, compiled.at if at is None else at)
