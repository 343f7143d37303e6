"""One object for what many records have in common: what is read from a database or a snapshot comes as a copy each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import force_setattr

from mesh.topology import NodeRecord

ALIKE: Final = ("state", "os", "os_version", "agent_version", "tags")


class Sharing:
    """Remembers values, and puts them in the place of equal ones: that saves some 600 B a node."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def share(self, nodes: Iterable[NodeRecord]) -> None:
        """For records that nobody has seen yet. They never change, so it makes no difference who else holds a value."""
        known = self._known
        for node in nodes:
            for name in ALIKE:
                value = getattr(node, name)
                force_setattr(node, name, known.setdefault(value, value))
            if node.hostname == node.name:
                force_setattr(node, "hostname", node.name)
            if node.posture:
                # By kind too: to Python true is 1, and to policies it is not.
                key = tuple((name, type(value), value) for name, value in node.posture.items())
                force_setattr(node, "posture", known.setdefault(key, node.posture))
