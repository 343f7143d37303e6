"""The whole API against its own description: no caller and no input brings an answer that is not described there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import given, seed
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.front import with_front
from tests.fuzz.world import SEED, World, bounded, undone
from tests.roles.table.api import CALLS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
BODIES: dict[tuple[str, str], Any] = {
    (call.method, re.sub(r"{\w+}", "{}", f"{call.base}{call.path}".removeprefix("api/v1/"))): call.body
    for call in CALLS
    if call.body
} | {
    ("POST", "heartbeat"): {"endpoints": ["203.0.113.9:51820"], "relay_latency_ms": {"3": 12.5}, "posture": {"a": 1}},
    ("PUT", "endpoints"): {"endpoints": ["203.0.113.9:51820", "[2001:db8::9]:51820"]},
    ("PUT", "routes"): {"routes": ["192.168.7.0/24", "0.0.0.0/0"]},
}
CALLERS = ("anonymous", "agent", "admin")


@pytest.mark.usefixtures("kept_connection")
@pytest.mark.parametrize("caller", CALLERS)
def test_every_answer_is_described(world: World, caller: str) -> None:
    failures = []
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", with_front(get_wsgi_application()))
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) > 80
    for operation in operations:
        try:
            fuzz(operation, world, caller)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - name every call at fault, not the first alone
            failures.append(f"{operation.label}: {error!r}\n{_told(error)}")
    assert not failures, "\n\n".join(failures)


def fuzz(operation: Any, world: World, caller: str) -> None:
    """Calls one operation with what its description allows and what it does not, on what there is and what there is
    not, and with bodies that are right but for a member or two."""
    ids = world.path_parameters(operation.path) or None
    query = {"network": "default"} if any(item.name == "network" for item in operation.query) else None
    positive, negative = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    generated = [
        operation.as_strategy(generation_mode=positive, path_parameters=ids, query=query),
        operation.as_strategy(generation_mode=positive),
        operation.as_strategy(generation_mode=negative, path_parameters=ids, query=query),
        operation.as_strategy(generation_mode=negative),
    ]
    right = BODIES.get((operation.method.upper(), re.sub(r"{\w+}", "{}", operation.path.removeprefix("/api/v1/"))))
    strategies = [st.tuples(strategy, st.just(CHECKS)) for strategy in generated]
    if right is not None:
        # What became of a case that was meant to be wrong is not known any more: it may be accepted.
        lenient = [check for check in CHECKS if check is not negative_data_rejection]
        bases = (generated[0], generated[0], generated[2])
        strategies += [st.tuples(nearly_right(base, right), st.just(lenient)) for base in bases]

    @seed(SEED)
    @bounded(examples_for(operation, caller))
    @given(drawn=st.one_of(strategies))
    def call(drawn: tuple[Any, list[Any]]) -> None:
        case, checks = drawn
        if any(value in ([], {}) for value in (case.query or {}).values()):
            # A parameter without any value does not travel: whether the rest is wrong is not known.
            checks = [check for check in checks if check is not negative_data_rejection]
        with undone():
            case.call_and_validate(headers=world.headers(caller), checks=checks)

    call()


def examples_for(operation: Any, caller: str) -> int:
    """Whoever may not call at all meets the same refusal again and again; the others reach every service."""
    owner = "admin" if operation.path.startswith("/api/v1/admin/") else "agent"
    return 9 if caller == owner else 2


@st.composite
def nearly_right(draw: st.DrawFn, base: st.SearchStrategy[Any], right: Any) -> Any:
    """A case whose body is right, but for at most two members that the case had made up."""
    case = draw(base)
    made_up = case.body if isinstance(case.body, dict) else {}
    names = draw(st.lists(st.sampled_from(sorted(made_up)), max_size=2)) if made_up else []
    case.body = {**right, **{name: made_up[name] for name in names}}
    return case


def _told(error: BaseException) -> str:
    inner = getattr(error, "exceptions", ())
    return "\n".join([str(error), *(_told(item) for item in inner)])
