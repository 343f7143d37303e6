"""The last policy change: by whom, who gained and lost what, and who has it."""

from __future__ import annotations

from typing import Any, Final

from acl.models import PolicyVersion
from coordinator.replica import REPLICAS
from mesh.explain.preview import preview
from nodes.models import Change, Network
from portal import html, links
from portal.acknowledged import have_them
from portal.events import Names

_pairs: dict[int, tuple[tuple[int, int], tuple[int, int]]] = {}
MOST_NODES: Final = 20_000
"""In a network of more nodes than this the pairs are counted on the pages of the policy alone."""


def policy_change(network: Network) -> dict[str, Any] | None:
    """The card's values; None before the first change."""
    change = Change.objects.filter(network=network, kind="policy").order_by("-created_at").first()
    if change is None:
        return None
    version = PolicyVersion.objects.filter(network=network, number=network.policy_version).defer("facts").first()
    return {
        "version": network.policy_version,
        "at": change.created_at,
        "by": Names([change]).actor(change.actor),
        "url": links.change_url("nodes.change", change.pk),
        "summary": _sentence(version.summary) if version is not None else "",
        "pairs": _pairs_words(network, change.version),
        "agents": _agents_words(network, change.version),
    }


def _pairs_words(network: Network, version: int) -> str:
    """``24 pairs gained, none lost.``; empty where this worker has not seen both policies."""
    counted = _count(network, version)
    if counted is None:
        return ""
    gained, lost = counted
    if not gained and not lost:
        return "Nobody sees more or fewer nodes."
    told = html.many(gained, "pair") + " gained" if gained else "no pair gained"
    return f"{told[:1].upper()}{told[1:]}, {lost or 'none'} lost."


def _count(network: Network, version: int) -> tuple[int, int] | None:
    replica = REPLICAS.of(network.pk)
    latest, start, end = replica.state, replica.since(version - 1), replica.since(version)
    if latest is None or start is None or end is None or len(latest.topology.nodes) > MOST_NODES:
        return None
    key, known = (latest.epoch, version), _pairs.get(network.pk)
    if known is None or known[0] != key:
        counted = preview(start[0].policy, end[0].policy, limit=0)
        known = _pairs[network.pk] = (key, (counted.gained, counted.lost))
    return known[1]


def _agents_words(network: Network, version: int) -> str:
    got = have_them(network.pk, [version]).get(version)
    if got is None:
        return ""
    have, concerned = got
    if not concerned:
        return "It concerned no connected agent."
    if have == concerned:
        return f"All {concerned} agents concerned have it." if concerned > 1 else "The one agent concerned has it."
    return f"{have} of {concerned} agents concerned have it."


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') or not text else '.'}"
