from django.apps import AppConfig


class CoordinatorConfig(AppConfig):
    name = "coordinator"
    verbose_name = "Coordinator"
    default_auto_field = "django.db.models.BigAutoField"
