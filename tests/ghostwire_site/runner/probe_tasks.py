"""A process that runs periodic tasks as the product does; the tests beside it read what it writes.

Usage: python -m tests.ghostwire_site.runner.probe_tasks SCENARIO. A process of its own for each, because Celery keeps
the tasks of a process's first worker in a global.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import timedelta

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from celery import Celery  # noqa: E402

from ghostwire_site.celery import configuration  # noqa: E402
from ghostwire_site.runner.background import BackgroundTasks  # noqa: E402

app = Celery("probe", fixups=[])
app.conf.update(configuration(None))
app.conf.beat_schedule = {"probe": {"task": "probe", "schedule": timedelta(seconds=0.2)}}
twice = threading.Semaphore(0)
began, go_on = threading.Event(), threading.Event()
scenario = sys.argv[1]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@app.task(name="probe")
def probe() -> None:
    twice.release()
    if scenario == "under-way":
        began.set()
        go_on.wait(20)
        say("finished")
    if scenario == "fails":
        raise RuntimeError("as meant")


def fail() -> None:
    raise RuntimeError("as meant")


def wait_for_two_runs() -> None:
    assert twice.acquire(timeout=20)
    assert twice.acquire(timeout=20)
    say("ran twice")


def main() -> None:
    failed = threading.Event()
    tasks = BackgroundTasks(app, on_failure=failed.set)
    if scenario == "beat-dies":
        setattr(tasks._beat.scheduler, "tick", fail)  # noqa: B010 - a method is not to be assigned
    tasks.start()
    if scenario == "beat-dies":
        assert failed.wait(20)
        say("told of the failure")
    elif scenario == "under-way":
        assert began.wait(20)
        stopping = threading.Thread(target=tasks.stop)
        stopping.start()
        go_on.set()
        stopping.join(30)
        say("stopped" if not stopping.is_alive() else "still stopping")
        return
    else:
        wait_for_two_runs()
    tasks.stop()
    while twice.acquire(blocking=False):
        pass
    say("runs again" if twice.acquire(timeout=0.6) else "quiet")
    say("failed" if failed.is_set() and scenario != "beat-dies" else "ended as meant")


if __name__ == "__main__":
    main()
