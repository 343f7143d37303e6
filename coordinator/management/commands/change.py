"""``manage.py change``: the log of all that peers could notice, and who did it."""

from __future__ import annotations

from typing import Annotated

import typer
from django.utils import timezone

from coordinator.cli.changes import applied_by, change_shape, change_values, whole_change_shape
from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.options import NetworkOption
from coordinator.cli.references import as_id, node_named
from coordinator.cli.results import Card, Cell, Column, Listing
from coordinator.cli.terminal import note
from coordinator.cli.text import count
from coordinator.cli.times import both, parse_since, relative
from mesh.change import ChangeKind
from mesh.errors import NotFoundError
from nodes.models import Change, Network
from nodes.selectors import get_network
from nodes.selectors.about import about_nodes, node_ids_of

noun = Noun("change", "The log: every change that peers could notice, and who made it.")


@noun.verb("list", "ls")
def list_changes(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="NUMBER", help="At most so many.")] = 50,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help=f"Only {', '.join(ChangeKind)}. Repeatable."),
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="Only what speaks of this node; the id if it is gone.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="ACTOR", help="Only by user:7, node:12, command, system:expiry ...")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Only later: 1h, 7d, 2030-01-31T18:00:00Z.")
    ] = None,
    after: Annotated[
        int | None, typer.Option("--after", metavar="VERSION", help="Only map versions beyond it.")
    ] = None,
    network: NetworkOption = None,
) -> Listing:
    """List changes, the newest first."""
    unknown = [word for word in kind or () if word not in set(ChangeKind)]
    if unknown:
        words = ", ".join(ChangeKind)
        raise typer.BadParameter(f"There is no kind {unknown[0]!r}: {words}.", param_hint="'--kind'")
    now = timezone.now()
    within = get_network(network)
    rows = Change.objects.filter(network=within).order_by("-version")
    if kind:
        rows = rows.filter(kind__in=kind)
    if actor is not None:
        rows = rows.filter(actor=actor)
    if after is not None:
        rows = rows.filter(version__gt=after)
    if since is not None:
        try:
            rows = rows.filter(created_at__gte=parse_since(since, now))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="'--since'") from error
    if node is None:
        chosen = list(rows[:limit])
    else:
        wanted = _node_id(within, node)
        chosen = []
        for row in rows.filter(about_nodes([wanted])).iterator(500):
            if wanted in node_ids_of(row):
                chosen.append(row)
            if len(chosen) == limit:
                break
        if len(chosen) < limit and (gone := rows.filter(pruned=True).count()):
            note(f"of {count(gone, 'change')} the facts are not kept any longer: any of them may speak of it")
    columns = [
        Column("Map", lambda value: str(value["version"]), keep=True, right=True),
        Column("When", lambda value: relative(value["created_at"], now), keep=True),
        Column("Kind", lambda value: value["kind"], keep=True),
        Column("What", lambda value: value["summary"]),
        Column("By", lambda value: value["actor_name"]),
        Column("From", lambda value: value["origin"] or "-", wide=True),
    ]
    return Listing(change_values(chosen), columns, "No change is so.", shape=change_shape)


@noun.verb("show", "get")
def show(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="The map version that it made.")],
    network: NetworkOption = None,
) -> Card:
    """Show a change with its facts."""
    change = Change.objects.filter(network=get_network(network), version=version).first()
    if change is None:
        raise NotFoundError(f"No change made map version {version}.")
    [value] = change_values([change])
    now = timezone.now()
    fields: list[tuple[str, Cell]] = [
        ("Map version", str(value["version"])),
        ("Kind", value["kind"]),
        ("What", value["summary"]),
        ("When", both(value["created_at"], now)),
        ("By", f"{value['actor_name']} ({value['actor']})"),
        ("From", value["origin"] or "-"),
        ("Request", value["request_id"] or "-"),
        ("Applied by", applied_by(change)),
        ("Facts", "not kept any longer" if change.pruned else "-o yaml or --json shows them"),
    ]
    return Card(value, fields, shape=whole_change_shape)


def _node_id(network: Network, reference: str) -> int:
    """A node's id; an id may be that of a node which is gone."""
    ident = as_id(reference)
    return node_named(network, reference).pk if ident is None else ident


class Command(NounCommand):
    """The management command."""

    noun = noun
