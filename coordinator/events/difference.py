"""What a change changed: the facts of before and after, member by member.

A change keeps what is so from it on, whole. What was so before stands in the change before that speaks of the same
thing, unless retention has taken its facts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from mesh.change import ChangeKind
from nodes.models import Change
from nodes.selectors.about import about_nodes, is_exact, newest_about

MOST_THINGS: Final = 20
MOST_LINES: Final = 200
SECONDS: Final = 0.5
BATCH: Final = 200
MOST_ROWS: Final = 5_000
"""Changes about the same nodes that are looked for at most."""
_ABOUT: Final = frozenset({"policy_version", "at", "boundary", "forced", "changed", "removed", "objections"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One member of one thing. None: there was, or is, no such member."""

    thing: str
    member: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """``differences`` of the things whose former facts are known. ``unknown``: things of which they are not kept, or
    lie too far back to be looked for; ``new``: things of which this is the first word; ``left_out``: how many more
    lines or things there would be."""

    differences: tuple[Difference, ...] = ()
    new: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    left_out: int = 0


def before_after(
    change: Change, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
) -> BeforeAfter | None:
    """Compares a change with what was so before. None for kinds that tell of moments and change no facts, and for a
    change that has lost its own facts."""
    if change.pruned or change.kind not in _TELLERS:
        return None
    told = list(islice(_things(change), MOST_THINGS + 1))
    more, told = len(told) > MOST_THINGS, told[:MOST_THINGS]
    former, complete = _former(change, told, clock() + seconds, clock)
    lines: list[Difference] = []
    new, unknown = [], []
    for thing in told:
        if thing.name in former:
            lines += _compare(thing, former[thing.name])
        elif complete and not _is_known_before(change):
            new.append(thing.name)
            lines += _compare(thing, None)
        else:
            unknown.append(thing.name)
    left = max(0, len(lines) - MOST_LINES) + int(more)
    return BeforeAfter(tuple(lines[:MOST_LINES]), tuple(new), tuple(unknown), left)


@dataclass(frozen=True, slots=True)
class _Thing:
    """Something a change speaks of, with its facts from then on (None: it is gone), or with ``part`` of them alone."""

    name: str
    facts: Any
    part: bool = False


def _is_known_before(change: Change) -> bool:
    """Whether something was there before the log was: such a thing is not new, though no change speaks of it."""
    if change.kind == ChangeKind.NODES.value:
        return not (change.facts.get("created") or change.facts.get("enrolment"))
    return change.kind in (ChangeKind.NETWORK.value, ChangeKind.POLICY.value)


def _things(change: Change) -> Iterator[_Thing]:
    facts: Mapping[str, Any] = change.facts if isinstance(change.facts, dict) else {}
    return _TELLERS[change.kind](facts)


def _nodes(facts: Mapping[str, Any]) -> Iterator[_Thing]:
    for row in facts.get("nodes") or ():
        yield _Thing(f"node {row['id']}", row)
    for ident in facts.get("removed") or ():
        yield _Thing(f"node {ident}", None)
    for patch in facts.get("patched") or ():
        for ident in patch["ids"]:
            yield _Thing(f"node {ident}", patch["set"], part=True)


def _users(facts: Mapping[str, Any]) -> Iterator[_Thing]:
    for row in facts.get("users") or ():
        yield _Thing(f"user {row['id']}", row)
    for row in facts.get("deleted") or ():
        yield _Thing(f"user {row['id']}", None)


def _endpoints(facts: Mapping[str, Any]) -> Iterator[_Thing]:
    for ident, where in (facts.get("endpoints") or {}).items():
        yield _Thing(f"node {ident}", {"endpoints": where})


def _network(facts: Mapping[str, Any]) -> Iterator[_Thing]:
    if "network" in facts:
        yield _Thing("network", facts["network"])
    for home in facts.get("homes") or ():
        for ident in home["nodes"]:
            yield _Thing(f"node {ident}", {"home_region": home["region"]}, part=True)


def _policy(facts: Mapping[str, Any]) -> Iterator[_Thing]:
    for section, value in facts.items():
        if section not in _ABOUT:
            yield _Thing(section, value)


_TELLERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[_Thing]]]] = {
    "nodes": _nodes,
    "users": _users,
    "endpoints": _endpoints,
    "network": _network,
    "policy": _policy,
}


def _former(
    change: Change, told: Sequence[_Thing], until: float, clock: Callable[[], float]
) -> tuple[dict[str, Any], bool]:
    """The facts of before of each thing, and whether the log was read to its beginning, with all facts in it."""
    if not told:
        return {}, True  # to look for no names would find all rows
    names = {thing.name for thing in told}
    rows = Change.objects.filter(network_id=change.network_id, version__lt=change.version)
    pruned = rows.filter(kind=change.kind, pruned=True).exists()
    found: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for batch, is_last in _batches(change, rows.filter(pruned=False).order_by("-version"), names):
        for row in batch:
            for thing in _things(row):
                if thing.name not in names or thing.name in found:
                    continue
                if thing.part:
                    # What a later change said of some members counts before what an earlier one said of all.
                    parts[thing.name] = {**thing.facts, **parts.get(thing.name, {})}
                else:
                    known = parts.get(thing.name, {})
                    found[thing.name] = {**thing.facts, **known} if isinstance(thing.facts, dict) else thing.facts
            if len(found) == len(names):
                return found, True
        if is_last:
            return found, not pruned
        if clock() >= until:
            break
    return found, False


def _batches(change: Change, rows: QuerySet[Change], names: set[str]) -> Iterator[tuple[list[Change], bool]]:
    """Those of ``rows`` that may speak of the same things, the latest first, and whether these are the last ones."""
    ids = sorted(int(number) for name in names if (number := name.rpartition(" ")[2]).isdigit())
    if change.kind in _OF_NODES and is_exact():
        pks, is_whole = _gathered(change, rows, ids)
        for start in range(0, max(1, len(pks)), BATCH):
            end = start + BATCH
            yield (
                list(rows.filter(kind__in=_OF_NODES[change.kind], pk__in=pks[start:end])),
                is_whole and end >= len(pks),
            )
        return
    speaking = rows.alias(gw_facts=Cast("facts", TextField())).filter(_speaking(change.kind, ids))
    is_last, below = False, change.version
    while not is_last:
        batch: list[Change] = list(speaking.filter(version__lt=below)[:BATCH])
        is_last = len(batch) < BATCH
        yield batch, is_last
        below = batch[-1].version if batch else 0


def _gathered(change: Change, rows: QuerySet[Change], node_ids: list[int]) -> tuple[list[int], bool]:
    """Ids of the changes before this one that an index finds, the latest first; whether these are all."""
    found = newest_about(node_ids, low=0, below=change.pk, limit=MOST_ROWS, network_id=change.network_id)
    edge = found[-1] if len(found) == MOST_ROWS else 0
    if change.kind == ChangeKind.NETWORK.value:
        networks = list(rows.filter(kind=change.kind).order_by("-pk").values_list("pk", flat=True)[:MOST_ROWS])
        edge = max(edge, networks[-1] if len(networks) == MOST_ROWS else 0)
        found = sorted({*found, *networks}, reverse=True)
    return [pk for pk in found if pk >= edge], not edge


# A node's home is told by changes of relays too.
_OF_NODES: Final[Mapping[str, tuple[str, ...]]] = {
    "nodes": ("nodes", "network"),
    "network": ("nodes", "network"),
    "endpoints": ("endpoints",),
}


def _speaking(kind: str, ids: list[int]) -> Q:
    """Changes that may speak of the same things."""
    match kind:
        case "nodes" | "endpoints":
            return Q(kind__in=_OF_NODES[kind]) & about_nodes(ids)
        case "network":
            return Q(kind="network") | Q(kind="nodes") & about_nodes(ids)
        case "users":
            # Numbers as a whole, wherever they stand: what they mean is seen when the row is read.
            return Q(kind=kind, gw_facts__regex=rf"(^|[^0-9])({'|'.join(map(str, ids))})([^0-9]|$)")
    return Q(kind=kind)


def _compare(thing: _Thing, before: Any) -> list[Difference]:
    old, new = dict(_members(before)), dict(_members(thing.facts))
    # Of a part, members that it does not name stay as they were; one that it empties is gone.
    named = set(thing.facts) if thing.part else set()
    gone = (name for name in old if name not in new and (not thing.part or name.partition(".")[0] in named))
    names = [*new, *gone]
    return [
        Difference(thing.name, name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    ]


def _members(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Members by path, such as ``dns.records.3.value``; lists of plain values are one member."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _members(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if any(isinstance(item, Mapping) for item in value):
            for index, item in enumerate(value):
                yield from _members(item, f"{path}.{_key(item, index)}")
        else:
            yield path, ", ".join(_text(item) for item in value)
    elif value is not None:
        yield path, _text(value)


def _key(item: Any, index: int) -> str:
    """What an item of a list is called: so that one more at the beginning does not change all others."""
    if isinstance(item, Mapping):
        for name in ("id", "name", "prefix", "address", "login", "number"):
            if isinstance(item.get(name), str | int):
                return str(item[name])
    return str(index)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
