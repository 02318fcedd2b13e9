"""The graph as JSON that other programs may rely on: `docs/reference/graph.schema.json`. One item a line."""

from __future__ import annotations

import json
from json.encoder import encode_basestring as quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from partita.findings import Finding
    from partita.graph import Evidence, Graph
    from partita.modules import ModuleGraph
    from partita.workspace import Workspace

SCHEMA = 1


def render_packages(workspace: Workspace, graph: Graph, problems: Iterable[Finding] = ()) -> str:
    """The members that are nodes of this graph, and the edges between them."""
    nodes = frozenset(graph.nodes)
    members = [
        {
            "name": member.name,
            "folder": member.folder,
            "imports": member.imports,
            "tier": member.tier,
            "version": member.version,
        }
        for member in workspace.members
        if member.name in nodes
    ]
    edges = [_member_edge(*edge) for edge in graph.edges]
    duplicates = [{"name": name, "folder": folder} for name, folder in workspace.duplicates]
    found = sorted({*workspace.problems, *problems})
    return render_document({"members": members, "edges": edges, "duplicates": duplicates, "problems": _plain(found)})


def render_modules(modules: ModuleGraph, graph: Graph, problems: Iterable[Finding]) -> str:
    """The modules that are nodes of this graph, and the edges between them with their first line."""
    nodes = frozenset(graph.nodes)
    listed = [
        f'{{"name":{quote(name)},"member":{quote(member)},"file":{quote(file)}}}'
        for name, member, file in modules.modules
        if name in nodes
    ]
    edges = [_module_edge(*edge) for edge in graph.edges]
    return render_document({"modules": listed, "edges": edges, "problems": _plain(sorted({*problems}))})


def render_document(
    lists: Mapping[str, Sequence[Mapping[str, object] | str]], values: Mapping[str, object] | None = None
) -> str:
    """A document of lists, then of single values: compact, one item a line, read fast and compared by eye.

    An item that is a string is JSON already.
    """
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    parts = []
    for key, items in lists.items():
        body = ",\n".join(item if isinstance(item, str) else encode(item) for item in items)
        parts.append(f'"{key}":[\n{body}\n]' if items else f'"{key}":[]')
    parts += [f'"{key}":{encode(value)}' for key, value in (values or {}).items()]
    return f'{{"schema":{SCHEMA},\n' + ",\n".join(parts) + "\n}\n"


def _member_edge(source: str, target: str, evidence: tuple[Evidence, ...]) -> str:
    """Written by hand: ten thousand edges through dictionaries cost as much as finding them."""
    told = ",".join(f'"{kind}"' for kind in sorted({item.kind for item in evidence}))
    places = sorted({item[1:] for item in evidence}) if len(evidence) > 1 else [evidence[0][1:]]
    listed = ",".join(f'{{"file":{quote(file)},"line":{line}}}' for file, line in places)
    return f'{{"from":{quote(source)},"to":{quote(target)},"kinds":[{told}],"evidence":[{listed}]}}'


def _module_edge(source: str, target: str, evidence: tuple[Evidence, ...]) -> str:
    kinds, line = f'"{evidence[0].kind}"', evidence[0].line
    if len(evidence) > 1:
        kinds = ",".join(f'"{kind}"' for kind in sorted({item.kind for item in evidence}))
        line = min(item.line for item in evidence)
    return f'{{"from":{quote(source)},"to":{quote(target)},"kinds":[{kinds}],"line":{line}}}'


def _plain(findings: Iterable[Finding]) -> list[dict[str, object]]:
    return [{"code": f.code, "file": f.file, "line": f.line, "message": f.message} for f in findings]
