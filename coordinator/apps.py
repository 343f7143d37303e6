from django.apps import AppConfig


class CoordinatorConfig(AppConfig):
    name = "coordinator"
    verbose_name = "Coordinator"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models can be imported from here on, and judges read them.
        from acl.judges import appoint_judge  # noqa: PLC0415
        from coordinator.policy.activation import NAME, judge  # noqa: PLC0415
        from coordinator.task_health import watch_tasks  # noqa: PLC0415

        appoint_judge(NAME, judge)
        watch_tasks()
