"""What is known of mutants from runs before, and which survivors are known to be no faults at all."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.mutants.sites import Mutant

_ENTRY = re.compile(r"^- (`.+?`: `.+` → `.+?`) — \S")


def digest(*parts: bytes) -> str:
    """A short hash."""
    return sha256(b"\0".join(parts)).hexdigest()[:16]


@dataclass(slots=True)
class Verdict:
    """What became of a mutant: ``by`` is the test that noticed it, with the digest of its file; ``passed`` are the
    files, with their digests, of tests that did not, in as many seconds and with as many examples as were given."""

    source: str
    killed: bool
    by: str = ""
    by_digest: str = ""
    passed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    examples: int = 0

    def passed_as_much(self, seconds: float, examples: int) -> bool:
        """Whether the tests were given at least so much."""
        return self.seconds >= seconds and self.examples >= examples


class Record:
    """Verdicts by mutant, kept in a folder that no repository holds."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / "verdicts.jsonl"
        self.verdicts: dict[str, Verdict] = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                key, value = json.loads(line)
                self.verdicts[key] = Verdict(**value)

    def known(self, mutant: Mutant, source: str, tests: dict[str, str]) -> Verdict | None:
        """The verdict of a run before, if it still counts: the module is the same, and so is the test that noticed."""
        verdict = self.verdicts.get(_key(mutant))
        if verdict is None or verdict.source != source:
            return None
        if verdict.killed and tests.get(verdict.by.partition("::")[0], "") != verdict.by_digest:
            return None
        return verdict

    def note(self, mutant: Mutant, verdict: Verdict) -> None:
        """Keep a verdict, at once."""
        self.verdicts[_key(mutant)] = verdict
        with self.path.open("a") as file:
            file.write(json.dumps([_key(mutant), asdict(verdict)]) + "\n")


def _key(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line}:{mutant.column} {mutant.name}"


def listed(document: Path) -> Counter[str]:
    """The survivors that ``document`` lists with a reason, under a heading for each file: ``PATH NAME``, counted."""
    found: Counter[str] = Counter()
    path = ""
    for line in document.read_text().splitlines() if document.exists() else ():
        if line.startswith("#"):
            path = line.lstrip("# ").strip("`")
        elif entry := _ENTRY.match(line):
            found[f"{path} {entry[1]}"] += 1
    return found


def unlisted(survivors: Iterable[Mutant], document: Path) -> list[Mutant]:
    """The survivors that nobody has given a reason for."""
    left = listed(document)
    found = []
    for mutant in survivors:
        name = f"{mutant.path} {mutant.name}"
        if left[name] > 0:
            left[name] -= 1
        else:
            found.append(mutant)
    return found
