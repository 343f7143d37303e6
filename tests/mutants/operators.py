"""What may be wrong with a piece of code: for each node of a syntax tree, the faults that could stand in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy
from typing import Final

COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMBINED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitOr,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
FUNCTIONS: Final = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "bisect_left": "bisect_right",
    "bisect_right": "bisect_left",
    "sorted": "list",
    "reversed": "list",
}
MEMBERS: Final = {
    "ACCEPT": "DENY",
    "DENY": "ACCEPT",
    "union": "intersection",
    "intersection": "union",
    "add": "discard",
    "discard": "add",
    "startswith": "endswith",
    "isdigit": "isalpha",
}
ORDERED: Final = frozenset({"lines", "rules", "ordered", "members"})
"""What holds rules, or their numbers, in their order."""

ENDS: Final = (ast.Return, ast.Break, ast.Continue)
WORDS: Final = {"accept": "deny", "deny": "accept"}


def faults(node: ast.AST) -> Iterator[ast.AST]:  # noqa: PLR0912 - a table
    """The nodes that could wrongly stand in the place of ``node``; those of its children are not among them."""
    match node:
        case ast.Compare(ops=[first, *rest]):
            yield _with(node, ops=[COMPARED[type(first)](), *rest])
            if rest:
                yield _with(node, ops=[first, *rest[:-1], COMPARED[type(rest[-1])]()])
        case ast.BoolOp():
            yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub()):
            yield copy(node.operand)
        case ast.BinOp() | ast.AugAssign() if type(node.op) in COMBINED:
            yield _with(node, op=COMBINED[type(node.op)]())
            if isinstance(node, ast.AugAssign):
                yield ast.Pass()
        case ast.Constant():
            yield from (_with(node, value=value) for value in _values(node.value))
        case ast.IfExp():
            yield _with(node, body=node.orelse, orelse=node.body)
        case ast.Name(ctx=ast.Load()) if node.id in FUNCTIONS:
            yield _with(node, id=FUNCTIONS[node.id])
        case ast.Attribute(ctx=ast.Load()) if node.attr in MEMBERS:
            yield _with(node, attr=MEMBERS[node.attr])
        case ast.Call(func=ast.Name(id="next"), args=[ast.GeneratorExp(), *_]):  # the last instead of the first
            yield _with(node, args=[_backwards(node.args[0]), *node.args[1:]])
        case ast.comprehension() if _is_ordered(node.iter):
            yield _with(node, iter=_backwards(node.iter))
        case ast.stmt():
            yield from _statement_faults(node)


def _statement_faults(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
            return  # what cannot be
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield _with(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.YieldFrom() | ast.Yield()) | ast.Raise():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield ast.Pass()
        case ast.Continue():
            yield from (ast.Pass(), ast.Break())
        case ast.Break():
            yield from (ast.Pass(), ast.Continue())
        case ast.For() if any(isinstance(item, ENDS) for item in ast.walk(node)):
            yield _with(node, iter=_backwards(node.iter))  # the last that matches instead of the first
        case ast.If(test=ast.Name() | ast.Attribute() | ast.Call() | ast.NamedExpr() | ast.BinOp()):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))


def _values(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        if value:
            yield value - 1
    elif isinstance(value, str) and value in WORDS:
        yield WORDS[value]


def _is_ordered(items: ast.expr) -> bool:
    """Whether these are rules, or numbers of rules, in order."""
    match items:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in ORDERED
        case ast.Call(func=function):
            return _is_ordered(function)
        case _:
            return False


def _backwards(items: ast.expr) -> ast.expr:
    whole = ast.Call(ast.Name("list", ast.Load()), [items], [])
    return ast.Call(ast.Name("reversed", ast.Load()), [whole], [])


def _with(node: ast.AST, **changes: object) -> ast.AST:
    found = copy(node)
    for name, value in changes.items():
        setattr(found, name, value)
    return found
