"""What a page shows or does, as a command and as a call of the API: copied, it gives the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from coordinator.finding.criteria import Criteria
from nodes.models import Job, Network
from portal.enrolment import portal_url

TOKEN = "$GHOSTWIRE_API_TOKEN"  # noqa: S105 - the name of a variable, for a shell


@dataclass(frozen=True, slots=True)
class Copy:
    """A line to copy."""

    label: str
    text: str


def list_copies(
    request: HttpRequest, criteria: Criteria, *, order: str, limit: int, cursor: str = "", network: str = ""
) -> list[Copy]:
    """The nodes of one page of their list, in its order."""
    options = [*_options(criteria), ("--order", order), ("--limit", str(limit))]
    query = {**_query(criteria), "order": order, "limit": str(limit)}
    if cursor:
        options.append(("--cursor", cursor))
        query["cursor"] = cursor
    if network:
        options.append(("--network", network))
        query["network"] = network
    address = f"{portal_url(request)}/api/v1/admin/nodes?{urlencode(query)}"
    return [
        Copy("Command", f"manage.py nodes list {_joined(options)}"),
        Copy("API call", f'curl -H "Authorization: Bearer {TOKEN}" {shlex.quote(address)}'),
    ]


def job_copies(request: HttpRequest, job: Job) -> list[Copy]:
    """What a job does, to the nodes that its criteria choose when it is called."""
    network = "" if Network.objects.count() < 2 else job.network.name
    criteria = Criteria.of_json({name: value for name, value in job.selection.items() if name != "list"})
    options = [("--id", str(pk)) for pk in criteria.ids] + _options(criteria)
    for tag in job.arguments.get("tags", ()):
        options.append((f"--{job.arguments['mode']}-tag", tag))
    if network:
        options.append(("--network", network))
    body: dict[str, Any] = {"act": job.act, "nodes": _members(criteria), "arguments": job.arguments}
    address = f"{portal_url(request)}/api/v1/admin/jobs" + (f"?{urlencode({'network': network})}" if network else "")
    call = (
        f'curl -H "Authorization: Bearer {TOKEN}" -H "Content-Type: application/json" '
        f"-d {shlex.quote(json.dumps(body))} {shlex.quote(address)}"
    )
    return [Copy("Command", f"manage.py jobs create {job.act} {_joined(options)}".strip()), Copy("API call", call)]


def _options(criteria: Criteria) -> list[tuple[str, str]]:
    found = [("--search", criteria.q)] if criteria.q else []
    found += [("--status", word) for word in criteria.statuses]
    found += [("--user", str(criteria.owner))] if criteria.owner is not None else []
    found += [("--tag", tag) for tag in criteria.tags]
    for name in ("os", "agent", "seen", "key"):
        value = getattr(criteria, name)
        if value:
            found.append((f"--{name}", value))
    return found


def _query(criteria: Criteria) -> dict[str, str]:
    said: Mapping[str, str] = {
        "search": criteria.q,
        "status": ",".join(criteria.statuses),
        "user": "" if criteria.owner is None else str(criteria.owner),
        "tag": ",".join(f"tag:{tag.removeprefix('tag:')}" for tag in criteria.tags),
        "os": criteria.os,
        "agent": criteria.agent,
        "seen": criteria.seen,
        "key": criteria.key,
    }
    return {name: value for name, value in said.items() if value}


def _members(criteria: Criteria) -> dict[str, Any]:
    found: dict[str, Any] = dict(_query(criteria))
    if criteria.ids:
        found["ids"] = list(criteria.ids)
    return found


def _joined(options: list[tuple[str, str]]) -> str:
    return " ".join(f"{name} {shlex.quote(value)}" for name, value in options)
