"""What an event is, what may be asked of the list, and where a page of it ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mesh.change import ChangeKind
from mesh.errors import FieldError, NotFoundError, ValidationError
from nodes.models import Change
from sessions_app.models import AuditEntry

AUDIT_KINDS: Final = tuple(AuditEntry.Kind.values)
CHANGE_KINDS: Final = tuple(kind.value for kind in ChangeKind)
ACTORS: Final = {
    "people": "user:",
    "agents": "node:",
    "commands": "command",
    "portal": "system:",
    "registration": "registration",
    "anonymous": "anonymous",
}
"""Groups of those who act, by how they are written."""
_CURSOR: Final = re.compile(r"c(\d{1,18})\.a(\d{1,18})")
_REF: Final = re.compile(r"(c|a)(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. ``kind``: of a change or of the audit trail, or ``map`` or ``access`` for all of either. ``kinds``:
    of changes, some.

    ``actor``: as it is written (``user:7``) or a group of ``ACTORS``. ``network_id`` leaves out the audit trail, which
    belongs to no network, and so does ``node_id``. ``text`` is looked for in what was said, origin and request.
    """

    kind: str = ""
    actor: str = ""
    node_id: int | None = None
    network_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    kinds: tuple[str, ...] = ()

    @property
    def narrows(self) -> bool:
        """Whether rows may have to be passed over: else each row read is one of the page."""
        return any(
            (
                self.kind not in ("", "map", "access"), self.actor, self.node_id, self.network_id, self.text, self.kinds
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ends: the next one begins below these ids of both tables. None: at the newest."""

    change: int | None = None
    audit: int | None = None

    def __str__(self) -> str:
        return f"c{self.change or 0}.a{self.audit or 0}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor that was written so; empty text is the beginning. Raises ValidationError."""
        if not text:
            return cls()
        found = _CURSOR.fullmatch(text)
        if found is None:
            message = "This is no place in the list of events."
            raise ValidationError(message, errors=(FieldError("after", message),))
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Event:
    """One change or one entry of the audit trail; one of both is there."""

    change: Change | None = None
    audit: AuditEntry | None = None

    @property
    def row(self) -> Change | AuditEntry:
        """Whichever it is."""
        row = self.audit if self.change is None else self.change
        assert row is not None
        return row

    @property
    def ref(self) -> str:
        """How it is called: ``c12`` or ``a7``."""
        return f"{'a' if self.change is None else 'c'}{self.row.pk}"

    @property
    def at(self) -> datetime:
        """When it happened, first if it repeated."""
        return self.row.created_at


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, the latest first. ``after``: where the next page begins; None at the end of the list.

    ``looked_until`` is set where the time for one page was over before it was full: how far back was looked.
    """

    events: list[Event]
    after: Cursor | None
    looked_until: datetime | None = None


def find_event(ref: str) -> Event:
    """The event with this name. Raises NotFoundError."""
    found = _REF.fullmatch(ref)
    if found is not None and found[1] == "c":
        change = Change.objects.select_related("network").filter(pk=int(found[2])).first()
        if change is not None:
            return Event(change=change)
    elif found is not None:
        audit = AuditEntry.objects.filter(pk=int(found[2])).first()
        if audit is not None:
            return Event(audit=audit)
    raise NotFoundError("There is no such event.")
