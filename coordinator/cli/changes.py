"""The log of changes as commands show it: what each did, in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rest_framework import serializers

from coordinator.acknowledgements import ACKNOWLEDGED, MemoryAcknowledgements, acknowledgement_store
from coordinator.admin_api.serializers.changes import ChangeLine
from coordinator.cli.results import shaped_by
from coordinator.cli.text import listed
from nodes.facts import homes_told, patched_ids
from nodes.models import Change, Network, Node
from nodes.selectors.about import node_ids_of
from sessions_app.models import User

Facts = Mapping[str, Any]

MOST_NAMED: Final = 100


class ChangeListed(ChangeLine):
    """A change with what it did, in a line, and the nodes that it speaks of."""

    summary = serializers.CharField()
    nodes = serializers.ListField(child=serializers.IntegerField())


class ChangeShown(ChangeListed):
    """The same with its facts: what became true, as the log keeps it."""

    facts = serializers.DictField()


change_shape: Final = shaped_by(ChangeListed)
whole_change_shape: Final = shaped_by(ChangeShown)


def change_values(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes as ``ChangeShown`` takes them; ``actor_name`` is who did it, by name, for people."""
    changes = list(changes)
    names = _node_names(changes)
    people = _actors(changes)
    same = ("version", "kind", "actor", "origin", "request_id", "created_at", "pruned", "facts")
    return [
        {name: getattr(change, name) for name in same}
        | {
            "actor_name": _actor_name(change.actor, names, people),
            "nodes": node_ids_of(change),
            "summary": _summary(change, names),
        }
        for change in changes
    ]


def applied_by(change: Change) -> str:
    """How many of the connected machines have this version of their map, or a later one, in words.

    Whom a change concerned only the serving processes know; a machine that could not see it may be at an earlier
    version for good.
    """
    if isinstance(acknowledgement_store(), MemoryAcknowledgements):
        return f"only the portal can tell: GET /api/v1/admin/changes/{change.version}/delivery"
    online = list(Node.objects.filter(network_id=change.network_id, online=True).values_list("pk", flat=True))
    epoch = Network.objects.values_list("epoch", flat=True).get(pk=change.network_id)
    known = ACKNOWLEDGED.of(online).values()
    have = sum(1 for items in known if (items[0].epoch, items[0].version) >= (epoch, change.version))
    return f"{have} of {len(online)} connected machines (who cannot see it need not apply it)"


def _node_names(changes: list[Change]) -> dict[int, str]:
    """Names of nodes by id: as the changes tell them, and else as they are called now."""
    # A line names four; of a change of very many nodes the rest need no names.
    wanted = {ident for change in changes for ident in node_ids_of(change)[:MOST_NAMED]}
    wanted |= {int(ident) for change in changes if (ident := _ident(change.actor, "node")) is not None}
    names: dict[int, str] = {}
    for change in changes:
        if change.kind != "nodes":
            continue
        for item in change.facts.get("nodes") or ():
            if isinstance(item, dict):
                names.setdefault(item["id"], item["name"])
        for ident in change.facts.get("removed") or ():
            names.setdefault(ident, change.facts.get("name") or f"node {ident}")
    names.update(Node.objects.filter(pk__in=wanted).values_list("pk", "name"))
    return names


def _actors(changes: list[Change]) -> dict[int, str]:
    wanted = {ident for change in changes if (ident := _ident(change.actor, "user")) is not None}
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "username"))


def _ident(actor: str, kind: str) -> int | None:
    prefix, _, ident = actor.partition(":")
    return int(ident) if prefix == kind and ident.isdigit() else None


def _actor_name(actor: str, nodes: Mapping[int, str], people: Mapping[int, str]) -> str:
    if (user := _ident(actor, "user")) is not None:
        return people.get(user, f"user {user}")
    if (node := _ident(actor, "node")) is not None:
        return nodes.get(node, f"node {node}")
    return actor.removeprefix("system:")


def _summary(change: Change, names: Mapping[int, str]) -> str:
    if change.pruned:
        return f"{change.kind}: its facts are not kept any longer"
    teller = _TELLERS.get(change.kind)
    return f"{change.kind} changed" if teller is None else teller(change, names)


def _called(ids: Iterable[int], names: Mapping[int, str]) -> str:
    return listed([names.get(ident, f"node {ident}") for ident in ids], most=4)


def _nodes(change: Change, names: Mapping[int, str]) -> str:
    removed = list(change.facts.get("removed") or ())
    if removed:
        return f"{_called(removed, names)} left the network"
    started = [int(key) for key in change.facts.get("started") or ()]
    if started:
        return f"{_called(started, names)} {'joined' if change.facts.get('created') else 'registered again'}"
    rows = list(change.facts.get("nodes") or ())
    patched = change.facts.get("patched") or ()
    called = _called((*(row["id"] for row in rows), *patched_ids(change.facts)), names)
    if "enrolment" in change.facts:
        return f"{called} let in"
    states = {row["state"] for row in rows} | {patch["set"].get("state", "active") for patch in patched}
    if len(states) == 1 and (word := states.pop()) != "active":
        return f"{called}: {word}"
    return f"{called} changed"


def _endpoints(change: Change, names: Mapping[int, str]) -> str:
    rows = change.facts.get("endpoints") or {}
    called = _called((int(key) for key in rows), names)
    where = listed(next(iter(rows.values()), []), most=3) if len(rows) == 1 else ""
    return f"{called} at {where}" if where else f"endpoints of {called} changed"


def _presence(change: Change, names: Mapping[int, str]) -> str:
    online = list(change.facts.get("online") or ())
    offline = [item["id"] if isinstance(item, dict) else item for item in change.facts.get("offline") or ()]
    said = [f"{_called(ids, names)} {word}" for ids, word in ((online, "online"), (offline, "offline")) if ids]
    return "; ".join(said) or "presence changed"


def _sessions(change: Change, names: Mapping[int, str]) -> str:
    if started := [int(key) for key in change.facts.get("started") or ()]:
        return f"session of {_called(started, names)}: {'renewed' if change.facts.get('renewed') else 'began'}"
    reason = str(change.facts.get("reason", "ended")).replace("_", " ")
    return f"session of {_called(change.facts.get('ended') or (), names)}: {reason}"


def _policy(change: Change, names: Mapping[int, str]) -> str:
    facts: Facts = change.facts
    head = f"policy {facts.get('policy_version', '')}"
    if facts.get("boundary"):
        return f"{head}: a schedule's boundary"
    if facts.get("trial"):
        return f"policy {facts['trial']['number']} is {facts['trial']['outcome']} after its trial"
    said = [f"{section} changed" for section in facts.get("changed") or ()]
    said += [f"{section} removed" for section in facts.get("removed") or ()]
    forced = " (objections overridden)" if facts.get("forced") else ""
    return f"{head}: {', '.join(said) or 'rules reordered'}{forced}"


def _users(change: Change, names: Mapping[int, str]) -> str:
    if gone := change.facts.get("deleted"):
        return f"user {listed([row['login'] for row in gone], most=4)} is deleted"
    rows = change.facts.get("users") or ()
    said = [f"{row['login']}{'' if row.get('is_active', True) else ' is disabled'}" for row in rows]
    return f"user {listed(said, most=4)}"


def _credentials(change: Change, names: Mapping[int, str]) -> str:
    facts: Facts = change.facts
    said = [f"auth key {row['name'] or row['id']} {_end(row)}" for row in facts.get("auth_keys") or ()]
    said += [f"API key {row['name'] or row['id']} {_end(row)}" for row in facts.get("api_tokens") or ()]
    said += [f"key of {row['name']} released" for row in facts.get("released_keys") or ()]
    said += [f"{row['name']} asked to join, rejected" for row in facts.get("enrolments") or ()]
    said += [f"password of {row['login']} set" for row in facts.get("passwords") or ()]
    return ", ".join(said) or "credentials changed"


def _end(row: Mapping[str, Any]) -> str:
    return "expired" if "expired_at" in row else "revoked"


def _network(change: Change, names: Mapping[int, str]) -> str:
    homes = [(code or "none", _called(ids, names)) for code, ids in homes_told(change.facts)]
    return "; ".join(["settings, DNS or relays", *(f"home relay of {called}: {code}" for code, called in homes)])


_TELLERS: Final[Mapping[str, Callable[[Change, Mapping[int, str]], str]]] = {
    "nodes": _nodes,
    "endpoints": _endpoints,
    "presence": _presence,
    "sessions": _sessions,
    "policy": _policy,
    "users": _users,
    "network": _network,
    "credentials": _credentials,
}
