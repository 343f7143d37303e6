"""The portal's URLs. In the project's urls: ``path("", include("portal.urls"))``."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from portal.joining import enrol_code, enrol_machine
from portal.people.login import home
from portal.people.welcome import welcome, welcome_password
from portal.site import site

urlpatterns = [
    path("", home, name="home"),
    path("login/", site.login, name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("welcome/", welcome, name="welcome"),
    path("welcome/password/", welcome_password, name="welcome_password"),
    path("account/", include("portal.account.urls")),
    path("enrol/", enrol_code, name="enrol_code"),
    path("enrol/<str:code>", enrol_machine, name="enrol_machine"),
    path("admin/", site.urls),
]
