"""The addresses of the account's pages, below /account/."""

from __future__ import annotations

from django.urls import path

from portal.account.devices import device_act, device_page, devices_page
from portal.account.security import security_page
from portal.account.tokens import token_revoke, tokens_page

urlpatterns = [
    path("", devices_page, name="account"),
    path("devices/<int:pk>/", device_page, name="account_device"),
    path("devices/<int:pk>/<slug:name>/", device_act, name="account_device_act"),
    path("tokens/", tokens_page, name="account_tokens"),
    path("tokens/<int:pk>/revoke/", token_revoke, name="account_token_revoke"),
    path("security/", security_page, name="account_security"),
]
