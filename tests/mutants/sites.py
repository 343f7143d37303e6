"""Where a module could be wrong: every fault that its syntax tree has room for, in a fixed order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Final

from tests.mutants.operators import faults

_UNMUTATED: Final = (ast.Raise, ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)
"""Statements and texts whose inside is not changed: what errors say, what only narrows types, what is imported."""

_MESSAGES: Final = frozenset({"FieldError", "_fault", "ValidationError", "cast", "TypeVar"})
_NAMES: Final = frozenset({"__slots__", "__all__"})
_SILENT: Final = frozenset({"__repr__"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: the ``number``-th of its file, in the function ``where`` (empty at the top of the module)."""

    path: str
    number: int
    where: str
    line: int
    last_line: int
    column: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """How reports and the list of survivors know it."""
        return f"`{self.where or 'module'}`: `{self.before}` → `{self.after}`"


class _Walk(ast.NodeTransformer):
    """Visits every place for a fault; makes the ``wanted``-th, or notes them all where none is wanted."""

    def __init__(self, path: str, wanted: int = -1) -> None:
        self.path = path
        self.wanted = wanted
        self.found: list[Mutant] = []
        self.count = 0
        self.names: list[str] = []
        self.in_function = False
        self.lines = (0, 0)

    def visit(self, node: ast.AST) -> ast.AST:
        if _is_for_checkers(node):
            return node
        if isinstance(node, ast.stmt):
            self.lines = (node.lineno, _header_end(node, node.lineno))
        elif isinstance(node, ast.match_case):
            self.lines = (node.pattern.lineno, _header_end(node, node.pattern.lineno))
        for fault in faults(node):
            if self.count == self.wanted:
                self.count += 1
                return ast.copy_location(fault, node)
            if self.wanted < 0:
                self.note(node, fault)
            self.count += 1
        if not _is_unmutated(node):
            self.children(node)
        return node

    def children(self, node: ast.AST) -> None:
        """Visit what stands inside, annotations and decorators excepted."""
        named = isinstance(node, ast.ClassDef | ast.FunctionDef) and not self.in_function
        if isinstance(node, ast.FunctionDef):  # defaults are worked out where the function is defined
            self.visit_field(node.args, "defaults")
            self.visit_field(node.args, "kw_defaults")
        within = self.in_function
        if named:
            self.names.append(node.name)  # type: ignore[attr-defined]
            self.in_function = isinstance(node, ast.FunctionDef)
        for name in _fields(node):
            self.visit_field(node, name)
        if named:
            self.names.pop()
        self.in_function = within

    def visit_field(self, node: ast.AST, name: str) -> None:
        value = getattr(node, name, None)
        if isinstance(value, list):
            value[:] = [self.visit(item) if isinstance(item, ast.AST) else item for item in value]
        elif isinstance(value, ast.AST):
            setattr(node, name, self.visit(value))

    def note(self, node: ast.AST, fault: ast.AST) -> None:
        where = ".".join(self.names) if self.in_function else ""
        shown = [_text(item) for item in (node, fault)]
        column = node.target.col_offset if isinstance(node, ast.comprehension) else getattr(node, "col_offset", 0)
        self.found.append(Mutant(self.path, self.count, where, *self.lines, column, *shown))


def _is_unmutated(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef():
            return node.name in _SILENT
        case ast.Call(func=ast.Name(id=name)):
            return name in _MESSAGES
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in _NAMES
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.ClassDef(bases=[ast.Name(id="StrEnum")]):
            return True
        case _:
            return isinstance(node, _UNMUTATED)


def _fields(node: ast.AST) -> Iterator[str]:
    skipped = {"annotation", "returns", "decorator_list", "args" if isinstance(node, ast.FunctionDef) else "", "bases"}
    return (name for name in node._fields if name not in skipped)


def _is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _header_end(node: ast.stmt | ast.match_case, start: int) -> int:
    """The last line that is the statement's own and not that of the statements in it."""
    body = getattr(node, "body", None)
    end = body[0].lineno - 1 if isinstance(body, list) and body else getattr(node, "end_lineno", start)
    return max(end, start)


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    lines = text.splitlines()
    return lines[0] + (" …" if len(lines) > 1 else "")


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every mutant of the module ``source``, always in the same order."""
    walk = _Walk(path)
    walk.visit(ast.parse(source))
    return walk.found


def mutated(path: str, source: str, number: int) -> CodeType:
    """The module with one fault in it, compiled."""
    tree = ast.parse(source)
    _Walk(path, number).visit(tree)
    code: CodeType = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
    return code
