"""No page of the admin can write a row past the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from portal.admin.base import DirectWriteError
from sessions_app.models import PortalSession
from tests.portal.pages import admin_of, page_url

OURS = [
    model
    for label in ("nodes", "acl", "sessions_app")
    for model in apps.get_app_config(label).get_models()
    if model is not PortalSession  # it has no pages: people see their own sessions at their account
]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_django_s_own_writes_raise(model: type[Model], one_of_each: dict[type[Model], Any]) -> None:
    admin, row, request = admin_of(model), one_of_each[model], RequestFactory().post("/")
    writes: tuple[Callable[[], Any], ...] = (
        lambda: admin.save_form(request, None, change=True),
        lambda: admin.save_model(request, row, None, True),
        lambda: admin.save_related(request, None, [], True),
        lambda: admin.save_formset(request, None, None, True),
        lambda: admin.delete_model(request, row),
        lambda: admin.delete_queryset(request, model._default_manager.all()),
    )
    for write in writes:
        with pytest.raises(DirectWriteError):
            write()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_pages_without_a_form_refuse_a_post(
    model: type[Model], client: Client, one_of_each: dict[type[Model], Any]
) -> None:
    if admin_of(model).edit_form is not None:
        return
    address = page_url(model, "change", one_of_each[model].pk)
    assert client.post(address, {"name": "x"}).status_code == 403


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_lists_are_not_editable_and_have_no_bulk_delete(
    model: type[Model], client: Client, rf: Any, owner: Any
) -> None:
    admin = admin_of(model)
    request = rf.get("/")
    request.user = owner
    assert not admin.list_editable
    assert not admin.get_inlines(request, None)
    assert "delete_selected" not in admin.get_actions(request)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_delete_page_is_a_verb_or_absent(
    model: type[Model], client: Client, one_of_each: dict[type[Model], Any]
) -> None:
    has_verb = admin_of(model).find_verb("delete") is not None
    response = client.get(page_url(model, "delete", one_of_each[model].pk))
    assert response.status_code == (200 if has_verb else 404)


def _names(patterns: list[URLPattern | URLResolver]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found |= _names(pattern.url_patterns)
        elif pattern.name:
            found.add(pattern.name)
    return found


def test_site_leaves_out_pages_that_answer_for_any_model() -> None:
    names = _names(get_resolver("portal.urls").url_patterns)
    assert not names & {"autocomplete", "jsi18n", "view_on_site", "search"}
    assert {name for name in names if name.endswith("_history")} == {"policy_history"}  # which is a page of ours


@pytest.mark.django_db
def test_unknown_act_is_refused(client: Client, one_of_each: dict[type[Model], Any]) -> None:
    for model in OURS:
        ticked = {"action": "delete_selected", "_selected_action": one_of_each[model].pk, "index": 0}
        before = model._default_manager.count()
        client.post(page_url(model, "changelist"), ticked)
        assert model._default_manager.count() == before
