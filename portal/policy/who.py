"""Who acted on a policy, by name: for rows that keep an actor and no facts of a change."""

from __future__ import annotations

from collections.abc import Iterable

from nodes.models import Change
from portal.events import Names


def names_of(actors: Iterable[str]) -> Names:
    """The present names of some actors (``user:7``, ``command``), in two queries."""
    return Names([Change(actor=actor, kind="policy", facts={}) for actor in actors])
