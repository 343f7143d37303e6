"""The page of events: changes and the audit trail as one list, with filters in the address, and the same as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode

from coordinator.events import Cursor, Event, Wanted, search_events
from coordinator.events.entry import ACTORS
from coordinator.events.export import CONTENT_TYPES, Form, export_events
from mesh.errors import NotFoundError, ValidationError
from nodes.models import Network
from nodes.selectors import find_node
from portal import html, links
from portal.acknowledged import have_them, have_words
from portal.audit.sentences import audit_sentence
from portal.events import ICONS, Names, sentence
from portal.site import site
from sessions_app.models import AuditEntry, User
from sessions_app.roles import allows

ON_A_PAGE: Final = 50
FOLDED: Final = ("by", "node", "network", "within", "since", "until")
"""Filters that a phone shows once they are asked for."""
FILTERS: Final = ("kind", "by", "node", "network", "within", "since", "until", "q")
KINDS: Final = (
    ("Map", (
        ("map", "every change of the map"), ("nodes", "nodes"), ("endpoints", "endpoints"), ("presence", "presence"),
        ("sessions", "sessions of nodes"), ("policy", "policy"), ("users", "people"), ("network", "settings"),
        ("credentials", "credentials"),
    )),
    ("Access", (
        ("access", "the whole audit trail"), *((str(value), str(label).lower()) for value, label in
        AuditEntry.Kind.choices),
    )),
)  # fmt: skip
WHO: Final = {
    "people": "a person",
    "agents": "an agent",
    "commands": "a command",
    "portal": "the portal",
    "registration": "a registration",
    "anonymous": "nobody known",
}
SPANS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


def events_page(request: HttpRequest, *, kind: str = "") -> HttpResponse:
    """The list. Raises PermissionDenied for who may not see events."""
    _demand(request)
    asked = _asked(request, kind)
    faults: list[str] = []
    wanted = _wanted(asked, faults)
    try:
        cursor = Cursor.read(request.GET.get("after", ""))
    except ValidationError as error:
        raise Http404 from error
    page = search_events(wanted, cursor, limit=ON_A_PAGE)
    kept = {name: value for name, value in asked.items() if value}
    context = {
        **site.each_context(request),
        "title": "Events",
        "events": _lines(page.events),
        "asked": asked,
        "faults": faults,
        "filtered": bool(kept),
        "chosen": _chosen(asked, kept),
        "kinds": KINDS,
        "who": WHO,
        "networks": list(Network.objects.order_by("pk").values_list("name", flat=True)[:50]),
        "first": not request.GET.get("after"),
        "folded": not any(asked[name] for name in FOLDED),
        "follows": not request.GET.get("after") and not asked["q"],
        "next_url": f"?{urlencode({**kept, 'after': str(page.after)})}" if page.after is not None else "",
        "newest_url": f"?{urlencode(kept)}",
        "looked_until": page.looked_until,
        "files": [(form.value.upper(), f"{_export_url(form)}?{urlencode(kept)}") for form in Form],
    }
    request.current_app = site.name
    return TemplateResponse(request, "portal/events_page.html", context)


def events_file(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """The same as a file, written as it is read: however long, it takes the memory of one batch."""
    _demand(request)
    if form not in list(Form):
        raise Http404
    faults: list[str] = []
    wanted = _wanted(_asked(request, ""), faults)
    if faults:
        raise Http404
    shape = Form(form)
    name = f"ghostwire-events-{timezone.now():%Y%m%d-%H%M%S}.{shape.value}"
    response = StreamingHttpResponse(_pieces(wanted, shape), content_type=CONTENT_TYPES[shape])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


async def _pieces(wanted: Wanted, form: Form) -> AsyncIterator[bytes]:
    """An asynchronous generator: of another one Django would first gather all pieces."""
    pieces = export_events(wanted, form)
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece.encode()


def _export_url(form: Form) -> str:
    return links.list_url("nodes.change") + f"export/{form.value}/"


def _demand(request: HttpRequest) -> None:
    if not allows(request.user, "changes.view"):
        raise PermissionDenied


def _asked(request: HttpRequest, kind: str) -> dict[str, str]:
    """What the address asks for, by filter."""
    asked = {name: request.GET.get(name, "").replace("\x00", "").strip()[:200] for name in FILTERS}
    asked["kind"] = asked["kind"] or kind
    return asked


def _wanted(asked: Mapping[str, str], faults: list[str]) -> Wanted:
    """The same for the search; what cannot be is said in ``faults`` and left out."""
    network = Network.objects.filter(name=asked["network"]).first() if asked["network"] else None
    if asked["network"] and network is None:
        faults.append(f"There is no network {asked['network']}.")
    since, until = _instant(asked["since"], "From", faults), _instant(asked["until"], "To", faults)
    if span := SPANS.get(asked["within"]):
        since = timezone.now() - span
    return Wanted(
        kind=asked["kind"],
        actor=_actor(asked["by"], faults),
        node_id=_node_id(asked["node"], network, faults),
        network_id=None if network is None else network.pk,
        since=since,
        until=until,
        text=asked["q"],
    )


def _instant(text: str, what: str, faults: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        faults.append(f"{what}: {text} is no instant.")
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _actor(text: str, faults: list[str]) -> str:
    """As the log writes it: a group, ``user:7``, or somebody's login."""
    if not text or text in ACTORS or ":" in text or text == "command":
        return text
    user = User.objects.filter(username=text.lower()).first()
    if user is None:
        faults.append(f"There is nobody called {text}.")
        return ""
    return f"user:{user.pk}"


def _node_id(text: str, network: Network | None, faults: list[str]) -> int | None:
    """A node by name, address or id; an id may be that of one which is gone."""
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    for within in [network] if network is not None else Network.objects.order_by("pk")[:50]:
        try:
            return int(find_node(within.pk, text).pk)
        except (NotFoundError, ValidationError):
            continue
    faults.append(f"There is no node {text}.")
    return None


def _chosen(asked: Mapping[str, str], kept: Mapping[str, str]) -> list[tuple[str, str]]:
    """The filters in force, in words, with the address without each."""
    words = {"kind": "Kind", "by": "By", "node": "Node", "network": "Network", "within": "Last", "since": "From",
             "until": "To", "q": "Text"}  # fmt: skip
    kinds = {value: label for _, choices in KINDS for value, label in choices}
    shown = {"kind": kinds.get(asked["kind"], asked["kind"]), "by": WHO.get(asked["by"], asked["by"])}
    return [
        (
            f"{words[name]}: {shown.get(name, value)}",
            f"?{urlencode({key: item for key, item in kept.items() if key != name})}",
        )
        for name, value in kept.items()
    ]


def _lines(events: list[Event]) -> list[dict[str, Any]]:
    names = Names([event.row for event in events])
    now = timezone.now()
    have = _have(events)
    return [
        {
            "url": links.change_url("nodes.change", event.change.pk)
            if event.change is not None
            else links.change_url("sessions_app.auditentry", event.row.pk),
            "icon": ICONS.get(event.row.kind, "history"),
            "text": _text(event, names),
            "by": names.actor(event.row.actor),
            "origin": event.row.origin,
            "at": event.at,
            "ago": html.ago(event.at, now),
            "version": None if event.change is None else event.change.version,
            "kind": event.row.kind.replace("_", " "),
            "refused": event.audit is not None and event.audit.kind in _REFUSED,
            "ref": event.ref,
            **have_words(have, event.ref),
        }
        for event in events
    ]


def _have(events: list[Event]) -> dict[str, tuple[int, int] | None]:
    """How many agents have the changes among them, by their names."""
    of_network: dict[int, dict[int, str]] = {}
    for event in events:
        if event.change is not None:
            of_network.setdefault(event.change.network_id, {})[event.change.version] = event.ref
    return {
        refs[version]: got
        for network_id, refs in of_network.items()
        for version, got in have_them(network_id, refs).items()
    }


_REFUSED: Final = frozenset({"login_failed", "denied", "token_refused"})


def _text(event: Event, names: Names) -> Any:
    if event.change is not None:
        return sentence(event.change, names)
    assert event.audit is not None
    return audit_sentence(event.audit, names)
