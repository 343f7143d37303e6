"""What belongs to the caller, below /api/v1/me."""

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
    path("", Me.as_view()),
    path("/devices", DeviceList.as_view()),
    path("/devices/<int:pk>", DeviceDetail.as_view()),
    path("/devices/<int:pk>/expire", DeviceExpire.as_view()),
    path("/sessions", BrowserList.as_view()),
    path("/sessions/<slug:pk>", BrowserDetail.as_view()),
    path("/api-tokens", MyTokenList.as_view()),
    path("/api-tokens/<int:pk>", MyTokenDetail.as_view()),
]
