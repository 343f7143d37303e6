"""The whole API against its own description: no caller and no input brings an answer that is not described there."""

from __future__ import annotations

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import given, seed
from hypothesis import strategies as st
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.world import SEED, World, bounded, undone

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
# Whoever may do little meets the same refusals again and again; an owner reaches every service.
EXAMPLES = {"anonymous": 3, "agent": 6, "admin": 16}


@pytest.mark.parametrize("caller", EXAMPLES)
def test_every_answer_is_described(world: World, caller: str) -> None:
    failures = []
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 80
    for operation in operations:
        try:
            fuzz(operation, world, caller)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - name every call at fault, not the first alone
            failures.append(f"{operation.label}: {error!r}\n{_told(error)}")
    assert not failures, "\n\n".join(failures)


def fuzz(operation: APIOperation, world: World, caller: str) -> None:
    """Calls one operation with what its description allows and what it does not, on what there is and what there is
    not."""
    known = world.path_parameters(operation.path)
    # Path parameters of what there is, twice as often: what nobody finds teaches little.
    strategies = [
        operation.as_strategy(generation_mode=mode, path_parameters=ids)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for ids in ([known, known, None] if known else [None])
    ]

    @seed(SEED)
    @bounded(EXAMPLES[caller])
    @given(case=st.one_of(strategies))
    def call(case: schemathesis.Case) -> None:
        with undone():
            case.call_and_validate(headers=world.headers(caller), checks=CHECKS)

    call()


def _told(error: BaseException) -> str:
    inner = getattr(error, "exceptions", ())
    return "\n".join([str(error), *(_told(item) for item in inner)])
