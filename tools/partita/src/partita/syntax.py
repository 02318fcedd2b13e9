"""Import statements by way of Python's own parser: slow, and always right for what this Python understands."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from partita.nesting import CATCHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from partita.imports import Statement

#: A list of statements, the kind of an import among them, and whether its failure is caught.
_Block = tuple[list[ast.stmt], str, bool]


def parse_statements(source: str) -> list[Statement]:
    """The import statements of a source in their order.

    Raises what `ast.parse` raises: SyntaxError, ValueError, RecursionError, MemoryError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in somebody else's file is not our business
        tree = ast.parse(source)
    checks = {"TYPE_CHECKING"}
    found: list[Statement] = []
    stack: list[tuple[ast.stmt, str, bool]] = [(node, "toplevel", False) for node in reversed(tree.body)]
    while stack:
        node, kind, guarded = stack.pop()
        if isinstance(node, ast.Import):
            found += [(node.lineno, kind, 0, alias.name, (), guarded) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.append((node.lineno, kind, node.level, node.module or "", names, guarded))
            checks |= {alias.asname for alias in node.names if alias.name == "TYPE_CHECKING" and alias.asname}
        else:
            blocks = list(_find_blocks(node, kind, guarded, checks))
            stack += [(inner, how, caught) for body, how, caught in reversed(blocks) for inner in reversed(body)]
    return found


def _find_blocks(node: ast.stmt, kind: str, guarded: bool, checks: set[str]) -> Iterator[_Block]:
    """The blocks of a statement in their order."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.body, "lazy" if kind == "toplevel" else kind, False
    elif isinstance(node, ast.ClassDef):
        yield node.body, kind, guarded
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield node.body, kind, guarded or any(map(_suppresses, node.items))
    elif isinstance(node, ast.If):
        value = _decide(node.test, checks)
        yield node.body, "type-checking" if value is False else kind, guarded
        yield node.orelse, "type-checking" if value is True else kind, guarded
    elif isinstance(node, ast.Try | ast.TryStar):
        yield node.body, kind, guarded or any(_catches(handler.type) for handler in node.handlers)
        for handler in node.handlers:
            yield handler.body, kind, guarded
        yield node.orelse, kind, guarded
        yield node.finalbody, kind, guarded
    elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
        yield node.body, kind, guarded
        yield node.orelse, kind, guarded
    elif isinstance(node, ast.Match):
        for case in node.cases:
            yield case.body, kind, guarded


def _decide(test: ast.expr, checks: set[str]) -> bool | None:
    """What a condition is at run time, where TYPE_CHECKING is false; None when that does not tell."""
    if isinstance(test, ast.Name):
        return False if test.id in checks else None
    if isinstance(test, ast.Attribute):
        return False if test.attr == "TYPE_CHECKING" else None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        value = _decide(test.operand, checks)
        return None if value is None else not value
    if isinstance(test, ast.BoolOp):
        values = {_decide(value, checks) for value in test.values}
        strong = isinstance(test.op, ast.Or)  # one such value decides
        return strong if strong in values else None if None in values else not strong
    return None


def _catches(handled: ast.expr | None) -> bool:
    """Whether an exception handler for this catches a failed import."""
    return handled is None or any(name in CATCHING for name in _names([handled]))


def _suppresses(item: ast.withitem) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and "suppress" in _names([call.func]) and bool(CATCHING & set(_names(call.args)))


def _names(nodes: Iterable[ast.expr]) -> Iterator[str]:
    """The last part of each name, those in tuples included."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Tuple):
            yield from _names(node.elts)
