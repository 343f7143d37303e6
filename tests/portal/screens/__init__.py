"""Every page of the portal by name, and its address in a sample network.

``python -m tests.portal.screens FOLDER [--state STATE] [PAGE ...]`` takes pictures of them, light and dark, wide and at
phone width, and needs no server and no data of its own. States (``tests.portal.screens.states`` says what each holds):

* ``usual`` (without ``--state``): a network of fifty machines;
* ``empty``: a network without anything, then one of each thing that has nothing;
* ``loading``: what is fetched is on its way;
* ``error``: stores away, requests that fail, wrong input, what is not there or not permitted;
* ``huge``: 50,000 nodes and names as long as they may be.

``--theme light`` or ``dark``, ``--size wide`` or ``phone`` take only those.
"""

from __future__ import annotations

from string import Formatter
from typing import Any

PAGES = {
    "overview": "/admin/",
    "nodes": "/admin/nodes/node/",
    "nodes-empty": "/admin/nodes/node/?q=mongo-eu&tag=db",
    "node": "/admin/nodes/node/{node}/change/",
    "node-laptop": "/admin/nodes/node/{laptop}/change/",
    "node-reach": "/admin/nodes/node/{node}/reach/out/",
    "node-map": "/admin/nodes/node/{node}/map/",
    "node-disable": "/admin/nodes/node/{router}/do/disable/",
    "node-tags": "/admin/nodes/node/{laptop}/do/tags/",
    "topology": "/admin/topology/",
    "topology-node": "/admin/topology/?node={laptop}",
    "topology-class": "/admin/topology/?by=class",
    "topology-table": "/admin/topology/?view=table",
    "enrol": "/admin/enrol/",
    "enrol-follow": "/admin/enrol/{key}/",
    "enrol-keys": "/admin/sessions_app/authkey/",
    "enrol-key": "/admin/sessions_app/authkey/{key}/change/",
    "approvals": "/admin/sessions_app/enrolment/",
    "approval": "/admin/sessions_app/enrolment/{waiting}/change/",
    "approval-do": "/admin/sessions_app/enrolment/{waiting}/do/approve/",
    "join-code": "/enrol/",
    "join": "/enrol/BCDF-GHJK",
    "routes": "/admin/nodes/route/",
    "sessions": "/admin/sessions_app/nodesession/",
    "policy-tests": "/admin/access/tests/",
    "policy-test": "/admin/access/tests/add/",
    "policy-file": "/admin/access/file/",
    "policy-history": "/admin/access/history/",
    "policy-version": "/admin/access/history/37/",
    "policy-restore": "/admin/access/history/36/restore/",
    "versions": "/admin/acl/policyversion/",
    "settings": "/admin/nodes/network/{network}/change/",
    "access": "/admin/access/?from=ana-laptop&to=web-1&on=tcp/443",
    "matrix": "/admin/access/matrix/?from=group:eng&to=tag:web",
    "matrix-table": "/admin/access/matrix/?view=table",
    "rule": "/admin/acl/aclrule/{rule}/change/",
    "rule-add": "/admin/acl/aclrule/add/",
    "users": "/admin/sessions_app/user/",
    "user": "/admin/sessions_app/user/{user}/change/",
    "groups": "/admin/acl/group/",
    "group": "/admin/acl/group/{group}/change/",
    "tags": "/admin/acl/tagowner/",
    "hosts": "/admin/acl/host/",
    "relays": "/admin/nodes/relayregion/",
    "region": "/admin/nodes/relayregion/{region}/change/",
    "dns": "/admin/nodes/dnsrecord/",
    "jobs": "/admin/nodes/job/",
    "job-plan": "/admin/nodes/job/{job_plan}/change/",
    "job-tags": "/admin/nodes/job/{job_tags}/change/",
    "job-running": "/admin/nodes/job/{job_running}/change/",
    "job-done": "/admin/nodes/job/{job_done}/change/",
    "events": "/admin/nodes/change/",
    "event-audit": "/admin/nodes/change/?kind=access",
    "event": "/admin/nodes/change/{change}/change/",
    "addresses": "/admin/nodes/address/",
    "retired": "/admin/nodes/retiredkey/",
    "records": "/admin/records/",
    "tokens": "/admin/sessions_app/apitoken/",
    "password": "/admin/password_change/",
    "account": "/account/",
    "account-device": "/account/devices/{own}/",
    "account-delete": "/account/devices/{own}/delete/",
    "account-tokens": "/account/tokens/",
    "account-security": "/account/security/",
    "welcome": "/welcome/",
    "not-found": "/nowhere/",
}


def addresses_of(sample: dict[str, Any]) -> dict[str, str]:
    """The pages of a sample network, by name: of those things that it has."""
    ids = {name: row.pk for name, row in sample.items() if hasattr(row, "pk")}
    return {name: path.format_map(ids) for name, path in PAGES.items() if _is_there(path, ids)}


def _is_there(path: str, ids: dict[str, int]) -> bool:
    """Whether the sample has what a page is about."""
    return all(name in ids for _text, name, _spec, _conversion in Formatter().parse(path) if name)
