"""How many agents have what happened: of those whose maps a change changed, and who are connected.

Whom a change concerned is worked out once; who has it is asked anew until all do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from redis.exceptions import RedisError

from coordinator.acknowledgements import ACKNOWLEDGED
from coordinator.delivery import concerned_by
from coordinator.replica import REPLICAS

NEW_A_PAGE: Final = 4
"""Of how many changes one page finds out whom they concern: at 50,000 nodes that takes a while."""
KEPT: Final = 500
_concerned: OrderedDict[tuple[int, int, int], frozenset[int] | None] = OrderedDict()
_complete: set[tuple[int, int, int]] = set()


def have_words(got: tuple[int, int] | None) -> dict[str, Any]:
    """What a line shows of it: ``have`` is ``43/43``, empty where it is not known, or concerned nobody; ``behind``:
    somebody has not got it yet."""
    if got is None:
        return {"have": "", "behind": False}
    return {"have": f"{got[0]:,}/{got[1]:,}" if got[1] else "", "behind": got[0] < got[1]}


def forget() -> None:
    """Forgets whom changes concerned: another database stands behind the same ids."""
    _concerned.clear()
    _complete.clear()


def have_them(network_id: int, versions: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Of the connected agents that changes concerned, how many have them, and how many they are; by version, those
    left out of which this process does not know."""
    state = REPLICAS.of(network_id).state
    if state is None:
        return {}
    epoch, new = state.epoch, NEW_A_PAGE
    concerned: dict[int, frozenset[int]] = {}
    for version in versions:
        key = (network_id, epoch, version)
        if key not in _concerned and version <= state.version and new:
            new -= 1
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
    found = {}
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
