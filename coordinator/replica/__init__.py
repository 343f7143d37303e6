"""This process's replicas: each network's latest state in memory, and those just before."""

from coordinator.replica.difference import difference
from coordinator.replica.load import load_topology
from coordinator.replica.replica import MAX_STEPS, Replica
from coordinator.replica.replicas import REPLICAS, current_state, current_version, write_snapshots

__all__ = [
    "MAX_STEPS",
    "REPLICAS",
    "Replica",
    "current_state",
    "current_version",
    "difference",
    "load_topology",
    "write_snapshots",
]
