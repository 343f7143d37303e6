"""``manage.py enrolment``: machines that wait for somebody to let them in."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from django.utils import timezone

from coordinator.admin_api.serializers.enrolments import EnrolmentOut
from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.options import AllOption, NetworkOption, act
from coordinator.cli.references import enrolment_named, user_named
from coordinator.cli.results import Card, Column, Done, Listing, Word, shaped_by
from coordinator.cli.text import listed
from coordinator.cli.times import relative
from coordinator.enrolments import approve_enrolment, reject_enrolment
from mesh.keys import decode_public_key, fingerprint
from nodes.selectors import get_network
from sessions_app.models import Enrolment
from sessions_app.services.enrolments import live_enrolments

noun = Noun("enrolment", "Enrolments: machines that wait for somebody to let them in.")

shape: Final = shaped_by(EnrolmentOut)

STATES: Final = {
    "pending": Word("waiting", "yellow", "◌"),
    "approved": Word("approved", "green", "●"),
    "rejected": Word("rejected", "red", "⊘"),
}

WaitingArgument = Annotated[
    str, typer.Argument(metavar="ENROLMENT", help="The code that the machine shows, its hostname, or an id.")
]


def _fingerprint(enrolment: Enrolment) -> str:
    return fingerprint(decode_public_key(enrolment.public_key))


@noun.verb("list", "ls")
def list_enrolments(every: AllOption = False, network: NetworkOption = None) -> Listing:
    """List the machines that wait, the latest first."""
    now = timezone.now()
    columns = [
        Column("Id", lambda row: str(row.pk), keep=True, right=True),
        Column("Code", lambda row: row.shown_code, keep=True),
        Column("Hostname", lambda row: row.hostname),
        Column("State", lambda row: STATES[row.state], keep=True),
        Column("Fingerprint", _fingerprint, keep=True),
        Column("From", lambda row: row.origin or "-"),
        Column("Tags", lambda row: listed(row.tags, most=3) if row.tags else "-", wide=True),
        Column("Ends", lambda row: relative(row.expires_at, now), keep=True),
    ]
    rows = live_enrolments(now).filter(network=get_network(network)).select_related("network")
    if not every:
        rows = rows.filter(state=Enrolment.State.PENDING)
    return Listing(list(rows), columns, "No machine waits.", shape=shape)


@noun.verb("show", "get")
def show(enrolment: WaitingArgument, network: NetworkOption = None) -> Card:
    """Show what asks to join."""
    now = timezone.now()
    found = enrolment_named(get_network(network), enrolment, now)
    said = found.reported
    return Card(
        found,
        [
            ("Code", found.shown_code),
            ("State", STATES[found.state]),
            ("Hostname", found.hostname),
            ("Fingerprint", _fingerprint(found)),
            ("From", found.origin or "-"),
            ("System", f"{said.get('os', '')} {said.get('os_version', '')}".strip() or "-"),
            ("Agent", str(said.get("agent_version", "")) or "-"),
            ("Tags", listed(found.tags, most=20) if found.tags else "-"),
            ("Auth key", "-" if found.auth_key_id is None else str(found.auth_key_id)),
            ("Asked", relative(found.created_at, now)),
            ("Ends", relative(found.expires_at, now)),
        ],
        shape=shape,
    )


@noun.verb("approve")
def approve(
    enrolment: WaitingArgument,
    user: Annotated[
        str | None, typer.Option("--user", "-u", metavar="USER", help="Whose the machine is: a login or an id.")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", "--tags", "-t", metavar="TAG", help="A tag instead. Repeatable.")
    ] = None,
    network: NetworkOption = None,
) -> Done:
    """Let a waiting machine in. Whose it is need not be said where its auth key says so."""
    found = enrolment_named(get_network(network), enrolment, timezone.now())
    node = approve_enrolment(
        enrolment_id=found.pk,
        actor=None,
        owner_id=None if user is None else user_named(user).pk,
        tags=[tag if tag.lower().startswith("tag:") else f"tag:{tag}" for tag in tags or ()],
        **act(),
    )
    found.refresh_from_db()
    return Done(f"{found.hostname} may join as {node.name}.", found, shape=shape)


@noun.verb("reject", "deny")
def reject(enrolment: WaitingArgument, network: NetworkOption = None) -> Done:
    """Turn a waiting machine away."""
    found = enrolment_named(get_network(network), enrolment, timezone.now())
    after = reject_enrolment(enrolment_id=found.pk, actor=None, **act())
    return Done(f"{found.hostname} is rejected.", after, shape=shape)


class Command(NounCommand):
    """The management command."""

    noun = noun
