"""The first steps: which line they speak of, and what they offer where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import factories as make
from tests.portal.pages import text_of

pytestmark = pytest.mark.django_db
SAYS = "The line that was printed when the portal first started, or shown here before, works as well."
LINE = "You get one line to run as root on a Linux machine; Debian and Ubuntu get Python by it where there is none."


@pytest.mark.parametrize(
    ("facts", "spoken_of"),
    [
        ({"max_uses": 2}, True),
        ({"max_uses": 2, "uses": 1}, True),
        ({"max_uses": None, "uses": 9}, True),
        ({"max_uses": 2, "uses": 2}, False),
        ({"max_uses": 1}, False),
        ({"max_uses": 5, "owner": None, "tagged": True, "tags": ["tag:ci"]}, False),
    ],
)
def test_only_a_line_for_several_machines_of_one_person_is_spoken_of(
    client: Client, network: Any, facts: dict[str, Any], spoken_of: bool
) -> None:
    make.AuthKeyFactory(network=network, **facts)
    said = text_of(client.get("/admin/"))
    assert (SAYS in said) is spoken_of
    assert ("Waiting for it to register." in said) is spoken_of
    assert "Make a key for the first machines" in said


def test_what_the_line_needs_is_said_alike_wherever_one_is_made(client: Client) -> None:
    for path in ("/admin/", "/admin/enrol/"):
        assert LINE in text_of(client.get(path))
