"""WebSocket routes."""

from __future__ import annotations

from django.urls import path

from coordinator.agent_socket import agent_socket

websocket_urlpatterns = [path("ws/v1/agent", agent_socket)]
