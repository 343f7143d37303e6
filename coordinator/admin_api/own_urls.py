"""What belongs to the caller, at /api/v1/me and below."""

from __future__ import annotations

from django.urls import path

from coordinator.admin_api.views.me import (
    BrowserDetail,
    BrowserList,
    DeviceDetail,
    DeviceExpire,
    DeviceList,
    Me,
    MyTokenDetail,
    MyTokenList,
)

urlpatterns = [
    path("me", Me.as_view()),
    path("me/devices", DeviceList.as_view()),
    path("me/devices/<int:pk>", DeviceDetail.as_view()),
    path("me/devices/<int:pk>/expire", DeviceExpire.as_view()),
    path("me/sessions", BrowserList.as_view()),
    path("me/sessions/<slug:pk>", BrowserDetail.as_view()),
    path("me/api-tokens", MyTokenList.as_view()),
    path("me/api-tokens/<int:pk>", MyTokenDetail.as_view()),
]
