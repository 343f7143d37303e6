"""A worker process without sockets: ``python -m tests.coordinator.follower NETWORK POLL_SECONDS``.

It watches a network and writes a line for each version that its replica comes to. What it reads on its standard input
is a node's id: that node it marks online, as another worker would.
"""

from __future__ import annotations

import sys
import threading
import time


def write(line: str) -> None:
    """Says it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Follow until the end of the standard input."""
    import django

    django.setup()
    from django.utils import timezone

    from coordinator import tail as module
    from coordinator.replica import REPLICAS
    from mesh.change import Cause
    from nodes import hints
    from nodes.services.presence import mark_offline, mark_online

    network_id, module.POLL_SECONDS = int(sys.argv[1]), float(sys.argv[2])  # type: ignore[misc]
    tail = module.Tail()
    tail.watch(network_id)

    def say() -> None:
        told = 0
        heard = False
        while True:
            line = hints.process_line()
            if line is not None and line.is_heard and not heard:
                heard = True
                write("heard")
            state = REPLICAS.of(network_id).state
            if state is not None and state.version != told:
                told = state.version
                write(str(told))
            time.sleep(0.005)

    threading.Thread(target=say, daemon=True).start()
    for text in sys.stdin:
        ids, now = [int(text)], timezone.now()
        if not mark_online(network_id=network_id, node_ids=ids, cause=Cause.system("test"), now=now):
            mark_offline(network_id=network_id, last_seen=dict.fromkeys(ids, now), cause=Cause.system("test"), now=now)
    tail.stop()


if __name__ == "__main__":
    main()
