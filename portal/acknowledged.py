"""How many agents have what happened: of those whose maps a change changed, and who are connected.

Whom a change concerned is worked out once; who has it is asked anew until all do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any, Final

from redis.exceptions import RedisError

from coordinator.acknowledgements import ACKNOWLEDGED
from coordinator.delivery import concerned_by
from coordinator.replica import REPLICAS

WORKED_AT: Final = 0.15
"""For how many seconds one page finds out whom changes concern: at 50,000 nodes one of them takes a while."""
KEPT: Final = 500
_concerned: OrderedDict[tuple[int, int, int], frozenset[int] | None] = OrderedDict()
_complete: set[tuple[int, int, int]] = set()


def have_words(have: Mapping[Any, tuple[int, int] | None], key: Any) -> dict[str, Any]:
    """What a line shows of it: ``have`` is ``43/43``, a dash where it was not worked out yet, empty where it is not
    known or concerned nobody; ``have_title`` says so; ``behind``: somebody has not got it yet."""
    if key in have and have[key] is None:
        return {"have": "–", "have_title": "Not worked out yet. Look again in a moment.", "behind": False}
    have_it, concerned = have.get(key) or (0, 0)
    if not concerned:
        return {"have": "", "have_title": "", "behind": False}
    title = "Agents that have it, of those it concerned"
    return {"have": f"{have_it:,}/{concerned:,}", "have_title": title, "behind": have_it < concerned}


def forget() -> None:
    """Forgets whom changes concerned: another database stands behind the same ids."""
    _concerned.clear()
    _complete.clear()


def have_them(network_id: int, versions: Iterable[int]) -> dict[int, tuple[int, int] | None]:
    """Of the connected agents that changes concerned, how many have them, and how many they are; by version, None for
    those that there was no time for, those left out of which this process does not know."""
    state = REPLICAS.of(network_id).state
    if state is None:
        return {}
    epoch, until = state.epoch, monotonic() + WORKED_AT
    found: dict[int, tuple[int, int] | None] = {}
    concerned: dict[int, frozenset[int]] = {}
    for version in versions:
        key = (network_id, epoch, version)
        if key not in _concerned:
            if version > state.version or monotonic() >= until:
                found[version] = None
                continue
            _remember(key)
        known = _concerned.get(key)
        if known is not None:
            concerned[version] = known
    open_ones = {version: ids for version, ids in concerned.items() if (network_id, epoch, version) not in _complete}
    asked = frozenset().union(*open_ones.values()) if open_ones else frozenset()
    try:
        known_acks = ACKNOWLEDGED.of(asked) if asked else {}
    except RedisError:
        return {}
    for version, ids in concerned.items():
        count = len(ids)
        if version in open_ones:
            have = (known_acks.get(node_id, ()) for node_id in ids)
            count = sum(bool(items) and (items[0].epoch, items[0].version) >= (epoch, version) for items in have)
            if count == len(ids):
                _complete.add((network_id, epoch, version))
        found[version] = (count, len(ids))
    return found


def _remember(key: tuple[int, int, int]) -> None:
    network_id, _, version = key
    ids = concerned_by(network_id, version)
    _concerned[key] = None if ids is None else frozenset(ids)
    while len(_concerned) > KEPT:
        gone, _ = _concerned.popitem(last=False)
        _complete.discard(gone)
