"""Rounds of questions to relay servers: who is due is asked, and what came of it is written down."""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from mesh.errors import NotFoundError
from mesh.relay_health import Answer, ways_of
from nodes.periodic import for_each
from nodes.relay_probe import Probe
from nodes.services.relay_health import Asked, note_relay_answers, servers_to_ask

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(seconds=30)


def trusting_as_this_machine() -> Probe:
    """Asks as agents would, with the certificates that this machine trusts."""
    return Probe(tls=ssl.create_default_context())


def check_relays(*, make_probe: Callable[[], Probe], clock: Callable[[], datetime]) -> int:
    """Asks the servers of all networks that are due; returns how many died or came back.

    Where nobody answers it is the portal that is cut off: nobody dies of it.
    """
    asked = servers_to_ask(now=clock(), every=EVERY)
    if not asked:
        return 0
    answers = make_probe().ask(item.where for item in asked)
    ways = ways_of(answers.values())
    if not ways.tls and not ways.stun:
        log.warning("relays.none_answers", asked=len(answers))
    by_network: dict[int, dict[Asked, Answer]] = defaultdict(dict)
    for item in asked:
        by_network[item.network_id][item] = answers[item.where]
    now = clock()

    def note(network_id: int) -> int:
        try:
            return note_relay_answers(
                network_id=network_id, answers=by_network[network_id], ways=ways, now=now, every=EVERY
            )
        except NotFoundError:
            return 0  # deleted meanwhile

    return for_each(sorted(by_network), note)
