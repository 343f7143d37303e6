"""HuJSON: JSON with comments and trailing commas, read with the place of every value.

Comments are ``// to the end of the line`` and ``/* over lines */``; one comma may stand before a closing bracket. All
else is RFC 8259, read strictly: duplicate keys, unpaired surrogates, NUL, numbers that are not exact and deep nesting
are errors that name line and column.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

from mesh.errors import FieldError, ValidationError

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 15

_SPACE: Final = frozenset(" \t\r\n")
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}
_NUMBER: Final = frozenset("+-.0123456789eE")


class HuJsonError(ValidationError):
    """The text is not HuJSON, or not within its limits, at ``line`` and ``column`` (counted from 1, in characters)."""

    def __init__(self, message: str, line: int, column: int) -> None:
        fault = FieldError("", message, line, column)
        super().__init__(f"line {line}, column {column}: {message}", errors=(fault,))
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Value:
    """A value and the offset it begins at. Arrays hold values, objects members by key."""

    offset: int
    value: Scalar | list[Value] | dict[str, Member]

    def plain(self) -> Any:
        """The same without places, as ``json.loads`` would have it."""
        if isinstance(self.value, dict):
            return {key: member.value.plain() for key, member in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object: the offset of its key, and its value."""

    offset: int
    value: Value


Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Document:
    """A text as read: its root value, and where its lines begin."""

    root: Value
    _starts: tuple[int, ...]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, counted from 1, in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def parse(text: str | bytes) -> Document:
    """Read a text. Raises HuJsonError with line and column for whatever is not strictly allowed."""
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise HuJsonError(f"the document is larger than {MAX_BYTES} bytes", 1, 1)
    return _Parser(decode(text) if isinstance(text, bytes) else text).document()


def decode(raw: bytes) -> str:
    """The text of a document that came as bytes. Raises HuJsonError at the first that is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        raise HuJsonError("this is not UTF-8", before.count("\n") + 1, len(before) - before.rfind("\n")) from None


class _Parser:
    """Recursive descent over ``_text``; the depth limit bounds the recursion."""

    __slots__ = ("_at", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 1 if text.startswith("\ufeff") else 0

    def document(self) -> Document:
        self._skip()
        root = self._value(1)
        self._skip()
        if self._at < len(self._text):
            self._fail("nothing may follow the document's value")
        return Document(root, self._starts())

    def _starts(self) -> tuple[int, ...]:
        text = self._text
        starts = [0]
        position = text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = text.find("\n", position + 1)
        return tuple(starts)

    def _fail(self, message: str, offset: int | None = None) -> NoReturn:
        at = min(self._at if offset is None else offset, len(self._text))
        line = self._text.count("\n", 0, at) + 1
        raise HuJsonError(message, line, at - self._text.rfind("\n", 0, at))

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self) -> None:
        """Pass over white space and comments."""
        text, size = self._text, len(self._text)
        while self._at < size:
            if text[self._at] in _SPACE:
                self._at += 1
            elif text.startswith("//", self._at):
                end = text.find("\n", self._at)
                self._at = size if end < 0 else end + 1
            elif text.startswith("/*", self._at):
                end = text.find("*/", self._at + 2)
                if end < 0:
                    self._fail("this comment never ends")
                self._at = end + 2
            else:
                return

    def _value(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels")
        offset, first = self._at, self._peek()
        if first == "{":
            return Value(offset, self._object(depth))
        if first == "[":
            return Value(offset, self._array(depth))
        if first == '"':
            return Value(offset, self._string())
        if first and first in "-0123456789":
            return Value(offset, self._number())
        for word, meaning in _WORDS.items():
            if self._text.startswith(word, offset):
                self._at += len(word)
                if self._peek().isalnum() or self._peek() == "_":
                    self._fail("this is no JSON value", offset)
                return Value(offset, meaning)
        return self._fail("a value is missing here" if first in ("", "}", "]", ",", ":") else "this is no JSON value")

    def _array(self, depth: int) -> list[Value]:
        self._at += 1
        items: list[Value] = []
        while True:
            self._skip()
            if self._peek() == "]":
                self._at += 1
                return items
            items.append(self._value(depth + 1))
            self._skip()
            if self._peek() == ",":
                self._at += 1
            elif self._peek() != "]":
                self._fail("a comma or ] is missing here")

    def _object(self, depth: int) -> dict[str, Member]:
        self._at += 1
        members: dict[str, Member] = {}
        while True:
            self._skip()
            if self._peek() == "}":
                self._at += 1
                return members
            offset = self._at
            if self._peek() != '"':
                self._fail("a key in double quotes is missing here")
            key = self._string()
            if key in members:
                line = self._text.count("\n", 0, members[key].offset) + 1
                self._fail(f"the key “{key}” is already there, in line {line}", offset)
            self._skip()
            if self._peek() != ":":
                self._fail(f"a colon is missing after the key “{key}”")
            self._at += 1
            self._skip()
            members[key] = Member(offset, self._value(depth + 1))
            self._skip()
            if self._peek() == ",":
                self._at += 1
            elif self._peek() != "}":
                self._fail("a comma or } is missing here")

    def _string(self) -> str:
        start = self._at
        text = self._text
        parts: list[str] = []
        position = start + 1
        while True:
            end = text.find('"', position)
            if end < 0:
                self._fail("this text never ends", start)
            escape = text.find("\\", position, end)
            stop = end if escape < 0 else escape
            parts.append(self._printable(position, stop))
            if escape < 0:
                self._at = end + 1
                break
            character, position = self._escape(escape)
            parts.append(character)
        found = "".join(parts)
        if not found.isascii() and any("\ud800" <= character <= "\udfff" for character in found):
            self._fail("half a surrogate pair stands in this text", start)
        return found

    def _printable(self, start: int, stop: int) -> str:
        part = self._text[start:stop]
        if not part.isprintable():
            for position, character in enumerate(part, start):
                if character < " ":
                    self._fail("control characters must be escaped, and a text ends in its line", position)
        return part

    def _escape(self, at: int) -> tuple[str, int]:
        """The character that the escape at ``at`` stands for, and where the text goes on."""
        kind = self._text[at + 1 : at + 2]
        if kind in _ESCAPES and kind:
            return _ESCAPES[kind], at + 2
        if kind != "u":
            self._fail("there is no such escape", at)
        number = self._code(at)
        if number == 0:
            self._fail("NUL cannot stand in a text", at)
        if 0xD800 <= number <= 0xDBFF and self._text.startswith("\\u", at + 6):
            low = self._code(at + 6)
            if 0xDC00 <= low <= 0xDFFF:
                return chr(0x10000 + ((number - 0xD800) << 10) + (low - 0xDC00)), at + 12
        return chr(number), at + 6

    def _code(self, at: int) -> int:
        digits = self._text[at + 2 : at + 6]
        if len(digits) != 4 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            self._fail("\\u needs four hexadecimal digits", at)
        return int(digits, 16)

    def _number(self) -> int | float:
        start = self._at
        while self._peek() and self._peek() in _NUMBER:
            self._at += 1
        written = self._text[start : self._at]
        if sum(character.isdigit() for character in written) > MAX_DIGITS:
            self._fail(f"a number has at most {MAX_DIGITS} digits", start)
        try:
            number = json.loads(written)
        except ValueError:
            self._fail(f"“{written}” is not a JSON number", start)
        if not isinstance(number, int | float) or number in (float("inf"), float("-inf")):
            self._fail(f"“{written}” is out of range", start)
        return number


WIDTH: Final = 100


def format_value(value: Any, indent: str = "") -> str:
    """Write plain JSON values for people: two spaces a level, short values in one line, keys in the order given."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (indent and len(line) + len(indent) <= WIDTH):
        return line
    deeper = indent + "  "
    if isinstance(value, Mapping):
        items = [f"{json.dumps(key, ensure_ascii=False)}: {format_value(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
    assert isinstance(value, Sequence)
    return "[\n" + ",\n".join(deeper + format_value(item, deeper) for item in value) + f"\n{indent}]"
