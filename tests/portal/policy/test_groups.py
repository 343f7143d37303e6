"""A group with more members than its page lists leads to the others: in the form, or in the list of members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.admin import group as page
from tests import factories as make
from tests.portal.pages import page_url, read, text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "has_form"), [("owner", True), ("auditor", False)])
def test_many_members(
    as_role: Callable[[str], Client], network: Any, monkeypatch: pytest.MonkeyPatch, role: str, has_form: bool
) -> None:
    monkeypatch.setattr(page, "MEMBERS_SHOWN", 1)
    group, other = make.GroupFactory.create_batch(2, network=network)
    members = [make.GroupMemberFactory(group=group, user=make.UserFactory()) for _ in range(3)]
    make.GroupMemberFactory(group=other, user=make.UserFactory())
    client = as_role(role)
    found = client.get(page_url(type(group), "change", group.pk))
    assert ("and 2 more, all of them below" in text_of(found)) is has_form
    address = f"{page_url(type(members[0]), 'changelist')}?group={group.pk}"
    assert (address in read(found).hrefs) is not has_form
    assert set(client.get(address).context["cl"].result_list) == set(members)
