"""Where every URL of the portal leads."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from coordinator.errors import api_not_found
from ghostwire_site.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/v1/", include("coordinator.urls")),
    re_path(r"^api/(?P<path>.*)$", api_not_found),
    path("", include("portal.urls")),
]
