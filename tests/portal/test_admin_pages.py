"""Every model has its pages, and none of them asks a browser for what the policy refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client

from portal.site import site
from sessions_app.models import AuthKey, PortalSession
from tests.portal.pages import admin_of, page_url, read

# Sessions of browsers have no pages here: their row's id is no number, and people see their own at /account/.
OURS = [
    model
    for label in ("nodes", "acl", "sessions_app")
    for model in apps.get_app_config(label).get_models()
    if model is not PortalSession
]


def test_every_model_is_in_the_admin() -> None:
    assert set(OURS) == set(site._registry)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_list_shows_its_row(model: type[Model], client: Client, one_of_each: dict[type[Model], Any]) -> None:
    response = client.get(page_url(model, "changelist"))
    assert response.status_code == 200
    assert any(href.startswith(page_url(model, "change", one_of_each[model].pk)) for href in read(response).hrefs)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_empty_list_renders(model: type[Model], client: Client) -> None:
    model._default_manager.exclude(pk__in=[1]).filter(pk__gt=10**9).delete()
    response = client.get(page_url(model, "changelist") + "?q=no-such-thing-anywhere")
    assert response.status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_object_page_renders(model: type[Model], client: Client, one_of_each: dict[type[Model], Any]) -> None:
    response = client.get(page_url(model, "change", one_of_each[model].pk))
    assert response.status_code == 200
    assert not read(response).refused


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_object_that_is_gone_is_404(model: type[Model], client: Client) -> None:
    assert client.get(page_url(model, "change", 987654321)).status_code == 404
    assert client.get(page_url(model, "change", "x")).status_code == 404


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_pages_hold_nothing_inline(model: type[Model], client: Client, one_of_each: dict[type[Model], Any]) -> None:
    addresses = [page_url(model, "changelist"), page_url(model, "change", one_of_each[model].pk)]
    if admin_of(model).add_form is not None:
        addresses.append(page_url(model, "add"))
    for verb in admin_of(model).verbs:
        addresses.append(page_url(model, "do", one_of_each[model].pk, verb.name))
    for address in addresses:
        response = client.get(address, follow=True)
        assert response.status_code == 200, address
        assert not read(response).refused, address


@pytest.mark.parametrize("address", ["/admin/", "/admin/login/", "/admin/records/", "/admin/password_change/"])
@pytest.mark.django_db
def test_other_pages_hold_nothing_inline(address: str, client: Client) -> None:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    assert not read(response).refused


@pytest.mark.django_db
def test_pages_carry_a_strict_policy(client: Client) -> None:
    policy = client.get("/admin/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe-inline" not in policy


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.django_db
def test_add_page_exists_only_with_a_service(model: type[Model], client: Client) -> None:
    expected = 200 if admin_of(model).add_form is not None else 302 if model is AuthKey else 403
    assert client.get(page_url(model, "add")).status_code == expected
