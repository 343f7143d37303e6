"""The portal's URLs. In the project's urls: ``path("", include("portal.urls"))``."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from portal.site import site

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", site.urls),
]
