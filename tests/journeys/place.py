"""A portal that was just started, a browser at a desk, and machines beside it: what a first-time user has.

All of them are machines of a lab, so packets are real, and nothing is left when it ends.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

from demo.lab import Lab, Machine, python
from demo.story import HOME, Story
from tests.portal.browser import ARGUMENTS, WIDE
from tests.services.statics import put_statics

SOON: Final = 60_000
"""Milliseconds within which a page must show what comes about; machines and browser share two busy processors."""
INTERFACE: Final = "ghostwire0"
# Installing the agent takes longer than all else together, and is tested by itself: here it is a script that runs it.
_AGENT: Final = '#!/bin/sh\nPYTHONPATH={home} exec {python} -m agent "$@"\n'


@dataclass
class Asking:
    """``ghostwire-agent up`` at a terminal, which waits until somebody lets the machine in."""

    process: subprocess.Popen[bytes]
    terminal: int
    shown: str = ""

    def read_until(self, pattern: str) -> re.Match[str]:
        """The first place on its screen that fits; reads on until there is one."""
        while (found := re.search(pattern, self.shown)) is None:
            assert select.select([self.terminal], [], [], SOON / 1000)[0], f"{pattern}: not in {self.shown}"
            self.shown += os.read(self.terminal, 65536).decode(errors="replace")
        return found

    def end(self) -> int:
        """Wait for its end and put the terminal away; its exit code."""
        code = self.process.wait(SOON / 1000)
        os.close(self.terminal)
        return code


class Place:
    """The portal, the desk and the machines. ``page`` is a window at the desk, at which nobody is logged in."""

    def __init__(self, lab: Lab, story: Story, page: Page, complaints: list[str]) -> None:
        self.lab = lab
        self.story = story
        self.page = page
        self.complaints = complaints

    def go(self, path: str) -> Page:
        """Open a page of the portal."""
        self.page.goto(self.story.url + path)
        return self.page

    @property
    def password(self) -> str:
        """The first owner's, as the portal printed it at its first start."""
        log = (self.story.data.parent / "portal.log").read_text(errors="replace")
        found = re.search(r"Password: +(\S+)", log)
        assert found is not None, log
        return found[1]

    def machine(self, name: str) -> Machine:
        """The machine of that name, made if there is none."""
        if name not in self.lab.machines:
            machine = self.lab.add(name)
            script = _AGENT.format(home=shlex.quote(str(HOME)), python=shlex.quote(python()))
            machine.run("sh", "-c", "cat >/usr/local/bin/ghostwire-agent && chmod +x /usr/local/bin/*", given=script)
        return self.lab.machines[name]

    def run_line(self, name: str, line: str, *, is_let_in: bool = True) -> None:
        """Run on a machine what a page says to run there: its installer is the portal's, its words go to the agent."""
        machine = self.machine(name)
        fetch, quote, words = line.partition('.read())"')
        assert quote
        served = machine.run("sh", "-c", fetch.replace("exec(", "print(") + '.read().decode())"').stdout
        known = (HOME / "agent" / "install" / "install.py").read_text(encoding="utf-8")
        assert served.strip() == known.replace("__GHOSTWIRE_SERVER__", self.story.url).strip()
        done = machine.run("ghostwire-agent", *shlex.split(words), "--server", self.story.url, check=is_let_in)
        assert ("is up on" in done.stdout) is is_let_in, done.stdout + done.stderr

    def ask_to_join(self, name: str) -> Asking:
        """``ghostwire-agent up`` without a key, at a terminal of the machine."""
        terminal, end = pty.openpty()
        words = ("ghostwire-agent", "up", "--server", self.story.url, "--insecure-http")
        process = self.machine(name).start(*words, stdin=end, stdout=end, stderr=end)
        os.close(end)
        return Asking(process, terminal)

    def peers(self, name: str) -> set[str]:
        """The public keys that a machine's WireGuard has."""
        return set(self.machine(name).run("wg", "show", INTERFACE, "peers").stdout.split())

    def key(self, name: str) -> str:
        """A machine's own public key."""
        return self.machine(name).run("wg", "show", INTERFACE, "public-key").stdout.strip()

    def status(self, name: str) -> dict[str, Any]:
        """What a machine's agent says of itself."""
        said = self.machine(name).run("ghostwire-agent", "status", "--json", check=False).stdout
        status: dict[str, Any] = json.loads(said)
        return status

    def pings(self, source: str, target: str) -> bool:
        """Whether one packet goes and comes back."""
        return self.story.pings(source, target, 4)

    def until(self, true: Callable[[], Any], what: str, *, seconds: float = SOON / 1000) -> None:
        """Wait for what machines bring about."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            time.sleep(0.05)


@contextmanager
def furnished(folder: Path) -> Iterator[Place]:
    """The portal is started with an empty network, and a browser is open at the desk."""
    data = folder / "data"
    with Lab() as lab:
        put_statics(data)
        desk = lab.add("desk")  # First, so that its network has settled when the browser starts.
        story = Story(lab, data, lambda text: None)
        story.start_portal()
        with _browser(desk, folder) as (page, complaints):
            yield Place(lab, story, page, complaints)


@contextmanager
def _browser(desk: Machine, folder: Path) -> Iterator[tuple[Page, list[str]]]:
    """A window of a browser that has the desk's network."""
    program = folder / "browser"
    enter = shlex.join(["nsenter", "--target", str(desk.pid), "--net", "--", "/usr/bin/chromium"])
    program.write_text(f'#!/bin/sh\nexec {enter} "$@"\n', encoding="ascii")
    program.chmod(0o755)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
        context.set_default_timeout(SOON)
        context.on("page", lambda page: _listen(page, complaints))
        try:
            yield context.new_page(), complaints
        finally:
            browser.close()


def _listen(page: Page, complaints: list[str]) -> None:
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
