"""Evaluating a policy without a database: a document and a network in, what every node would get out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mesh.compile.build import compile_policy
from mesh.compile.expand import expanded_filter
from mesh.errors import FieldError, GhostWireError, ValidationError
from mesh.policy.document import read_policy
from mesh.policy.network_file import read_network


def evaluate(policy: Mapping[str, Any] | str | bytes, network: object, at: datetime) -> dict[str, Any]:
    """What each node would get: ``{"nodes": {NAME: {"peers": [NAME...], "packet_filter": [...]}}, "warnings": [...]}``.

    ``policy`` is a HuJSON document, as text or as the values in it; ``network`` as ``read_network`` takes it; ``at`` is
    aware. Filters come expanded: sources and destinations are prefixes. Raises ValidationError for whatever is refused.
    """
    described = read_network(network)
    document = _read(policy, described.names())
    compiled = compile_policy(document.policy, described.approved_by(document.policy), at)
    names = {node.id: node.name for node in described.facts.nodes}
    nodes = {
        name: {
            "peers": sorted(names[peer] for peer in compiled.peers_of(ident)),
            "packet_filter": expanded_filter(compiled, ident),
        }
        for ident, name in names.items()
    }
    return {"nodes": nodes, "warnings": [*document.warnings, *compiled.warnings]}


def _read(policy: Mapping[str, Any] | str | bytes, names: Any) -> Any:
    if isinstance(policy, str | bytes):
        return read_policy(policy, names)
    try:
        return read_policy(json.dumps(policy), names)
    except ValidationError as error:  # such a document has paths, and no lines that anybody has seen
        errors = tuple(FieldError(item.field, item.message) for item in error.errors)
        raise ValidationError(f"{errors[0].field}: {errors[0].message}".removeprefix(": "), errors=errors) from None


def evaluate_line(line: str | bytes, at: datetime) -> dict[str, Any]:
    """One line of ``{id, policy, network}`` as JSON: the result of ``evaluate`` with its ``id``, or ``{id, error}``.

    Never raises for what the line says: the error has ``code`` and ``detail`` (and ``errors`` by member, with line and
    column where the policy came as text).
    """
    ident: object = None
    try:
        request = json.loads(line, object_pairs_hook=_without_doubles)
        if not isinstance(request, dict):
            raise ValidationError("a line is an object with id, policy and network")
        ident = request.get("id")
        for member in ("policy", "network"):
            if member not in request:
                raise ValidationError(f"{member} is missing")
        policy = request["policy"]
        if not isinstance(policy, dict | str):
            raise ValidationError("policy is a document: an object, or its text")
        return {"id": ident} | evaluate(policy, request["network"], at)
    except (ValueError, RecursionError):
        return {"id": ident, "error": {"code": "validation", "detail": "the line is not JSON"}}
    except GhostWireError as error:
        found: dict[str, Any] = {"code": error.code, "detail": error.detail}
        if isinstance(error, ValidationError) and error.errors:
            found["errors"] = [_fault(item) for item in error.errors]
        return {"id": ident, "error": found}


def _fault(error: FieldError) -> dict[str, Any]:
    """A fault as JSON: ``field``, ``message``, and ``line`` and ``column`` where it stands in a text."""
    place = {"line": error.line, "column": error.column} if error.line else {}
    return {"field": error.field, "message": error.message} | place


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValidationError(f"the key “{key}” is there twice")
        found[key] = value
    return found
