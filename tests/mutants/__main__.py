"""Put every fault into the policy engine, one at a time, and say which of them the tests do not notice.

    python -m tests.mutants [--sample N] [--seconds N] [--jobs N] [FILE...]

Verdicts are kept in ``.mutants``, so that a run goes on where the last one stopped. Exits with 1 where less than 90 %
are noticed, or where a survivor is not listed with its reason in ``docs/mutants.md``.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
from argparse import ArgumentParser
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from tests.mutants.record import Record, Verdict, digest, unlisted
from tests.mutants.running import ROOT, collect, exchange, first_failure, functions, in_forks, replace_module, traced
from tests.mutants.sites import Mutant, mutants_of, mutated

ENGINE = ("mesh/compile", "mesh/policy")
TESTS = ("tests/mesh/compile", "tests/mesh/policy", "tests/mesh/explain")
OTHERS = "tests/mesh/explain/"
"""Tests of another room: they count for what the engine's own tests do not reach."""

FOLDER = ROOT / ".mutants"
LIST = ROOT / "docs" / "mutants.md"
NEEDED = 0.9
FOREVER = math.inf
EXAMPLES = int(os.environ.get("GHOSTWIRE_POLICY_EXAMPLES", "25"))
"""Examples of each property test: fewer than the suite has, so that a first run costs less. A second run with more of
them (``GHOSTWIRE_POLICY_EXAMPLES=120``) tries only the survivors of the first."""

Reached = dict[str, tuple[float, dict[str, list[int]], str]]
Item = Any


def main() -> int:
    parser = ArgumentParser(prog="make mutants")
    parser.add_argument("files", nargs="*", help="modules or folders; the whole engine where none is named")
    parser.add_argument(
        "--sample", type=int, default=0, help="only so many of the mutants, chosen at random but always the same"
    )
    parser.add_argument(
        "--seconds", type=float, default=FOREVER, help="give up on a mutant after tests that take so many seconds"
    )
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    os.chdir(ROOT)
    _steady()
    run = Run(_modules(options.files or ENGINE), options.sample, options.jobs, options.seconds)
    run.go()
    return run.report()


def _steady() -> None:
    """The same examples every time, and no time lost on making failures small."""
    os.environ |= {
        "GHOSTWIRE_POLICY_EXAMPLES": str(EXAMPLES),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    settings.register_profile(
        "mutants",
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")


def _modules(names: list[str] | tuple[str, ...]) -> list[str]:
    found: list[Path] = []
    for name in names:
        path = Path(name)
        found.extend(sorted(path.rglob("*.py")) if path.is_dir() else [path])
    return [str(path) for path in found]


def _digests() -> dict[str, str]:
    """Of each file of tests; what they share counts as part of every one."""
    files = sorted(path for folder in TESTS for path in Path(folder).rglob("*.py"))
    shared = [path.read_bytes() for path in files if not path.name.startswith("test_")]
    return {str(path): digest(path.read_bytes(), *shared) for path in files if path.name.startswith("test_")}


class Run:
    """One run over some modules."""

    def __init__(self, modules: list[str], sample: int, jobs: int, seconds: float) -> None:
        self.jobs = jobs
        self.seconds = seconds
        self.record = Record(FOLDER)
        self.tests = _digests()
        self.sources = {path: Path(path).read_text() for path in modules}
        self.digests = {path: digest(text.encode()) for path, text in self.sources.items()}
        self.mutants = [mutant for path, text in self.sources.items() for mutant in mutants_of(path, text)]
        if sample and sample < len(self.mutants):
            self.mutants = random.Random(0).sample(self.mutants, sample)
        self.reached: Reached = {}
        self.noticed: Counter[tuple[str, ...]] = Counter()
        self.variants: Counter[str] = Counter()
        for mutant in self.mutants:
            verdict = self.settled(mutant)
            if verdict is not None and verdict.by:
                self.remember(mutant, verdict.by)
        self.done = 0

    def go(self) -> None:
        """Find a verdict for every mutant that has none that still counts."""
        waiting = [mutant for mutant in self.mutants if self.settled(mutant) is None]
        if not waiting:
            return
        self.in_process(TESTS, self.measure)
        self.reached = json.loads((FOLDER / "reached.json").read_text())
        self.variants = Counter(name.partition("[")[0] for name in self.reached)
        inner, outer = [item for item in waiting if item.where], [item for item in waiting if not item.where]
        self.say(f"{len(waiting)} of {len(self.mutants)} mutants to run, {len(outer)} of them at the top of a module")
        if inner:
            self.in_process(TESTS, partial(self.exchange_all, inner))
            self.record = Record(FOLDER)
        works = ((mutant, partial(self.import_anew, mutant)) for mutant in outer)
        for mutant, by, ended in in_forks(works, self.jobs):
            self.judge(mutant, by, ended)

    def settled(self, mutant: Mutant) -> Verdict | None:
        """The verdict that still counts: of a survivor, one that no newer test could change."""
        verdict = self.record.known(mutant, self.digests[mutant.path], self.tests)
        if verdict is None or verdict.killed:
            return verdict
        return verdict if verdict.passed == self.tests and verdict.passed_as_much(self.seconds, EXAMPLES) else None

    def in_process(self, tests: tuple[str, ...], work: Callable[[list[Item]], None]) -> None:
        """Collect ``tests`` in a process of its own, as this one must stay without the engine, and do ``work``."""
        child = os.fork()
        if not child:
            os._exit(collect(tests, work))
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit("the tests do not pass as they are, or cannot be collected")

    def measure(self, items: list[Item]) -> None:
        """Find out which lines each test reaches, and how long it takes."""
        path = FOLDER / "reached.json"
        engine = digest(str(EXAMPLES).encode(), *(Path(name).read_bytes() for name in _modules(ENGINE)))
        states = {item.nodeid: engine + self.tests[_file(item.nodeid)] for item in items}
        before = json.loads(path.read_text()) if path.exists() else {}
        found = {name: before[name] for name, state in states.items() if name in before and before[name][2] == state}
        waiting = [item for item in items if item.nodeid not in found]
        if waiting:
            self.say(f"finding out what {len(waiting)} tests reach")
        folders = tuple(str(ROOT / name) for name in ENGINE)
        works = ((item.nodeid, partial(_traced, item, folders)) for item in waiting)
        for name, text, ended in in_forks(works, self.jobs):
            if not ended:
                raise AssertionError(f"{name} fails without any mutant")
            found[name] = [*json.loads(text), states[name]]
        path.write_text(json.dumps(found))

    def about(self, mutant: Mutant) -> list[str]:
        """The tests that could notice, the quickest first. Of those that a survivor passed before, none."""
        verdict = self.record.known(mutant, self.digests[mutant.path], self.tests)
        passed = verdict.passed if verdict is not None and verdict.passed_as_much(self.seconds, EXAMPLES) else {}
        lines = range(mutant.line, mutant.last_line + 1)
        names = [
            name
            for name, (_, reached, _) in self.reached.items()
            if mutant.path in reached
            and (not mutant.where or not set(lines).isdisjoint(reached[mutant.path]))
            and passed.get(_file(name)) != self.tests[_file(name)]
        ]
        if not mutant.where:  # of a constant no line runs in a test that looks at it alone
            own = f"test_{Path(mutant.path).stem}"
            names += [name for name in self.reached if Path(_file(name)).stem == own and name not in names]
        names = [name for name in names if not name.startswith(OTHERS)] or names
        names.sort(key=lambda name: self.worth(mutant, name), reverse=True)
        spent = [*accumulate(self.reached[name][0] for name in names)]
        return names[: bisect_right(spent, self.seconds) + 1]

    def worth(self, mutant: Mutant, name: str) -> float:
        """What a test promises for its time: first those that noticed neighbours, or are about little else."""
        kills = self.noticed[mutant.path, name] + 5 * self.noticed[mutant.path, mutant.where, name]
        spent, reached, _ = self.reached[name]
        narrow = 100 / (50 + sum(map(len, reached.values()))) / self.variants[name.partition("[")[0]]
        return (narrow + kills) / (0.02 + spent)

    def exchange_all(self, mutants: list[Mutant], items: list[Item]) -> None:
        """Try mutants inside functions."""
        by_name = {item.nodeid: item for item in items}
        known = functions()
        for mutant, by, ended in in_forks(self.exchanges(mutants, by_name, known), self.jobs):
            self.judge(mutant, by, ended)

    def exchanges(self, mutants: list[Mutant], items: dict[str, Item], known: Any) -> Iterator[tuple[Mutant, Any]]:
        for mutant in mutants:
            chosen = [items[name] for name in self.about(mutant)]
            yield mutant, partial(self.exchanged, mutant, known[mutant.path, mutant.where], chosen)

    def exchanged(self, mutant: Mutant, targets: Any, items: list[Item]) -> str:
        exchange(targets, mutated(str(ROOT / mutant.path), self.sources[mutant.path], mutant.number), mutant.where)
        return first_failure(items, {item.nodeid: self.reached[item.nodeid][0] for item in items})

    def import_anew(self, mutant: Mutant) -> str:
        """Try a mutant at the top of a module."""
        names = self.about(mutant)
        failed = [""]

        def work(items: list[Item]) -> None:
            by_name = {item.nodeid: item for item in items}
            if missing := [name for name in names if name not in by_name]:
                failed[0] = missing[0]
            else:
                failed[0] = first_failure(
                    [by_name[name] for name in names], {name: self.reached[name][0] for name in names}
                )

        if not names:
            return ""
        replace_module(mutant.path, mutated(str(ROOT / mutant.path), self.sources[mutant.path], mutant.number))
        code = collect(sorted({_file(name) for name in names}), work)
        return failed[0] or (names[0] if code else "")

    def judge(self, mutant: Mutant, by: str, ended: bool) -> None:
        """Note what became of a mutant; one that broke its process, or would not end, has been noticed."""
        verdict = Verdict(self.digests[mutant.path], bool(by) or not ended)
        if by:
            self.remember(mutant, by)
            verdict.by, verdict.by_digest = by, self.tests[_file(by)]
        if not verdict.killed:
            verdict.passed, verdict.seconds, verdict.examples = self.tests, self.seconds, EXAMPLES
            self.say(f"survives: {mutant.path}:{mutant.line} {mutant.name}")
        self.record.note(mutant, verdict)
        self.done += 1
        if self.done % 100 == 0:
            self.say(f"{self.done} done, {time.process_time():.0f} s")

    def remember(self, mutant: Mutant, by: str) -> None:
        """Let tests that noticed something come first when it is about the same function or file."""
        self.noticed.update([(mutant.path, by), (mutant.path, mutant.where, by)])

    def report(self) -> int:
        """Say what came of it; 1 where that is not enough."""
        verdicts = {mutant: self.settled(mutant) for mutant in self.mutants}
        survivors = [mutant for mutant, verdict in verdicts.items() if verdict is None or not verdict.killed]
        for path in self.sources:
            here = [mutant for mutant in self.mutants if mutant.path == path]
            alive = sum(mutant.path == path for mutant in survivors)
            if here:
                self.say(f"{path:40} {len(here) - alive:5} of {len(here):5} noticed")
        share = 1 - len(survivors) / len(self.mutants) if self.mutants else 1.0
        self.say(f"{len(self.mutants) - len(survivors)} of {len(self.mutants)} mutants noticed: {share:.1%}")
        without = unlisted(survivors, LIST)
        for mutant in without:
            self.say(f"no reason given: {mutant.path}:{mutant.line} {mutant.name}")
        return int(share < NEEDED or bool(without))

    @staticmethod
    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _traced(item: Item, folders: tuple[str, ...]) -> str:
    return json.dumps(traced(item, folders))


def _file(name: str) -> str:
    return name.partition("::")[0]


if __name__ == "__main__":
    sys.exit(main())
