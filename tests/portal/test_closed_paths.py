"""No page of the admin can write a row past the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import RequestFactory

from portal.admin.base import DirectWriteError
from sessions_app.models import PortalSession
from tests.portal.pages import admin_of

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
