"""What is wrong with a configuration, said so that the person who wrote it finds the place."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. ``where`` is ``ghostwire.yaml, line 7`` or an environment variable; ``key`` is dotted, or empty."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` holds every fault found, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def did_you_mean(word: str, candidates: list[str]) -> str:
    """Give `` (did you mean X?)`` where a candidate is close to ``word``, else nothing."""
    close = get_close_matches(word.lower(), candidates, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def dotted(path: tuple[str | int, ...]) -> str:
    """Spell a path as people write it: ``("network", "relays", 0, "id")`` is ``network.relays[0].id``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
