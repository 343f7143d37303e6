"""Own devices: how they do, and what one may do with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from coordinator.own_devices import (
    delete_own_device,
    expire_own_device,
    own_device,
    own_devices,
    rename_own_device,
)
from mesh.errors import GhostWireError
from mesh.keys import decode_public_key, fingerprint
from mesh.names import fqdn
from nodes.models import Node
from portal import html
from portal.account.guard import own_page, person_of, show
from portal.cause import act
from portal.forms import ServiceForm
from portal.live import Live, live_of
from sessions_app.models import User

SOON: Final = timedelta(days=7)
SHOWN: Final = 200


class NameForm(ServiceForm):
    """Another name."""

    name = forms.CharField(
        max_length=63,
        help_text="Letters, digits and hyphens: others reach it by this name.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    field_css = {"name": "gw-field-mono"}


def _row(node: Node, live: Live, person: User) -> dict[str, Any]:
    now = timezone.now()
    addresses = sorted((row.family, row.address) for row in node.addresses.all())
    return {
        "node": node,
        "status": html.status(live.glyph, live.word),
        "hint": HINTS.get(live.status, ""),
        "addresses": html.addresses(addresses),
        "seen": html.dim("now") if live.status == "online" else html.ago(live.last_seen, now),
        "key_ends": html.until(node.key_expires_at, now, soon=SOON),
        "system": " ".join(word for word in (node.os, node.os_version) if word),
        "fqdn": fqdn(node.name, node.network.domain),
    }


HINTS: Final = {
    "waiting": "An administrator has to approve it before it reaches anything.",
    "expired": "Its key is over. Run ghostwire-agent up on it to log in again.",
    "login": "It must log in again: run ghostwire-agent up on it.",
    "disabled": "An administrator disabled it.",
}


@own_page()
def devices_page(request: HttpRequest) -> HttpResponse:
    """All of them."""
    person = person_of(request)
    nodes = list(own_devices(person)[: SHOWN + 1])
    live = live_of(nodes[:SHOWN], timezone.now())
    rows = [_row(node, live[node.pk], person) for node in nodes[:SHOWN]]
    return show(
        request, "portal/account/devices.html", "Devices", "devices", rows=rows, more=len(nodes) > SHOWN, most=SHOWN
    )


@own_page("POST")
def device_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them, and its new name."""
    person = person_of(request)
    node = own_device(person, pk)
    form = NameForm(request.POST if request.method == "POST" else None, request=request, obj=node)
    if request.method == "POST" and form.is_valid():
        try:
            name = form.cleaned_data["name"]
            renamed = rename_own_device(person=person, node_id=pk, name=name, **act(request))
        except GhostWireError as error:
            form.take(error)
        else:
            messages.success(request, f"The device is called {renamed.name}.")
            return redirect("account_device", pk=pk)
    row = _row(node, live_of([node], timezone.now())[node.pk], person)
    return show(
        request,
        "portal/account/device.html",
        node.name,
        "devices",
        row=row,
        form=form,
        fingerprint=fingerprint(decode_public_key(node.public_key)),
        may_expire=node.state == Node.State.ACTIVE,
        may_delete=node.state != Node.State.DISABLED,
    )


@own_page("POST")
def device_act(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Asks before a device is cut off or deleted, and does it."""
    person = person_of(request)
    node = own_device(person, pk)
    if name not in QUESTIONS:
        raise Http404
    question = QUESTIONS[name]
    error = ""
    if request.method == "POST":
        try:
            if name == "delete":
                delete_own_device(person=person, node_id=pk, **act(request))
            else:
                expire_own_device(person=person, node_id=pk, **act(request))
        except GhostWireError as refused:
            error = refused.detail
        else:
            messages.success(request, question["done"].format(name=node.name))
            return redirect("account") if name == "delete" else redirect("account_device", pk=pk)
    return show(
        request,
        "portal/account/confirm.html",
        f"{question['label']} {node.name}",
        "devices",
        node=node,
        question={key: text.format(name=node.name) for key, text in question.items()},
        error=error,
        status=409 if error else 200,
    )


QUESTIONS: Final = {
    "expire": {
        "label": "Log out",
        "title": "Log {name} out?",
        "text": "It loses all its peers within seconds. Its name and addresses stay, and it can log in again.",
        "keep": "Keep it connected",
        "done": "{name} is logged out.",
    },
    "delete": {
        "label": "Delete",
        "title": "Delete {name}?",
        "text": "It loses all its peers within seconds, and its addresses. To come back it has to be added anew, with "
        "another key. This cannot be undone.",
        "keep": "Keep it",
        "done": "{name} is deleted.",
    },
}
