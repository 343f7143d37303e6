"""The stored tests of a policy, run over the live network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from acl.models import PolicyTest
from acl.selectors import labels_for
from acl.selectors.policy import test_row
from acl.stored import assertion_of
from coordinator.replica import current_state
from mesh.compile import CompiledPolicy
from mesh.explain.assertions import Outcome, run_assertions
from mesh.policy import Assertion, Labels, Selector, format_selector, format_stored

SAID: Final = 5
"""How many broken tests are put in words before the others are only counted."""


@dataclass(frozen=True, slots=True)
class TestedRow:
    """A stored test and what is said of it by the policy in force."""

    __test__ = False

    row: PolicyTest
    outcome: Outcome


def run_tests(*, network_id: int, rows: Sequence[PolicyTest] | None = None) -> list[TestedRow]:
    """The stored tests of a network, or some of them, held against the policy in force. Raises NotFoundError."""
    if rows is None:
        rows = list(PolicyTest.objects.filter(network_id=network_id).order_by("position"))
    assertions = [assertion_of(test_row(row)) for row in rows]
    outcomes = run_assertions(current_state(network_id).policy, assertions)
    return [TestedRow(row, outcome) for row, outcome in zip(rows, outcomes, strict=True)]


def broken_tests(before: CompiledPolicy, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Those of ``outcomes`` that failed and did not fail before: new tests that fail at once included."""
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if not failed:
        return ()
    known = {outcome.assertion for outcome in run_assertions(before) if not outcome.passed}
    return tuple(outcome for outcome in failed if outcome.assertion not in known)


def broken_words(broken: Sequence[Outcome]) -> tuple[str, ...]:
    """Broken tests in words for people."""
    if not broken:
        return ()
    labels = labels_for([format_stored(item) for outcome in broken[:SAID] for item in ends_of(outcome.assertion)])
    said = [f"A test breaks: from {source_of(item.assertion, labels)}, {_why(item, labels)}." for item in broken[:SAID]]
    more = len(broken) - SAID
    return (*said, f"{more} more tests break.") if more > 0 else tuple(said)


def source_of(assertion: Assertion, labels: Labels) -> str:
    """Where the flows of a test come from, as people write it."""
    return format_selector(assertion.source, labels)


def readable_detail(detail: str, selectors: Iterable[Selector], labels: Labels) -> str:
    """What failed, with the names that people know in place of ids."""
    for selector in sorted(selectors, key=lambda item: -len(format_stored(item))):
        detail = detail.replace(format_stored(selector), format_selector(selector, labels))
    return detail


def _why(outcome: Outcome, labels: Labels) -> str:
    return readable_detail(outcome.failures[0].detail, ends_of(outcome.assertion), labels)


def ends_of(assertion: Assertion) -> tuple[Selector, ...]:
    """Every selector in a test."""
    return (assertion.source, *(target.destination for target in (*assertion.accept, *assertion.deny)))
