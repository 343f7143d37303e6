"""The options of ``rule``: what a rule says, when it is in force, and what it requires of the source."""

from __future__ import annotations

from typing import Annotated

import typer

RuleArgument = Annotated[str, typer.Argument(metavar="RULE", help="A rule by id or name.")]
ActionOption = Annotated[str | None, typer.Option("--action", metavar="ACTION", help="accept or deny.")]
FromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        "--source",
        "--src",
        metavar="SELECTOR",
        help="Who: *, user:ana, group:ops, tag:web, node:db, host:name, an address, a CIDR, autogroup:member or "
        "autogroup:tagged. Repeatable.",
    ),
]
ToOption = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        "--destination",
        "--dst",
        metavar="SELECTOR",
        help="Whom they reach: the same, autogroup:self or autogroup:internet. Repeatable.",
    ),
]
ProtocolOption = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        "--proto",
        metavar="NAME",
        help="tcp, udp, icmp, ... or a number. Repeatable. Without it tcp, udp and ping; any gives that back.",
    ),
]
PortOption = Annotated[
    list[str] | None,
    typer.Option("--port", metavar="PORT", help="22 or 8000-8999. Repeatable. Without it any port, as with *."),
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What the rule is called.")]
EnabledOption = Annotated[bool | None, typer.Option("--enable/--disable", help="A disabled rule is as if absent.")]
DaysOption = Annotated[
    str | None, typer.Option("--days", metavar="DAYS", help="Only on these days: mon-fri or sat,sun; always.")
]
HoursOption = Annotated[
    str | None, typer.Option("--hours", metavar="HOURS", help="Only within 08:00-18:00 (may cross midnight); always.")
]
ZoneOption = Annotated[
    str | None, typer.Option("--timezone", metavar="ZONE", help="Of days and hours: Europe/Berlin. Without it UTC.")
]
NotBeforeOption = Annotated[
    str | None, typer.Option("--not-before", metavar="WHEN", help="Begins then: 24h, 2030-01-31T18:00:00Z; always.")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Is switched off then: 24h, 7d, an instant; always.")
]
RequireOption = Annotated[
    list[str] | None,
    typer.Option(
        "--require",
        metavar="FACT",
        help="What the source node must report: os=linux,macos, agent>=1.2, disk_encrypted=true or serial. "
        "Repeatable; none takes all away.",
    ),
]
