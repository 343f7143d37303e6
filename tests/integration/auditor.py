"""Every map of a network, made from the database alone in the plainest way, beside the portal's own processes.

``python -m tests.integration.auditor`` answers each line of standard input, a network's id, with a line of JSON:
``{"version", "epoch", "maps": {node id: map}, "addresses": [...]}``, of all nodes that hold any.
"""

from __future__ import annotations

import sys
from typing import Any

import django
import orjson


def main() -> None:
    """Answer until the input ends."""
    django.setup()
    from django.db import connection

    for line in sys.stdin:
        answer = orjson.dumps(audit(int(line)), option=orjson.OPT_NON_STR_KEYS)
        connection.close()
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


def audit(network_id: int) -> dict[str, Any]:
    """What is true of a network now."""
    from acl.selectors import load_policy, policy_clock
    from coordinator.replica.load import load_topology, one_instant
    from mesh.netmap.state import build_state
    from mesh.netmap.whole import build_netmap

    with one_instant():
        topology = load_topology(network_id)
        policy, at = load_policy(network_id), policy_clock(network_id)
    compiled = build_state(topology, policy, at).policy
    present = [node.id for node in topology.nodes.values() if topology.is_present(node)]
    return {
        "version": topology.version,
        "epoch": topology.network.epoch,
        "maps": {node_id: build_netmap(topology, compiled, node_id) for node_id in present},
        "addresses": [address for node in topology.nodes.values() for address in node.addresses],
    }


if __name__ == "__main__":
    main()
