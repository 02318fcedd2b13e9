"""Scripts and entry points lead to something that exists."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING, Any

from partita.findings import Finding
from partita.rules.rule import Code, Rule
from partita.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.rules.facts import Document, Facts
    from partita.workspace import Member

DANGLING = Code("PT508", "an entry point leads to a module or a name that does not exist")

_TARGET = re.compile(r"\s*([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?\Z")
_COMPILED = (".so", ".pyd", ".pyx", ".pxd")


def _find(facts: Facts) -> Iterator[Finding]:
    for member in facts.workspace.members:
        document = facts.document(member)
        for key, target in _targets(document):
            told = _what_is_missing(facts, member, target)
            if told:
                yield Finding(
                    DANGLING.code,
                    member.manifest,
                    document.line_of(f'"{target}"', f"'{target}'", key),
                    f"{key} of {member.name} leads to {target}, but {told}",
                    "create it, or write where it has gone; the form is package.module:name",
                    f"{key} = {target}",
                )


def _targets(document: Document) -> Iterator[tuple[str, str]]:
    project, poetry = document.table("project"), document.table("tool", "poetry")
    groups = [project.get("scripts"), project.get("gui-scripts"), poetry.get("scripts")]
    groups += _groups(project.get("entry-points")) + _groups(poetry.get("plugins"))
    for group in groups:
        for key, target in group.items() if isinstance(group, dict) else ():
            text = target.get("reference", target.get("callable")) if isinstance(target, dict) else target
            if isinstance(text, str):
                yield key, text


def _groups(tables: Any) -> list[Any]:
    return list(tables.values()) if isinstance(tables, dict) else []


def _what_is_missing(facts: Facts, member: Member, target: str) -> str:
    """Empty when the target exists, or lies outside the workspace, where nobody can say."""
    match = _TARGET.match(target)
    if match is None:
        return "that is no path of a module and a name"
    name, attribute = match[1], match[2]
    if not any(name.partition(".")[0] in other.imports for other in facts.workspace.members):
        return ""
    file = facts.module_files.get(name)
    if file is None:
        return "" if _is_folder(facts, name) or _is_compiled(facts, member, name) else f"there is no module {name}"
    if attribute is None:
        return ""
    wanted = attribute.partition(".")[0]
    exists = f"{name}.{wanted}" in facts.module_files or _binds(facts, file, wanted)
    return "" if exists else f"{file} has no {wanted}"


def _is_folder(facts: Facts, name: str) -> bool:
    """A namespace package: no file of its own, but modules below."""
    return any(module.startswith(name + ".") for module in facts.module_files)


def _is_compiled(facts: Facts, member: Member, name: str) -> bool:
    *folders, stem = name.split(".")
    entries = facts.entries(join(member.import_root, "/".join(folders)) if folders else member.import_root)
    return any(entry.partition(".")[0] == stem and entry.endswith(_COMPILED) for entry, _ in entries)


def _binds(facts: Facts, file: str, wanted: str) -> bool:
    """Whether a module binds a name, or may do so in a way that only running it tells."""
    try:
        with warnings.catch_warnings(action="ignore"):
            module = ast.parse(facts.workspace.tree.read(file))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return True
    names = set(_bound_names(module))
    return bool(names & {wanted, "*", "__getattr__"})


def _bound_names(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.Name):
            yield from [child.id] if isinstance(child.ctx, ast.Store) else []
        else:
            yield from _bound_names(child)


RULE = Rule("entrypoints", (DANGLING,), _find)
