"""Pages that belong to no model: areas below ``/admin/``, the account, enrolment.

Who may not have a page below ``/admin/`` is refused with 403, a member and whoever is nobody are sent to the login; the
pages elsewhere are everybody's who is logged in, and show what is the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.roles.table.people import ABSENT, INSIDE, PERSON

VIEW: Final = "policy.view"
EDIT: Final = "policy.manage"


@dataclass(frozen=True, slots=True)
class Page:
    """``ids`` are what the route takes, by their names in the sample. A form's ``body`` stands over what the page
    itself fills in; ``json`` is the body of a call that a script makes. ``asks``: a POST that changes nothing.
    ``moves``: a short address, which asks nothing; what it leads to does."""

    method: str
    route: str
    needs: str
    ids: tuple[str, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    query: str = ""
    asks: bool = False
    moves: bool = False
    # What has to be so before: the name of a preparation of the sample.
    given: str = ""


DRAFT: Final = {"edits": [{"do": "delete", "id": "{rule}"}]}
NEW: Final = "staple-of-a-horse"
PASSWORD: Final = {"old_password": "correct-horse-battery", "new_password1": NEW, "new_password2": NEW}
FLOW: Final = {"edits": [], "from": "node:laptop", "to": "node:web", "on": "22"}

ADMIN = (
    Page("GET", "admin/", INSIDE),
    # The key of the first steps.
    Page("POST", "admin/", "keys.manage", body={"once": "A" * 22}),
    Page("GET", "admin/records/", INSIDE),
    Page("GET", "admin/palette/", INSIDE, query="q=web"),
    Page("GET", "admin/password_change/", INSIDE),
    Page("GET", "admin/password_change/done/", INSIDE),
    Page(
        "POST",
        "admin/password_change/",
        INSIDE,
        body=PASSWORD,
    ),
    Page("GET", "admin/jobs/", INSIDE, moves=True),
    Page("GET", "admin/jobs/<int:pk>/", INSIDE, ("job",), moves=True),
)  # fmt: skip

ACCESS = (
    Page("GET", "admin/access/", VIEW),
    Page("GET", "admin/access/state/", VIEW),
    Page("GET", "admin/access/names/", VIEW, query="q=web&scope=source"),
    Page("POST", "admin/access/preview/", VIEW, json=DRAFT, asks=True),
    Page("GET", "admin/access/explain/", VIEW, query="from=node:laptop&to=node:web&on=22"),
    Page("POST", "admin/access/explain/", VIEW, json=FLOW, asks=True),
    Page("POST", "admin/access/apply/", EDIT, json=DRAFT | {"version": "{policy}", "forced": True}),
    Page("GET", "admin/access/matrix/", VIEW),
    Page("GET", "admin/topology/", VIEW),
    Page("GET", "admin/topology/graph/", VIEW),
    Page("GET", "admin/topology/members/", VIEW, query="group=tag:web"),
    Page("GET", "admin/topology/reach/", VIEW, query="node={node}"),
    Page("GET", "admin/topology/find/", VIEW, query="q=web"),
    Page("GET", "admin/access/tests/", VIEW),
    Page("GET", "admin/access/tests/add/", EDIT),
    Page("POST", "admin/access/tests/add/", EDIT, body={"source": "tag:web", "deny": "203.0.113.7:22"}),
    Page("GET", "admin/access/tests/<int:pk>/", EDIT, ("test",)),
    Page("POST", "admin/access/tests/<int:pk>/", EDIT, ("test",), body={"deny": "203.0.113.8:22"}),
    Page("GET", "admin/access/tests/<int:pk>/delete/", EDIT, ("test",)),
    Page("POST", "admin/access/tests/<int:pk>/delete/", EDIT, ("test",)),
    Page("GET", "admin/access/file/", VIEW),
    Page("POST", "admin/access/file/", EDIT, body={"act": "apply", "document": '{"acls": []}', "forced": "yes"}),
    Page("POST", "admin/access/file/state/", VIEW, body={"document": '{"acls": []}'}, asks=True),
    Page("GET", "admin/access/file/download/", VIEW),
    Page("GET", "admin/access/history/", VIEW),
    Page("GET", "admin/access/history/<int:number>/", VIEW, ("policy",)),
    Page("GET", "admin/access/history/<int:number>/document/", VIEW, ("policy",)),
    Page("GET", "admin/access/history/<int:number>/effect/", VIEW, ("policy",)),
    Page("GET", "admin/access/history/<int:number>/restore/", EDIT, ("first_policy",)),
    Page("POST", "admin/access/history/<int:number>/restore/", EDIT, ("first_policy",), body={"forced": "yes"}),
    Page("POST", "admin/access/trial/<int:pk>/confirm/", EDIT, ("trial",), given="trial"),
    Page("POST", "admin/access/trial/<int:pk>/revert/", EDIT, ("trial",), given="trial"),
)

ENROL = (
    Page("GET", "admin/enrol/", "keys.view"),
    Page("POST", "admin/enrol/", "keys.manage", body={"owner": "ana@example.com", "once": "B" * 22}),
    Page("GET", "admin/enrol/<int:pk>/", "keys.view", ("auth_key",)),
    Page(
        "POST",
        "admin/enrol/<int:pk>/decide/",
        "keys.view+nodes.approve",
        ("auth_key",),
        body={"enrolment": "{key_enrolment}", "act": "approve"},
    ),
)

# Pages of one model beside those that all models have.
HANGING = (
    Page("GET", "admin/nodes/node/<int:pk>/reach/<slug:direction>/", "nodes.view", ("node", "in")),
    Page("GET", "admin/nodes/node/<int:pk>/map/", "nodes.view", ("node",)),
    Page("GET", "admin/nodes/node/<int:pk>/map.json", "nodes.view", ("node",)),
    Page("GET", "admin/nodes/change/export/<slug:form>/", "changes.view", ("csv",)),
)

OWN = (
    Page("GET", "", PERSON, moves=True),
    Page("GET", "account/", PERSON),
    Page("GET", "account/devices/<int:pk>/", PERSON, ("own_device",)),
    Page("POST", "account/devices/<int:pk>/", PERSON, ("own_device",), body={"name": "other"}),
    Page("GET", "account/devices/<int:pk>/<slug:name>/", PERSON, ("own_device", "expire")),
    Page("POST", "account/devices/<int:pk>/<slug:name>/", PERSON, ("own_device", "expire")),
    Page("GET", "account/tokens/", PERSON),
    Page("POST", "account/tokens/", PERSON, body={"name": "mine", "lifetime": "7d", "once": "C" * 22}),
    Page("GET", "account/tokens/<int:pk>/revoke/", PERSON, ("api_token",)),
    Page("POST", "account/tokens/<int:pk>/revoke/", PERSON, ("api_token",)),
    Page("GET", "account/security/", PERSON),
    Page("POST", "account/security/", PERSON, body={"form": "profile", "display_name": "Somebody", "email": ""}),
    Page("POST", "account/security/", PERSON, body={"form": "password"} | PASSWORD),
    Page("POST", "account/security/", PERSON, body={"form": "sessions"}, given="elsewhere"),
    Page("GET", "enrol/", PERSON),
    Page("POST", "enrol/", PERSON, body={"code": "{code}"}, asks=True),
    Page("GET", "enrol/<str:code>", PERSON, ("code",)),
    Page("POST", "enrol/<str:code>", PERSON, ("code",), body={"act": "take"}),
)

LOGGING_OUT = (
    Page("POST", "admin/logout/", PERSON),
    # Only with a link that was taken at ``welcome/``: else 404 for everybody.
    Page("GET", "welcome/password/", ABSENT),
    Page("POST", "welcome/password/", ABSENT, body={"password": "staple-of-a-horse", "again": "staple-of-a-horse"}),
)

PAGES: Final = (*ADMIN, *ACCESS, *ENROL, *HANGING, *OWN)
