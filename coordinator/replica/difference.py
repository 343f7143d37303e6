"""What differs between two states that no known steps join."""

from __future__ import annotations

from mesh.netmap.state import State
from mesh.steps import Touch


def difference(before: State, after: State) -> Touch:
    """Every node and user that is not the same; policy and settings count as moved."""
    touch = Touch(policy=True, network=True)
    for old, new, found in (
        (before.topology.nodes, after.topology.nodes, touch.nodes),
        (before.topology.users, after.topology.users, touch.users),
    ):
        former = dict(old.items())
        for key, value in new.items():
            if former.pop(key, None) != value:
                found.add(key)
        found.update(former)
    return touch
