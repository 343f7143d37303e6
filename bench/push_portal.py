"""Fills the database of the push bench: ``python -m bench.push_portal FOLDER AGENTS``; tokens go to ``FOLDER/tokens``.

The first node is a hub that everybody may reach; otherwise people reach their own devices. So a change of the hub is
news to all, as when a server of a company moves.
"""

# ruff: noqa: PLC0415 - models can be imported once Django knows its database

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.heartbeat_portal import fill, start_django


def main() -> None:
    """Make the nodes and the rule."""
    folder, agents = Path(sys.argv[1]), int(sys.argv[2])
    start_django()
    tokens = fill(agents + 1)
    from django.utils import timezone

    from acl.services.rules import create_rule
    from mesh.change import Cause
    from nodes.models import Network, Node

    hub = Node.objects.order_by("pk")[0]
    fields = {"sources": ["autogroup:member"], "destinations": [f"node:{hub.name}"], "ports": ["443"]}
    create_rule(
        network_id=Network.objects.get().pk, fields=fields, cause=Cause.command(), now=timezone.now(), forced=True
    )
    (folder / "tokens").write_text("\n".join(tokens))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")
    main()
