"""The REST API, below /api/v1/."""

from __future__ import annotations

from django.urls import include, path

from coordinator.views.enrolment import ChallengeView, EnrolmentView, RegisterView, SessionView
from coordinator.views.node import EndpointsView, HeartbeatView, NetmapView, OwnNodeView, RoutesView, ServerView
from coordinator.views.rotation import RotateKeyView

urlpatterns = [
    path("server", ServerView.as_view()),
    path("nodes/challenge", ChallengeView.as_view()),
    path("nodes/register", RegisterView.as_view()),
    path("enrolments/<str:code>", EnrolmentView.as_view()),
    path("session", SessionView.as_view()),
    path("heartbeat", HeartbeatView.as_view()),
    path("netmap", NetmapView.as_view()),
    path("endpoints", EndpointsView.as_view()),
    path("routes", RoutesView.as_view()),
    path("key/rotate", RotateKeyView.as_view()),
    path("nodes/self", OwnNodeView.as_view()),
    path("", include("coordinator.admin_api.own_urls")),
    path("admin/", include("coordinator.admin_api.urls")),
]
