"""When what a flow says holds, in one classification for all who draw or tell it."""

from __future__ import annotations

from mesh.explain.flows import Flow


def when_of(flow: Flow) -> str:
    """``times``: some of it at certain times alone. ``later``: nothing now, something at other times. ``more``: always,
    and more at other times. Empty: always, or never."""
    if not flow.pairs:
        return "later" if flow.later else ""
    if flow.at_times or flow.passing:
        return "times"
    return "more" if flow.later or flow.growing else ""
