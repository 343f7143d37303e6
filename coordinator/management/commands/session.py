"""``manage.py session``: the sessions of nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import typer
from django.utils import timezone

from coordinator.admin_api.serializers.sessions import SessionOut
from coordinator.cli.command import NounCommand
from coordinator.cli.losses import losses_of
from coordinator.cli.noun import Noun
from coordinator.cli.options import AllOption, ForceOption, NetworkOption, act
from coordinator.cli.references import node_named, session_named
from coordinator.cli.results import Column, Done, Listing, Word, shaped_by
from coordinator.cli.terminal import confirm
from coordinator.cli.times import relative
from nodes.selectors import get_network
from sessions_app.models import NodeSession
from sessions_app.services.sessions import revoke_session

noun = Noun("session", "Sessions: a node's right to speak to the portal.")

session_shape: Final = shaped_by(SessionOut)

STATES: Final = {
    "active": Word("active", "green", "●"),
    "expired": Word("expired", "bright_black", "○"),
    "revoked": Word("revoked", "red", "⊘"),
    "replaced": Word("replaced", "bright_black", "○"),
    "logged_out": Word("logged out", "bright_black", "○"),
}


def _state(session: NodeSession, now: datetime) -> Word:
    if session.ended_at is not None:
        return STATES[session.end_reason]
    return STATES["active" if session.expires_at > now else "expired"]


def _columns(now: datetime) -> list[Column]:
    return [
        Column("Id", lambda row: str(row.pk), keep=True, right=True),
        Column("Node", lambda row: row.node.name),
        Column("State", lambda row: _state(row, now), keep=True),
        Column("From", lambda row: row.origin or "-"),
        Column("Began", lambda row: relative(row.created_at, now), keep=True),
        Column("Ends", lambda row: relative(row.ended_at or row.expires_at, now), keep=True),
    ]


@noun.verb("list", "ls")
def list_sessions(
    node: Annotated[str | None, typer.Option("--node", "-n", metavar="NODE", help="Only those of this node.")] = None,
    every: AllOption = False,
    network: NetworkOption = None,
) -> Listing:
    """List the active sessions, the newest first."""
    now = timezone.now()
    within = get_network(network)
    rows = NodeSession.objects.filter(node__network=within).select_related("node")
    if node is not None:
        rows = rows.filter(node=node_named(within, node))
    if not every:
        rows = rows.filter(ended_at=None, expires_at__gt=now)
    empty = "There are no sessions." if every else "No session is active. --all lists those that have ended."
    return Listing(list(rows), _columns(now), empty, shape=session_shape)


@noun.verb("revoke", "rm", "delete", "expire")
def revoke(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Its id, or the name or address of its node.")],
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """End a session. Only a new registration brings its node back."""
    found = session_named(get_network(network), session)
    if found.ended_at is None:
        lines = [*losses_of(found.node), "It must register again, with an auth key."]
        confirm(f"Revoke session {found.pk} of {found.node.name}?", losses=lines, force=force)
    revoke_session(session_id=found.pk, **act())
    after = NodeSession.objects.select_related("node").get(pk=found.pk)
    text = f"Session {found.pk} of {found.node.name} is revoked."
    if found.ended_at is not None:
        text = f"Session {found.pk} of {found.node.name} had ended before."
    return Done(text, after, shape=session_shape)


class Command(NounCommand):
    """The management command."""

    noun = noun
