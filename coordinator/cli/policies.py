"""The verbs of ``manage.py policy`` that speak of a network's own policy: export, import, check, explain, lint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from django.utils import timezone

from acl.difference import summary_of
from acl.selectors import labels_of
from coordinator.admin_api.serializers.policy_explain import ExplainOut, describe_explanation
from coordinator.admin_api.serializers.policy_lint import RemarkOut, describe_remark
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption, naming_override
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.results import Card, Column, Done, Listing, shaped_by
from coordinator.cli.terminal import confirm, note, terminal
from coordinator.cli.times import parse_instant, rfc3339
from coordinator.cli.trials import ConfirmWithinOption, tried
from coordinator.policy.documents import check_policy_document, export_policy, import_policy
from coordinator.policy.explain import explain_flow
from coordinator.policy.lint import lint_policy
from coordinator.policy.preview import preview_of
from mesh.errors import FieldError, ValidationError
from mesh.hujson import HuJsonError, decode
from mesh.policy import parse_protocol
from mesh.policy.services import PORT_PROTOCOLS
from nodes.selectors import get_network

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="A HuJSON document; - is standard input.")]


def register(noun: Noun) -> None:
    """Adds the verbs to a noun."""
    noun.verb("export")(export)
    noun.verb("import", "set", "apply")(import_file)
    noun.verb("check")(check)
    noun.verb("explain")(explain)
    noun.verb("lint")(lint)


def export(network: NetworkOption = None) -> None:
    """Write the policy in force as a HuJSON document to standard output."""
    terminal().stdout.write(export_policy(network_id=get_network(network).pk).text)


def import_file(
    *,
    file: FileArgument,
    comment: CommentOption = None,
    network: NetworkOption = None,
    version: Annotated[
        int | None, typer.Option("--version", metavar="NUMBER", help="Only if this version is in force.")
    ] = None,
    force: ForceOption = False,
    override: OverrideOption = False,
    confirm_within: ConfirmWithinOption = None,
) -> Done:
    """Put a document in force: whole, or not at all. One that says what is in force changes nothing."""
    within, text = get_network(network), read_file(file)
    with naming_places(file):
        checked = check_policy_document(network_id=within.pk, text=text, now=timezone.now())
    if checked.difference:
        seen = preview_of(checked.version, checked.assessment, limit=0).preview
        losses = [summary_of(checked.difference), f"{seen.gained} pairs of nodes gained, {seen.lost} lost"]
        confirm(f"Put {file} in force?", losses=losses, force=force)
    acting = act()
    with naming_places(file), naming_override():
        done = tried(
            within.pk,
            confirm_within,
            lambda: import_policy(
                network_id=within.pk,
                text=text,
                tag=None if version is None else str(version),
                forced=override,
                comment=comment or "",
                **acting,
            ),
            **acting,
        )
    for warning in done.warnings:
        note(warning)
    number = checked.version if done.version is None else done.version.number
    value = {"changed": done.version is not None, "version": number, "warnings": list(done.warnings)}
    if done.version is None:
        return Done(f"Nothing changed: version {number} says the same.", value)
    return Done(f"Version {number} is in force: {done.version.summary or 'other comments'}.", value)


def check(file: FileArgument, network: NetworkOption = None) -> Card:
    """Say what a document would do to the network as it is. Nothing is changed."""
    within, text = get_network(network), read_file(file)
    with naming_places(file):
        checked = check_policy_document(network_id=within.pk, text=text, now=timezone.now())
    for warning in checked.warnings:
        note(warning)
    seen = preview_of(checked.version, checked.assessment, limit=0).preview
    summary = summary_of(checked.difference)
    value = {
        "changed": bool(checked.difference),
        "version": checked.version,
        "summary": summary,
        "gained": seen.gained,
        "lost": seen.lost,
        "touched": seen.touched,
        "objections": list(checked.assessment.objections),
        "warnings": list(checked.warnings),
        "difference": checked.difference,
    }
    fields = [
        ("Changes", summary or "nothing"),
        ("Pairs gained", str(seen.gained)),
        ("Pairs lost", str(seen.lost)),
        ("Agents told", str(seen.touched)),
        *(("Objection", text) for text in checked.assessment.objections),
    ]
    return Card(value, fields)


def explain(
    *,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A node, an address or a named host.")],
    destination: Annotated[str, typer.Argument(metavar="DESTINATION", help="The same.")],
    port: Annotated[int, typer.Argument(metavar="PORT", min=0, max=65_535, help="For tcp, udp and sctp.")] = 0,
    protocol: Annotated[str, typer.Option("--protocol", "-p", metavar="NAME", help="A name or a number.")] = "tcp",
    at: Annotated[str | None, typer.Option("--at", metavar="WHEN", help="Schedules as they are then.")] = None,
    network: NetworkOption = None,
) -> Card:
    """Say which rule decides a flow, and why none before it did."""
    number = parse_protocol(protocol)
    if number in PORT_PROTOCOLS and port == 0:
        raise ValidationError(f"{protocol} needs a port.")
    within = get_network(network)
    found = explain_flow(
        network_id=within.pk, source=source, destination=destination, protocol=number, port=port, at=_instant(at)
    )
    said: Mapping[str, Any] = describe_explanation(found)
    columns = [
        Column("Rule", lambda item: item["rule"]["label"], keep=True),
        Column("Why not", lambda item: item["reason"]),
        Column("Because", lambda item: item["detail"]),
    ]
    fields = [("Note", said["note"])] if said["note"] else []
    lists = []
    for answer in said["answers"]:
        rule = answer["rule"]
        by = "no rule accepts it" if rule is None else f"{rule['action']} by {rule['label']}"
        outcome = "accepted" if answer["accepted"] else "denied"
        fields.append((f"{answer['source']} to {answer['destination']}", f"{outcome}: {by}"))
        title = f"Passed over for {answer['destination']}"
        lists.append((title, Listing(answer["passed_over"], columns, "No rule came before.")))
    return Card(said, fields, lists, shape=shaped_by(ExplainOut))


def lint(network: NetworkOption = None) -> Listing:
    """List what is worth a remark: rules that never decide, selectors that match nothing, access that ends soon."""
    within = get_network(network)
    labels = labels_of(within.pk)
    remarks = [describe_remark(item, labels) for item in lint_policy(network_id=within.pk, now=timezone.now())]
    columns = [
        Column("Rule", lambda item: str(item["position"] or "-"), right=True, keep=True),
        Column("Finding", lambda item: item["finding"], keep=True),
        Column("Remark", lambda item: item["message"]),
        Column("When", lambda item: rfc3339(item["at"]) if item["at"] else "-", wide=True),
    ]
    return Listing(remarks, columns, "Nothing to remark on.", shape=shaped_by(RemarkOut))


def read_file(name: str) -> str:
    """A file's text; ``-`` is standard input. Raises ValidationError in words."""
    try:
        return terminal().stdin.read() if name == "-" else decode(Path(name).read_bytes())
    except OSError as error:
        raise ValidationError(f"{name} cannot be read: {error.strerror}.") from error
    except HuJsonError as error:
        raise ValidationError(f"{name}:{error.line}:{error.column}: {error.message}.") from error
    except UnicodeDecodeError as error:
        raise ValidationError(f"{name} is not UTF-8.") from error


@contextmanager
def naming_places(file: str) -> Iterator[None]:
    """Names each fault of a document by file, line and column, as editors and compilers do."""
    try:
        yield
    except ValidationError as error:
        if not any(fault.line for fault in error.errors):
            raise
        faults = tuple(
            FieldError(f"{file}:{item.line}:{item.column}", f"{item.field}: {item.message}".removeprefix(": "))
            for item in error.errors
        )
        raise ValidationError("The policy is refused.", errors=faults) from error


def _instant(at: str | None) -> datetime | None:
    if at is None:
        return None
    try:
        return parse_instant(at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--at'") from error
