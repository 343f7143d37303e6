"""One of everything that the administration API speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from acl.services.assertions import create_test
from acl.services.groups import save_group
from acl.services.hosts import save_host
from acl.services.rules import create_rule
from acl.services.tags import save_tag
from coordinator.finding.criteria import Criteria
from coordinator.jobs.services import plan_job
from coordinator.lifecycle import delete_node
from mesh.change import Cause
from nodes.models import Job, Network, Node, RetiredKey
from nodes.services.dns import save_record
from nodes.services.relays import save_region, save_server
from sessions_app.models import Enrolment, NodeSession, User
from sessions_app.services.auth_keys import create_auth_key
from tests.agents import Machine
from tests.fixtures import random32


@dataclass
class Sample:
    """Ids by the names that paths give them: ``nodes/{node}``."""

    network: Network
    machine: Machine
    node: Node
    ids: dict[str, int | str]

    def path(self, template: str, **more: Any) -> str:
        """A path with ids in place of their names."""
        return template.format(**self.ids, **more)


def make_sample(network: Network, owner: User) -> Sample:
    """Registered machines, one with a route, and all else that a network may have."""
    now = timezone.now()
    change: dict[str, Any] = {"cause": Cause.command(), "now": now}
    key = create_auth_key(network_id=network.pk, owner_id=owner.pk, reusable=True, random32=random32(), **change)
    machine, gone = Machine("web"), Machine("gone")
    for each in (machine, Machine("laptop"), gone):
        response = each.register(key.secret, routes=["192.168.7.0/24"] if each is machine else [])
        assert response.status_code == 201, response.content
    delete_node(node_id=gone.node.pk, **change)
    region = save_region(network_id=network.pk, number=3, code="fra", name="Frankfurt", **change)
    server = save_server(region_id=region.pk, fields={"name": "one", "host": "one.example.com"}, **change)
    record = save_record(network_id=network.pk, name="printer.corp.example", type="A", value="192.0.2.7", **change)
    group = save_group(network_id=network.pk, name="ops", users=[owner.pk], subgroups=[], **change)
    host = save_host(network_id=network.pk, name="db", prefix="192.0.2.9", **change)
    tag = save_tag(network_id=network.pk, tag="tag:web", owners=["group:ops"], **change)
    fields = {"sources": ["group:ops"], "destinations": ["node:web"], "protocols": ["tcp"], "ports": ["22"]}
    rule = create_rule(network_id=network.pk, fields=fields, **change)
    asked = {"source": "user:ana@example.com", "deny": ["203.0.113.9:22"]}
    test = create_test(network_id=network.pk, fields=asked, **change)
    assert Machine("stranger").register(None).status_code == 202
    job = plan_job(network_id=network.pk, act="expire", criteria=Criteria(q="web"), arguments={}, **change)
    done = plan_job(network_id=network.pk, act="approve", criteria=Criteria(q="web"), arguments={}, **change)
    old: dict[str, Any] = {"ids": [machine.node.pk], "set": {"state": "pending"}}
    new: dict[str, Any] = {"ids": [machine.node.pk], "set": {"state": "active"}}
    Job.objects.filter(pk=done.pk).update(state="done", changed=1, position=1, before=[old], after=[new], ended_at=now)
    network.refresh_from_db()
    ids: dict[str, int | str] = {
        "network": network.name,
        "node": machine.node.pk,
        "auth_key": key.auth_key.pk,
        "job": job.pk,
        "done_job": done.pk,
        "enrolment": Enrolment.objects.get().pk,
        "session": NodeSession.objects.get(node=machine.node).pk,
        "user": owner.pk,
        "retired_key": RetiredKey.objects.get().pk,
        "region": region.pk,
        "server": server.pk,
        "record": record.pk,
        "version": network.map_version,
        "event": f"c{network.changes.order_by('-pk').values_list('pk', flat=True)[0]}",
        "rule": rule.pk,
        "group": group.pk,
        "host": host.pk,
        "tag": tag.pk,
        "policy": network.policy_version,
        "test": test.pk,
    }
    return Sample(network, machine, machine.node, ids)
