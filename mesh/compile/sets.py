"""Sets: what a filter's ``set:NAME`` stands for, and its name."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from pyroaring import BitMap64

from mesh.compile.ids import ranges_of
from mesh.compile.terms import SourceTerm
from mesh.policy.conditions import condition_to_json
from mesh.policy.facts import Prefix

EVERYTHING = "*"
"""The name of the set that the source ``*`` stands for."""


@lru_cache(maxsize=65_536)
def set_name(term: SourceTerm) -> str:
    """The opaque name of a term's set: the same wherever and whenever the same selector and conditions are compiled,
    so that an agent may move from one worker to another and keep what it knows."""
    said = [str(term.selector), [condition_to_json(item) for item in term.conditions], term.denies]
    digest = blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def wire_set(
    *,
    users: Iterable[int] = (),
    tags: Iterable[str] = (),
    ids: Iterable[int] = (),
    prefixes: Iterable[Prefix] = (),
) -> dict[str, Any]:
    """A set in the shape of the agent protocol: all sorted (prefixes as text), ascending ids as merged ranges."""
    return {
        "users": sorted(users),
        "tags": sorted(tags),
        "ids": ranges_of(ids),
        "prefixes": sorted(map(str, prefixes)),
    }


def set_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What makes ``before`` into ``after``, as ``{"add": {...}, "remove": {...}}`` of a delta; members left out are
    unchanged, and both are left out where nothing is."""
    change: dict[str, Any] = {}
    for verb, old, new in (("add", before, after), ("remove", after, before)):
        parts: dict[str, Any] = {}
        for member in ("users", "tags", "prefixes"):
            known = set(old[member])
            if fresh := [item for item in new[member] if item not in known]:
                parts[member] = fresh
        if ids := ranges_of(_ids(new["ids"]) - _ids(old["ids"])):
            parts["ids"] = ids
        if parts:
            change[verb] = parts
    return change


def _ids(ranges: Iterable[Iterable[int]]) -> BitMap64:
    found = BitMap64()
    for first, last in ranges:
        found.add_range(first, last + 1)
    return found
