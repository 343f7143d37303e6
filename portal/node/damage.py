"""What acts on nodes cut, as rows of a confirmation: one a node, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from coordinator.consequences import Consequences, damage_words, loss_text, rest_words
from nodes.models import Node
from portal.verbs import Row

SHOWN: Final = 20
"""Nodes that have a row of their own."""

Weigh = Callable[[int, list[int]], Consequences]


def weigh_by_network(nodes: Iterable[Node], weigh: Weigh) -> list[Consequences]:
    """The consequences for nodes of any networks."""
    ids: dict[int, list[int]] = {}
    for node in nodes:
        ids.setdefault(node.network_id, []).append(node.pk)
    return [weigh(network_id, node_ids) for network_id, node_ids in ids.items()]


def rows_of(found: Sequence[Consequences]) -> list[Row]:
    """A row for each node, and one for those that are left."""
    losses = [loss for item in found for loss in item.losses]
    losses.sort(key=lambda loss: ([-number for number in loss.weight], loss.name))
    rows = [Row(loss.name, loss_text(loss), worst=loss.is_worst) for loss in losses[:SHOWN]]
    if len(losses) > SHOWN:
        rows.append(Row("", rest_words(losses[SHOWN:])))
    return rows


def tick_of(found: Sequence[Consequences]) -> str:
    """The words that are ticked: the damage of the network that has any, or how many nodes of all of them."""
    words = [said for item in found if (said := damage_words(item))]
    return words[0] if len(words) <= 1 and words else f"Cut off nodes of {len(words)} networks" if words else ""
