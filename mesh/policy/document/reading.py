"""Walking a document with its places: what is wrong is collected, each fault with line, column and path."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from mesh.errors import FieldError, ValidationError
from mesh.hujson import Document, Value

T = TypeVar("T")
P = ParamSpec("P")
MAX_PROBLEMS: Final = 100


class Problem(NamedTuple):
    """One fault: where it stands, the path of the value (``acls.0.dst.1``), and what is wrong."""

    line: int
    column: int
    path: str
    message: str


class PolicyDocumentError(ValidationError):
    """The document is refused and nothing changes. ``problems`` are in the order of the text."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        faults = tuple(FieldError(item.path, item.message, item.line, item.column) for item in problems)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"line {first.line}, column {first.column}: {first.message}{more}", errors=faults)
        self.problems = problems
        self.line = first.line
        self.column = first.column


@dataclass(slots=True)
class Faults:
    """The faults found so far in one document."""

    document: Document
    found: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, offset: int, path: str, message: str) -> None:
        """Note a fault, once however often the value is read."""
        problem = Problem(*self.document.place(offset), path, message)
        if len(self.found) < MAX_PROBLEMS and problem not in self.found:
            self.found.append(problem)

    def warn(self, offset: int, message: str) -> None:
        """Note something that changes nothing, but that people should know."""
        line, column = self.document.place(offset)
        self.warnings.append(f"line {line}, column {column}: {message}")

    def close(self) -> None:
        """Raise what was found, if anything was."""
        if self.found:
            raise PolicyDocumentError(tuple(sorted(self.found)))


@dataclass(frozen=True, slots=True)
class At:
    """A value at its path. Reading one that is of another kind notes a fault and gives nothing."""

    value: Value
    path: str
    faults: Faults

    def fault(self, message: str) -> None:
        """Note that this value is wrong."""
        self.faults.add(self.value.offset, self.path, message)

    def attempt(self, read: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T | None:
        """What ``read`` gives for the arguments; its ValidationError becomes a fault here."""
        try:
            return read(*arguments, **more)
        except ValidationError as error:
            self.fault(error.detail)
            return None

    def text(self) -> str | None:
        """The text that stands here."""
        if isinstance(self.value.value, str):
            return self.value.value
        self.fault("a text is needed here")
        return None

    def scalar(self) -> str | int | float | bool | None:
        """The text, number or truth value that stands here."""
        if isinstance(self.value.value, str | int | float | bool):
            return self.value.value
        self.fault("a text, a number, true or false is needed here")
        return None

    def items(self) -> list[At]:
        """The items of the list that stands here."""
        if isinstance(self.value.value, list):
            return [At(item, f"{self.path}.{index}", self.faults) for index, item in enumerate(self.value.value)]
        self.fault("a list is needed here")
        return []

    def texts(self) -> list[tuple[At, str]]:
        """The texts of the list that stands here, with their places."""
        return [(item, text) for item in self.items() if (text := item.text()) is not None]

    def entries(self) -> Iterator[tuple[str, At, int]]:
        """The members of the object that stands here: key, value, and offset of the key."""
        if not isinstance(self.value.value, dict):
            self.fault("an object is needed here")
            return
        for key, member in self.value.value.items():
            yield key, At(member.value, f"{self.path}.{key}" if self.path else key, self.faults), member.offset

    def members(self, known: Collection[str], unsupported: Mapping[str, str] | None = None) -> dict[str, At]:
        """The members of the object that stands here, by their proper names.

        Keys are read whatever their case, as other readers of this format do; a key that is not ``known`` is a fault
        that names it, and one in ``unsupported`` says that it is known but not to be had here.
        """
        proper = {name.lower(): name for name in known}
        refused = {name.lower(): hint for name, hint in (unsupported or {}).items()}
        found: dict[str, At] = {}
        for key, at, offset in self.entries():
            name = proper.get(key.lower())
            if name is None:
                self.faults.add(offset, at.path, _unknown(key, known, refused.get(key.lower())))
            elif name in found:
                self.faults.add(offset, at.path, f"“{key}” is already there as another spelling of {name}")
            else:
                found[name] = at
        return found

    def plain(self) -> Any:
        """The value without places."""
        return self.value.plain()


def _unknown(key: str, known: Collection[str], hint: str | None) -> str:
    if hint is not None:
        return f"“{key}” belongs to this format but is not supported here{hint and ': '}{hint}"
    close = get_close_matches(key, known, n=1)
    return f"unknown key “{key}”; did you mean {close[0]}?" if close else f"unknown key “{key}”"
