"""Where every URL of the portal leads."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularSwaggerSplitView

from coordinator.errors import api_not_found
from ghostwire_site.agent_files import install_script, wheel, wheel_list
from ghostwire_site.api_schema import SchemaView
from ghostwire_site.health import health, healthz, readyz

# A page of its own: the package's has inline styles, which the security policy does not allow.
DOCS = {"url_name": "schema", "template_name": "ghostwire_site/api_docs.html"}

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("health", health),
    path("api/v1/schema/", SchemaView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(**DOCS), name="docs"),
    path("api/v1/", include("coordinator.urls")),
    re_path(r"^api/(?P<path>.*)$", api_not_found),
    re_path(r"^agent/(?P<name>install\.(?:py|sh))$", install_script, name="agent-install"),
    path("agent/wheels.json", wheel_list),
    path("agent/wheels/<str:name>", wheel),
    path("", include("portal.urls")),
]

handler400 = "portal.failed.refused"
handler500 = "portal.failed.failed"
