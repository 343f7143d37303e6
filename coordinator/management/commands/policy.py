"""``manage.py policy``: a network's policy as a file, and what a policy would do without a database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from django.utils import timezone

from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.policies import naming_places, read_file, register
from coordinator.cli.results import Card, Column, Listing
from coordinator.cli.terminal import note, terminal
from coordinator.cli.text import listed
from coordinator.cli.times import parse_instant
from coordinator.cli.trials import register as register_trials
from mesh.errors import ValidationError
from mesh.policy import format_protocol
from mesh.policy.evaluate import evaluate, evaluate_line

noun = Noun("policy", "Policies as files: what is in force, what would be, and what each node would get.")
register(noun)
register_trials(noun)


@noun.verb("eval", "evaluate")
def evaluate_files(
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="FILE", help="The policy, a HuJSON document; - is standard input.")
    ] = None,
    network: Annotated[
        str | None, typer.Option("--network", metavar="FILE", help="The network, as JSON; - is standard input.")
    ] = None,
    lines: Annotated[
        bool,
        typer.Option("--jsonl", help="Read {id, policy, network} a line on standard input, and answer a line each."),
    ] = False,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="The instant, for rules with a schedule. Without it now.")
    ] = None,
) -> Card | None:
    """Say what each node would see and let in, by the engine that serves the portal; no database is asked."""
    instant = _instant(at)
    if lines:
        if policy is not None or network is not None:
            raise WrongUsageError("With --jsonl each line brings its policy and its network.")
        _answer_lines(instant)
        return None
    if policy is None or network is None:
        raise WrongUsageError("Give --policy FILE and --network FILE, or --jsonl.")
    if policy == network == "-":
        raise WrongUsageError("Only one of the two can come on standard input.")
    described = _json(network)
    text = read_file(policy)
    with naming_places(policy):
        value = evaluate(text, described, instant)
    for warning in value["warnings"]:
        note(warning)
    return _card(value)


def _instant(at: str | None) -> datetime:
    if at is None:
        return timezone.now()
    try:
        return parse_instant(at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--at'") from error


def _json(name: str) -> Any:
    try:
        return json.loads(read_file(name))
    except json.JSONDecodeError as error:
        raise ValidationError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}.") from error
    except RecursionError as error:
        raise ValidationError(f"{name} is nested too deeply.") from error


def _answer_lines(at: datetime) -> None:
    """Answers each line at once: whoever writes the next may wait for the answer to this one."""
    present = terminal()
    # Bytes where there are any: a line that is no UTF-8 is that line's fault, and not the end of all.
    source: Iterable[str | bytes] = getattr(present.stdin, "buffer", present.stdin)
    for line in source:
        if line.strip():
            present.stdout.write(_answer(evaluate_line(line, at)) + "\n")
            present.stdout.flush()


def _answer(answer: dict[str, Any]) -> str:
    try:
        return json.dumps(answer, separators=(",", ":"), allow_nan=False)
    except ValueError:
        # Only the id is repeated as it came, and NaN is no JSON.
        error = {"code": "validation", "detail": "the id is not JSON"}
        return json.dumps({"id": None, "error": error}, separators=(",", ":"))


def _card(value: Mapping[str, Any]) -> Card:
    columns = [
        Column("Action", lambda entry: entry["action"], keep=True),
        Column("From", lambda entry: listed(entry["sources"], most=4)),
        Column("To", lambda entry: listed([_target(item) for item in entry["destinations"]], most=4)),
        Column("Protocols", lambda entry: ",".join(map(format_protocol, entry["protocols"]))),
    ]
    nodes = value["nodes"]
    fields = [(name, f"sees {listed(got['peers'], most=10) or 'nobody'}") for name, got in nodes.items()]
    lists = [
        (f"{name} lets in", Listing(got["packet_filter"], columns, empty="Nothing.")) for name, got in nodes.items()
    ]
    return Card(value, fields, lists)


def _target(destination: Mapping[str, Any]) -> str:
    ports = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in destination["ports"])
    return destination["prefix"] if ports in ("", "0-65535") else f"{destination['prefix']} port {ports}"


class Command(NounCommand):
    """The management command."""

    noun = noun
