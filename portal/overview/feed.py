"""What happened lately, with how many agents have it; and who asks to join right now."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.utils.html import format_html

from nodes.models import Change, Network
from portal import html, links
from portal.acknowledged import have_them, have_words
from portal.events import event_lines
from sessions_app.models import Enrolment
from sessions_app.services.enrolments import live_enrolments

SHOWN: Final = 12


def feed_of(network: Network, now: datetime) -> list[dict[str, Any]]:
    """The latest events, each with ``have`` (``portal.acknowledged``) and a ``key`` of its own."""
    changes = list(Change.objects.filter(network=network).order_by("-version")[:SHOWN])
    lines = event_lines(changes)
    have = have_them(network.pk, [change.version for change in changes])
    for line in lines:
        line.update(have_words(have, line["version"]))
        line["key"] = f"map-{line['version']}"
    lines += _asking(network, now)
    return sorted(lines, key=lambda line: line["at"], reverse=True)[:SHOWN]


def _asking(network: Network, now: datetime) -> list[dict[str, Any]]:
    waiting = live_enrolments(now).filter(network=network, state=Enrolment.State.PENDING).order_by("-created_at")
    return [
        {
            "at": row.created_at,
            "icon": "how_to_reg",
            "css": "gw-wait",
            "text": format_html(
                "{} asks to join",
                html.link(links.change_url("sessions_app.enrolment", row.pk), row.hostname or "A machine"),
            ),
            "by": html.dim(f"from {row.origin}" if row.origin else "from an unknown address"),
            "version": None,
            "url": "",
            "have": "",
            "behind": False,
            "key": f"enrolment-{row.pk}",
        }
        for row in waiting[:SHOWN]
    ]
