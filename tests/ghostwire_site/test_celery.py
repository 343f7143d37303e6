from __future__ import annotations

from datetime import timedelta

from ghostwire_site.celery import app, configuration, timetable


def test_tasks_go_through_redis_where_there_is_one_and_through_memory_elsewhere() -> None:
    assert configuration("redis://r:6379/0")["broker_url"] == "redis://r:6379/0"
    assert configuration(None)["broker_url"] == "memory://"


def test_every_entry_of_the_timetable_names_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    entries = timetable()

    assert entries
    assert {entry["task"] for entry in entries.values()} <= set(app.tasks)


def test_a_run_that_comes_too_late_is_dropped() -> None:
    for entry in timetable().values():
        assert isinstance(entry["schedule"], timedelta)
        assert entry["options"] == {"expires": entry["schedule"].total_seconds()}


def test_the_application_runs_by_the_timetable() -> None:
    app.finalize()

    assert app.conf.beat_schedule == timetable()
