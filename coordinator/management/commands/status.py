"""``manage.py status``: the portal in numbers, and whether its periodic work goes on."""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone

from coordinator.admin_api.serializers.status import StatusOut
from coordinator.admin_api.status import portal_status
from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.results import Card, Column, Listing, Word, shaped_by
from coordinator.cli.terminal import note
from coordinator.cli.times import relative
from nodes.periodic import MemoryRuns, run_store

noun = Noun("status", "How the portal does: its networks in numbers, and its periodic tasks.")

STATES: Final = {
    "ok": Word("ok", "green", "●"),
    "starting": Word("starting", "blue", "◌"),
    "silent": Word("silent", "red", "◇"),
    "failed": Word("failed", "red", "◇"),
    "degraded": Word("degraded", "red", "◇"),
    "unknown": Word("unknown", "bright_black", "○"),
}
VERB: Final = "show"


@noun.verb(VERB)
def show() -> Card:
    """Show how the portal does."""
    now = timezone.now()
    value = portal_status(now=now)
    if isinstance(run_store(), MemoryRuns):
        note("Without Redis, how periodic tasks do is known to the server's own process: see /health.")
        value = value | {"state": "unknown", "tasks": None}
    networks = [
        Column("Network", lambda row: row["name"]),
        Column("Map", lambda row: str(row["map_version"]), keep=True, right=True),
        Column("Policy", lambda row: str(row["policy_version"]), keep=True, right=True),
        Column("Nodes", lambda row: str(row["nodes"]), keep=True, right=True),
        Column("Online", lambda row: str(row["online"]), keep=True, right=True),
    ]
    tasks = [
        Column("Task", lambda task: task["name"]),
        Column("State", lambda task: STATES[task["state"]], keep=True),
        Column("Every", lambda task: f"{task['every_seconds']:g} s", keep=True, right=True),
        Column("Last", lambda task: "never" if task["last_began"] is None else relative(task["last_began"], now)),
        Column("Took", lambda task: _seconds(task["last_seconds"]), right=True),
        Column("Late by", lambda task: _seconds(task["lag_seconds"]), right=True),
        Column("Did", lambda task: "-" if task["did"] is None else str(task["did"]), right=True),
        Column("Error", lambda task: task["error"] or "-", wide=True),
    ]
    lists = [("Networks", Listing(value["networks"], networks, "There is no network yet."))]
    if value["tasks"] is not None:
        lists.append(("Periodic tasks", Listing(value["tasks"], tasks, "There are no tasks.")))
    fields = [("State", STATES[value["state"]]), ("Version", value["version"])]
    return Card(value, fields, lists, shape=shaped_by(StatusOut))


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"


class Command(NounCommand):
    """The management command. It has one verb, which need not be said."""

    noun = noun

    def run_from_argv(self, argv: list[str]) -> None:
        """From the shell."""
        super().run_from_argv([*argv[:2], *_with_verb(argv[2:])])

    def handle(self, *args: Any, **options: Any) -> None:
        """For ``call_command``."""
        super().handle(*args, **options | {"words": _with_verb(options["words"])})


def _with_verb(words: list[str]) -> list[str]:
    return words if VERB in words[:1] else [VERB, *words]
