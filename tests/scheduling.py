"""Which tests stay together on one process of the run: those that share a portal, machines, a whole stack, or a
database of Redis that they empty.

xdist writes the mark ``xdist_group`` into node ids, which pytest 9.2 passes over; without it every process would start
a stack of its own, and stories would be told in pieces. So the group follows from the file and the parameter.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

GROUPS: Final = (
    ("tests/integration/test_faults", "many-processes"),
    ("tests/integration/test_drain", "many-processes"),
    ("tests/integration/test_mesh", "mesh"),
    ("tests/integration/test_live_rotation", "mesh"),
    # Two labs at once are more machines than two processors carry in time.
    ("tests/journeys/", "mesh"),
    ("tests/mutants/", "mutants"),
    ("tests/portal/states/test_huge", "huge"),
    ("tests/coordinator/test_acknowledgements", "redis"),
    ("tests/coordinator/test_limits", "redis"),
    ("tests/nodes/test_periodic", "redis"),
    ("agent/tests/test_wireguard", "mesh"),
)
"""By the beginning of the node id."""
SOCKETS: Final = "tests/integration/test_agent_socket.py"


def group_of(nodeid: str) -> str:
    """The group of a test; one that is in none is a group of its own."""
    if nodeid.startswith(SOCKETS):
        return "one-process" if "[one process" in nodeid else "many-processes"
    return next((group for beginning, group in GROUPS if nodeid.startswith(beginning)), nodeid)


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Sends each group to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
