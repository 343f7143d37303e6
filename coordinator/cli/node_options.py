"""Options that choose nodes, which are the filters of the portal's list, and the list that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from django.utils import timezone

from coordinator.admin_api.serializers.nodes import with_details
from coordinator.cli.nodes import node_columns, node_shape, node_values
from coordinator.cli.references import user_named
from coordinator.cli.results import Listing
from coordinator.cli.status import WORDS
from coordinator.finding.criteria import KEY_ENDS, ORDERS, SEEN, Criteria, match, order_of
from nodes.keyset import read_cursor, stretch
from nodes.models import Network, Node

MOST_NODES: Final = 1_000_000

StatusOption = Annotated[
    list[str] | None, typer.Option("--status", metavar="WORD", help=f"Only these: {', '.join(WORDS)}. Repeatable.")
]
SystemOption = Annotated[str | None, typer.Option("--os", metavar="NAME", help="Of this operating system.")]
AgentOption = Annotated[str | None, typer.Option("--agent", metavar="VERSION", help="With this version of the agent.")]
SeenOption = Annotated[str | None, typer.Option("--seen", metavar="WHEN", help=f"Last heard: {', '.join(SEEN)}.")]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="WHEN", help=f"Whose key ends: {', '.join(KEY_ENDS)} (days).")
]
SearchOption = Annotated[
    str | None,
    typer.Option(
        "--search", "-s", metavar="WORDS", help="Part of a name, owner or tag, an address, a CIDR, or how a key begins."
    ),
]
UserOption = Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="Only this person's.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", "-t", metavar="TAG", help="With all these tags.")]
OrderOption = Annotated[
    str, typer.Option("--order", metavar="ORDER", help=f"{', '.join(ORDERS)}; with - before it for descending.")
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, metavar="NUMBER", help="How many at most.")]
CursorOption = Annotated[str | None, typer.Option("--cursor", metavar="PLACE", help="Begin there: copied from a page.")]


def node_listing(network: Network, criteria: Criteria, *, order: str, limit: int | None, cursor: str | None) -> Listing:
    """The nodes that criteria mean, in an order. Raises ValidationError for an order or a cursor that is none."""
    now = timezone.now()
    nodes = Node.objects.filter(network=network)
    found = stretch(
        match(nodes, criteria, now),
        order_of(order, now),
        size=MOST_NODES if limit is None else limit,
        after=None if cursor is None else read_cursor(cursor),
        details=with_details(nodes),
    )
    empty = "There are no nodes yet: manage.py authkey create makes a way in."
    if criteria != Criteria() or cursor is not None:
        empty = "No node is so."
    return Listing(node_values(network, found.rows, now), node_columns(now), empty, shape=node_shape)


def chosen_by(
    *,
    user: str | None = None,
    tag: Sequence[str] | None = None,
    status: Sequence[str] | None = None,
    system: str | None = None,
    agent: str | None = None,
    seen: str | None = None,
    key: str | None = None,
    search: str | None = None,
    ids: Sequence[int] | None = None,
) -> Criteria:
    """The options as criteria. Raises NotFoundError for a person that there is not, typer.BadParameter for words that
    are none."""
    for option, words, known in (
        ("--status", status or (), WORDS),
        ("--seen", [seen] if seen else (), SEEN),
        ("--key", [key] if key else (), KEY_ENDS),
    ):
        unknown = [word for word in words if word not in known]
        if unknown:
            told = f"There is no {option.lstrip('-')} {unknown[0]!r}: {', '.join(known)}."
            raise typer.BadParameter(told, param_hint=f"'{option}'")
    return Criteria(
        q=search or "",
        statuses=tuple(status or ()),
        owner=None if user is None else user_named(user).pk,
        tags=tuple(tag or ()),
        os=system or "",
        agent=agent or "",
        seen=seen or "",
        key=key or "",
        ids=tuple(ids or ()),
    )
