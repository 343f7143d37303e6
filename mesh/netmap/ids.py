"""Sets of node ids of one kind, so that they can be held against each other."""

from __future__ import annotations

from collections.abc import Iterable

from mesh.compile.ids import IdSet
from mesh.netmap.state import State


def id_set(state: State, ids: Iterable[int] = ()) -> IdSet:
    """``ids`` as the kind of set that the state's policy answers with."""
    kind = state.policy.world.id_set
    return ids if isinstance(ids, kind) else kind(ids)


def peers_of(state: State, node_id: int, like: State) -> IdSet:
    """The peers of a node in one state, as the kind of set of another."""
    return id_set(like, state.policy.peer_ids(node_id))
