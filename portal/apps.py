from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let Django's signals of logins reach the audit trail."""
        from portal.audit import signals  # noqa: F401, PLC0415 - models are there only now
