"""What somebody probably meant who named something that does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import chain
from typing import Any, Final

from django.db.models import QuerySet

from acl.models import Group, Host, TagOwner
from mesh.errors import FieldError
from nodes.models import Node, NodeTag
from portal.access.named import FIXED
from portal.viewer import may_see
from sessions_app.models import User

_LOOKED_AT: Final = 2_000
"""How many names of a kind are compared at most: those that begin with the same letter."""

_WORDS: Final = ("group", "tag", "user", "host", "node", "autogroup")


def meant(network_id: int, text: str) -> str:
    """The selector that is most like ``text`` and does exist; empty where none is like it, or none that may be seen."""
    text = text.strip()
    kind, colon, name = text.partition(":")
    if not colon:
        kind, name = "", text
    elif kind not in _WORDS:
        close = get_close_matches(kind, _WORDS, n=1)
        if not close:
            return ""
        kind = close[0]
    if kind == "autogroup":
        return next(iter(get_close_matches(f"autogroup:{name}", FIXED, n=1)), "")
    kinds = [kind] if kind else [word for word in _WORDS if word != "autogroup"]
    names = list(chain.from_iterable(_names(network_id, word, name) for word in kinds))
    return _closest(name, names)


def with_meant(network_id: int, errors: Sequence[FieldError], edits: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Errors of edits (``edits.0.sources.1``), each with what was meant where a selector is at fault."""
    return [
        {"field": item.field, "message": item.message, "meant": meant(network_id, text) if text else ""}
        for item in errors
        for text in (_selector_at(item.field, edits),)
    ]


def _selector_at(field: str, edits: Sequence[dict[str, Any]]) -> str:
    match field.split("."):
        case ["edits", index, ("sources" | "destinations") as side, place] if index.isdigit() and place.isdigit():
            texts = edits[int(index)].get("fields", {}).get(side, [])
            return str(texts[int(place)]) if int(place) < len(texts) else ""
    return ""


def _closest(name: str, names: Sequence[str]) -> str:
    bare: dict[str, str] = {}
    for item in names:
        bare.setdefault(item.partition(":")[2], item)
    if name in bare:
        return bare[name]
    close = get_close_matches(name, bare, n=1, cutoff=0.6)
    return bare[close[0]] if close else ""


def _names(network_id: int, kind: str, name: str) -> list[str]:
    """Names of a kind, as selectors, that begin with the same letter."""
    if (kind == "user" and not may_see("sessions_app.user")) or (kind == "node" and not may_see("nodes.node")):
        return []
    if kind == "tag":
        declared = _begin(TagOwner.objects.filter(network_id=network_id), "tag", f"tag:{name[:1]}")
        carried = _begin(NodeTag.objects.filter(node__network_id=network_id), "tag", f"tag:{name[:1]}")
        return [*declared, *carried]
    rows: QuerySet[Any]
    match kind:
        case "user":
            rows, column = User.objects.all(), "username"
        case "group":
            rows, column = Group.objects.filter(network_id=network_id), "name"
        case "host":
            rows, column = Host.objects.filter(network_id=network_id), "name"
        case _:
            rows, column = Node.objects.filter(network_id=network_id), "name"
    return [f"{kind}:{found}" for found in _begin(rows, column, name[:1])]


def _begin(rows: QuerySet[Any], column: str, beginning: str) -> list[str]:
    found = rows.filter(**{f"{column}__startswith": beginning}).order_by(column)
    return list(found.values_list(column, flat=True).distinct()[:_LOOKED_AT])
