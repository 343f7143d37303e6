"""Options and arguments that several nouns share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer
from django.utils import timezone

from coordinator.cli.times import parse_duration, parse_expiry
from mesh.change import Cause

Value = TypeVar("Value")


def reading(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """A parser for typer: what ``parse`` says with a ValueError becomes wrong usage, in its words."""

    def read(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return read


def ending(expires: str, now: datetime) -> datetime | None:
    """The instant that ``--expires`` names, for something that begins ``now``; None means never."""
    try:
        return parse_expiry(expires, now)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--expires'") from error


def act() -> dict[str, Any]:
    """``cause`` and ``now`` for a service: ``disable_node(node_id=1, **act())``."""
    return {"cause": Cause.command(), "now": timezone.now()}


NetworkOption = Annotated[
    str | None, typer.Option("--network", metavar="NAME", help="The network; needed where there are several.")
]
ForceOption = Annotated[bool, typer.Option("--force", "-f", help="Do not ask.")]
AllOption = Annotated[bool, typer.Option("--all", "-a", help="Also those that have ended.")]
CommentOption = Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="A remark.")]
ExpiryOption = Annotated[
    str,
    typer.Option(
        "--expires",
        "-e",
        "--expiration",
        metavar="WHEN",
        help="When it ends: 1h, 7d, 2030-01-31T18:00:00Z or never.",
    ),
]
SecondsOption = typer.Option(parser=reading(parse_duration), metavar="DURATION")

NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="A node by name, full name, address or id.")]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="A person by login or id.")]
