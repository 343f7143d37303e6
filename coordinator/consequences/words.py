"""Consequences in words, the same wherever they are read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from coordinator.consequences.losses import Consequences, Loss, LostNetwork

NAMED: Final = 3
"""Networks that one line names."""
SESSION_ENDS: Final = "its session ends"


def loss_words(loss: Loss) -> list[str]:
    """What a node loses, the worst first, each as what follows its name: ``loses 12 peers``."""
    said = [*_networks(loss.networks), *_moved(loss)]
    if not loss.takes_part:
        return [*said, "takes no part in the mesh now" + (", and its session ends" if loss.session else "")]
    if loss.peers or (loss.leaves and not said):
        said.append(f"loses {_many(loss.peers, 'peer')}" if loss.peers else "has no peer to lose")
    if loss.gained:
        said.append(f"gains {_many(loss.gained, 'peer')}")
    if not said:
        said.append("keeps all its peers")
    if loss.leaves:
        said.append(SESSION_ENDS if loss.session else "has no session")
    return said


def loss_text(loss: Loss) -> str:
    """The same as one sentence's rest: ``is the only router of 10.40.0.0/16: 6 nodes lose it; loses 12 peers``."""
    return "; ".join(loss_words(loss))


def network_words(network: LostNetwork) -> str:
    """A network by the name that people know."""
    if network.is_internet:
        return "the internet"
    return f"{network.prefix} ({network.host})" if network.host else network.prefix


def damage_words(consequences: Consequences) -> str:
    """The damage as what a person agrees to: ``Cut off 10.40.0.0/16``, ``Cut off gw-1``, ``Cut off 3 nodes``. Empty
    where nothing is cut."""
    prefixes = list(dict.fromkeys(network_words(item) for item in consequences.networks))
    if len(prefixes) == 1:
        return f"Cut off {prefixes[0]}"
    if prefixes:
        return f"Cut off {len(prefixes)} networks"
    cut = [loss for loss in consequences.losses if loss.peers or loss.leaves]
    if len(cut) == 1:
        loss = cut[0]
        return f"Cut off {loss.name}" if loss.leaves else f"Cut {loss.name} off from {_many(loss.peers, 'peer')}"
    return f"Cut off {len(cut)} nodes" if cut else ""


def rest_words(losses: Sequence[Loss]) -> str:
    """Those for whom no line is left, together: ``40 more nodes lose up to 12 peers each``."""
    most = max((loss.peers for loss in losses), default=0)
    what = "node loses" if len(losses) == 1 else "nodes lose"
    told = f"{len(losses)} more {what} " + (f"up to {_many(most, 'peer')}" if most else "no peer")
    return told + (" each" if most and len(losses) > 1 else "")


def _networks(networks: Sequence[LostNetwork]) -> list[str]:
    found = []
    ways = [item for item in networks if item.is_internet]
    if ways:
        most = max(item.nodes for item in ways)
        who = _with(ways[0], "the only exit node", "the last exit nodes")
        found.append(f"{who}: {_lose(most, 'their way to the internet', 'its way to the internet')}")
    subnets = [item for item in networks if not item.is_internet]
    subnets.sort(key=lambda item: (-item.nodes, item.together, item.prefix))
    for (nodes, _), items in groupby(subnets, key=lambda item: (item.nodes, item.together)):
        alike = list(items)
        names = [network_words(item) for item in alike]
        if len(names) > NAMED:
            listed = f"{len(names)} networks ({', '.join(names[:NAMED])}, ...)"
        else:
            listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        them = "it" if len(names) == 1 else "them"
        who = _with(alike[0], f"the only router of {listed}", f"the last routers of {listed}")
        found.append(f"{who}: {_lose(nodes, them, them)}")
    return found


def _with(network: LostNetwork, alone: str, together: str) -> str:
    return f"is {alone}" if not network.together else f"is with {', '.join(network.together)} {together}"


def _moved(loss: Loss) -> list[str]:
    return [
        f"hands {item.prefix} to {item.router}" + (", which is offline" if item.silent else "")
        for item in sorted(loss.moved, key=lambda item: not item.silent)
    ]


def _lose(nodes: int, many: str, one: str) -> str:
    if not nodes:
        return "no node may reach it" if one in ("it", "them") else "no node may use it"
    return f"1 node loses {one}" if nodes == 1 else f"{nodes} nodes lose {many}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
