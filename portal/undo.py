"""Taking an act back: the button beside the message that says it was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PREFIX: Final = "gw-undo "


@dataclass(frozen=True, slots=True)
class Undo:
    """The verb that takes an act on the same object back, and what its form says."""

    verb: str
    fields: Mapping[str, str] = field(default_factory=dict)


def weighed_key(data: Mapping[str, Any]) -> str:
    """What an act was weighed with: other data must be weighed again."""
    return json.dumps(dict(data), sort_keys=True, default=str)


def undo_tags(url: str, undo: Undo) -> str:
    """What a message carries: where to post, and what. Nothing more is asked, as it takes back what was asked for."""
    return PREFIX + json.dumps({"url": url, "fields": {"confirmed": "yes", "sure": "on", **undo.fields}})


def undo_of(message: Any) -> dict[str, Any] | None:
    """The button of a message, if it has one: ``url`` and ``fields``."""
    tags = str(getattr(message, "extra_tags", "") or "")
    if not tags.startswith(PREFIX):
        return None
    found = json.loads(tags.removeprefix(PREFIX))
    return found if isinstance(found, dict) else None
