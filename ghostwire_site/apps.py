from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The top floor as an app: it brings management commands and the templates of the API's documentation."""

    name = "ghostwire_site"
    verbose_name = "GhostWire"
