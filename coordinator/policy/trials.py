"""For the workers' timers: policies on trial that nobody confirmed in time."""

from __future__ import annotations

from datetime import datetime

from acl.selectors.trials import due_trials
from acl.services.trials import revert_due_trial
from mesh.errors import NotFoundError

__all__ = ["revert_due_trials"]


def revert_due_trials(now: datetime) -> None:
    """Reverts what is due in all networks: one indexed query where nothing is, for a poll.

    One that fails holds up no other; the first error is raised at the end.
    """
    errors: list[Exception] = []
    for network_id in due_trials(now):
        try:
            revert_due_trial(network_id=network_id, now=now)
        except NotFoundError:
            continue  # gone since the query
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]
