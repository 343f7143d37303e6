"""The box that explains one flow: who decides, who was passed over and why, and who is not asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from acl.states import rule_state
from coordinator.policy.drafts import explain_draft
from coordinator.policy.explain import ExplainedFlow, explain_flow
from coordinator.policy.proposals import RuleEdit
from mesh.errors import FieldError, GhostWireError, ValidationError
from mesh.explain.flow import Answer, PassedOver, Reason
from mesh.policy import Labels, Rule, SelectorKind, format_ports, format_protocol, format_selector, parse_protocol
from mesh.policy.conditions import condition_to_json
from mesh.policy.schedule import parse_instant
from mesh.policy.services import PORT_PROTOCOLS
from nodes.models import Node
from portal.rule_words import condition_words, schedule_words
from sessions_app.models import User

FIELDS: Final = ("from", "to", "on", "at")
LISTED: Final = 6
MAX_WORDS: Final = 260


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop on the way through the rules: ``passed``, ``decides``, ``denies`` (no rule does) or ``rest``."""

    kind: str
    first: int
    last: int
    rules: tuple[Any, ...] = ()
    words: tuple[Any, ...] = ()

    @property
    def span(self) -> str:
        """``4``, or ``1–4``."""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


@dataclass(frozen=True, slots=True)
class Told:
    """One answer as the page tells it. ``families``: which address families it is for, where they differ."""

    families: str
    source: str
    destination: str
    accepted: bool
    rule: Rule | None
    until: datetime | None
    through: tuple[str, ...]
    stops: tuple[Stop, ...]


@dataclass(slots=True)
class Asked:
    """What was asked, as it was written, and what came of it: answers, or errors by field."""

    fields: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    note: str = ""
    at: datetime | None = None
    draft: bool = False
    answers: list[Told] = field(default_factory=list)

    @property
    def filled(self) -> bool:
        """Whether there is a question at all."""
        return bool(self.fields["from"] and self.fields["to"])


def ask(network_id: int, said: Mapping[str, Any], now: datetime, *, edits: Sequence[RuleEdit] | None = None) -> Asked:
    """Answers what a box says: ``from``, ``to``, ``on`` (``tcp/5432``, ``443``, ``icmp``; empty: tcp/443) and ``at``.

    By the policy in force, or with ``edits`` by a draft. What cannot be answered is told by field; an error of a draft
    itself stands under ``draft``.
    """
    fields = {name: str(said.get(name) or "").strip()[:MAX_WORDS] for name in FIELDS}
    asked = Asked(fields, draft=edits is not None)
    if not asked.filled:
        return asked
    flow: dict[str, Any] = {"network_id": network_id, "source": fields["from"], "destination": fields["to"]}
    try:
        protocol, port = parse_service(fields["on"] or "tcp/443")
        flow |= {"protocol": protocol, "port": port, "at": parse_at(fields["at"])}
        found = explain_flow(**flow) if edits is None else explain_draft(edits=edits, now=now, **flow)
    except GhostWireError as error:
        asked.errors = _errors(error)
        return asked
    asked.note, asked.at = found.explanation.note, found.at
    asked.answers = _answers(found)
    return asked


def parse_service(text: str) -> tuple[int, int | None]:
    """``tcp/5432``, ``5432`` (tcp) or ``icmp`` as protocol and port. Raises ValidationError."""
    words = text.lower().replace(":", "/").replace(" ", "")
    name, slash, number = words.partition("/")
    if not slash and name.isdigit():
        name, number = "tcp", name
    try:
        protocol = parse_protocol(name)
    except ValidationError as error:
        raise ValidationError(error.detail, errors=(FieldError("on", error.detail),)) from error
    if protocol not in PORT_PROTOCOLS:
        return protocol, None
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and int(number) <= 65_535):
        detail = f"{format_protocol(protocol)} needs a port, as in {format_protocol(protocol)}/443"
        raise ValidationError(detail, errors=(FieldError("on", detail),))
    return protocol, int(number)


def parse_at(text: str) -> datetime | None:
    """An instant as browsers and people write it, in UTC unless it says otherwise; None for now. Raises."""
    if text in ("", "now"):
        return None
    try:
        at = datetime.fromisoformat(text)
        return parse_instant(at if at.tzinfo else at.replace(tzinfo=UTC))
    except ValueError as error:
        detail = f"“{text}” is no instant: write 2026-01-31T18:00"
        raise ValidationError(detail, errors=(FieldError("at", detail),)) from error


def _errors(error: GhostWireError) -> dict[str, str]:
    names = {"source": "from", "destination": "to"}
    if isinstance(error, ValidationError) and error.errors:
        return {_field(names.get(item.field, item.field)): item.message for item in error.errors}
    head, colon, rest = error.detail.partition(": ")
    if colon and head in names:
        return {names[head]: rest}
    return {"on": error.detail} if "ports" in error.detail else {"to": error.detail}


def _field(name: str) -> str:
    return name if name in FIELDS else "draft"


def _answers(found: ExplainedFlow) -> list[Told]:
    """The answers; families that are decided alike are one."""
    rules = found.compiled.policy.ordered()
    labels = _labels(rules)
    told: list[Told] = []
    for _, alike in groupby(found.explanation.answers, key=lambda item: (item.accepted, item.rule, item.through)):
        group = list(alike)
        families = " and ".join(dict.fromkeys(f"IPv{item.destination.version}" for item in group))
        answer = group[0]
        through = [node.name for ident in answer.through if (node := found.compiled.node(ident)) is not None]
        until = None if answer.rule is None else rule_state(answer.rule, found.at).changes_at
        told.append(
            Told(
                families if len(group) < len(found.explanation.answers) else "",
                str(answer.source),
                str(answer.destination),
                answer.accepted,
                answer.rule,
                until,
                tuple(through),
                _stops(answer, rules, labels),
            )
        )
    return told


def _stops(answer: Answer, rules: Sequence[Rule], labels: Labels) -> tuple[Stop, ...]:
    stops: list[Stop] = []
    if answer.passed_over:
        passed = answer.passed_over
        stops.append(Stop("passed", passed[0].rule.position, passed[-1].rule.position, passed, _why(passed, labels)))
    if answer.rule is None:
        stops.append(Stop("denies", 0, 0))
        return tuple(stops)
    stops.append(Stop("decides", answer.rule.position, answer.rule.position, words=_criteria(answer.rule, labels)))
    rest = [rule.position for rule in rules if rule.position > answer.rule.position]
    if rest:
        stops.append(Stop("rest", rest[0], rest[-1]))
    return tuple(stops)


def _why(passed: Sequence[PassedOver], labels: Labels) -> tuple[Any, ...]:
    """Why rules were passed over, all together: words, and the selectors that they speak of."""
    words: list[Any] = []
    for reason, said in (
        (Reason.SOURCE, "the source is none of"),
        (Reason.DESTINATION, "the destination is none of"),
    ):
        sides = [
            item.rule.sources if reason is Reason.SOURCE else item.rule.destinations
            for item in passed
            if item.reason is reason
        ]
        named = list(dict.fromkeys(format_selector(selector, labels) for side in sides for selector in side))
        if named:
            more = f"and {len(named) - LISTED} more" if len(named) > LISTED else ""
            words.append({"said": said, "named": named[:LISTED], "more": more})
    for reason, said in _BRIEF.items():
        count = sum(1 for item in passed if item.reason is reason)
        if count:
            words.append({"said": f"{count} {'is' if count == 1 else 'are'} {said}", "named": [], "more": ""})
    return tuple(words)


_BRIEF: Final = {
    Reason.PORT: "about other ports",
    Reason.PROTOCOL: "about other protocols",
    Reason.SCHEDULE: "outside of the time",
    Reason.CONDITIONS: "under conditions that do not hold",
    Reason.DISABLED: "off",
}


def _criteria(rule: Rule, labels: Labels) -> tuple[Any, ...]:
    """What of the deciding rule holds, one tick each."""
    ports = format_ports(rule.ports) if rule.ports else ""
    protocols = ", ".join(format_protocol(number) for number in rule.protocols)
    words: list[Any] = [
        {
            "said": "the source is",
            "named": [format_selector(item, labels) for item in rule.sources[:LISTED]],
            "or": True,
        },
        {
            "said": "the destination is",
            "named": [format_selector(item, labels) for item in rule.destinations[:LISTED]],
            "or": True,
        },
    ]
    services = "/".join(part for part in (protocols, ports) if part)
    words.append(
        {"said": "it is about", "named": [services]} if services else {"said": "any port will do", "named": []}
    )
    if rule.schedule is not None:
        words.append({"said": "the time is within", "named": [schedule_words(rule.schedule)]})
    words += [{"said": "", "named": [condition_words(condition_to_json(item))]} for item in rule.conditions]
    return tuple(words)


def _labels(rules: Sequence[Rule]) -> Labels:
    """Names of the users and nodes that rules speak of."""
    selectors = [item for rule in rules for item in (*rule.sources, *rule.destinations)]
    users = {item.ident for item in selectors if item.kind is SelectorKind.USER}
    nodes = {item.ident for item in selectors if item.kind is SelectorKind.NODE}
    return Labels(
        users=dict(User.objects.filter(pk__in=users).values_list("pk", "username")),
        nodes=dict(Node.objects.filter(pk__in=nodes).values_list("pk", "name")),
    )
