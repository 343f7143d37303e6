"""What nodes report, for the conditions of rules: systems, and what their postures tell of."""

from __future__ import annotations

from typing import Final

from mesh.policy.conditions import os_name
from nodes.models import Node
from portal.access.named import SHOWN, Suggestion
from portal.viewer import may_see

SYSTEMS: Final = ("android", "freebsd", "ios", "linux", "macos", "windows")
LOOKED_AT: Final = 500
"""In how many postures names are looked for: all nodes of a network tell of much the same."""


def suggest_fact(*, network_id: int, text: str, scope: str) -> list[Suggestion]:
    """The systems (``scope`` ``os``) or attributes (``posture``) that nodes report and that begin with ``text``."""
    if not may_see("nodes.node"):
        return []
    nodes = Node.objects.filter(network_id=network_id)
    begin = text.strip().lower()
    if scope == "os":
        found = nodes.exclude(os="").order_by("os").values_list("os", flat=True).distinct()[:LOOKED_AT]
        names = {*SYSTEMS, *map(os_name, found)}
    else:
        postures = nodes.exclude(posture={}).values_list("posture", flat=True)[:LOOKED_AT]
        names = {name for posture in postures for name in posture}
    return [Suggestion(name) for name in sorted(names) if name.lower().startswith(begin)][:SHOWN]
