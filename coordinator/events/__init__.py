"""Everything that happened: the log of changes and the audit trail as one list, the latest first."""

from coordinator.events.difference import BeforeAfter, Difference, before_after
from coordinator.events.entry import Cursor, Event, Page, Wanted, find_event
from coordinator.events.search import search_events

__all__ = [
    "BeforeAfter",
    "Cursor",
    "Difference",
    "Event",
    "Page",
    "Wanted",
    "before_after",
    "find_event",
    "search_events",
]
