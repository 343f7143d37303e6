"""The portal's URLs. In the project's urls: ``path("", include("portal.urls"))``."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from portal.joining import PersonLogin, enrol_code, enrol_machine
from portal.site import site

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("login/", PersonLogin.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("enrol/", enrol_code, name="enrol_code"),
    path("enrol/<str:code>", enrol_machine, name="enrol_machine"),
    path("admin/", site.urls),
]
