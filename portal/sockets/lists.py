"""Which lists keep up by themselves, and upon what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LiveList:
    """``events`` as ``data-gw-refresh`` has them. With ``columns`` only those cells are asked for anew, so that no row
    moves under the reader's hand; the rest of such a list is as it was when the page was opened."""

    events: str
    columns: frozenset[str] = frozenset()


LISTS: Final[Mapping[str, LiveList]] = {
    "nodes.node": LiveList("nodes presence metrics users", frozenset({"status", "seen"})),
    "nodes.route": LiveList("nodes presence"),
    "nodes.change": LiveList("nodes presence endpoints sessions policy users network credentials"),
    "nodes.relayregion": LiveList("network metrics"),
    "nodes.job": LiveList("jobs"),
    "sessions_app.enrolment": LiveList("enrolments nodes"),
    "sessions_app.nodesession": LiveList("sessions nodes"),
    "sessions_app.authkey": LiveList("credentials nodes"),
}
