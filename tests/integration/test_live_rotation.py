"""Real machines: one makes a new key while two of them ping each other, and hardly anybody notices.

These come before ``test_mesh``, at whose end the machines of the story are no more.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from itertools import pairwise
from typing import Final

import pytest

from demo.story import DOMAIN, Story

pytestmark = pytest.mark.timeout(400)
SILENCE: Final = 2.0
INTERVAL: Final = 0.2
PATIENCE: Final = 60.0


class Pings:
    """A ping five times a second, until the lab ends: which answers came, by number."""

    def __init__(self, story: Story, source: str, target: str) -> None:
        self.answered: list[int] = []
        self._process = story.lab.machines[source].start(
            "ping", "-4", "-n", "-i", str(INTERVAL), f"{target}.{DOMAIN}", stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if " bytes from " in line:
                self.answered.append(int(line.split("icmp_seq=")[1].split()[0]))

    @property
    def longest_silence(self) -> float:
        """Seconds between the two answers that lie furthest apart."""
        numbers = sorted(set(self.answered))
        return max(after - before for before, after in pairwise(numbers)) * INTERVAL


def status(story: Story, name: str) -> dict[str, object]:
    said = story.lab.machines[name].run("ghostwire-agent", "status", "--json")
    found: dict[str, object] = json.loads(said.stdout)
    return found


def keys_seen(story: Story, viewer: str) -> dict[str, str]:
    """The keys of a machine's peers, by name."""
    return {peer["name"]: peer["public_key"] for peer in status(story, viewer)["peers"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("source", "target"), [("alpha", "beta"), ("beta", "alpha")])
def test_a_ping_goes_on_while_a_machine_makes_a_new_key(story: Story, source: str, target: str) -> None:
    story.ping_all()
    former = status(story, "alpha")["public_key"]
    pings = Pings(story, source, target)
    deadline = time.monotonic() + PATIENCE
    while len(pings.answered) < 5:
        assert time.monotonic() < deadline, "no ping is answered"
        time.sleep(INTERVAL)
    story._manage("node", "rotate-key", "alpha")
    while (now := status(story, "alpha")["public_key"]) == former or keys_seen(story, target).get("alpha", now) != now:
        assert time.monotonic() < deadline, "the key did not change in time"
    while keys_seen(story, "gamma")["alpha"] != now:
        assert time.monotonic() < deadline, "a peer has not heard of it"
    for machine, other in (("gamma", "alpha"), (source, target)):
        answered_by = time.monotonic() + SILENCE  # a single ping may fall into the silence that there may be
        while not story.pings(machine, other, 4):
            assert time.monotonic() < answered_by, f"{machine} does not reach {other}"
    last = max(pings.answered, default=0)
    while max(pings.answered, default=0) < last + 10:
        assert time.monotonic() < deadline, "the ping does not go on"
        time.sleep(INTERVAL)
    assert pings.longest_silence <= SILENCE
    assert status(story, "alpha")["phase"] == "running"
