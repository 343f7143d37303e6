from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.task_health import TaskHealth, TaskState


class TaskOut(serializers.Serializer[Any]):
    """A periodic task and its last run. `silent`: it is overdue; `failed`: its last run did."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in TaskState])
    every_seconds = serializers.FloatField()
    last_began = serializers.DateTimeField(allow_null=True)
    last_seconds = serializers.FloatField(allow_null=True)
    lag_seconds = serializers.FloatField(allow_null=True, help_text="How late the last run began.")
    did = serializers.IntegerField(allow_null=True, help_text="How much the last run did.")
    error = serializers.CharField(allow_null=True, help_text="What the last run failed with.")

    class Meta:
        ref_name = "Task"


class NetworkStatus(serializers.Serializer[Any]):
    """A network in numbers. `online` is as peers were last told."""

    name = serializers.CharField()
    map_version = serializers.IntegerField()
    policy_version = serializers.IntegerField()
    nodes = serializers.IntegerField()
    online = serializers.IntegerField()


class StatusOut(serializers.Serializer[Any]):
    """How the portal does. `degraded`: a task is overdue or failed, or the store of their runs does not answer."""

    state = serializers.ChoiceField(choices=["ok", "degraded"])
    version = serializers.CharField()
    server_time = serializers.DateTimeField()
    networks = NetworkStatus(many=True)
    tasks = TaskOut(many=True, allow_null=True, help_text="null: nobody can tell.")

    class Meta:
        ref_name = "Status"


def describe_task(task: TaskHealth) -> dict[str, Any]:
    """A task as ``TaskOut`` takes it."""
    run = task.run
    return {
        "name": task.task,
        "state": task.state,
        "every_seconds": task.every.total_seconds(),
        "last_began": None if run is None else run.began,
        "last_seconds": None if run is None else run.seconds,
        "lag_seconds": None if run is None else run.lag_seconds,
        "did": None if run is None else run.did,
        "error": None if run is None or not run.error else run.error,
    }
