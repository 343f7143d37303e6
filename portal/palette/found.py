"""One line of the palette."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

MOST: Final = 5
"""Lines of each kind: whoever needs more types a letter more."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where ``url`` leads: its name, a few words that tell it from its like, and the name of its icon."""

    title: str
    detail: str
    url: str
    icon: str

    def as_json(self) -> dict[str, str]:
        """As the script reads it."""
        return asdict(self)
