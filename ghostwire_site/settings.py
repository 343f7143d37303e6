"""Django's settings. What an operator may choose comes from the configuration file (``ghostwire_site.config``)."""

from __future__ import annotations

from ghostwire_site import __version__, csp
from ghostwire_site.config import load
from ghostwire_site.config.model import HOME
from ghostwire_site.databases import database_settings
from ghostwire_site.logs import configure_structlog, logging_settings
from ghostwire_site.secrets import load_secrets
from ghostwire_site.shared_memory import cache_settings, channel_layer_settings
from ghostwire_site.web import allowed_hosts, cookie_name

BASE_DIR = HOME
GHOSTWIRE = load().config
GHOSTWIRE_VERSION = __version__
GHOSTWIRE_SECRETS = load_secrets(GHOSTWIRE.server.data_dir)

SECRET_KEY, *SECRET_KEY_FALLBACKS = GHOSTWIRE_SECRETS.django_keys
DEBUG = False
ALLOWED_HOSTS = allowed_hosts(GHOSTWIRE.public_urls)
CSRF_TRUSTED_ORIGINS = list(GHOSTWIRE.public_urls)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "csp",
    "nodes",
    "acl",
    "sessions_app",
    "coordinator",
    "portal",
    "ghostwire_site",
]

MIDDLEWARE = [
    "ghostwire_site.measured.NoteRoute",
    "django.middleware.security.SecurityMiddleware",
    "ghostwire_site.csp.AdminAwareCSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    # In front of what refuses forged forms, so that it sees them refused.
    "portal.audit.middleware.NoteDenials",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "ghostwire_site.urls"
ASGI_APPLICATION = "ghostwire_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Data

DATABASES = {"default": database_settings(GHOSTWIRE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = cache_settings(GHOSTWIRE)
CHANNEL_LAYERS = channel_layer_settings(GHOSTWIRE)

# --- People

AUTH_USER_MODEL = "sessions_app.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
LOGIN_URL = "login"
SESSION_ENGINE = "sessions_app.session_engine"
CSRF_FAILURE_VIEW = "portal.audit.forged.forged_form"

# --- What browsers are told

CONTENT_SECURITY_POLICY = csp.POLICY
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Over plain http browsers pass over it, and complain on each page.
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin" if GHOSTWIRE.https else None
X_FRAME_OPTIONS = "DENY"
# Cookies stay usable on a LAN address over plain http; they are Secure and bound to this host where there is https.
SESSION_COOKIE_NAME = cookie_name("sessionid", https=GHOSTWIRE.https)
CSRF_COOKIE_NAME = cookie_name("csrftoken", https=GHOSTWIRE.https)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = GHOSTWIRE.https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = GHOSTWIRE.https
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^health$"]
SECURE_HSTS_SECONDS = 365 * 86400 if GHOSTWIRE.https else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: this server cannot speak for its siblings
    "security.W021",  # HSTS preload: for the owner of the domain to decide
]

# --- Requests

DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# --- Language and time

LANGUAGE_CODE = "en-us"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

# --- Files of the pages

STATIC_URL = "/static/"
# Collected when the server starts (ghostwire_site.runner.statics), where it may write.
STATIC_ROOT = GHOSTWIRE.server.data_dir / "static"
STATIC_ROOT.mkdir(mode=0o700, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "ghostwire_site.static_files.HashedStaticFiles"},
}

# --- API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "coordinator.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "coordinator.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    # Client addresses are settled in front of Django (ghostwire_site.edge.proxies).
    "NUM_PROXIES": 0,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "GhostWire",
    "DESCRIPTION": "The coordination server of a WireGuard mesh: what agents and programs may ask of it.",
    "VERSION": GHOSTWIRE_VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # Choices stand where they are used: names made up for them would change with every call that comes.
    "POSTPROCESSING_HOOKS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Without the badge that asks a server elsewhere whether the description is valid.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
}

# --- Logging

LOGGING = logging_settings(GHOSTWIRE.logging.level, GHOSTWIRE.logging.format)
configure_structlog()
